"""One draw of one analyte: corrections and conflicting results settled (clinical pack R39)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cds.facts.model import Evidence, Measured
from cds.facts.record import LabResult, Listing
from cds.facts.show import both_units
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

TWO_RESULTS = "two results of one draw"


@dataclass(frozen=True, slots=True)
class Draw:
    """What one draw of one analyte says, corrections and conflicts settled (R39)."""

    quantity: Quantity
    when: datetime
    face: str
    flags: tuple[str, ...]
    results: tuple[LabResult, ...]

    @property
    def measured(self) -> Measured:
        """The draw as the state of a fact."""
        return Measured(self.quantity, self.face, self.when, self.flags)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """The Observations it rests on."""
        return tuple(Evidence(item.source, item.face, item.effective) for item in self.results)

    @property
    def words(self) -> str:
        """As received plus the other unit."""
        return both_units(self.quantity, self.face)


def usable_series(
    listing: Listing[LabResult], analyte: Analyte, since: datetime | None, until: datetime
) -> tuple[Draw, ...]:
    """Usable values of one analyte drawn from `since` to `until` (both included), newest first."""
    by_instant: dict[datetime, list[LabResult]] = {}
    for item in in_force(listing, analyte):
        if item.set_aside is None and item.quantity is not None and item.effective is not None:
            by_instant.setdefault(item.effective, []).append(item)
    instants = (when for when in by_instant if (since is None or since <= when) and when <= until)
    return tuple(_draw(by_instant[when], when) for when in sorted(instants, reverse=True))


def of_analyte(listing: Listing[LabResult], analyte: Analyte) -> tuple[LabResult, ...]:
    """Every result of one analyte, usable or not."""
    return tuple(item for item in listing.items if item.analyte is analyte)


def newness(item: LabResult) -> tuple[datetime | str, ...]:
    """Sort key among dated results: the greatest is the newest (design section 4)."""
    return (item.effective or "", *item.order)


def _issued(item: LabResult) -> str:
    return item.order[1] if len(item.order) > 1 else ""


def in_force(listing: Listing[LabResult], analyte: Analyte) -> Iterable[LabResult]:
    """The results of one analyte, but for those a correction of the same draw and code replaced.

    A correction counts even if it cannot be used itself: the value it withdraws is wrong anyway.
    """
    items = of_analyte(listing, analyte)
    corrected = {(item.effective, item.loinc) for item in items if item.amended}
    return (item for item in items if item.amended or (item.effective, item.loinc) not in corrected)


def _draw(items: list[LabResult], when: datetime) -> Draw:
    """R39: a correction supersedes, else the later issued; a tie that differs is an interval."""
    standing = [item for item in items if item.amended] or items
    issued = max(_issued(item) for item in standing)
    standing = sorted((i for i in standing if _issued(i) == issued), key=newness, reverse=True)
    top = standing[0]
    if top.quantity is None:  # pragma: no cover - only results with a quantity come here
        raise ValueError("a usable result has a quantity")
    values = [item.quantity.to(top.quantity.unit).interval for item in standing if item.quantity]
    if all(value == values[0] for value in values):
        return Draw(top.quantity, when, top.face, top.flags, (top,))
    quantity = Quantity(top.quantity.analyte, _hull(values), top.quantity.unit)
    flags = tuple(dict.fromkeys((TWO_RESULTS, *(f for item in standing for f in item.flags))))
    ordered = sorted(standing, key=lambda item: _low_end(item, quantity.unit))
    face = " and ".join(dict.fromkeys(item.face for item in ordered))
    return Draw(quantity, when, face, flags, tuple(ordered))


def _low_end(item: LabResult, unit: str) -> Decimal:
    low = item.quantity.to(unit).interval.low if item.quantity else None
    return Decimal("-Infinity") if low is None else low


def _hull(values: list[Interval]) -> Interval:
    """The smallest interval that holds all of them."""
    low_at = min(values, key=lambda v: (v.low is not None, v.low or Decimal(0), v.low_open))
    high_at = max(values, key=lambda v: (v.high is None, v.high or Decimal(0), not v.high_open))
    return Interval(low_at.low, high_at.high, low_at.low_open, high_at.high_open)
