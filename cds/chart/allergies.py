"""Allergies to the substances we might suggest (clinical pack R10)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import msgspec

from cds.chart.clock import kept
from cds.chart.reading import (
    OTHER_PATIENT,
    UNREADABLE,
    Whose,
    closed_listing,
    codes_of,
    decoded,
    named,
    of_type,
    once,
    whose,
)
from cds.facts.record import AllergyEntry, Listing
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.datatypes import CodeableConcept, Reference
from cds.fhir.resources import AllergyIntolerance
from cds.kernel.codes import ATC, Coding

OVER = frozenset({"inactive", "resolved"})
DISPROVED = frozenset({"refuted", "entered-in-error"})
_MAGNESIUM = re.compile(r"\bmagnes|\bepsom\b|\bmgso4\b", re.IGNORECASE)
_ATC_LEVELS = (5, 4, 3)

_allergy = msgspec.json.Decoder(AllergyIntolerance)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one AllergyIntolerance says; `readable` is False where that is nothing at all."""

    patient: Reference | None
    over: bool
    readable: bool
    entries: tuple[AllergyEntry, ...]


def read_allergies(
    supplied: Supplied, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[AllergyEntry], tuple[str, ...]]:
    """Current allergies that name one of our substances, by code or by the word magnesium."""
    return kept(
        supplied, read_allergies, (terms,), now, lambda _: _allergies(supplied, terms, patient_id)
    )


def _allergies(
    supplied: Supplied, terms: Terminology, patient_id: str
) -> tuple[Listing[AllergyEntry], tuple[str, ...]]:
    entries: list[AllergyEntry] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, "AllergyIntolerance"):
        allergy = once(resource, terms, _said)
        if allergy is not None and allergy.over:
            continue
        if allergy is not None and whose(allergy.patient, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif allergy is None or not allergy.readable:
            lines.append(named(resource, UNREADABLE))
            lost += 1
        else:
            entries.extend(allergy.entries)
    return closed_listing(supplied, entries, lost), tuple(lines)


def _said(resource: RawResource, terms: Terminology) -> _Said | None:
    allergy = decoded(resource, _allergy)
    if allergy is None:
        return None
    found = _entries(resource, allergy, terms)
    return _Said(allergy.patient, _is_over(allergy), _says_anything(allergy), found)


def _is_over(allergy: AllergyIntolerance) -> bool:
    return bool(
        codes_of(allergy.clinicalStatus) & OVER or codes_of(allergy.verificationStatus) & DISPROVED
    )


def _named_in(allergy: AllergyIntolerance) -> list[CodeableConcept]:
    concepts = [allergy.code, *(item.substance for item in allergy.reaction or ())]
    return [concept for concept in concepts if concept is not None]


def _says_anything(allergy: AllergyIntolerance) -> bool:
    return any(concept.codings() or concept.words() for concept in _named_in(allergy))


def _entries(
    resource: RawResource, allergy: AllergyIntolerance, terms: Terminology
) -> tuple[AllergyEntry, ...]:
    concepts = _named_in(allergy)
    found = frozenset[str]().union(*(_substances(concept, terms) for concept in concepts))
    name = next((words for concept in concepts if (words := concept.words())), "")
    return (AllergyEntry(resource.ref, name, found),) if found else ()


def _substances(concept: CodeableConcept, terms: Terminology) -> frozenset[str]:
    """Coded substances; a magnesium word stands for every magnesium salt we know."""
    found: set[str] = set()
    for coding in concept.codings():
        for known in _with_classes(coding):
            found |= terms.allergens.get(known, frozenset())
        drug = terms.drugs.get(coding)
        for name in drug.ingredients if drug else ():
            found |= _meant(name, terms)
    texts = [concept.text or "", *(coding.display or "" for coding in concept.coding)]
    if not found and any(_MAGNESIUM.search(text) for text in texts):
        found = {name for names in terms.allergens.values() for name in names}
        found = {name for name in found if "magnesium" in name} | {"magnesium"}
    return frozenset(found)


def _with_classes(coding: Coding) -> tuple[Coding, ...]:
    """The code and, for ATC, the classes it stands in."""
    if coding.system != ATC:
        return (coding,)
    lengths = [length for length in _ATC_LEVELS if length < len(coding.code)]
    return (coding, *(Coding(ATC, coding.code[:length]) for length in lengths))


def _meant(ingredient: str, terms: Terminology) -> frozenset[str]:
    """What an allergy to a product with this ingredient is an allergy to."""
    if "magnesium" not in ingredient:
        return frozenset()
    known = (names for names in terms.allergens.values() if ingredient in names)
    return frozenset({ingredient}).union(*known)
