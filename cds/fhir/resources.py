"""The R4 resources the chart reads (medication resources apart), as far as it reads them.

Members whose shape differs between FHIR versions and vendors stay `msgspec.Raw`: an odd note must
not make a potassium result unreadable. Numbers of results stay raw as well, because `1.0` is shown
as `1.0` and because a JSON string is not a number. So do codes, values and ranges of results, of
which the same few are sent again and again.
"""

from __future__ import annotations

import msgspec

from cds.fhir.bundle import ABSENT
from cds.fhir.datatypes import CodeableConcept, FhirStruct, Meta, Period, Reference


class ResultQuantity(FhirStruct, frozen=True):
    """R4 Quantity whose number is kept as received."""

    value: msgspec.Raw = ABSENT
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class ReferenceRange(FhirStruct, frozen=True):
    """Observation.referenceRange; `type` and `appliesTo` say when it is not the normal range."""

    low: ResultQuantity | None = None
    type: CodeableConcept | None = None
    appliesTo: tuple[CodeableConcept, ...] | None = None


class Observation(FhirStruct, frozen=True):
    """A laboratory result or measurement."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    code: msgspec.Raw = ABSENT
    subject: Reference | None = None
    effectiveDateTime: str | None = None
    effectiveInstant: str | None = None
    effectivePeriod: Period | None = None
    issued: str | None = None
    valueQuantity: msgspec.Raw = ABSENT
    valueString: str | None = None
    valueInteger: msgspec.Raw = ABSENT
    valueCodeableConcept: msgspec.Raw = ABSENT
    dataAbsentReason: msgspec.Raw = ABSENT
    interpretation: msgspec.Raw = ABSENT
    note: msgspec.Raw = ABSENT
    specimen: msgspec.Raw = ABSENT
    component: msgspec.Raw = ABSENT
    contained: msgspec.Raw = ABSENT
    referenceRange: msgspec.Raw = ABSENT


class ObservationOutline(FhirStruct, frozen=True):
    """What can still be told of an Observation that does not decode."""

    code: CodeableConcept | None = None
    status: msgspec.Raw = ABSENT
    effectiveDateTime: msgspec.Raw = ABSENT


class Patient(FhirStruct, frozen=True):
    """Age basis and sex."""

    id: str | None = None
    gender: str | None = None
    birthDate: str | None = None


class Condition(FhirStruct, frozen=True):
    """A problem or diagnosis. Statuses are plain strings in old payloads."""

    id: str | None = None
    clinicalStatus: CodeableConcept | str | None = None
    verificationStatus: CodeableConcept | str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    onsetDateTime: str | None = None
    onsetPeriod: Period | None = None
    abatementDateTime: str | None = None
    recordedDate: str | None = None
    encounter: Reference | None = None


class Procedure(FhirStruct, frozen=True):
    """Something done to the patient."""

    id: str | None = None
    status: str | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    performedDateTime: str | None = None
    performedPeriod: Period | None = None


class AllergyReaction(FhirStruct, frozen=True):
    """The substance of one reaction, where it is more exact than the allergy's own code."""

    substance: CodeableConcept | None = None


class AllergyIntolerance(FhirStruct, frozen=True):
    """An allergy or intolerance."""

    id: str | None = None
    clinicalStatus: CodeableConcept | str | None = None
    verificationStatus: CodeableConcept | str | None = None
    code: CodeableConcept | None = None
    patient: Reference | None = None
    reaction: tuple[AllergyReaction, ...] | None = None


class ServiceRequest(FhirStruct, frozen=True):
    """An order for a laboratory test."""

    id: str | None = None
    status: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None
    code: CodeableConcept | None = None
    subject: Reference | None = None
    authoredOn: str | None = None


class EncounterLocation(FhirStruct, frozen=True):
    """One stay in one place."""

    location: Reference | None = None
    status: str | None = None
    period: Period | None = None


class Encounter(FhirStruct, frozen=True):
    """A contact with care. `class` is one Coding in R4, a list in R5, a word before."""

    id: str | None = None
    status: str | None = None
    class_: msgspec.Raw = msgspec.field(default=ABSENT, name="class")
    subject: Reference | None = None
    location: tuple[EncounterLocation, ...] | None = None
    contained: tuple[msgspec.Raw, ...] | None = None


class Location(FhirStruct, frozen=True):
    """A place; its type may be intensive care."""

    id: str | None = None
    type: tuple[CodeableConcept, ...] | None = None


class OutcomeIssue(FhirStruct, frozen=True):
    """One issue of an OperationOutcome."""

    severity: str | None = None


class OperationOutcome(FhirStruct, frozen=True):
    """What a server said about a query."""

    issue: tuple[OutcomeIssue, ...] | None = None
