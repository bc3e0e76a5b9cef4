"""What a reader sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import ModuleType

import pytest

from cds.facts import show
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte


@pytest.mark.parametrize(
    ("analyte", "text", "shown"),
    [
        (Analyte.MAGNESIUM, "1.0 mg/dL", "1.0 mg/dL (0.41 mmol/L)"),
        (Analyte.MAGNESIUM, "1.5 mg/dL", "1.5 mg/dL (0.62 mmol/L)"),
        (Analyte.MAGNESIUM, "0.62 mmol/L", "0.62 mmol/L (1.5 mg/dL)"),
        (Analyte.MAGNESIUM, "1.5 meq/L", "1.5 mEq/L (0.75 mmol/L, 1.8 mg/dL)"),
        (Analyte.MAGNESIUM, "<0.5 mg/dL", "<0.5 mg/dL (<0.21 mmol/L)"),
        (Analyte.MAGNESIUM, "10 mg/L", "10 mg/L (0.41 mmol/L, 1.0 mg/dL)"),
        (Analyte.POTASSIUM, "3.0 mmol/L", "3.0 mmol/L"),
        (Analyte.POTASSIUM, "12 mg/dL", "12 mg/dL (3.1 mmol/L)"),
        (Analyte.CALCIUM, "8.0 mg/dL", "8.0 mg/dL (2.00 mmol/L)"),
        (Analyte.CALCIUM_IONIZED, "1.00 mmol/L", "1.00 mmol/L (4.0 mg/dL)"),
        (Analyte.CREATININE, "1.0 mg/dL", "1.0 mg/dL (88 umol/L)"),
        (Analyte.CREATININE, "88.4 umol/L", "88.4 umol/L (1.00 mg/dL)"),
        (Analyte.ALBUMIN, "2.8 g/dL", "2.8 g/dL (28 g/L)"),
        (Analyte.QTC, "510 ms", "510 ms"),
        (Analyte.EGFR, ">60 mL/min/{1.73_m2}", ">60 mL/min/1.73 m2"),
        (Analyte.EGFR, "21.5 mL/min/{1.73_m2}", "22 mL/min/1.73 m2"),
    ],
)
def test_a_value_is_shown_with_its_other_unit(
    kit: ModuleType, analyte: Analyte, text: str, shown: str
) -> None:
    assert show.both_units(kit.quantity(analyte, text)) == shown


def test_the_face_of_the_chart_stands_first() -> None:
    value = Quantity.of(Analyte.MAGNESIUM, "1.0", "mg/dL")
    assert show.both_units(value, "1.00 MG/DL") == "1.00 MG/DL (0.41 mmol/L)"


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (Interval(None, None), "any value mg/dL"),
        (Interval(None, Decimal("0.5")), "<=0.5 mg/dL"),
        (Interval(Decimal("9.7"), None), ">=9.7 mg/dL"),
        (Interval(Decimal("1.6"), Decimal("1.9")), "1.6 to 1.9 mg/dL"),
        (Interval(Decimal(0), Decimal(0)), "0 mg/dL"),
    ],
)
def test_intervals_read_as_ranges(interval: Interval, words: str) -> None:
    assert show.quantity_words(Quantity(Analyte.MAGNESIUM, interval, "mg/dL")) == words


@pytest.mark.parametrize(
    ("grams", "words"),
    [
        ("4", "4 g (16.24 mmol, 32.48 meq)"),
        ("1", "1 g (4.06 mmol, 8.12 meq)"),
        ("2.50", "2.5 g (10.15 mmol, 20.30 meq)"),
        ("10", "10 g (40.60 mmol, 81.20 meq)"),
    ],
)
def test_r31_a_magnesium_dose_is_shown_in_grams_mmol_and_meq(grams: str, words: str) -> None:
    assert show.mg_dose(Decimal(grams)) == words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(minutes=35), "35 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=4, minutes=59), "4 h"),
        (timedelta(hours=47, minutes=59), "47 h"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=20, hours=23), "20 days"),
        (timedelta(minutes=-5), "0 min"),
    ],
)
def test_ages_are_rounded_down(span: timedelta, words: str) -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert show.age_words(now, now - span) == words


@pytest.mark.parametrize(
    ("hours", "words"),
    [(0, "2026-11-21 10:00 UTC"), (2, "2026-11-21 10:00 +02:00"), (-5, "2026-11-21 10:00 -05:00")],
)
def test_times_are_those_of_the_ward_with_their_offset(hours: int, words: str) -> None:
    zone = timezone(timedelta(hours=hours))
    assert show.time_words(datetime(2026, 11, 21, 10, tzinfo=zone)) == words


def test_a_rounded_quantity_drops_empty_decimals() -> None:
    assert show.rounded_words(Quantity.of(Analyte.WEIGHT, "70.00", "kg"), 1) == "70 kg"
    assert show.rounded_words(Quantity.of(Analyte.WEIGHT, "70.45", "kg"), 1) == "70.5 kg"


def test_analytes_are_named_as_clinicians_name_them() -> None:
    assert show.analyte_words(Analyte.CALCIUM_IONIZED) == "ionized calcium"
    assert show.analyte_words(Analyte.MAGNESIUM) == "magnesium"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ""),
        (("furosemide",), "furosemide"),
        (("furosemide", "omeprazole"), "furosemide, omeprazole"),
        (("bag, 100 mL", "omeprazole"), "bag, 100 mL; omeprazole"),
    ],
)
def test_names_with_commas_are_told_apart(names: tuple[str, ...], words: str) -> None:
    assert show.names_words(names) == words
