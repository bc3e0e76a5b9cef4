"""Builds order-select bodies out of few words: a patient, labs, drugs, problems, draft orders.

Lists that a test does not mention are supplied empty, as a client with full prefetch sends them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
LISTS = ("medications", "administrations", "problems", "allergies", "lab_orders", "procedures")
PATIENT = "syn-1"
SUBJECT = {"reference": f"Patient/{PATIENT}"}


def bundle(resources: Iterable[dict[str, Any]], kind: str = "searchset") -> dict[str, Any]:
    """A Bundle of resources."""
    entries = [{"resource": item} for item in resources]
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def patient(now: datetime, age: int, sex: str = "female") -> dict[str, Any]:
    """A synthetic person of that age."""
    birth = (now - timedelta(days=age * 365.25 + 40)).date().isoformat()
    return {"resourceType": "Patient", "id": PATIENT, "gender": sex, "birthDate": birth}


def lab(
    number: int, loinc: str, value: object, unit: str, when: str, status: str = "final"
) -> dict[str, Any]:
    """One Observation."""
    return {
        "resourceType": "Observation",
        "id": f"obs-{number}",
        "status": status,
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": SUBJECT,
        "effectiveDateTime": when,
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    }


def medication(code: str, display: str) -> dict[str, Any]:
    """A CodeableConcept; without a code only text."""
    coded = {"coding": [{"system": RXNORM, "code": code, "display": display}]} if code else {}
    return {**coded, "text": display}


def order(
    number: str,
    code: str,
    display: str,
    *,
    status: str = "active",
    authored: str = "2026-11-01T00:00:00Z",
    dosage: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One MedicationRequest."""
    return {
        "resourceType": "MedicationRequest",
        "id": number,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": medication(code, display),
        "subject": SUBJECT,
        "authoredOn": authored,
        **({"dosageInstruction": [dosage]} if dosage else {}),
    }


def call(
    *,
    person: dict[str, Any],
    observations: list[dict[str, Any]],
    drafts: list[dict[str, Any]],
    inpatient: bool,
    **lists: list[dict[str, Any]],
) -> dict[str, Any]:
    """The body of an order-select call in which every draft is selected."""
    prefetch: dict[str, Any] = {"patient": person, "observations": bundle(observations)}
    prefetch |= {key: bundle(lists.get(key, [])) for key in LISTS}
    context: dict[str, Any] = {
        "userId": "Practitioner/doc-1",
        "patientId": PATIENT,
        "selections": [f"{item['resourceType']}/{item['id']}" for item in drafts],
        "draftOrders": bundle(drafts, "collection"),
    }
    if inpatient:
        context["encounterId"] = "enc-1"
        prefetch["encounter"] = {
            "resourceType": "Encounter",
            "id": "enc-1",
            "status": "in-progress",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
            "subject": SUBJECT,
        }
    return {
        "hook": "order-select",
        "hookInstance": "5b6ea5d1-7b0c-4f1e-9a6e-0d2c1f1f2a10",
        "context": context,
        "prefetch": prefetch,
    }


def body(request: dict[str, Any]) -> bytes:
    """The request as it goes over the wire."""
    return json.dumps(request).encode()
