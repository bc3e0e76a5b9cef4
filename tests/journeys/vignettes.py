"""The clinical vignettes as requests, and what must be true of the answers."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import hospital

FILE = Path(__file__).with_name("vignettes.json")


def load() -> list[dict[str, Any]]:
    """Every vignette, in file order."""
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["vignettes"]
    return found


def request(vignette: dict[str, Any]) -> dict[str, Any]:
    """The order-select call of a vignette."""
    now = datetime.fromisoformat(vignette["now"])
    person = vignette["patient"]
    labs = [
        hospital.lab(
            i, item["loinc"], item["value"], item["unit"], item["effective"], item["status"]
        )
        for i, item in enumerate(vignette["labs"])
    ]
    if "weight_kg" in person:
        labs.append(hospital.lab(90, "29463-7", person["weight_kg"], "kg", vignette["now"]))
        labs.append(hospital.lab(91, "8302-2", person["height_cm"], "cm", vignette["now"]))
    return hospital.call(
        person=hospital.patient(now, person["age_years"], person["sex"]),
        observations=labs,
        drafts=[_draft(i, item) for i, item in enumerate(vignette["draft_orders"])],
        inpatient=vignette["setting"] != "outpatient",
        medications=[_medication(i, item, now) for i, item in enumerate(vignette["medications"])],
        administrations=[
            _given(i, item) for i, item in enumerate(vignette["medications"]) if "given_meq" in item
        ],
        problems=[_problem(i, item) for i, item in enumerate(vignette["conditions"])],
    )


def _draft(number: int, item: dict[str, Any]) -> dict[str, Any]:
    dosage = None
    if "dose_g" in item:
        quantity = {"value": item["dose_g"], "unit": "g", "system": hospital.UCUM, "code": "g"}
        dosage = {
            "text": item["display"],
            "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
            "doseAndRate": [{"doseQuantity": quantity}],
        }
    return hospital.order(
        f"draft-{number}", item["rxnorm"], item["display"], status="draft", dosage=dosage
    )


def _medication(number: int, item: dict[str, Any], now: datetime) -> dict[str, Any]:
    months = item.get("duration_months", 1)
    authored = now.replace(year=now.year - 2 if months > 12 else now.year, month=10, day=1)
    return hospital.order(
        f"med-{number}",
        item["rxnorm"],
        item["display"],
        status=item["status"],
        authored=item.get("authoredOn", authored.isoformat()),
    )


def _given(number: int, item: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": f"adm-{number}",
        "status": "completed",
        "medicationCodeableConcept": hospital.medication(item["rxnorm"], item["display"]),
        "subject": hospital.SUBJECT,
        "request": {"reference": f"MedicationRequest/med-{number}"},
        "effectiveDateTime": item["authoredOn"],
        "dosage": {
            "dose": {
                "value": item["given_meq"],
                "unit": "meq",
                "system": hospital.UCUM,
                "code": "meq",
            }
        },
    }


def _problem(number: int, item: dict[str, Any]) -> dict[str, Any]:
    clinical = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    onset = {"onsetDateTime": item["onset"]} if "onset" in item else {}
    return {
        "resourceType": "Condition",
        "id": f"cond-{number}",
        "clinicalStatus": {"coding": [{"system": clinical, "code": item["clinicalStatus"]}]},
        "code": {"coding": [{k: item[k] for k in ("system", "code", "display")}]},
        "subject": hospital.SUBJECT,
        **onset,
    }


def text_of(card: dict[str, Any]) -> str:
    """Everything a reader sees of a card."""
    labels = [item["label"] for item in card.get("suggestions", ())]
    return re.sub(r"\\(.)", r"\1", " ".join([card["summary"], card.get("detail", ""), *labels]))


def creates(cards: list[dict[str, Any]]) -> list[str]:
    """RxNorm codes of all drugs an answer would create."""
    return [
        action["resource"]["medicationCodeableConcept"]["coding"][0]["code"]
        for card in cards
        for item in card.get("suggestions", ())
        for action in item["actions"]
        if action["type"] == "create" and action["resource"]["resourceType"] == "MedicationRequest"
    ]


def magnesium_grams(cards: list[dict[str, Any]]) -> float:
    """Grams of magnesium sulfate over all suggestions of an answer."""
    return sum(
        float(rate["doseQuantity"]["value"])
        for card in cards
        for item in card.get("suggestions", ())
        for action in item["actions"]
        if action.get("resource", {}).get("resourceType") == "MedicationRequest"
        for dosage in action["resource"]["dosageInstruction"]
        for rate in dosage["doseAndRate"]
        if rate["doseQuantity"]["code"] == "g"
    )
