"""The synthetic patients, the service each one calls, and an answer in the words of `expect`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cds.sample import Sample, samples

FOLDER = Path(__file__).parents[2] / "fhir_fixtures"
ALL = tuple(samples(FOLDER))


def of_folder(*folders: str) -> list[Sample]:
    """The synthetic patients of some folders."""
    return [item for item in ALL if item.folder in folders]


def service(item: Sample) -> str:
    """The id of the service that answers the hook of the call."""
    return f"electrolytes-{item.request['hook']}"


def body(item: Sample, now: datetime | None = None) -> bytes:
    """The call as it goes over the wire, its dates as they stand or moved to `now`."""
    return json.dumps(item.request if now is None else item.at(now)).encode()


def text_of(card: dict[str, Any]) -> str:
    """Summary, detail and labels in small letters, without the marks that escape Markdown."""
    labels = [suggestion["label"] for suggestion in card.get("suggestions", ())]
    joined = " ".join([card["summary"], card.get("detail", ""), *labels])
    return re.sub(r"\\(.)", r"\1", joined).lower()


def says(text: str, words: str) -> bool:
    """Whether a text holds the words; `a|b` stands for one of two spellings."""
    return any(word.lower() in text for word in words.split("|"))


def suggested(card: dict[str, Any]) -> list[str]:
    """Every action of a card as one line, in order of the lines."""
    actions = (action for item in card.get("suggestions", ()) for action in item["actions"])
    return sorted(_line(action) for action in actions)


def _line(action: dict[str, Any]) -> str:
    if action["type"] == "delete":
        return f"delete {action['resourceId']}"
    resource = action["resource"]
    if resource["resourceType"] == "ServiceRequest":
        return f"order {resource['code']['coding'][0]['code']}"
    (dosage,) = resource["dosageInstruction"]
    quantity = dosage["doseAndRate"][0]["doseQuantity"]
    repeat = dosage.get("timing", {}).get("repeat", {})
    words = [f"{quantity['value']:g}", quantity["code"]]
    if "duration" in repeat:
        words += ["over", f"{repeat['duration']:g}", repeat["durationUnit"]]
    if "frequency" in repeat:
        words.append(f"{repeat['frequency']}/d")
    named = resource["medicationCodeableConcept"]["coding"][0]["code"]
    what = f"MedicationRequest/{resource['id']}" if action["type"] == "update" else named
    return " ".join([action["type"], what, *words])


def resources(value: Any) -> Iterator[dict[str, Any]]:
    """Every resource of a call that stands for itself: not the Bundles, not what is contained."""
    if isinstance(value, list):
        for item in value:
            yield from resources(item)
    elif isinstance(value, dict):
        if value.get("resourceType", "Bundle") != "Bundle":
            yield value
            return
        for item in value.values():
            yield from resources(item)
