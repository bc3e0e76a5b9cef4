"""What reading any list of resources has in common: whose they are, and which could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import TypeVar

import msgspec

from cds.facts.record import Listing
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied
from cds.fhir.datatypes import CodeableConcept, FhirStruct, Reference

S = TypeVar("S", bound=FhirStruct)
T = TypeVar("T")

OTHER_PATIENT = "belongs to another patient"
UNREADABLE = "could not be read"


class Whose(Enum):
    """Whether a resource is about the patient in context."""

    SAME = "same"
    OTHER = "other"
    UNSTATED = "unstated"


def whose(subject: Reference | None, patient_id: str) -> Whose:
    """Relative, absolute, versioned and `urn:uuid:` references; a reference to anything else,
    another type included, is somebody else's. No literal reference at all = unstated."""
    if subject is None or not subject.reference or subject.reference.startswith("#"):
        return Whose.UNSTATED
    if subject.reference == f"urn:uuid:{patient_id}":
        return Whose.SAME
    same = subject.relative() == f"Patient/{patient_id}"
    return Whose.SAME if same else Whose.OTHER


def decoded(resource: RawResource, decoder: msgspec.json.Decoder[S]) -> S | None:
    """The resource, or None when it does not decode; never an exception."""
    try:
        return decoder.decode(resource.raw)
    except UNDECODABLE:
        return None


def of_type(supplied: Supplied, kind: str) -> Iterator[RawResource]:
    """The entries of one type; included resources of other types are passed over."""
    return (resource for resource in supplied.resources if resource.type == kind)


def named(resource: RawResource, why: str) -> str:
    """One line of the unreadable list: a reference and a reason, no values."""
    return f"{resource.ref}: {why}"


def codes_of(concept: CodeableConcept | str | None) -> frozenset[str]:
    """The lower-case codes of a status that is a CodeableConcept in R4 and a word before."""
    if concept is None:
        return frozenset()
    if isinstance(concept, str):
        return frozenset({concept.strip().lower()} - {""})
    return frozenset(item.code.strip().lower() for item in concept.coding if item.code)


def closed_listing(supplied: Supplied, items: Iterable[T], lost: int) -> Listing[T]:
    """A list in which an entry that could not be read makes absence unprovable (R32).

    `lost` counts decoded-envelope entries that nevertheless could not be judged.
    """
    lost += supplied.broken
    gap = supplied.gap
    if not gap and lost:
        gap = f"{lost} {'entry' if lost == 1 else 'entries'} of `{supplied.key}` {UNREADABLE}"
    failed = bool(supplied.gap) and supplied.asked
    return Listing(supplied.key, tuple(items), gap, supplied=supplied.supplied, failed=failed)
