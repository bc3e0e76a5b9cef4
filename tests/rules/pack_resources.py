"""Results, orders, problems as FHIR resources, in few words (part of pack_kit)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import hospital

Json = dict[str, Any]

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LABS = {
    "mg": ("19123-9", "mg/dL"),
    "k": ("2823-3", "mmol/L"),
    "cr": ("2160-0", "mg/dL"),
    "ca": ("17861-6", "mg/dL"),
    "ica": ("1995-0", "mmol/L"),
    "albumin": ("1751-7", "g/dL"),
    "phosphate": ("2777-1", "mg/dL"),
    "egfr": ("98979-8", "mL/min/{1.73_m2}"),
    "qtc": ("8636-3", "ms"),
    "wbc": ("6690-2", "10*3/uL"),
    "weight": ("29463-7", "kg"),
    "height": ("8302-2", "cm"),
}
# Names the clinical pack uses -> RxNorm code; a name that is not here is sent as text alone.
DRUGS = {
    "magnesium sulfate bag": "829757",
    "magnesium sulfate vial": "1658221",
    "magnesium oxide": "198741",
    "magnesium citrate": "1052760",
    "magnesium hydroxide": "253017",
    "potassium chloride": "8591",
    "potassium chloride tablet": "1801294",
    "potassium chloride concentrate": "204520",
    "calcium gluconate": "1668250",
    "furosemide": "4603",
    "omeprazole": "7646",
    "cisplatin": "2555",
    "cetuximab": "318341",
    "tacrolimus": "42316",
    "gentamicin": "1596450",
    "digoxin": "3407",
    "amiodarone": "703",
    "lisinopril": "29046",
}
ROUTES = {"iv": "47625008", "oral": "26643006", "im": "78421000"}
_SNOMED = "http://snomed.info/sct"
_ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"


def ago(hours: float) -> str:
    """So many hours before NOW, as FHIR writes it."""
    return (NOW - timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


def lab(
    what: str,
    value: object,
    unit: str = "",
    *,
    hours: float = 4,
    status: str = "final",
    **more: Any,
) -> Json:
    """One result. `what` is a name of LABS or a LOINC; `comparator` and `low` (the laboratory's
    lower limit, same unit) go where they belong, other keywords are members of the resource."""
    loinc, usual = LABS.get(what, (what, unit))
    unit = unit or usual
    found = hospital.lab(0, loinc, value, unit, ago(hours), status)
    found["id"] = ""
    if comparator := more.pop("comparator", ""):
        found["valueQuantity"]["comparator"] = comparator
    if (low := more.pop("low", None)) is not None:
        limit = {"value": low, "unit": unit, "system": hospital.UCUM, "code": unit}
        found["referenceRange"] = [{"low": limit}]
    return found | more


def quantity(words: str) -> Json:
    """`2 g` as a Quantity; a text without a unit has none."""
    value, _, unit = words.partition(" ")
    coded = {"unit": unit, "system": hospital.UCUM, "code": unit} if unit else {}
    return {"value": float(value) if "." in value else int(value), **coded}


def order(
    drug: str,
    dose: str = "",
    *,
    route: str = "",
    rate: str = "",
    repeat: Json | None = None,
    hours: float = 2,
    status: str = "active",
    **more: Any,
) -> Json:
    """One MedicationRequest: `order("magnesium sulfate bag", "2 g", route="iv", rate="1 g/h")`.

    Without a dose it has no dosage. `repeat` is Timing.repeat; other keywords are members.
    """
    found = hospital.order("", DRUGS.get(drug, ""), drug, status=status, authored=ago(hours))
    dosage: Json = {"timing": {"repeat": repeat}} if repeat else {}
    if route:
        dosage["route"] = {"coding": [{"system": _SNOMED, "code": ROUTES[route]}]}
    if dose:
        step = {"doseQuantity": quantity(dose)} | ({"rateQuantity": quantity(rate)} if rate else {})
        dosage["doseAndRate"] = [step]
    if dosage:
        found["dosageInstruction"] = [dosage]
    return found | more


def draft(drug: str, dose: str = "", **more: Any) -> Json:
    """One order that is being written; a magnesium infusion is intravenous."""
    if drug.startswith("magnesium sulfate"):
        more = {"route": "iv"} | more
    return order(drug, dose, **({"status": "draft", "hours": 0} | more))


def given(drug: str, dose: str, *, hours: float, of: str = "", **more: Any) -> Json:
    """One MedicationAdministration that took place, of the order with the id `of`."""
    found = {
        "resourceType": "MedicationAdministration",
        "id": "",
        "status": "completed",
        "medicationCodeableConcept": hospital.medication(DRUGS.get(drug, ""), drug),
        "subject": hospital.SUBJECT,
        "effectiveDateTime": ago(hours),
        "dosage": {"dose": quantity(dose)},
    }
    if of:
        found["request"] = {"reference": f"MedicationRequest/{of}"}
    return found | more


def problem(
    code: str,
    *,
    onset: float | None = None,
    recorded: float | None = None,
    clinical: str = "active",
) -> Json:
    """One Condition: a SNOMED CT code (digits only) or an ICD-10-CM code; times in hours ago."""
    words = "http://terminology.hl7.org/CodeSystem/condition-clinical"
    found: Json = {
        "resourceType": "Condition",
        "id": "",
        "clinicalStatus": {"coding": [{"system": words, "code": clinical}]},
        "code": _coded(code),
        "subject": hospital.SUBJECT,
    }
    if onset is not None:
        found["onsetDateTime"] = ago(onset)
    if recorded is not None:
        found["recordedDate"] = ago(recorded)
    return found


def procedure(code: str, *, hours: float) -> Json:
    """One completed Procedure."""
    return {
        "resourceType": "Procedure",
        "id": "",
        "status": "completed",
        "code": _coded(code),
        "subject": hospital.SUBJECT,
        "performedDateTime": ago(hours),
    }


def allergy(code: str, display: str) -> Json:
    """One active allergy to an RxNorm substance."""
    words = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
    return {
        "resourceType": "AllergyIntolerance",
        "id": "",
        "clinicalStatus": {"coding": [{"system": words, "code": "active"}]},
        "code": hospital.medication(code, display),
        "patient": hospital.SUBJECT,
    }


def lab_order(loinc: str, *, hours: float, status: str = "active") -> Json:
    """One ServiceRequest for a laboratory test."""
    return {
        "resourceType": "ServiceRequest",
        "id": "",
        "status": status,
        "intent": "order",
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "subject": hospital.SUBJECT,
        "authoredOn": ago(hours),
    }


def _coded(code: str) -> Json:
    system = _SNOMED if code.isdigit() else _ICD10
    return {"coding": [{"system": system, "code": code}], "text": f"condition {code}"}
