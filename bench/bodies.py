"""Hook calls to measure with: realistic order-select bodies of about 5, 40 and 400 KB.

A hospital patient with falling magnesium and potassium, moderately reduced kidney function and a
loop diuretic, for whom more furosemide is being chosen. All times are relative to `NOW`, all values
fixed: the same body on every machine. `renamed` makes another patient of it, `edited` the next step
of editing the order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PATIENT = "bench-patient"
ENCOUNTER = "bench-encounter"
_INSTANCE = "6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a01"

OBSERVATIONS = {"5k": 3, "40k": 40, "400k": 378}
_AUTHORED = re.compile(rb'"authoredOn":"[^"]*')
MOVES = 16  # patients whose values and times differ

_LOINC, _UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

# (LOINC, name, unit, newest value, change per step back, low, high)
_LABS = (
    ("19123-9", "Magnesium [Mass/volume] in Serum or Plasma", "mg/dL", 1.3, 0.05, 1.7, 2.4),
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3.2, 0.06, 3.5, 5.1),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", 1.4, -0.01, 0.5, 1.1),
    ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", "mg/dL", 8.9, 0.01, 8.6, 10.3),
)
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_LAB_ONLY = ("category", "referenceRange")
_PROBLEMS = (("84114007", "Heart failure"), ("38341003", "Hypertensive disorder"))


def body(name: str) -> bytes:
    """The body called `5k`, `40k` or `400k`, as a client sends it."""
    return encoded(call(OBSERVATIONS[name]))


def patients(observations: int) -> tuple[bytes, ...]:
    """Bodies of that many Observations whose values and times differ a little, to make any number
    of patients from."""
    return tuple(encoded(call(observations, moved=moved)) for moved in range(MOVES))


def encoded(document: dict[str, Any]) -> bytes:
    """As it goes over the wire."""
    return json.dumps(document, separators=(",", ":")).encode()


def renamed(payload: bytes, number: int) -> bytes:
    """The same call for another patient: other ids of everything, another `hookInstance`."""
    for old, new in (
        (PATIENT.encode(), b"p%012d" % number),
        (ENCOUNTER.encode(), b"e%014d" % number),
        (_INSTANCE[-12:].encode(), b"%012x" % number),
        (b'"lab-', b'"%d-' % number),
        (b"Observation/lab-", b"Observation/%d-" % number),
    ):
        payload = payload.replace(old, new)
    return payload


def edited(payload: bytes, number: int) -> bytes:
    """The same patient and data while an order is edited: the draft has another dose, another id
    and another time, and the call another `hookInstance`."""
    context, mark, data = payload.partition(b'"prefetch"')
    for old, new in (
        (_INSTANCE[-12:].encode(), b"%012x" % number),
        (b"draft-1", b"draft-%d" % number),
        (b'"value":40', b'"value":%d' % (10 * (1 + number % 12))),
    ):
        context = context.replace(old, new)
    written = (
        b'"authoredOn":"%s' % (NOW - timedelta(seconds=1 + number % 3000)).isoformat().encode()
    )
    return _AUTHORED.sub(written, context) + mark + data


def call(observations: int, now: datetime = NOW, moved: int = 0) -> dict[str, Any]:
    """A call with that many Observations, all times before `now` (aware). `moved` raises each value
    by that many hundredths and makes it that many minutes older."""
    patient = _Patient(now - timedelta(minutes=moved), moved)
    labs = (patient.observation(i) for i in range(observations - 1))
    return {
        "hook": "order-select",
        "hookInstance": _INSTANCE,
        "context": {
            "userId": "Practitioner/bench-doctor",
            "patientId": PATIENT,
            "encounterId": ENCOUNTER,
            "selections": ["MedicationRequest/draft-1"],
            "draftOrders": {
                "resourceType": "Bundle",
                "type": "collection",
                "entry": [{"resource": patient.furosemide("draft-1", "draft")}],
            },
        },
        "prefetch": {
            "patient": _person(),
            "observations": _bundle([patient.weight(), *labs]),
            "medications": _bundle(
                [patient.furosemide("mr-1", "active"), patient.potassium("mr-2")]
            ),
            "administrations": _bundle([]),
            "problems": _bundle([_problem(i) for i in range(len(_PROBLEMS))]),
            "allergies": _bundle([]),
            "encounter": patient.encounter(),
            "lab_orders": _bundle([]),
            "procedures": _bundle([]),
        },
    }


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    found = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    if not resources:
        return found
    entry = [
        {
            "fullUrl": f"https://ehr.example.org/fhir/{item['resourceType']}/{item['id']}",
            "resource": item,
            "search": {"mode": "match"},
        }
        for item in resources
    ]
    return {**found, "entry": entry}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _subject() -> dict[str, Any]:
    return {"reference": f"Patient/{PATIENT}"}


def _person() -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": PATIENT,
        "active": True,
        "name": [{"use": "official", "family": "Synthetic", "given": ["Bench"]}],
        "gender": "female",
        "birthDate": "1957-03-14",
    }


def _problem(index: int) -> dict[str, Any]:
    code, name = _PROBLEMS[index]
    status = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    return {
        "resourceType": "Condition",
        "id": f"problem-{index}",
        "clinicalStatus": _concept(status, "active", "Active"),
        "code": _concept("http://snomed.info/sct", code, name),
        "subject": _subject(),
        "recordedDate": "2024-05-02",
    }


@dataclass(frozen=True, slots=True)
class _Patient:
    """What of the patient depends on the time, and on how far the values are moved."""

    now: datetime
    moved: int

    def encounter(self) -> dict[str, Any]:
        kind = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
        return {
            "resourceType": "Encounter",
            "id": ENCOUNTER,
            "status": "in-progress",
            "class": {"system": kind, "code": "IMP", "display": "inpatient encounter"},
            "subject": _subject(),
            "period": {"start": self._ago(96)},
        }

    def observation(self, index: int) -> dict[str, Any]:
        code, name, unit, newest, step, low, high = _LABS[index % len(_LABS)]
        back = index // len(_LABS)
        # A long stay swings around the trend instead of following it out of range.
        value = round(newest + step * (back % 10) + self.moved / 100, 2)
        quantity = {"unit": unit, "system": _UCUM, "code": unit}
        return {
            "resourceType": "Observation",
            "id": f"lab-{index}",
            "meta": {"versionId": "1", "lastUpdated": self._ago(2.5 + 6 * back)},
            "status": "final",
            "category": [_concept(_CATEGORY, "laboratory", "Laboratory")],
            "code": _concept(_LOINC, code, name),
            "subject": _subject(),
            "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
            "effectiveDateTime": self._ago(3 + 6 * back),
            "issued": self._ago(2.5 + 6 * back),
            "valueQuantity": {"value": value, **quantity},
            "referenceRange": [
                {"low": {"value": low, **quantity}, "high": {"value": high, **quantity}}
            ],
        }

    def weight(self) -> dict[str, Any]:
        quantity = {"value": 71.5, "unit": "kg", "system": _UCUM, "code": "kg"}
        lab = self.observation(0)
        return {
            **{name: value for name, value in lab.items() if name not in _LAB_ONLY},
            "id": "weight",
            "code": _concept(_LOINC, "29463-7", "Body weight"),
            "valueQuantity": quantity,
        }

    def furosemide(self, identity: str, status: str) -> dict[str, Any]:
        dose = {"value": 40, "unit": "mg", "code": "mg"}
        return self._order(identity, status, "313988", "furosemide 40 MG Oral Tablet", dose)

    def potassium(self, identity: str) -> dict[str, Any]:
        name = "potassium chloride 20 MEQ Extended Release Oral Tablet"
        dose = {"value": 20, "unit": "meq", "code": "meq"}
        return self._order(identity, "active", "1801294", name, dose)

    def _order(
        self, identity: str, status: str, code: str, name: str, dose: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "resourceType": "MedicationRequest",
            "id": identity,
            "status": status,
            "intent": "order",
            "medicationCodeableConcept": _concept(_RXNORM, code, name),
            "subject": _subject(),
            "encounter": {"reference": f"Encounter/{ENCOUNTER}"},
            "authoredOn": self._ago(48 if status == "active" else 0),
            "dosageInstruction": [
                {
                    "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
                    "route": _concept("http://snomed.info/sct", "26643006", "Oral route"),
                    "doseAndRate": [{"doseQuantity": {"system": _UCUM, **dose}}],
                }
            ],
        }

    def _ago(self, hours: float) -> str:
        return (self.now - timedelta(hours=hours)).isoformat()
