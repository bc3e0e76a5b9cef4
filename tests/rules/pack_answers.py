"""What an answer says and offers, in few words (part of pack_kit)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

Json = dict[str, Any]


def rows(cards: Iterable[Json]) -> dict[str, str]:
    """Row -> indicator of the card that shows it."""
    return {row: card["indicator"] for card in cards for row in card["extension"]["rows"]}


def card(cards: Iterable[Json], row: str) -> Json:
    """The one card that shows a row."""
    (found,) = [item for item in cards if row in item["extension"]["rows"]]
    return found


def words(*cards: Json) -> str:
    """Everything a reader sees of cards, in lower case, without the marks of markdown."""
    labels = [item["label"] for one in cards for item in one.get("suggestions", ())]
    shown = [text for one in cards for text in (one["summary"], one.get("detail", ""))]
    return re.sub(r"\\(.)", r"\1", " ".join([*shown, *labels])).lower()


def withheld(*cards: Json) -> str:
    """What cards say about drugs they do not offer, and why; "" where nothing is withheld."""
    lines = [line for one in cards for line in one.get("detail", "").split("\n")]
    found = [line for line in lines if line.startswith("**Withheld:**")]
    return re.sub(r"\\(.)", r"\1", " ".join(found)).lower()


def actions(cards: Iterable[Json]) -> list[Json]:
    """Every action an answer offers."""
    found: list[Json] = []
    for one in cards:
        for item in one.get("suggestions", ()):
            found += item["actions"]
    return found


def drugs(cards: Iterable[Json], kind: str = "create") -> list[Json]:
    """The MedicationRequests an answer would create (or update)."""
    return [
        action["resource"]
        for action in actions(cards)
        if action["type"] == kind and action["resource"]["resourceType"] == "MedicationRequest"
    ]


def offered(cards: Iterable[Json], kind: str = "create") -> list[tuple[str, str]]:
    """(RxNorm code, dose) of every drug that would be created: `[("829757", "4 g")]`."""
    return [(code_of(item), dose_of(item)) for item in drugs(cards, kind)]


def code_of(resource: Json) -> str:
    """The first code of a drug or a test."""
    concept = resource.get("medicationCodeableConcept") or resource["code"]
    return str(concept["coding"][0]["code"])


def dose_of(resource: Json) -> str:
    """`4 g`: the dose of one administration."""
    amount = resource["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]
    return f"{amount['value']:g} {amount['code']}"


def ordered_tests(cards: Iterable[Json]) -> list[str]:
    """LOINC of every laboratory test an answer would order."""
    return [
        code_of(action["resource"])
        for action in actions(cards)
        if action["type"] == "create" and action["resource"]["resourceType"] == "ServiceRequest"
    ]


def deleted(cards: Iterable[Json]) -> list[str]:
    """References of the orders an answer would take off."""
    return [action["resourceId"] for action in actions(cards) if action["type"] == "delete"]
