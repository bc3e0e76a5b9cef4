"""The unit tables: every factor, limit and seen spelling of the clinical pack's units table."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.errors import UnitMismatch, UnknownUnit
from cds.kernel.quantity import Quantity, above, at_least, at_most, below
from cds.kernel.units import UNITS, Analyte, factor, read_unit, unit_table

A = Analyte
MMOL = ("mmol/L", "mmol/l", "MMOL/L", "mMol/L", "mM")
MG_DL = ("mg/dL", "mg/dl", "MG/DL", "mg/100mL", "mg%")
MEQ = ("meq/L", "mEq/L", "meq/l", "MEQ/L", "mEq/l", "mval/L")
UMOL = ("umol/L", "umol/l", "\u00b5mol/L", "\u03bcmol/L", "UMOL/L", "mcmol/L")
EGFR = ("mL/min/{1.73_m2}", "mL/min/1.73m2", "mL/min/1.73 m2", "mL/min")
WBC = ("10*3/uL", "K/uL", "x10E3/uL", "10^3/uL", "thou/uL")

# analyte, UCUM unit, canonical unit, factor, seen spellings (copied from the units table)
TABLE = [
    (A.MAGNESIUM, "mmol/L", "mmol/L", "1", MMOL),
    (A.MAGNESIUM, "mg/dL", "mmol/L", "0.411438", MG_DL),
    (A.MAGNESIUM, "meq/L", "mmol/L", "0.5", MEQ),
    (A.MAGNESIUM, "mg/L", "mmol/L", "0.0411438", ("mg/L", "mg/l", "ug/mL")),
    (A.MAGNESIUM, "umol/L", "mmol/L", "0.001", UMOL),
    (A.POTASSIUM, "mmol/L", "mmol/L", "1", MMOL),
    (A.POTASSIUM, "meq/L", "mmol/L", "1", MEQ),
    (A.POTASSIUM, "mg/dL", "mmol/L", "0.255766", MG_DL),
    (A.CALCIUM, "mmol/L", "mmol/L", "1", MMOL),
    (A.CALCIUM, "mg/dL", "mmol/L", "0.249513", MG_DL),
    (A.CALCIUM, "meq/L", "mmol/L", "0.5", MEQ),
    (A.CALCIUM_CORRECTED, "mg/dL", "mmol/L", "0.249513", MG_DL),
    (A.CALCIUM_IONIZED, "mmol/L", "mmol/L", "1", MMOL),
    (A.CALCIUM_IONIZED, "mg/dL", "mmol/L", "0.249513", MG_DL),
    (A.CALCIUM_IONIZED, "meq/L", "mmol/L", "0.5", MEQ),
    (A.CREATININE, "umol/L", "umol/L", "1", UMOL),
    (A.CREATININE, "mg/dL", "umol/L", "88.4", MG_DL),
    (A.CREATININE, "mmol/L", "umol/L", "1000", MMOL),
    (A.ALBUMIN, "g/dL", "g/dL", "1", ("g/dL", "g/dl", "G/DL")),
    (A.ALBUMIN, "g/L", "g/dL", "0.1", ("g/L", "g/l")),
    (A.PHOSPHATE, "mg/dL", "mmol/L", "0.322872", MG_DL),
    (A.PHOSPHATE, "mmol/L", "mmol/L", "1", MMOL),
    (A.EGFR, "mL/min/{1.73_m2}", "mL/min/{1.73_m2}", "1", EGFR),
    (A.CRCL, "mL/min", "mL/min", "1", ("mL/min",)),
    (A.WBC, "10*3/uL", "10*9/L", "1", WBC),
    (A.WBC, "10*9/L", "10*9/L", "1", ("10*9/L",)),
    (A.WBC, "/uL", "10*9/L", "0.001", ("cells/uL",)),
    (A.QTC, "ms", "ms", "1", ("ms",)),
    (A.QTC, "s", "ms", "1000", ("s",)),
]

LIMITS = [
    (A.MAGNESIUM, "0.1", "8.0"),
    (A.POTASSIUM, "1.0", "12.0"),
    (A.CALCIUM, "0.75", "5.0"),
    (A.CALCIUM_IONIZED, "0.3", "3.0"),
    (A.CREATININE, "8.84", "3536"),
    (A.ALBUMIN, "0.5", "7"),
    (A.PHOSPHATE, "0.05", "5"),
    (A.EGFR, "0", "200"),
    (A.CRCL, "0", "250"),
    (A.WBC, "0", "500"),
    (A.QTC, "200", "900"),
]


@pytest.mark.parametrize(("analyte", "unit", "canonical", "by", "spellings"), TABLE)
def test_factor_and_spellings_are_those_of_the_units_table(
    analyte: Analyte, unit: str, canonical: str, by: str, spellings: tuple[str, ...]
) -> None:
    assert UNITS[analyte].canonical == canonical
    assert factor(analyte, unit) == Decimal(by)
    for spelling in spellings:
        assert read_unit(analyte, f" {spelling} ") == (unit, spelling != unit)


@pytest.mark.parametrize(("analyte", "low", "high"), LIMITS)
def test_plausibility_limits_are_those_of_the_units_table(
    analyte: Analyte, low: str, high: str
) -> None:
    assert (UNITS[analyte].low, UNITS[analyte].high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("analyte", "text"),
    [
        (A.MAGNESIUM, ""),
        (A.MAGNESIUM, "mg"),
        (A.MAGNESIUM, "mmol"),
        (A.MAGNESIUM, "g/dL"),
        (A.CREATININE, "meq/L"),
        (A.ALBUMIN, "mg/dL"),
        (A.QTC, "min"),
        (A.MAGNESIUM_SULFATE_DOSE, "meq"),
        (A.MAGNESIUM_SULFATE_DOSE, "mmol"),
        (A.POTASSIUM_DOSE, "mg"),
        (A.CRCL, "mL/min/{1.73_m2}"),
    ],
)
def test_a_unit_that_means_nothing_here_is_never_guessed(analyte: Analyte, text: str) -> None:
    with pytest.raises(
        UnknownUnit, match=rf"^`{re.escape(text)}` is not a unit of {analyte.value}$"
    ):
        read_unit(analyte, text)


def test_a_table_of_units_has_exact_factors_and_what_is_a_unit_is_no_spelling_of_another() -> None:
    table = unit_table("mL/min", {"mL/min": "1", "mL/min/{1.73_m2}": "0.1"}, "0.3", "250")
    assert table.canonical == "mL/min"
    assert table.factors == {"mL/min": Decimal(1), "mL/min/{1.73_m2}": Decimal("0.1")}
    assert table.aliases == {
        "ml/min": "mL/min",
        "mL/min/1.73m2": "mL/min/{1.73_m2}",
        "mL/min/1.73 m2": "mL/min/{1.73_m2}",
    }
    assert (table.low, table.high) == (Decimal("0.3"), Decimal(250))


def test_a_table_of_units_may_do_without_limits_and_spellings() -> None:
    table = unit_table("{bag}", {"{bag}": "1"})
    assert (table.aliases, table.low, table.high) == ({}, None, None)


@pytest.mark.parametrize(
    ("analyte", "text", "unit"),
    [
        (A.MAGNESIUM_SULFATE_DOSE, "gm", "g"),
        (A.POTASSIUM_DOSE, "mEq", "meq"),
        (A.POTASSIUM_DOSE, "mmol", "mmol"),
        (A.MAGNESIUM_SULFATE_RATE, "g/hr", "g/h"),
        (A.POTASSIUM_RATE, "mEq/hr", "meq/h"),
        (A.WEIGHT, "lb", "[lb_av]"),
        (A.HEIGHT, "in", "[in_i]"),
    ],
)
def test_dose_rate_and_body_units_are_read(analyte: Analyte, text: str, unit: str) -> None:
    assert read_unit(analyte, text)[0] == unit


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "other", "expected"),
    [
        (A.MAGNESIUM, "2.0", "meq/L", "mmol/L", "1"),
        (A.MAGNESIUM, "1.0", "mg/dL", "mg/L", "10"),
        (A.POTASSIUM, "3.5", "meq/L", "mmol/L", "3.5"),
        (A.CALCIUM, "2.0", "meq/L", "mmol/L", "1"),
        (A.CREATININE, "88.4", "umol/L", "mg/dL", "1"),
        (A.CREATININE, "0.1", "mmol/L", "umol/L", "100"),
        (A.MAGNESIUM_SULFATE_DOSE, "2000", "mg", "g", "2"),
        (A.QTC, "0.5", "s", "ms", "500"),
    ],
)
def test_conversion_is_exact_where_the_result_is(
    analyte: Analyte, value: str, unit: str, other: str, expected: str
) -> None:
    assert Quantity.of(analyte, value, unit).to(other).value == Decimal(expected)


def units_of(analyte: Analyte) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(UNITS[analyte].factors))


@given(st.sampled_from(list(Analyte)), st.data())
def test_conversion_there_and_back_is_the_same_value(analyte: Analyte, data: st.DataObject) -> None:
    one, other = data.draw(units_of(analyte)), data.draw(units_of(analyte))
    value = data.draw(st.decimals("0.001", "10000", places=3))
    back = Quantity.of(analyte, value, one).to(other).to(one).value
    assert abs(back - value) <= value * Decimal("1e-25")


@given(st.sampled_from(list(Analyte)), st.sampled_from(list(Analyte)), st.data())
def test_units_never_mix(left: Analyte, right: Analyte, data: st.DataObject) -> None:
    """Law 8: a comparison across analytes cannot be made, whatever the units are called."""
    a = Quantity.of(left, 1, data.draw(units_of(left)))
    b = Quantity.of(right, 1, data.draw(units_of(right)))
    for compare in (below, above, at_least, at_most):
        if left is right:
            compare(a, b)
        else:
            with pytest.raises(UnitMismatch):
                compare(a, b)


@given(st.sampled_from(list(Analyte)), st.sampled_from(list(Analyte)), st.data())
def test_a_quantity_cannot_take_a_unit_of_another_dimension(
    analyte: Analyte, other: Analyte, data: st.DataObject
) -> None:
    unit = data.draw(units_of(other))
    if unit in UNITS[analyte].factors:
        assert Quantity.of(analyte, 1, unit).unit == unit
        return
    with pytest.raises(UnitMismatch):
        Quantity.of(analyte, 1, unit)
    with pytest.raises(UnitMismatch):
        Quantity.of(analyte, 1, UNITS[analyte].canonical).to(unit)
