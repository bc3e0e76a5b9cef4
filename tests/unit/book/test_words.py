"""Units, amounts and short words as they are printed."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.prose.limits import amount, measured, unit_name
from cds.rulebook.prose.words import capital, listed

AMOUNTS = [
    (Analyte.FREQUENCY, "2", "/d", "2 a day"),
    (Analyte.MAGNESIUM_SULFATE_DOSE, "4", "g", "4 g"),
    (Analyte.POTASSIUM_DOSE, "20", "meq", "20 mEq"),
    (Analyte.AGE, "18", "a", "18 years"),
    (Analyte.CREATININE, "26.5", "umol/L", "26.5 µmol/L"),
]


@pytest.mark.parametrize(("analyte", "value", "unit", "printed"), AMOUNTS)
def test_an_amount_is_printed_as_people_write_it(
    analyte: Analyte, value: str, unit: str, printed: str
) -> None:
    assert amount(Quantity.of(analyte, Decimal(value), unit)) == printed


@pytest.mark.parametrize(
    ("analyte", "said"),
    [
        (Analyte.POTASSIUM_DOSE, "amount of potassium"),
        (Analyte.POTASSIUM_RATE, "rate of potassium"),
        (Analyte.POTASSIUM, "potassium"),
        (Analyte.FREQUENCY, "tablets"),
    ],
)
def test_a_dose_is_told_from_a_rate_and_from_a_level(analyte: Analyte, said: str) -> None:
    assert measured(analyte) == said


@pytest.mark.parametrize(("unit", "printed"), [("umol/L", "µmol/L"), ("meq/h", "mEq/h")])
def test_a_unit_is_printed_as_people_write_it(unit: str, printed: str) -> None:
    assert unit_name(unit) == printed


@pytest.mark.parametrize(
    ("text", "raised"),
    [("a loop diuretic", "A loop diuretic"), ("eGFR", "eGFR"), ("pH", "pH"), ("", "")],
)
def test_a_sentence_begins_with_a_capital_but_an_abbreviation_stays(text: str, raised: str) -> None:
    assert capital(text) == raised


@pytest.mark.parametrize(
    ("parts", "told"),
    [((), ""), (("a",), "a"), (("a", "b"), "a or b"), (("a", "b", "c", "b"), "a, b or c")],
)
def test_what_is_listed_twice_is_said_once(parts: tuple[str, ...], told: str) -> None:
    assert listed(parts) == told
