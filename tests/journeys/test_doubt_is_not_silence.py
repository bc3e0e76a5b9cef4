"""Answers that would come either way come in doubt too.

Each of these once fell between two levels of a rule; a law of `rules/laws.yaml` found it, and these
are the same patients over the real interface.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import hospital
import pytest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MORNING = "2026-11-21T07:00:00Z"
POTASSIUM = ("1801294", "potassium chloride 20 MEQ Extended Release Oral Tablet")
MILK_OF_MAGNESIA = ("253017", "magnesium hydroxide 80 MG/ML Oral Suspension")
MAGNESIUM_BAG = ("829757", "magnesium sulfate 10 MG/ML Injectable Solution")
MAGNESIUM_TABLET = ("198741", "magnesium oxide 400 MG Oral Tablet")
BY_MOUTH = {"coding": [{"system": "http://snomed.info/sct", "code": "26643006"}]}


def dosage(value: float, unit: str, *, oral: bool) -> dict[str, Any]:
    quantity = {"value": value, "unit": unit, "system": hospital.UCUM, "code": unit}
    route = {"route": BY_MOUTH} if oral else {}
    return {"text": f"{value} {unit}", "doseAndRate": [{"doseQuantity": quantity}], **route}


def asked(
    drug: tuple[str, str], dose: dict[str, Any], *labs: dict[str, Any], problems: bool = True
) -> bytes:
    """One selected draft; without `problems` the key is not supplied, so dialysis stays open."""
    request = hospital.call(
        person=hospital.patient(NOW, 60),
        observations=list(labs),
        drafts=[hospital.order("draft-1", *drug, status="draft", dosage=dose)],
        inpatient=True,
    )
    if not problems:
        del request["prefetch"]["problems"]
    return hospital.body(request)


def rows(answer: dict[str, Any]) -> set[str]:
    return {row for card in answer["cards"] for row in card["extension"]["rows"]}


def creatinine(value: float) -> dict[str, Any]:
    return hospital.lab(2, "2160-0", value, "mg/dL", MORNING)


NORMAL_POTASSIUM = hospital.lab(3, "2823-3", 4.1, "mmol/L", MORNING)


@pytest.mark.parametrize(
    ("drug", "dose", "labs", "row"),
    [
        (POTASSIUM, dosage(20, "meq", oral=True), (NORMAL_POTASSIUM, creatinine(1.8)), "C4"),
        (POTASSIUM, dosage(20, "meq", oral=True), (NORMAL_POTASSIUM,), "C6"),
        (MAGNESIUM_BAG, dosage(4, "g", oral=False), (NORMAL_POTASSIUM,), "C6"),
        (MILK_OF_MAGNESIA, dosage(30, "mL", oral=True), (creatinine(2.6),), "C3"),
    ],
    ids=[
        "reduced or failing",
        "unknown or failing",
        "infusion, unknown or failing",
        "low or failing",
    ],
)
def test_kidneys_that_may_fail_besides_are_warned_of(
    ask: Any, drug: tuple[str, str], dose: dict[str, Any], labs: tuple[Any, ...], row: str
) -> None:
    assert row in rows(ask(asked(drug, dose, *labs, problems=True), NOW))
    assert row in rows(ask(asked(drug, dose, *labs, problems=False), NOW))


def test_an_order_for_potassium_after_a_haemolysed_sample_without_a_value_asks_for_a_level(
    ask: Any,
) -> None:
    spoiled = hospital.lab(3, "2823-3", 0, "mmol/L", MORNING)
    del spoiled["valueQuantity"]
    spoiled["dataAbsentReason"] = {"text": "specimen haemolysed"}
    spoiled["note"] = [{"text": "haemolysed"}]
    answer = ask(asked(POTASSIUM, dosage(20, "meq", oral=True), spoiled, creatinine(0.9)), NOW)
    assert "C6" in rows(answer)


def test_tablets_that_must_go_come_before_an_infusion(ask: Any) -> None:
    """One plan at a time: the answer never gives and takes magnesium at once."""
    low = hospital.lab(1, "19123-9", 1.0, "mg/dL", MORNING)
    labs = (low, creatinine(3.0), NORMAL_POTASSIUM)
    answer = ask(asked(MAGNESIUM_TABLET, dosage(400, "mg", oral=True), *labs), NOW)
    kinds = [
        action["type"]
        for card in answer["cards"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        if action.get("resource", {}).get("resourceType") != "ServiceRequest"
    ]
    assert {"A2", "C1"} <= rows(answer)
    assert kinds == ["delete"]
    (severe,) = [card for card in answer["cards"] if "A2" in card["extension"]["rows"]]
    assert "first remove that order" in severe["detail"]
