"""Exact quantities: a Decimal, or an interval of Decimals, with unit and analyte.

`<0.5 mg/dL` and two conflicting results of one draw are intervals. An interval decides a
comparison only when every value inside it agrees (clinical pack R6, R39).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from cds.errors import UnitMismatch
from cds.kernel.units import UNITS, Analyte, factor
from cds.kernel.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Interval:
    """A set of possible values; `None` = unbounded. An exact value is a closed point."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    @property
    def exact(self) -> bool:
        return self.low is not None and self.low == self.high

    def scaled(self, by: Decimal, over: Decimal = Decimal(1)) -> Interval:
        """The interval in another unit: times `by`, divided by `over` (both > 0).

        The quotient is taken last, so that 88.4 umol/L is 1 mg/dL and not 0.999...
        """
        return Interval(
            None if self.low is None else self.low * by / over,
            None if self.high is None else self.high * by / over,
            self.low_open,
            self.high_open,
        )


def point(value: Decimal) -> Interval:
    """An exactly known value."""
    return Interval(value, value)


@dataclass(frozen=True, slots=True)
class Quantity:
    """What was measured (`analyte`), how much (`interval`) and in which UCUM unit."""

    analyte: Analyte
    interval: Interval
    unit: str

    @classmethod
    def of(cls, analyte: Analyte, value: Decimal | str | int, unit: str) -> Quantity:
        """An exact quantity; `unit` must be a UCUM code of the analyte's table."""
        if unit not in UNITS[analyte].factors:
            raise UnitMismatch(f"`{unit}` is not a unit of {analyte.value}")
        return cls(analyte, point(Decimal(value)), unit)

    @property
    def value(self) -> Decimal:
        """The number; only for exact quantities."""
        if not self.interval.exact or self.interval.low is None:
            raise ValueError("an interval has no single value")
        return self.interval.low

    def to(self, unit: str) -> Quantity:
        """The same quantity in another unit of the same analyte."""
        if unit == self.unit:
            return self
        if unit not in UNITS[self.analyte].factors:
            raise UnitMismatch(f"`{unit}` is not a unit of {self.analyte.value}")
        by, over = factor(self.analyte, self.unit), factor(self.analyte, unit)
        return Quantity(self.analyte, self.interval.scaled(by, over), unit)


def _same_dimension(left: Quantity, right: Quantity) -> Interval:
    if left.analyte is not right.analyte:
        raise UnitMismatch(f"{left.analyte.value} is compared with {right.analyte.value}")
    return right.to(left.unit).interval


def _decide(yes: bool, no: bool) -> Verdict:
    if yes:
        return Verdict.YES
    return Verdict.NO if no else Verdict.CANNOT_TELL


def below(left: Quantity, right: Quantity) -> Verdict:
    """left < right, compared in the unit of `left`."""
    a, b = left.interval, _same_dimension(left, right)
    yes = (
        a.high is not None
        and b.low is not None
        and (a.high < b.low or (a.high == b.low and (a.high_open or b.low_open)))
    )
    no = a.low is not None and b.high is not None and a.low >= b.high
    return _decide(yes, no)


def above(left: Quantity, right: Quantity) -> Verdict:
    """left > right, compared in the unit of `left`."""
    a, b = left.interval, _same_dimension(left, right)
    yes = (
        a.low is not None
        and b.high is not None
        and (a.low > b.high or (a.low == b.high and (a.low_open or b.high_open)))
    )
    no = a.high is not None and b.low is not None and a.high <= b.low
    return _decide(yes, no)


def at_least(left: Quantity, right: Quantity) -> Verdict:
    """left >= right: the exact opposite of `below`."""
    return below(left, right).negated()


def at_most(left: Quantity, right: Quantity) -> Verdict:
    """left <= right: the exact opposite of `above`."""
    return above(left, right).negated()


Comparison = Callable[[Quantity, Quantity], Verdict]


def rounded(value: Decimal, places: int) -> str:
    """Display rounding, half up, plain notation."""
    return f"{value.quantize(Decimal(10) ** -places, rounding=ROUND_HALF_UP):f}"
