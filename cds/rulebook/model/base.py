"""Constants with their sources, windows, and where a thing was written."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, Self, TypeVar

from cds.facts.record import Setting
from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS, Analyte

Indicator = Literal["info", "warning", "critical"]

T = TypeVar("T")

Edit = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Where:
    """File and line a compiled thing came from."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Citation:
    """A source document. `standing` is `label`, `guideline`, `review`, `design` or `weak`."""

    name: str
    title: str
    url: str
    standing: str


class Remembers:
    """What is worked out of a compiled thing at every call is worked out once and remembered.

    It is no field: copies start without it, and no comparison sees it. Only what the thing itself
    determines may be remembered, and only so much of it as the rulebook is large.
    """

    __slots__ = ("_remembered",)
    _remembered: dict[Hashable, Any]

    def remembered(self, make: Callable[[Self], T]) -> T:
        """What `make` makes of this thing."""
        try:
            known = self._remembered
        except AttributeError:
            known = {}
            object.__setattr__(self, "_remembered", known)
        if make not in known:
            known[make] = make(self)
        found: T = known[make]
        return found


@dataclass(frozen=True, slots=True)
class Threshold(Remembers):
    """A constant per unit. Compared in the unit reported; a unit not named gets the first one
    converted. `why` and `cite` are what the card and the book print."""

    name: str
    analyte: Analyte
    values: Mapping[str, Decimal]
    why: str
    cite: tuple[str, ...]
    where: Where

    def for_unit(self, unit: str) -> Quantity:
        """The constant to compare a quantity of that unit with."""
        return self.remembered(_in_every_unit).get(unit) or self._in_unit(unit)

    def _in_unit(self, unit: str) -> Quantity:
        if unit in self.values:
            return Quantity.of(self.analyte, self.values[unit], unit)
        first, value = next(iter(self.values.items()))
        return Quantity.of(self.analyte, value, first).to(unit)


def _in_every_unit(threshold: Threshold) -> Mapping[str, Quantity]:
    units = UNITS[threshold.analyte].factors
    return {unit: threshold._in_unit(unit) for unit in units}


@dataclass(frozen=True, slots=True)
class Window:
    """How old a result may be, by setting (clinical pack R4). Age equal to the window is fresh.

    `shorter`: (problem concept, outpatient window while that problem is active or not known).
    """

    name: str
    inpatient: timedelta
    outpatient: timedelta
    why: str
    shorter: tuple[str, timedelta] | None = None
    cite: tuple[str, ...] = ()

    def span(self, setting: Setting) -> timedelta:
        """The window for a setting, before `shorter`."""
        return self.inpatient if setting is Setting.INPATIENT else self.outpatient
