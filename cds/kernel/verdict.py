"""Three-valued verdicts (strong Kleene logic).

A clause about a patient is Yes, No, or CannotTell. `CANNOT_TELL` is never folded into `NO`:
silence because of missing data must stay visible as such (design section 5, law 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Verdict(Enum):
    """The outcome of judging one clause."""

    __hash__ = object.__hash__  # members are themselves and nothing else: no need of Python

    YES = "yes"
    NO = "no"
    CANNOT_TELL = "cannot-tell"

    def negated(self) -> Verdict:
        """Kleene `not`: CannotTell stays CannotTell."""
        if self is Verdict.YES:
            return Verdict.NO
        return Verdict.YES if self is Verdict.NO else self


def all_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene `and`: one No decides; otherwise one CannotTell keeps it open."""
    answer = Verdict.YES
    for verdict in verdicts:
        if verdict is Verdict.NO:
            return Verdict.NO
        if verdict is Verdict.CANNOT_TELL:
            answer = verdict
    return answer


def any_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Kleene `or`: one Yes decides; otherwise one CannotTell keeps it open."""
    answer = Verdict.NO
    for verdict in verdicts:
        if verdict is Verdict.YES:
            return Verdict.YES
        if verdict is Verdict.CANNOT_TELL:
            answer = verdict
    return answer


def from_bool(value: bool) -> Verdict:
    """A decided verdict."""
    return Verdict.YES if value else Verdict.NO
