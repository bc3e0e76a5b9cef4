"""What reading any list of resources has in common: whose they are, and which could not be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import TypeVar, cast

import msgspec

from cds.facts.record import Listing
from cds.facts.terminology import Terminology
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


def is_unstated(subject: Reference | None) -> bool:
    """Whether a resource does not say whom it is about: no literal reference at all."""
    return subject is None or not subject.reference or subject.reference.startswith("#")


def whose(subject: Reference | None, patient_id: str) -> Whose:
    """Relative, absolute, versioned and `urn:uuid:` references; a reference to anything else,
    another type included, is somebody else's."""
    if subject is None or is_unstated(subject):
        return Whose.UNSTATED
    wanted = f"Patient/{patient_id}"
    if subject.reference == wanted and "/" not in patient_id:  # how it is nearly always written
        return Whose.SAME
    if subject.reference == f"urn:uuid:{patient_id}" or subject.relative() == wanted:
        return Whose.SAME
    return Whose.OTHER


def decoded(resource: RawResource, decoder: msgspec.json.Decoder[S]) -> S | None:
    """The resource, or None when it does not decode; never an exception."""
    try:
        return decoder.decode(resource.raw)
    except UNDECODABLE:
        return None


def once(
    resource: RawResource,
    terms: Terminology,
    read: Callable[[RawResource, Terminology], T],
) -> T:
    """`read(resource, terms)`, or what it gave for the same bytes and the same terminology before.

    `read` is a function of the bytes and the terminology alone: it asks neither the moment nor the
    patient of the call nor `full_url`, and what it gives holds no view of the bytes.
    """
    known = resource.known
    if known is None:
        return read(resource, terms)
    kept = known.readings.get(read)
    if kept is not None and kept[0] is terms:
        return cast(T, kept[1])
    found = read(resource, terms)
    known.readings[read] = (terms, found)
    return found


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
