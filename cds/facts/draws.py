"""One draw of one analyte: corrections and conflicting results settled (clinical pack R39)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from cds.facts.model import Evidence, Measured
from cds.facts.record import LabResult, Listing
from cds.facts.show import both_units, time_words
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

TWO_RESULTS = "two results of one draw"


@dataclass(frozen=True)  # without slots: what several facts ask of a draw is kept in it
class Draw:
    """What one draw of one analyte says, corrections and conflicts settled (R39)."""

    quantity: Quantity
    when: datetime
    face: str
    flags: tuple[str, ...]
    results: tuple[LabResult, ...]

    @cached_property
    def measured(self) -> Measured:
        """The draw as the state of a fact."""
        return Measured(self.quantity, self.face, self.when, self.flags)

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The Observations it rests on."""
        return tuple(Evidence(item.source, item.face, item.effective) for item in self.results)

    @cached_property
    def words(self) -> str:
        """As received plus the other unit."""
        return both_units(self.quantity, self.face)

    @cached_property
    def drawn(self) -> str:
        """`drawn 2026-11-21 08:00 UTC`."""
        reported = any(flag.startswith("time of report") for flag in self.flags)
        return f"{'reported' if reported else 'drawn'} {time_words(self.when)}"


class Results:
    """The laboratory results of one patient, by analyte: gone through once, asked many times.

    Nothing is worked out before somebody asks for it. Made anew for every call.
    """

    __slots__ = ("_by_analyte", "_in_force", "_series", "listing")

    def __init__(self, listing: Listing[LabResult]) -> None:
        self.listing = listing
        self._by_analyte: dict[Analyte, list[LabResult]] | None = None
        self._in_force: dict[Analyte, Sequence[LabResult]] = {}
        self._series: dict[Analyte, Series] = {}

    def of(self, analyte: Analyte) -> Sequence[LabResult]:
        """Every result of one analyte, usable or not, in the order of the list."""
        groups = self._by_analyte
        if groups is None:
            groups = {}
            for item in self.listing.items:
                groups.setdefault(item.analyte, []).append(item)
            self._by_analyte = groups
        return groups.get(analyte, ())

    def in_force(self, analyte: Analyte) -> Sequence[LabResult]:
        """The results of one analyte, but for those a correction of the same draw and code
        replaced.

        A correction counts even if it cannot be used itself: the value it withdraws is wrong
        anyway.
        """
        found = self._in_force.get(analyte)
        if found is None:
            found = self._in_force[analyte] = _in_force(self.of(analyte))
        return found

    def series(self, analyte: Analyte) -> Series:
        """The usable values of one analyte."""
        found = self._series.get(analyte)
        if found is None:
            found = self._series[analyte] = Series(self.in_force(analyte))
        return found


def _in_force(items: Sequence[LabResult]) -> Sequence[LabResult]:
    replaced = {(item.effective, item.loinc) for item in items if item.amended}
    if not replaced:
        return items
    return [x for x in items if x.amended or (x.effective, x.loinc) not in replaced]


class Series:
    """Usable values of one analyte by the moment they were drawn.

    What a draw says is settled when it is looked at: most are older than anybody asks for.
    """

    __slots__ = ("_by_instant", "_draws", "_instants")

    def __init__(self, items: Iterable[LabResult]) -> None:
        groups: dict[datetime, list[LabResult]] = {}
        for item in items:
            if item.set_aside is None and item.quantity is not None and item.effective is not None:
                groups.setdefault(item.effective, []).append(item)
        self._by_instant = groups
        self._instants = sorted(groups)  # oldest first, as `bisect` reads it
        self._draws: dict[datetime, Draw] = {}

    def between(self, since: datetime, until: datetime) -> tuple[Draw, ...]:
        """Drawn from `since` to `until` (both included), newest first."""
        first, last = bisect_left(self._instants, since), bisect_right(self._instants, until)
        return tuple(self._draw(when) for when in reversed(self._instants[first:last]))

    def newest(self, until: datetime) -> Draw | None:
        """The newest one drawn at `until` or before."""
        return self._before(bisect_right(self._instants, until))

    def before(self, moment: datetime) -> Draw | None:
        """The newest one drawn before `moment`."""
        return self._before(bisect_left(self._instants, moment))

    def _before(self, place: int) -> Draw | None:
        return self._draw(self._instants[place - 1]) if place else None

    def _draw(self, when: datetime) -> Draw:
        found = self._draws.get(when)
        if found is None:
            found = self._draws[when] = _settled(self._by_instant[when], when)
        return found


def newness(item: LabResult) -> tuple[datetime | str, ...]:
    """Sort key among dated results: the greatest is the newest (design section 4)."""
    return (item.effective or "", *item.order)


def _issued(item: LabResult) -> str:
    return item.order[1] if len(item.order) > 1 else ""


def _settled(items: list[LabResult], when: datetime) -> Draw:
    """R39: a correction supersedes, else the later issued; a tie that differs is an interval."""
    if len(items) == 1:
        return _said_by(items[0], when)
    standing = [item for item in items if item.amended] or items
    issued = max(_issued(item) for item in standing)
    standing = sorted((i for i in standing if _issued(i) == issued), key=newness, reverse=True)
    first = _said_by(standing[0], when)
    unit = first.quantity.unit
    values = [item.quantity.to(unit).interval for item in standing if item.quantity]
    if all(value == values[0] for value in values):
        return first
    quantity = Quantity(first.quantity.analyte, _hull(values), unit)
    flags = tuple(dict.fromkeys((TWO_RESULTS, *(f for item in standing for f in item.flags))))
    ordered = sorted(standing, key=lambda item: _low_end(item, quantity.unit))
    face = " and ".join(dict.fromkeys(item.face for item in ordered))
    return Draw(quantity, when, face, flags, tuple(ordered))


def _said_by(item: LabResult, when: datetime) -> Draw:
    if item.quantity is None:  # pragma: no cover - only results with a quantity come here
        raise ValueError("a usable result has a quantity")
    return Draw(item.quantity, when, item.face, item.flags, (item,))


def _low_end(item: LabResult, unit: str) -> Decimal:
    low = item.quantity.to(unit).interval.low if item.quantity else None
    return Decimal("-Infinity") if low is None else low


def _hull(values: list[Interval]) -> Interval:
    """The smallest interval that holds all of them."""
    low_at = min(values, key=lambda v: (v.low is not None, v.low or Decimal(0), v.low_open))
    high_at = max(values, key=lambda v: (v.high is None, v.high or Decimal(0), not v.high_open))
    return Interval(low_at.low, high_at.high, low_at.low_open, high_at.high_open)
