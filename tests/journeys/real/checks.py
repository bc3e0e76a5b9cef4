"""What must hold for every answer whatever the patient: card shape and the safety floor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

Json = dict[str, Any]
MODELS: dict[str, Any] = {
    "MedicationRequest": MedicationRequest,
    "ServiceRequest": ServiceRequest,
}
INDICATORS = ("critical", "warning", "info")
GRAMS = {"g": Decimal(1), "gm": Decimal(1), "mg": Decimal("0.001")}


def faults(cards: list[Json], draft: Json, birth: str, now: datetime) -> Iterator[str]:
    """Everything wrong with one answer; nothing when all is well."""
    for card in cards:
        yield from _shape(card)
    critical = sum(card["indicator"] == "critical" for card in cards)
    if len(cards) > max(4, critical):
        yield f"{len(cards)} cards of which {critical} critical"
    yield from _drugs(cards, birth, now)
    for action in actions(cards):
        yield from _edit(action, draft)


def actions(cards: list[Json]) -> Iterator[Json]:
    """All actions of all suggestions."""
    for card in cards:
        for suggestion in card.get("suggestions", ()):
            yield from suggestion["actions"]


def validate(resource: Json) -> None:
    """Raises unless the resource is valid FHIR R4 (R4B models)."""
    MODELS[resource["resourceType"]].model_validate(resource)


def _shape(card: Json) -> Iterator[str]:
    row = card["extension"]["rows"][0]
    if not 0 < len(card["summary"]) < 140:
        yield f"{row}: summary of {len(card['summary'])} characters"
    if card["indicator"] not in INDICATORS:
        yield f"{row}: indicator {card['indicator']}"
    if bool(card.get("suggestions")) != ("selectionBehavior" in card):
        yield f"{row}: selectionBehavior and suggestions do not go together"
    if not card.get("source", {}).get("label"):
        yield f"{row}: no source label"
    for name in ("{", "}", "None", "Decimal("):
        if name in card["summary"] or name in card.get("detail", ""):
            yield f"{row}: `{name}` in the text"


def _drugs(cards: list[Json], birth: str, now: datetime) -> Iterator[str]:
    created = [
        action["resource"]
        for action in actions(cards)
        if action["type"] == "create" and action["resource"]["resourceType"] != "ServiceRequest"
    ]
    magnesium = [item for item in created if "magnesium" in json.dumps(item).lower()]
    if len(magnesium) > 1:
        yield f"{len(magnesium)} magnesium drugs are created"
    if created and age(birth, now) < 18:
        yield "a drug is created for a child"


def age(birth: str, now: datetime) -> int:
    """Completed years."""
    born = date.fromisoformat(birth)
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def _edit(action: Json, draft: Json) -> Iterator[str]:
    if action["type"] == "create":
        return
    target = action.get("resourceId") or "/".join(
        (action["resource"]["resourceType"], action["resource"]["id"])
    )
    if target != f"MedicationRequest/{draft['id']}":
        yield f"a {action['type']} of something that is not the draft"
    if action["type"] == "update":
        old, new = grams(draft), grams(action["resource"])
        if old is not None and (new is None or new > old):
            yield "an update raises the dose, or makes it unreadable"


def grams(order: Json) -> Decimal | None:
    """The one dose of an order in g, or None where it is not one, or not in g or mg."""
    steps = [
        step
        for dosage in order.get("dosageInstruction", ())
        for step in dosage.get("doseAndRate", ())
    ]
    quantity = steps[0].get("doseQuantity", {}) if len(steps) == 1 else {}
    factor = GRAMS.get(quantity.get("code") or quantity.get("unit", ""))
    return None if factor is None else Decimal(str(quantity["value"])) * factor
