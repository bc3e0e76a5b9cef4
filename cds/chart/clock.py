"""The moment of a call, and what was read of a whole list at another moment.

An EHR sends the same lists with every edit of an order. What was made of one is kept for a while
with the list (`cds.fhir.prefetch`) and handed on as the very same objects, as long as nothing it
rests on is otherwise: the bytes, the patient, the terminology, what else was looked at, and the
moment. For the last the clock notes what it was asked: within the span of a kept reading every
answer would be the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar, cast

from cds.fhir.bundle import Supplied

T = TypeVar("T")

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


class Clock:
    """The moment of a call (aware). Whatever was asked has the same answer at any other moment
    between `since` and `until`, both left out; there is none where the moment itself was taken."""

    __slots__ = ("_now", "since", "until")

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.since = _EVER
        self.until = _NEVER

    def reached(self, at: datetime) -> bool:
        """Whether a moment has come."""
        return self._noted(at, at <= self._now)

    def passed(self, at: datetime) -> bool:
        """Whether a moment is over."""
        return self._noted(at, at < self._now)

    def exactly(self) -> datetime:
        """The moment itself: what is made of it holds for this call only."""
        self.since = self.until = self._now
        return self._now

    def elsewhere(self) -> None:
        """What is read rests on something that is noted nowhere: it holds for this call only."""
        self.exactly()

    def _noted(self, at: datetime, answer: bool) -> bool:
        if answer:
            self.since = max(self.since, at)
        else:
            self.until = min(self.until, at)
        return answer


@dataclass(frozen=True, slots=True)
class _Kept:
    found: object
    since: datetime
    until: datetime
    given: tuple[object, ...]


def kept(
    supplied: Supplied,
    reader: object,
    given: tuple[object, ...],
    now: datetime,
    read: Callable[[Clock], T],
) -> T:
    """`read(clock)`, or what `reader` made of the same list before, where that still holds.

    `given` is all that the reading rests on besides the list, its patient and the moment: texts are
    compared, and everything else must be the very same object.
    """
    memory = supplied.known
    if memory is None:
        return read(Clock(now))
    old = memory.readings.get(reader)
    if isinstance(old, _Kept) and old.since < now < old.until and _same(old.given, given):
        return cast(T, old.found)
    clock = Clock(now)
    found = read(clock)
    if clock.since < clock.until:
        memory.readings[reader] = _Kept(found, clock.since, clock.until, given)
    return found


def _same(before: tuple[object, ...], now: tuple[object, ...]) -> bool:
    if len(before) != len(now):
        return False
    for one, other in zip(before, now, strict=True):
        if one is not other and not (isinstance(one, str) and one == other):
            return False
    return True
