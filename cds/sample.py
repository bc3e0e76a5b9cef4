"""One complete order-select call about a synthetic patient, for a first try of the service.

Laboratory results go stale, so the call is written anew for each moment: an inpatient with severe
low magnesium, moderately reduced kidney function and a loop diuretic, for whom more of it is being
chosen. Every prefetch key is there, so nothing has to stay unknown.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

PATIENT = "synthetic-1"
ENCOUNTER = "synthetic-visit-1"
_SUBJECT = {"reference": f"Patient/{PATIENT}"}

_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_TERMS = "http://terminology.hl7.org/CodeSystem"

# (id, LOINC, name, value, unit, hours ago)
_RESULTS = (
    ("mg-1", "19123-9", "Magnesium [Mass/volume] in Serum or Plasma", 1.0, "mg/dL", 3),
    ("k-1", "2823-3", "Potassium [Moles/volume] in Serum or Plasma", 3.7, "mmol/L", 3),
    ("ca-1", "17861-6", "Calcium [Mass/volume] in Serum or Plasma", 9.1, "mg/dL", 3),
    ("cr-1", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", 1.3, "mg/dL", 3),
    ("cr-0", "2160-0", "Creatinine [Mass/volume] in Serum or Plasma", 1.3, "mg/dL", 27),
    ("weight-1", "29463-7", "Body weight", 70, "kg", 48),
)


def sample_request(now: datetime) -> dict[str, Any]:
    """The body of the call, every date counted back from `now` (aware): same moment, same body."""
    moment = now.astimezone(UTC).replace(microsecond=0)
    return {
        "hook": "order-select",
        "hookInstance": "0d1f4f0c-6a53-4f0e-8f43-5f2f4c7a9b10",
        "context": {
            "userId": "Practitioner/synthetic-doctor-1",
            "patientId": PATIENT,
            "encounterId": ENCOUNTER,
            "selections": ["MedicationRequest/draft-1"],
            "draftOrders": _bundle([_draft(moment)], "collection"),
        },
        "prefetch": _prefetch(moment),
    }


def _prefetch(now: datetime) -> dict[str, Any]:
    return {
        "patient": {
            "resourceType": "Patient",
            "id": PATIENT,
            "name": [{"family": "Synthetic", "given": ["Sandra"]}],
            "gender": "female",
            "birthDate": f"{now.year - 67}-01-01",
        },
        "observations": _bundle([_observation(now, *result) for result in _RESULTS]),
        "medications": _bundle([_active(now)]),
        "administrations": _bundle([]),
        "problems": _bundle([_heart_failure()]),
        "allergies": _bundle([]),
        "encounter": {
            "resourceType": "Encounter",
            "id": ENCOUNTER,
            "status": "in-progress",
            "class": {"system": f"{_TERMS}/v3-ActCode", "code": "IMP"},
            "subject": _SUBJECT,
            "period": {"start": _ago(now, 48)},
        },
        "lab_orders": _bundle([]),
        "procedures": _bundle([]),
    }


def _ago(now: datetime, hours: int) -> str:
    return (now - timedelta(hours=hours)).isoformat()


def _bundle(resources: list[dict[str, Any]], kind: str = "searchset") -> dict[str, Any]:
    entries = {"entry": [{"resource": item} for item in resources]} if resources else {}
    total = {"total": len(resources)} if kind == "searchset" else {}
    return {"resourceType": "Bundle", "type": kind, **total, **entries}


def _concept(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def _observation(
    now: datetime, name: str, loinc: str, text: str, value: float, unit: str, hours: int
) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": _concept(_LOINC, loinc, text),
        "subject": _SUBJECT,
        "effectiveDateTime": _ago(now, hours),
        "valueQuantity": {"value": value, "unit": unit, "system": _UCUM, "code": unit},
    }


def _heart_failure() -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "problem-1",
        "clinicalStatus": {
            "coding": [{"system": f"{_TERMS}/condition-clinical", "code": "active"}]
        },
        "code": _concept("http://snomed.info/sct", "84114007", "Heart failure"),
        "subject": _SUBJECT,
    }


def _active(now: datetime) -> dict[str, Any]:
    dosage = {"text": "40 mg by mouth once a day"}
    return _furosemide("order-1", "active", "313988", "furosemide 40 MG Oral Tablet") | {
        "authoredOn": _ago(now, 46),
        "dosageInstruction": [dosage],
    }


def _draft(now: datetime) -> dict[str, Any]:
    dosage = {"text": "40 mg IV once"}
    return _furosemide("draft-1", "draft", "1719290", "2 ML furosemide 10 MG/ML Injection") | {
        "authoredOn": _ago(now, 0),
        "dosageInstruction": [dosage],
    }


def _furosemide(name: str, status: str, code: str, text: str) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": _concept(_RXNORM, code, text),
        "subject": _SUBJECT,
        "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
    }
