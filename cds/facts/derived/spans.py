"""Interval arithmetic for derived facts: what is certain, what is possible, what stays open.

All functions are monotone: a narrower input never turns a decided answer into another one
(design section 5, law 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from cds.kernel.quantity import Interval
from cds.kernel.verdict import Verdict


def reaches(span: Interval, bound: Decimal) -> Verdict:
    """Is the value at least `bound`?"""
    if span.low is not None and span.low >= bound:
        return Verdict.YES
    if span.high is not None and (span.high < bound or (span.high == bound and span.high_open)):
        return Verdict.NO
    return Verdict.CANNOT_TELL


def minus(left: Interval, right: Interval) -> Interval:
    """left - right, both anywhere in their intervals."""
    low = None if left.low is None or right.high is None else left.low - right.high
    high = None if left.high is None or right.low is None else left.high - right.low
    return Interval(low, high, left.low_open or right.high_open, left.high_open or right.low_open)


def lower_of(left: Interval, right: Interval) -> Interval:
    """The smaller of two values. Ends are taken as closed: that never decides too much."""
    low = None if left.low is None or right.low is None else min(left.low, right.low)
    highs = [end for end in (left.high, right.high) if end is not None]
    return Interval(low, min(highs, default=None))


def possible_labels(
    span: Interval, steps: Iterable[tuple[str, Decimal | None, Decimal | None]]
) -> frozenset[str]:
    """The labels whose range (lower included, upper excluded) the value may lie in."""
    return frozenset(
        label
        for label, lower, upper in steps
        if (lower is None or reaches(span, lower) is not Verdict.NO)
        and (upper is None or reaches(span, upper) is not Verdict.YES)
    )
