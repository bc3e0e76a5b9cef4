"""One dose told in several ways, as Epic does for every order, and what is never taken for one."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds.chart.dosage import Dosing, read_dosing
from cds.chart.doses import DISAGREE, NOT_STATED, RANGE, SEVERAL
from cds.chart.drugs import of_concept
from cds.facts.record import Unclear
from cds.facts.terminology import Terminology
from cds.fhir.datatypes import CodeableConcept, Coding
from cds.fhir.medication_resources import Dosage
from cds.kernel.codes import RXNORM
from cds.kernel.quantity import Quantity
from cds.rulebook.codesets import load_terminology

BAG, TABLET, FUROSEMIDE = "829757", "628953", "4603"

Json = dict[str, Any]


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[3] / "rules" / "code_sets")


def way(kind: str | None, value: Any = None, unit: str = "g", **members: Any) -> Json:
    step: Json = dict(members)
    if value is not None:
        step["doseQuantity"] = {"value": value, "unit": unit}
    if kind is not None:
        coding = [{"system": "http://epic.com/CodeSystem/dose-rate-type", "code": kind}]
        step["type"] = {"coding": coding, "text": kind}
    return step


def read(*steps: Json, drug: str = BAG, hours: Any = None) -> Dosing:
    repeat = {"count": 1, **({"duration": hours, "durationUnit": "h"} if hours else {})}
    dosage = {"doseAndRate": steps, "timing": {"repeat": repeat}}
    concept = CodeableConcept(coding=(Coding(RXNORM, drug),))
    instruction = msgspec.json.decode(json.dumps(dosage), type=Dosage)
    return read_dosing((instruction,), of_concept(concept, terms()), terms())


def grams(dosing: Dosing) -> Decimal:
    assert isinstance(dosing.dose, Quantity), dosing.dose
    return dosing.dose.to("g").value


@pytest.mark.parametrize(
    "steps",
    [
        (way("calculated", 4), way("admin-amount", 400, "mL"), way("ordered", 4)),
        (way("ordered", 4), way("calculated", 4000, "mg")),
        (way("ordered", 4), way("calculated", 32.5, "meq")),
        (way("ordered", 50, "mg/kg"), way("calculated", 4)),
        (way("ordered", 4), way("admin-amount", 1, "{syringe}")),
        (way("calculated"), way("Ordered", 4)),
        (way("ordered", 4), way("calculated", 4), way("something-new", 4)),
    ],
)
def test_the_ways_of_telling_one_dose_give_that_dose(steps: tuple[Json, ...]) -> None:
    assert grams(read(*steps)) == 4


def test_tablets_and_their_amount_are_one_dose() -> None:
    found = read(way("ordered", 40, "mEq"), way("admin-amount", 2, "tablet"), drug=TABLET).dose
    assert isinstance(found, Quantity)
    assert found.to("meq").value == 40


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ((way("ordered", 4), way("calculated", 2)), DISAGREE),
        ((way("ordered", 4), way("admin-amount", 200, "mL")), DISAGREE),
        ((way(None, 4), way(None, 4)), SEVERAL),
        ((way("ordered", 4), way(None, 4)), SEVERAL),
        ((way("ordered", 4), way("ordered", 2)), SEVERAL),
        ((way("admin-amount", 400, "mL"), way("something-new", 4)), SEVERAL),
        ((way("ordered", 4), {**way(None, 4), "type": "calculated"}), SEVERAL),
        ((way("ordered", doseRange={"low": {"value": 1}}), way("calculated", 4)), RANGE),
        ((way("ordered"), way("admin-amount", 400, "mL")), NOT_STATED),
        ((way("ordered", 50, "mg/kg"), way("calculated")), Unclear("dose unit not understood")),
    ],
)
def test_what_may_be_two_doses_or_another_one_is_unclear(
    steps: tuple[Json, ...], why: Unclear
) -> None:
    assert read(*steps).dose == why


def test_a_dose_told_in_several_ways_is_not_edited() -> None:
    assert read(way("ordered", 4)).editable
    assert not read(way("ordered", 4), way("calculated", 4)).editable


@pytest.mark.parametrize(
    ("first", "second", "rate"),
    [
        ({"value": 1, "unit": "g/h"}, {"value": 1000, "unit": "mg/h"}, 1),
        ({"value": 1, "unit": "g/h"}, None, 1),
        ({"value": 1, "unit": "g/h"}, {"value": 7, "unit": "drops"}, 1),
        ({"value": 1, "unit": "g/h"}, {"value": 2, "unit": "g/h"}, DISAGREE),
        (None, {"value": 7, "unit": "g/fortnight"}, Unclear("rate unit not understood")),
        (None, None, 2),  # 4 g over 2 h
    ],
)
def test_the_rate_is_the_one_that_all_ways_agree_on(
    first: Json | None, second: Json | None, rate: int | Unclear
) -> None:
    steps = (way("ordered", 4, rateQuantity=first), way("calculated", 4, rateQuantity=second))
    found = read(*steps, hours=2).rate
    assert (found.to("g/h").value if isinstance(found, Quantity) else found) == rate


def test_a_drug_without_an_electrolyte_has_no_dose_however_often_it_is_told() -> None:
    found = read(way("ordered", 40, "mg"), way("calculated", 20, "mg"), drug=FUROSEMIDE)
    assert (found.dose, found.rate) == (None, None)
