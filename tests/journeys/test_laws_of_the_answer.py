"""Laws that only a whole answer can show (design section 5, laws 7 and 11)."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import hospital
import pytest

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
WHEN = "2026-11-21T08:00:00Z"


def call(**labs: float) -> dict[str, Any]:
    """An inpatient with these results and a loop diuretic."""
    codes = {
        "mg": ("19123-9", "mg/dL"),
        "k": ("2823-3", "mmol/L"),
        "cr": ("2160-0", "mg/dL"),
        "kg": ("29463-7", "kg"),
    }
    values = {"cr": 0.9, "kg": 70.0, **labs}
    observations = [
        hospital.lab(i, codes[name][0], value, codes[name][1], WHEN)
        for i, (name, value) in enumerate(values.items())
    ]
    return hospital.call(
        person=hospital.patient(NOW, 60, "male"),
        observations=observations,
        drafts=[hospital.order("draft-1", "4603", "furosemide", status="draft")],
        inpatient=True,
        medications=[hospital.order("med-1", "4603", "furosemide")],
    )


SITUATIONS = [
    {"mg": 1.5},
    {"mg": 1.0},
    {"mg": 1.5, "k": 3.0},
    {"mg": 1.0, "k": 3.0},
    {"mg": 1.0, "k": 2.4},
    {"mg": 1.5, "k": 3.0, "cr": 2.4},
    {"k": 2.4},
]


@pytest.mark.parametrize("labs", SITUATIONS, ids=str)
def test_one_offer_per_ingredient(labs: dict[str, float], ask: Any) -> None:
    cards = ask(hospital.body(call(**labs)), NOW)["cards"]
    actions = [a for c in cards for s in c.get("suggestions", ()) for a in s["actions"]]
    drugs = [a for a in actions if a.get("resource", {}).get("resourceType") == "MedicationRequest"]
    tests = [
        a["resource"]["code"]["coding"][0]["code"]
        for a in actions
        if a.get("resource", {}).get("resourceType") == "ServiceRequest"
    ]
    assert cards != []
    assert len(drugs) <= 1
    assert len(tests) == len(set(tests))


@pytest.mark.parametrize("labs", SITUATIONS, ids=str)
def test_same_input_same_answer(labs: dict[str, float], ask: Any) -> None:
    body = hospital.body(call(**labs))
    assert ask(body, NOW) == ask(body, NOW)


def test_another_call_about_the_same_patient_has_other_card_ids(ask: Any) -> None:
    first = call(mg=1.0)
    second = copy.deepcopy(first) | {"hookInstance": "0b0f8f5e-6a0f-4a3e-9a55-0d4d5f1c2b3a"}
    one, other = (ask(hospital.body(item), NOW)["cards"] for item in (first, second))
    assert [card["summary"] for card in one] == [card["summary"] for card in other]
    assert {card["uuid"] for card in one}.isdisjoint(card["uuid"] for card in other)


def test_the_answer_of_a_patient_never_names_another(ask: Any) -> None:
    request = call(mg=1.0)
    stranger = hospital.lab(77, "19123-9", 0.7, "mg/dL", "2026-11-21T09:00:00Z")
    stranger["subject"] = {"reference": "Patient/somebody-else"}
    request["prefetch"]["observations"]["entry"].append({"resource": stranger})
    cards = ask(hospital.body(request), NOW)["cards"]
    assert "1.0 mg/dL" in cards[0]["summary"]
    assert "0.7" not in str(cards)
