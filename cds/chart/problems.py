"""Conditions, procedures and allergies as entries named by our code sets.

A stop is found here or nowhere, so every coding of an entry is tried, an unknown clinical status
counts as active, and an entry whose code cannot be read makes absence unprovable (R32).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

import msgspec

from cds.chart.clock import Clock, kept
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
from cds.chart.times import event_time
from cds.facts.record import Listing, ProblemEntry, ProcedureEntry
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.resources import Condition, Procedure
from cds.kernel.codes import ICD10, SNOMED, Coding

OVER = frozenset({"resolved", "inactive", "remission"})
DISPROVED = frozenset({"refuted", "entered-in-error"})
DONE = frozenset({"completed", "in-progress"})
NO_CODE = "has no readable code"
READ = frozenset({SNOMED, ICD10})

_condition = msgspec.json.Decoder(Condition)
_procedure = msgspec.json.Decoder(Procedure)
_ICD10_URI = re.compile(r"icd-?10(?!.*pcs)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Diagnosis:
    """A Condition with what its code says: `concepts` are our ids."""

    condition: Condition
    systems: frozenset[str]
    concepts: frozenset[str]


def read_problems(
    supplied: Supplied,
    terms: Terminology,
    now: datetime,
    patient_id: str,
    encounter_id: str | None = None,
) -> tuple[Listing[ProblemEntry], tuple[str, ...]]:
    """Active Conditions that were not refuted, and lines about what could not be read."""
    return kept(
        supplied,
        read_problems,
        (terms, encounter_id),
        now,
        lambda clock: _problems(supplied, terms, clock, patient_id, encounter_id),
    )


def _problems(
    supplied: Supplied,
    terms: Terminology,
    clock: Clock,
    patient_id: str,
    encounter_id: str | None,
) -> tuple[Listing[ProblemEntry], tuple[str, ...]]:
    entries: list[ProblemEntry] = []
    lines: list[str] = []
    lost = foreign = 0
    for resource in of_type(supplied, "Condition"):
        read = once(resource, terms, _diagnosis)
        condition = read.condition if read else None
        if condition is not None and _is_over(condition, clock):
            continue
        if condition is not None and whose(condition.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif read is None or not read.systems:
            lines.append(named(resource, UNREADABLE if read is None else NO_CODE))
            lost += 1
        else:
            foreign += not read.systems & READ
            entries.append(_problem(resource, read, clock, encounter_id))
    if foreign:
        word = "problem is" if foreign == 1 else "problems are"
        lines.append(f"problems: {foreign} {word} coded in a system that is not read here")
    return closed_listing(supplied, entries, lost), tuple(lines)


def _of_another_stay(condition: Condition, encounter_id: str | None) -> bool:
    """Coded at another encounter and never said to be active: a stop counts it, a risk does not."""
    if codes_of(condition.clinicalStatus) or condition.encounter is None:
        return False
    return condition.encounter.relative() != f"Encounter/{encounter_id}"


def _is_over(condition: Condition, clock: Clock) -> bool:
    clinical = codes_of(condition.clinicalStatus)
    if clinical & OVER or codes_of(condition.verificationStatus) & DISPROVED:
        return True
    ended = event_time(condition.abatementDateTime, clock)
    return not clinical and ended is not None and clock.reached(ended)


def _diagnosis(resource: RawResource, terms: Terminology) -> _Diagnosis | None:
    condition = decoded(resource, _condition)
    if condition is None:
        return None
    codings = _codings(condition.code)
    systems = frozenset(coding.system for coding in codings)
    return _Diagnosis(condition, systems, _concepts(codings, terms))


def _problem(
    resource: RawResource, read: _Diagnosis, clock: Clock, encounter_id: str | None
) -> ProblemEntry:
    condition, period = read.condition, read.condition.onsetPeriod
    onset = condition.onsetDateTime or (period.start if period else None)
    return ProblemEntry(
        source=resource.ref,
        name=condition.code.words() if condition.code else "",
        concepts=read.concepts,
        onset=event_time(onset, clock),
        recorded=event_time(condition.recordedDate, clock),
        of_another_stay=_of_another_stay(condition, encounter_id),
    )


def _codings(concept: CodeableConcept | None) -> tuple[Coding, ...]:
    """All codings, any ICD-10 edition under one system and spelled with its dot."""
    return tuple(_folded(coding) for coding in concept.codings()) if concept else ()


def _folded(coding: Coding) -> Coding:
    if not _ICD10_URI.search(coding.system) and coding.system != ICD10:
        return coding
    plain = coding.code.strip().upper().replace(".", "")
    return Coding(ICD10, f"{plain[:3]}.{plain[3:]}" if len(plain) > 3 else plain)


def _concepts(codings: tuple[Coding, ...], terms: Terminology) -> frozenset[str]:
    found: set[str] = set()
    for coding in codings:
        found |= terms.problems.get(coding, frozenset())
        plain = coding.code.replace(".", "")
        found.update(
            name
            for system, prefix, name in terms.problem_prefixes
            if system == coding.system and plain.startswith(prefix.replace(".", ""))
        )
    return frozenset(found)


def read_procedures(
    supplied: Supplied, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[ProcedureEntry], tuple[str, ...]]:
    """Completed or ongoing Procedures named by our code sets, and lines about the unreadable."""
    return kept(
        supplied,
        read_procedures,
        (terms,),
        now,
        lambda clock: _procedures(supplied, terms, clock, patient_id),
    )


def _procedures(
    supplied: Supplied, terms: Terminology, clock: Clock, patient_id: str
) -> tuple[Listing[ProcedureEntry], tuple[str, ...]]:
    entries: list[ProcedureEntry] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, "Procedure"):
        procedure = decoded(resource, _procedure)
        if procedure is not None and procedure.status not in DONE:
            continue
        if procedure is not None and whose(procedure.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif procedure is None or not _codings(procedure.code):
            lines.append(named(resource, UNREADABLE if procedure is None else NO_CODE))
            lost += 1
        else:
            entries.extend(_procedure_entries(resource, procedure, terms, clock))
    return closed_listing(supplied, entries, lost), tuple(lines)


def _procedure_entries(
    resource: RawResource, procedure: Procedure, terms: Terminology, clock: Clock
) -> list[ProcedureEntry]:
    codings = _codings(procedure.code)
    concepts = frozenset[str]().union(*(terms.procedures.get(c, frozenset()) for c in codings))
    if not concepts:
        return []
    name = procedure.code.words() if procedure.code else ""
    return [ProcedureEntry(resource.ref, name, concepts, _performed(procedure, clock))]


def _performed(procedure: Procedure, clock: Clock) -> datetime | None:
    """The latest moment it was going on: an ongoing dialysis is going on now."""
    period = procedure.performedPeriod
    if period is None:
        return event_time(procedure.performedDateTime, clock)
    end = event_time(period.end, clock)
    if end is None and procedure.status == "in-progress":
        return clock.exactly()
    return end or event_time(period.start, clock)
