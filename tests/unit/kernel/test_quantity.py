"""Comparing exact values and intervals (clinical pack R6, R39; design section 4)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.errors import UnitMismatch
from cds.kernel.quantity import (
    Comparison,
    Interval,
    Quantity,
    above,
    at_least,
    at_most,
    below,
    point,
    rounded,
)
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict

YES, NO, OPEN = Verdict.YES, Verdict.NO, Verdict.CANNOT_TELL
D = Decimal


def mg(interval: Interval) -> Quantity:
    return Quantity(Analyte.MAGNESIUM, interval, "mg/dL")


def under(value: str) -> Interval:
    """`<v`"""
    return Interval(None, D(value), high_open=True)


def over(value: str) -> Interval:
    """`>v`"""
    return Interval(D(value), None, low_open=True)


@pytest.mark.parametrize(
    ("interval", "limit", "is_below", "is_above"),
    [
        (point(D("1.1")), "1.2", YES, NO),
        (point(D("1.2")), "1.2", NO, NO),
        (point(D("1.3")), "1.2", NO, YES),
        (point(D("1.1999")), "1.2", YES, NO),  # never rounded first
        (under("0.5"), "1.2", YES, NO),
        (under("0.5"), "0.4", OPEN, OPEN),
        (under("1.2"), "1.2", YES, NO),  # R6: `<v` is below t iff v <= t
        (under("1.3"), "1.2", OPEN, OPEN),
        (Interval(None, D("1.2")), "1.2", OPEN, NO),  # `<=1.2`
        (over("60"), "60", NO, YES),  # R6: `>v` is above t iff v >= t
        (over("59"), "60", OPEN, OPEN),
        (Interval(D("60"), None), "60", NO, OPEN),  # `>=60`
        (Interval(D("1.6"), D("1.9")), "1.7", OPEN, OPEN),
        (Interval(D("1.6"), D("1.9")), "2.0", YES, NO),
        (Interval(D("1.6"), D("1.9")), "1.6", NO, OPEN),
        (Interval(None, None), "1.2", OPEN, OPEN),
    ],
)
def test_an_interval_decides_only_what_all_its_values_agree_on(
    interval: Interval, limit: str, is_below: Verdict, is_above: Verdict
) -> None:
    threshold = mg(point(D(limit)))
    assert below(mg(interval), threshold) is is_below
    assert above(mg(interval), threshold) is is_above
    assert at_least(mg(interval), threshold) is is_below.negated()
    assert at_most(mg(interval), threshold) is is_above.negated()


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        (under("1.0"), over("1.0"), YES),
        (over("1.0"), under("1.0"), NO),
        (over("1.0"), under("1.1"), OPEN),
        (Interval(D("1.0"), D("1.2")), Interval(D("1.2"), D("1.4")), OPEN),
        (Interval(D("1.0"), D("1.2"), high_open=True), Interval(D("1.2"), D("1.4")), YES),
        (Interval(D("1.2"), D("1.4")), Interval(D("1.0"), D("1.2")), NO),
    ],
)
def test_two_intervals_are_compared_by_their_ends(
    left: Interval, right: Interval, verdict: Verdict
) -> None:
    assert below(mg(left), mg(right)) is verdict
    assert above(mg(right), mg(left)) is verdict


def test_the_right_side_is_converted_into_the_unit_of_the_left() -> None:
    reported = Quantity.of(Analyte.MAGNESIUM, "1.0", "mmol/L")
    assert below(reported, Quantity.of(Analyte.MAGNESIUM, "2.2", "meq/L")) is YES
    assert at_least(reported, Quantity.of(Analyte.MAGNESIUM, "2.0", "meq/L")) is YES


def test_what_cannot_be_compared_or_converted_is_refused_by_its_names() -> None:
    magnesium = Quantity.of(Analyte.MAGNESIUM, 1, "mg/dL")
    with pytest.raises(UnitMismatch, match=r"^magnesium is compared with potassium$"):
        below(magnesium, Quantity.of(Analyte.POTASSIUM, 1, "mmol/L"))
    with pytest.raises(UnitMismatch, match=r"^`g/h` is not a unit of magnesium$"):
        magnesium.to("g/h")
    with pytest.raises(UnitMismatch, match=r"^`g/h` is not a unit of magnesium$"):
        Quantity.of(Analyte.MAGNESIUM, 1, "g/h")


def test_an_interval_has_no_single_value() -> None:
    with pytest.raises(ValueError, match="no single value"):
        _ = mg(under("0.5")).value
    assert mg(point(D("1.0"))).value == D("1.0")


def test_scaling_keeps_open_ends_and_missing_ends() -> None:
    assert under("0.5").scaled(D(2)) == under("1.0")
    assert over("1").scaled(D(3), D(2)) == over("1.5")


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        ("0.617157", 2, "0.62"),
        ("0.625", 2, "0.63"),
        ("21.5", 0, "22"),
        ("-0.5", 0, "-1"),
        ("1E+2", 1, "100.0"),
        ("0", 7, "0.0000000"),
    ],
)
def test_display_rounds_half_up_without_exponent(value: str, places: int, text: str) -> None:
    assert rounded(D(value), places) == text


numbers = st.decimals("0", "10", places=2)


@st.composite
def nested(draw: st.DrawFn) -> tuple[Interval, Interval]:
    """An interval and a narrower one inside it."""
    a, b, c, d = sorted(draw(st.lists(numbers, min_size=4, max_size=4)))
    wide = Interval(draw(st.sampled_from([a, None])), draw(st.sampled_from([d, None])))
    return wide, Interval(b, c)


@given(nested(), numbers, st.sampled_from([below, above, at_least, at_most]))
def test_a_narrower_interval_never_changes_a_decided_answer(
    pair: tuple[Interval, Interval], limit: Decimal, compare: Comparison
) -> None:
    """Law 3, `more_information_is_monotone`, for one comparison."""
    wide, narrow = (compare(mg(interval), mg(point(limit))) for interval in pair)
    assert wide in (OPEN, narrow)


@given(numbers, numbers)
def test_exact_values_are_always_decided(one: Decimal, other: Decimal) -> None:
    a, b = mg(point(one)), mg(point(other))
    assert (below(a, b) is YES) == (one < other)
    assert (above(a, b) is YES) == (one > other)
    assert OPEN not in (below(a, b), above(a, b), at_least(a, b), at_most(a, b))
