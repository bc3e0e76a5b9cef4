"""What a derived fact may look at. The engine implements it; tests use a plain stand-in.

A derived fact is a pure function `(view) -> Fact`. It asks the record, the windows and thresholds
of the rulebook (by name, so that a site can change them), and other declared facts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from cds.facts.draws import Results
from cds.facts.model import Fact
from cds.facts.record import Record
from cds.kernel.quantity import Quantity

T = TypeVar("T")


class View(Protocol):
    """One patient at one clinical moment, under one rulebook."""

    @property
    def record(self) -> Record:
        """The patient."""

    @property
    def results(self) -> Results:
        """The laboratory results of the patient, by analyte."""

    @property
    def now(self) -> datetime:
        """Clinical now (aware)."""

    def window(self, name: str) -> timedelta:
        """A named window for the patient's setting."""

    def limit(self, name: str, unit: str) -> Quantity:
        """A named threshold in the unit of the value it is compared with."""

    def fact(self, name: str) -> Fact:
        """Another declared fact (memoised)."""

    def once(self, make: Callable[[View], T]) -> T:
        """What several derived facts need and no rule asks: found once for this patient."""
