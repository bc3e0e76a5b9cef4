"""Doses, rates, schedules and routes: what is read, and what is refused with its reason."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds.chart.doses import electrolyte, read_dose, read_rate
from cds.chart.routes import read_route
from cds.chart.timings import Schedule, read_schedule
from cds.facts.record import Substance, Unclear
from cds.facts.terminology import Terminology
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.medication_resources import Dosage, DoseAndRate
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Quantity
from cds.rulebook.codesets import load_terminology

MG = (Substance("magnesium sulfate", frozenset({"mg-replacement-iv"})),)
MGO = (Substance("magnesium oxide", frozenset({"mg-replacement-oral"})),)
K = (Substance("potassium chloride", frozenset({"k-replacement"})),)
KPHOS = (Substance("potassium phosphate", frozenset({"k-replacement"})),)
FUROSEMIDE = (Substance("furosemide", frozenset({"loop-diuretic"})),)
ANY_MG = (Substance("magnesium", frozenset({"mg-replacement-iv", "mg-replacement-oral"})),)
TPN = (Substance("parenteral nutrition", frozenset({"tpn"})),)
OINTMENT = (Substance("magnesium sulfate", frozenset()),)

Amount = Quantity | Unclear | None


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[3] / "rules" / "code_sets")


def steps(*given: dict[str, Any]) -> tuple[DoseAndRate, ...]:
    return msgspec.json.decode(json.dumps(given), type=tuple[DoseAndRate, ...])


def dose(
    what: tuple[Substance, ...],
    value: Any,
    unit: str | None,
    product: str = "",
    parenteral: bool | None = None,
    code: str | None = None,
) -> Amount:
    found = electrolyte(what, RxNorm(product) if product else None, parenteral, terms())
    quantity = {"value": value, "unit": unit, "code": code}
    return read_dose(steps({"doseQuantity": quantity}), found)


def shown(amount: Amount) -> str:
    assert isinstance(amount, Quantity), amount
    return f"{amount.value.normalize():f} {amount.unit}"


@pytest.mark.parametrize(
    ("what", "value", "unit", "product", "expected"),
    [
        (MG, 2, "g", "", "2 g"),
        (MG, 2, "gm", "", "2 g"),
        (MG, 1000, "mg", "", "1000 mg"),
        (MG, 16.24, "mEq", "", "2 g"),
        (MG, 8.12, "mmol", "", "2 g"),
        (MG, 2, "bag", "829757", "2 g"),
        (MG, 200, "mL", "829757", "2 g"),
        (MG, 1, "{vial}", "1658236", "10 g"),
        (MG, 4, "ml", "1658221", "2 g"),
        (MG, 50, "mL", "1658259", "2 g"),
        (MG, 50, "mL", "1658262", "2 g"),
        (MGO, 400, "mg", "", "400 mg"),
        (MGO, 2, "TAB", "198741", "800 mg"),
        (MGO, 1, "tablet(s)", "311430", "420 mg"),
        (K, 40, "mEq", "", "40 meq"),
        (K, 40, "meq", "", "40 meq"),
        (K, 20, "mmol", "", "20 mmol"),
        (K, 2, "{tbl}", "1801294", "40 meq"),
        (K, 1500, "mg", "1801294", "20 meq"),
        (K, 10, "mL", "204520", "20 meq"),
        (KPHOS, 22, "meq", "", "22 meq"),
    ],
)
def test_a_readable_dose(
    what: tuple[Substance, ...], value: Any, unit: str, product: str, expected: str
) -> None:
    assert shown(dose(what, value, unit, product)) == expected


@pytest.mark.parametrize(
    ("what", "value", "unit", "product", "why"),
    [
        (MG, 4, None, "", "without unit"),
        (MG, 4, "", "", "without unit"),
        (MG, 2, "Mg", "", "ambiguous"),
        (MG, 2, "PKT", "", "not understood"),
        (MG, 100, "mL", "", "strength is not known"),
        (MG, 1, "bag", "6585", "strength is not known"),
        (MG, 1, "bag", "1658259", "does not fit"),
        (MG, 1, "TAB", "829757", "does not fit"),
        (MG, 50, "mL", "829734", "strength is not known"),
        (MG, "2", "g", "", "positive number"),
        (MG, -2, "g", "", "positive number"),
        (MG, 0, "g", "", "positive number"),
        (MG, None, "g", "", "positive number"),
        (MG, True, "g", "", "positive number"),
        (K, 1500, "mg", "", "strength is not known"),
        (K, 1, "g", "", "strength is not known"),
        (K, 1, "tablet", "628953", "strength is not known"),
        (KPHOS, 15, "mmol", "", "count phosphate"),
        (K, 2, "tablet", "198741", "strength is not known"),
        (TPN, 2000, "mL", "", "parenteral nutrition"),
        (ANY_MG, 2, "g", "", "magnesium salt"),
        (MG + K, 2, "g", "", "more than one electrolyte"),
    ],
)
def test_an_unreadable_dose_says_why_and_is_never_guessed(
    what: tuple[Substance, ...], value: Any, unit: str | None, product: str, why: str
) -> None:
    found = dose(what, value, unit, product)
    assert isinstance(found, Unclear)
    assert why in found.why


@pytest.mark.parametrize("what", [FUROSEMIDE, (), OINTMENT])
def test_a_drug_without_electrolyte_has_no_dose_of_ours(what: tuple[Substance, ...]) -> None:
    assert dose(what, 40, "mg") is None


def test_an_oral_magnesium_salt_is_named_and_not_added() -> None:
    assert dose(ANY_MG, 200, "mg", parenteral=False) is None


def test_unit_and_code_must_agree() -> None:
    assert shown(dose(MG, 2, "gm", code="g")) == "2 g"
    assert shown(dose(MG, 2, "bags of 1 g", "829757", code="{bag}")) == "2 g"
    assert dose(MG, 2, "g", code="mg") == Unclear("unit and code of the dose disagree")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ([], "not stated"),
        ([{}], "not stated"),
        ([{"doseRange": {"low": {"value": 1}}}], "range"),
        ([{"doseQuantity": {"value": 1, "unit": "g"}}] * 2, "more than one"),
        ([{"doseQuantity": {"value": 1, "unit": "g", "comparator": ">"}}], "comparator"),
    ],
)
def test_a_dose_that_is_not_one_quantity_is_unclear(given: list[Any], why: str) -> None:
    found = read_dose(steps(*given), electrolyte(MG, None, True, terms()))
    assert isinstance(found, Unclear)
    assert why in found.why


def quantity(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit}


@pytest.mark.parametrize(
    ("what", "product", "rate", "expected"),
    [
        (MG, "", {"rateQuantity": quantity(1, "g/h")}, "1 g/h"),
        (MG, "", {"rateQuantity": quantity(1000, "mg/hr")}, "1 g/h"),
        (MG, "", {"rateQuantity": quantity(50, "mg/min")}, "3 g/h"),
        (MG, "829757", {"rateQuantity": quantity(100, "mL/h")}, "1 g/h"),
        (K, "", {"rateQuantity": quantity(10, "mEq/h")}, "10 meq/h"),
        (K, "204520", {"rateQuantity": quantity(5, "mL/hr")}, "10 meq/h"),
        (
            MG,
            "",
            {"rateRatio": {"numerator": quantity(2, "g"), "denominator": quantity(4, "h")}},
            "0.5 g/h",
        ),
        (
            K,
            "",
            {"rateRatio": {"numerator": quantity(10, "meq"), "denominator": quantity(30, "min")}},
            "20 meq/h",
        ),
    ],
)
def test_a_readable_rate(
    what: tuple[Substance, ...], product: str, rate: dict[str, Any], expected: str
) -> None:
    found = electrolyte(what, RxNorm(product) if product else None, True, terms())
    assert shown(read_rate(steps(rate), found)) == expected


@pytest.mark.parametrize(
    ("rate", "why"),
    [
        ({"rateQuantity": quantity(100, "mL/h")}, "strength"),
        ({"rateQuantity": quantity(1, "g")}, "rate unit"),
        ({"rateQuantity": quantity(1, "g/fortnight")}, "rate unit"),
        ({"rateRange": {"low": quantity(1, "g/h")}}, "range"),
        ({"rateRatio": {"numerator": quantity(1, "g")}}, "rate unit"),
    ],
)
def test_an_unreadable_rate_says_why(rate: dict[str, Any], why: str) -> None:
    found = read_rate(steps(rate), electrolyte(MG, None, True, terms()))
    assert isinstance(found, Unclear)
    assert why in found.why


def test_no_rate_is_none_and_not_unclear() -> None:
    assert read_rate(steps({}), electrolyte(MG, None, True, terms())) is None


def schedule(dosage: dict[str, Any]) -> Schedule:
    return read_schedule(msgspec.json.decode(json.dumps(dosage), type=Dosage))


def code(text: str) -> dict[str, Any]:
    return {"timing": {"code": {"coding": [{"code": text}]}}}


@pytest.mark.parametrize(
    ("text", "per_day", "once", "prn"),
    [
        ("BID", "2", False, False),
        ("TID", "3", False, False),
        ("QID", "4", False, False),
        ("QD", "1", False, False),
        ("DAILY", "1", False, False),
        ("Q4H", "6", False, False),
        ("Q 8H", "3", False, False),
        ("Q 12H", "2", False, False),
        ("Q24H", "1", False, False),
        ("Q48H", "0.5", False, False),
        ("Q6H:PRN", "4", False, True),
        ("BID:PRN", "2", False, True),
        ("PRN", None, False, True),
        ("ONCE", None, True, False),
        ("1X", None, True, False),
        ("X1", None, True, False),
        ("ONCE:PRN", None, True, True),
        ("ONCE MR1", None, False, False),
        ("ASDIR", None, False, False),
        ("Q0H", None, False, False),
    ],
)
def test_a_timing_code_is_read(text: str, per_day: str | None, once: bool, prn: bool) -> None:
    assert schedule(code(text)) == Schedule(Decimal(per_day) if per_day else None, once, prn)


@pytest.mark.parametrize(
    ("repeat", "per_day", "once"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "d"}, "1", False),
        ({"frequency": 2, "period": 1, "periodUnit": "d"}, "2", False),
        ({"frequency": 1, "period": 8, "periodUnit": "h"}, "3", False),
        ({"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}, "2", False),
        ({"frequency": 1, "period": 2, "periodUnit": "d", "duration": 4}, "0.5", False),
        ({"count": 1}, None, True),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, "2", False),
        ({"dayOfWeek": ["mon"], "frequency": 1, "period": 1, "periodUnit": "d"}, None, False),
        ({"frequency": 1}, None, False),
        ({"frequency": "2", "period": "1", "periodUnit": "d"}, None, False),
    ],
)
def test_a_repeat_is_read(repeat: dict[str, Any], per_day: str | None, once: bool) -> None:
    found = schedule({"timing": {"repeat": repeat}})
    assert (found.per_day, found.once) == (Decimal(per_day) if per_day else None, once)


@pytest.mark.parametrize(
    "needed", [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "cramps"}}]
)
def test_as_needed_is_prn_with_its_frequency(needed: dict[str, Any]) -> None:
    assert schedule(code("BID") | needed) == Schedule(Decimal(2), False, True)


@pytest.mark.parametrize(
    ("code_", "display", "expected"),
    [
        ("47625008", None, (True, True)),
        ("26643006", None, (False, True)),
        ("78421000", None, (True, True)),
        ("34206005", None, (True, True)),
        ("IV", None, (True, True)),
        ("IV DRIP", None, (True, True)),
        ("PO", None, (False, True)),
        ("PO/NG", None, (False, True)),
        ("NG", None, (False, True)),
        ("IM", None, (True, True)),
        ("SC", None, (True, True)),
        ("PR", None, (False, True)),
        ("TP", None, (False, False)),
        ("BOTH EYES", None, (False, False)),
        ("1", "Intravenous route", (True, True)),
        ("1", "Ophthalmic route", (False, False)),
        ("PO/IV", None, (None, True)),
        ("XYZ", None, (None, True)),
    ],
)
def test_a_route_is_parenteral_or_not_or_not_known(
    code_: str, display: str | None, expected: tuple[bool | None, bool]
) -> None:
    raw = json.dumps({"coding": [{"code": code_, "display": display}]})
    assert read_route(msgspec.json.decode(raw, type=CodeableConcept)) == expected
