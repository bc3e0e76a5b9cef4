"""The R4 medication resources, as far as the chart reads them; unknown members are skipped.

Numbers of doses stay raw (see `resources`): a JSON string is not a number, and a dose is never
read from something that only looks like one.
"""

from __future__ import annotations

import msgspec

from cds.fhir.bundle import ABSENT
from cds.fhir.datatypes import CodeableConcept, FhirStruct, Identifier, Period, Reference
from cds.fhir.resources import ResultQuantity


class DoseRatio(FhirStruct, frozen=True):
    """R4 Ratio: an amount per time."""

    numerator: ResultQuantity | None = None
    denominator: ResultQuantity | None = None


class DoseAndRate(FhirStruct, frozen=True):
    """How much, and how fast. Ranges are only noticed, never read.

    `type` says which of several ways of telling one dose this is; R4 has a CodeableConcept there.
    """

    type: msgspec.Raw = ABSENT
    doseQuantity: ResultQuantity | None = None
    doseRange: msgspec.Raw = ABSENT
    rateQuantity: ResultQuantity | None = None
    rateRatio: DoseRatio | None = None
    rateRange: msgspec.Raw = ABSENT


class Repeat(FhirStruct, frozen=True):
    """Timing.repeat."""

    boundsPeriod: Period | None = None
    count: msgspec.Raw = ABSENT
    frequency: msgspec.Raw = ABSENT
    frequencyMax: msgspec.Raw = ABSENT
    period: msgspec.Raw = ABSENT
    periodUnit: str | None = None
    duration: msgspec.Raw = ABSENT
    durationUnit: str | None = None
    dayOfWeek: tuple[str, ...] | None = None
    timeOfDay: tuple[str, ...] | None = None


class Timing(FhirStruct, frozen=True):
    """When doses are due."""

    event: tuple[str, ...] | None = None
    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class Dosage(FhirStruct, frozen=True):
    """One dosage instruction."""

    text: str | None = None
    timing: Timing | None = None
    asNeededBoolean: bool | None = None
    asNeededCodeableConcept: CodeableConcept | None = None
    route: CodeableConcept | None = None
    method: CodeableConcept | None = None
    doseAndRate: tuple[DoseAndRate, ...] | None = None


class DispenseRequest(FhirStruct, frozen=True):
    """Only how long the order is valid."""

    validityPeriod: Period | None = None


class MedicationRequest(FhirStruct, frozen=True):
    """An order, draft or record of a past order."""

    id: str | None = None
    status: str | None = None
    intent: str | None = None
    doNotPerform: bool | None = None
    subject: Reference | None = None
    authoredOn: str | None = None
    identifier: tuple[Identifier, ...] | None = None
    basedOn: tuple[Reference, ...] | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    dispenseRequest: DispenseRequest | None = None
    dosageInstruction: tuple[Dosage, ...] | None = None
    contained: tuple[msgspec.Raw, ...] | None = None


class Ingredient(FhirStruct, frozen=True):
    """Medication.ingredient. `isActive` false = an excipient."""

    itemCodeableConcept: CodeableConcept | None = None
    itemReference: Reference | None = None
    isActive: bool | None = None


class Medication(FhirStruct, frozen=True):
    """A product, or a mix that only its ingredients name."""

    id: str | None = None
    code: CodeableConcept | None = None
    identifier: tuple[Identifier, ...] | None = None
    ingredient: tuple[Ingredient, ...] | None = None


class AdministeredDosage(FhirStruct, frozen=True):
    """MedicationAdministration.dosage. `method` is where some hospitals say "Not Given"."""

    text: str | None = None
    route: CodeableConcept | None = None
    method: CodeableConcept | None = None
    dose: ResultQuantity | None = None


class MedicationAdministration(FhirStruct, frozen=True):
    """What was given, or was planned to be."""

    id: str | None = None
    status: str | None = None
    subject: Reference | None = None
    request: Reference | None = None
    effectiveDateTime: str | None = None
    effectivePeriod: Period | None = None
    medicationCodeableConcept: CodeableConcept | None = None
    medicationReference: Reference | None = None
    dosage: AdministeredDosage | None = None
    contained: tuple[msgspec.Raw, ...] | None = None
