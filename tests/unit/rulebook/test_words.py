"""Quantities, spans and analytes as rule files write them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import Analyte
from cds.rulebook import words

LIMIT = Decimal("0.50")


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("0.50 mg/dL", point(LIMIT)),
        ("-0.50 mg/dL", point(-LIMIT)),
        ("<0.50 mg/dL", Interval(None, LIMIT, high_open=True)),
        ("<= 0.50 mg/dL", Interval(None, LIMIT)),
        (">0.50 mg/dL", Interval(LIMIT, None, low_open=True)),
        (">=0.50 mg/dL", Interval(LIMIT, None)),
        (" 0.50  mg/dL ", point(LIMIT)),
    ],
)
def test_a_quantity_is_a_number_or_a_bound_with_a_unit(text: str, interval: Interval) -> None:
    assert words.quantity(text, Analyte.MAGNESIUM) == Quantity(Analyte.MAGNESIUM, interval, "mg/dL")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("0.5", "`0.5` is not a number with a unit"),
        ("0.5mg/dL", "is not a number with a unit"),
        (".5 mg/dL", "is not a number with a unit"),
        ("5e-1 mg/dL", "is not a number with a unit"),
        ("0,5 mg/dL", "is not a number with a unit"),
        ("0.5 mg/dl", "`mg/dl` is not a unit of magnesium (accepted: `mmol/L`, `mg/dL`,"),
    ],
)
def test_what_is_no_quantity_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the words are compared below
        words.quantity(text, Analyte.MAGNESIUM)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15 min", timedelta(minutes=15)),
        ("24 h", timedelta(hours=24)),
        ("7 d", timedelta(days=7)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_span_is_a_whole_number_of_minutes_hours_or_days(text: str, span: timedelta) -> None:
    assert words.span(text) == span


@pytest.mark.parametrize("text", ["7", "1.5 h", "-1 h", "7 w", "h", ""])
def test_what_is_no_span_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="is not a span of time such as `24 h` or `7 d`"):
        words.span(text)


def test_what_nobody_measures_is_refused_by_its_name() -> None:
    assert words.analyte("magnesium") is Analyte.MAGNESIUM
    with pytest.raises(ValueError, match="`sodium` is not something this service measures"):
        words.analyte("sodium")
