"""A patient with low magnesium, draft orders to make with it, and ways to look at the cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bench.bodies import body as bench_body

BENCH = json.loads(bench_body("40k"))  # low magnesium, low potassium, kidneys moderately reduced
PATIENT = BENCH["context"]["patientId"]
RXNORM, UCUM = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://unitsofmeasure.org"
FUROSEMIDE = BENCH["context"]["draftOrders"]["entry"][0]["resource"]


def magnesium_bag(grams: int, **members: Any) -> dict[str, Any]:
    """A draft of magnesium sulfate, more than these kidneys can clear at once."""
    quantity = {"value": grams, "unit": "g", "system": UCUM, "code": "g"}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-mg",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": {
            "coding": [{"system": RXNORM, "code": "829757"}],
            "text": "magnesium sulfate 1 g in 100 mL",
        },
        "dosageInstruction": [
            {
                "text": f"{grams} g IV over 2 h, once",
                "timing": {"repeat": {"count": 1, "duration": 2, "durationUnit": "h"}},
                "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
                "doseAndRate": [{"doseQuantity": quantity}],
            }
        ],
        **members,
    }


def drafts(*orders: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": item} for item in orders]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def rows(reply: Any) -> set[str]:
    assert reply.status_code == 200, reply.text
    return {row for card in reply.json()["cards"] for row in card["extension"]["rows"]}


def renal(reply: Any) -> list[dict[str, Any]]:
    """The cards about the magnesium order."""
    found = reply.json()["cards"]
    return [card for card in found if card["source"]["topic"]["code"] == "renal-dose-caution"]


def resources(reply: Any) -> Iterator[dict[str, Any]]:
    for card in reply.json()["cards"]:
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                yield action.get("resource", {"resourceType": "removed"})


def without_ids(reply: Any) -> list[dict[str, Any]]:
    """The cards without what names this very call."""
    cards: list[dict[str, Any]] = reply.json()["cards"]
    for card in cards:
        del card["uuid"], card["extension"]["decision"]
        for suggestion in card.get("suggestions", ()):
            del suggestion["uuid"]
    return cards
