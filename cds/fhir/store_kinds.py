"""What the sandbox FHIR server can serve and search: one line of data per R4 resource type.

Names and meaning of the parameters: FHIR R4, the "Search Parameters" table of each resource. Only
those are here that the prefetch templates use, and their nearest neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_BOTH = ("patient", "subject")
_CODED = {"code": "code", "category": "category", "status": "status"}
_ORDERED = {"code": "medicationCodeableConcept", "status": "status"}
_ABOUT = {"code": "code", "category": "category", "clinical-status": "clinicalStatus"}
_MEDICATION = {"medication": "medicationReference"}


@dataclass(frozen=True, slots=True)
class Kind:
    """How one resource type is searched: parameter -> element it looks at.

    `patient`: reference parameters that name the patient. `tokens`: codes, with or without system.
    `dates`: what `_sort` may name, the first of the elements that is there counts. `includes`:
    references that `_include` follows, all of them to a Medication.
    """

    patient: tuple[str, ...] = ()
    tokens: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    includes: Mapping[str, str] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = {
    "Patient": Kind(),
    "Encounter": Kind(_BOTH, {"status": "status"}, {"date": ("period",)}),
    "Observation": Kind(
        _BOTH, _CODED, {"date": ("effectiveDateTime", "effectiveInstant", "effectivePeriod")}
    ),
    "Condition": Kind(
        _BOTH,
        _ABOUT,
        {"onset-date": ("onsetDateTime", "onsetPeriod"), "recorded-date": ("recordedDate",)},
    ),
    "AllergyIntolerance": Kind(("patient",), _ABOUT, {"date": ("recordedDate",)}),
    "MedicationRequest": Kind(
        _BOTH,
        {**_ORDERED, "category": "category", "intent": "intent"},
        {"authoredon": ("authoredOn",)},
        _MEDICATION,
    ),
    "MedicationAdministration": Kind(
        _BOTH,
        _ORDERED,
        {"effective-time": ("effectiveDateTime", "effectivePeriod")},
        _MEDICATION,
    ),
    "ServiceRequest": Kind(_BOTH, _CODED, {"authored": ("authoredOn",)}),
    "Procedure": Kind(_BOTH, _CODED, {"date": ("performedDateTime", "performedPeriod")}),
    "Medication": Kind((), {"code": "code", "status": "status"}),
}
