"""How much of an electrolyte was given, or was due, in a span of time (clinical pack R19, R30).

Amounts are intervals: an amount or a schedule that cannot be read leaves the upper end open, so
"at least 40 mEq" can still be certain and "at most 8 g" cannot.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from cds.facts.record import Administration, MedicationOrder, OrderKind, Unclear
from cds.facts.show import short
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_ZERO = Decimal(0)
_RATES = {
    Analyte.MAGNESIUM_SULFATE_DOSE: Analyte.MAGNESIUM_SULFATE_RATE,
    Analyte.POTASSIUM_DOSE: Analyte.POTASSIUM_RATE,
}


@dataclass(frozen=True, slots=True)
class Amount:
    """At least `low`, at most `high` (None = no upper bound known) of one dose dimension."""

    low: Decimal = _ZERO
    high: Decimal | None = _ZERO

    def __add__(self, other: Amount) -> Amount:
        open_end = self.high is None or other.high is None
        high = None if open_end else (self.high or _ZERO) + (other.high or _ZERO)
        return Amount(self.low + other.low, high)

    def times(self, few: int, many: int | None) -> Amount:
        """Between `few` and `many` (None = any number) times the amount."""
        if many == 0 or self.high == 0:
            return Amount(self.low * few)
        open_end = self.high is None or many is None
        high = None if open_end else (self.high or _ZERO) * (many or 0)
        return Amount(self.low * few, high)

    def perhaps(self) -> Amount:
        """The same amount, or none of it."""
        return Amount(_ZERO, self.high)

    @property
    def exact(self) -> bool:
        """Is it one number?"""
        return self.high == self.low

    @property
    def interval(self) -> Interval:
        """As an interval of values."""
        return Interval(self.low, self.high)

    @property
    def words(self) -> str:
        """`80`, `at least 80`, `40 to 80`: the number only."""
        if self.high is None:
            return f"at least {short(self.low)}"
        return short(self.low) if self.exact else f"{short(self.low)} to {short(self.high)}"


NONE = Amount()
UNREADABLE = Amount(_ZERO, None)


def total(amounts: Iterable[Amount]) -> Amount:
    """The sum."""
    answer = NONE
    for amount in amounts:
        answer += amount
    return answer


def amount_of(dose: Quantity | Unclear | None, analyte: Analyte, unit: str) -> Amount:
    """One dose in `unit`; unreadable unless it is a quantity of that dimension."""
    if not isinstance(dose, Quantity) or dose.analyte is not analyte:
        return UNREADABLE
    span = dose.to(unit).interval
    return Amount(span.low or _ZERO, span.high)


def moment(item: Administration) -> datetime | None:
    """When a dose counts as given: its end, else its start."""
    return item.end or item.start


def begins(order: MedicationOrder) -> datetime | None:
    """When an order started: its timing, else when it was written."""
    return order.start or order.authored


def occurrences(order: MedicationOrder, since: datetime, until: datetime) -> tuple[int, int | None]:
    """How many doses fall due from `since` (included) to `until` (excluded): at least, at most.

    A stopped order counts until its stop (R19). A frequency that is not stated is one dose at the
    start and possibly more.
    """
    begin, stop = begins(order), order.stop
    if order.once:
        inside = begin is not None and since <= begin < until
        return (1, 1) if inside else (0, 1 if begin is None else 0)
    end = until if stop is None else min(until, stop)
    if end <= since or (begin is not None and begin >= end):
        return (0, 0)
    first = 1 if begin is not None and begin >= since else 0
    if not order.per_day or order.per_day <= 0:
        return (first, None)
    step = _apart(order.per_day)
    if begin is None:
        return (0, _ceil(end - since, step))
    due = _ceil(end - begin, step) - max(0, _ceil(since - begin, step))
    # An order that ended we do not know when has run from its start, but perhaps not to the end.
    ran_out = order.kind is OrderKind.ENDED and stop is None
    return (min(first, due) if ran_out else due, due)


@lru_cache(maxsize=256)
def _apart(per_day: Decimal) -> timedelta:
    return timedelta(microseconds=int(_DAY // timedelta(microseconds=1) / per_day))


def _ceil(span: timedelta, step: timedelta) -> int:
    return -(-span // step)


def has_rate(order: MedicationOrder, dose: Analyte) -> bool:
    """Is the rate readable, and a rate of this dose dimension?"""
    return isinstance(order.rate, Quantity) and order.rate.analyte is _RATES[dose]


def due(
    order: MedicationOrder, since: datetime, until: datetime, dose: Analyte, unit: str
) -> Amount:
    """What an order makes due in the span; by its rate where only the rate can be read."""
    few, many = occurrences(order, since, until)
    one = amount_of(order.dose, dose, unit)
    if one.high is None and has_rate(order, dose) and isinstance(order.rate, Quantity):
        return _infused(order, order.rate, since, until)
    return one.times(few, many)


def _infused(order: MedicationOrder, rate: Quantity, since: datetime, until: datetime) -> Amount:
    """A continuous infusion: rate times hours inside the span (both rate units are per hour)."""
    begin = begins(order)
    end = until if order.stop is None else min(until, order.stop)
    seconds = int(max(end - max(begin or since, since), timedelta(0)).total_seconds())
    hours = Decimal(seconds) / Decimal(int(_HOUR.total_seconds()))
    span = rate.interval
    certain = begin is not None and not (order.kind is OrderKind.ENDED and order.stop is None)
    high = None if span.high is None else span.high * hours
    return Amount((span.low or _ZERO) * hours if certain else _ZERO, high)
