"""Observations as lab results: usable, or set aside with a reason and their face value.

Each Observation stands alone: one that cannot be read is named and never silences the rest, and
what is not usable is kept where a reader can see it (clinical pack R2, design section 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from cds.chart.lab_remarks import Haemolysis, haemolysis, wrong_specimen
from cds.chart.lab_values import Reading, read_value, reference_low
from cds.chart.reading import (
    OTHER_PATIENT,
    UNREADABLE,
    Whose,
    decoded,
    is_unstated,
    named,
    of_type,
    once,
    whose,
)
from cds.chart.times import Moment, read_moment
from cds.facts.model import Reason
from cds.facts.record import LabResult, Listing
from cds.facts.terminology import LabCode, Terminology
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied, is_present
from cds.fhir.datatypes import CodeableConcept, Reference
from cds.fhir.resources import Observation, ObservationOutline
from cds.kernel.codes import LOINC, Coding, Loinc
from cds.kernel.units import Analyte

FINAL = frozenset({"final", "corrected", "amended"})
READ = FINAL | {"preliminary"}
DROPPED = frozenset({"registered", "cancelled", "entered-in-error", "unknown"})  # silently (R2)

_observation = msgspec.json.Decoder(Observation)
_outline = msgspec.json.Decoder(ObservationOutline)
_text = msgspec.json.Decoder(str)
_NO_WORSE = (None, Reason.HAEMOLYSED, Reason.PRELIMINARY)  # reasons that come after `FUTURE`
_RELEASED_BY_HAEMOLYSIS = frozenset({Analyte.POTASSIUM, Analyte.MAGNESIUM})
_NOT_FROM_BLOOD = (Analyte.QTC, Analyte.WEIGHT, Analyte.HEIGHT)


@dataclass(frozen=True, slots=True)
class _Match:
    """The codes of one Observation that are in our table, as one analyte."""

    analyte: Analyte
    codes: tuple[LabCode, ...]
    loinc: Loinc | None
    refused: Reason | None

    @property
    def flags(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([code.flag for code in self.codes if code.flag]))


def read_labs(
    supplied: Supplied, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[LabResult], tuple[str, ...]]:
    """(results of the analytes in `terms`, lines about what was left out).

    The listing has a gap only where the search itself was incomplete: one unreadable Observation
    is named and set aside for its analyte, and the others still count.
    """
    results: list[LabResult] = []
    lines: list[str] = []
    for resource in of_type(supplied, "Observation"):
        found, why = _read(resource, terms, now, patient_id)
        results.extend(found)
        if why:
            lines.append(named(resource, why))
    if supplied.broken:
        lines.append(f"{supplied.key}: {supplied.broken} without a readable resource")
    listing = Listing(supplied.key, tuple(results), supplied.gap, supplied=supplied.supplied)
    return listing, tuple(lines)


@dataclass(frozen=True, slots=True)
class _Said:
    """What one Observation says, whoever reads it and whenever."""

    results: tuple[LabResult, ...] = ()
    subject: Reference | None = None
    why: str = ""


_NOTHING = _Said()


def _read(
    resource: RawResource, terms: Terminology, now: datetime, patient_id: str
) -> tuple[tuple[LabResult, ...], str]:
    said = once(resource, terms, _said)
    if said.why or not said.results:
        return said.results, said.why
    if whose(said.subject, patient_id) is Whose.OTHER:
        return (), OTHER_PATIENT
    return tuple(_as_of(result, now) for result in said.results), ""


def _as_of(result: LabResult, now: datetime) -> LabResult:
    """A result of the future is set aside for that, unless for something worse."""
    if result.effective is None or result.effective <= now or result.set_aside not in _NO_WORSE:
        return result
    return replace(result, set_aside=Reason.FUTURE)


def _said(resource: RawResource, terms: Terminology) -> _Said:
    observation = decoded(resource, _observation)
    if observation is None:
        return _Said(_unreadable(resource, terms), why=UNREADABLE)
    if observation.status in DROPPED:
        return _NOTHING
    matches = _matches(observation.code, terms)
    if not matches:
        return _NOTHING
    flags = ("no subject stated",) if is_unstated(observation.subject) else ()
    results = tuple(_result(resource, observation, match, terms, flags) for match in matches)
    return _Said(results, observation.subject)


def _matches(concept: CodeableConcept | None, terms: Terminology) -> tuple[_Match, ...]:
    """One match per analyte. Any coding may match; a refused one refuses them all, and codes of
    two analytes make the result unreadable for both."""
    codings = concept.codings() if concept else ()
    found = [(coding, code) for coding in codings if (code := terms.labs.get(coding)) is not None]
    if not found:
        return ()
    if len(found) == 1:
        coding, code = found[0]
        loinc = Loinc(coding.code) if coding.system == LOINC else None
        return (_Match(code.analyte, (code,), loinc, code.refused),)
    refused = next((code.refused for _, code in found if code.refused), None)
    wanted = [(coding, code) for coding, code in found if code.refused is None] or found
    analytes = tuple(dict.fromkeys(code.analyte for _, code in wanted))
    if len(analytes) > 1 and refused is None:
        refused = Reason.UNREADABLE
    return tuple(_match(analyte, wanted, refused) for analyte in analytes)


def _match(
    analyte: Analyte, found: Iterable[tuple[Coding, LabCode]], refused: Reason | None
) -> _Match:
    own = [(coding, code) for coding, code in found if code.analyte is analyte]
    loinc = next((Loinc(coding.code) for coding, _ in own if coding.system == LOINC), None)
    return _Match(analyte, tuple([code for _, code in own]), loinc, refused)


def _result(
    resource: RawResource,
    observation: Observation,
    match: _Match,
    terms: Terminology,
    flags: tuple[str, ...],
) -> LabResult:
    reading = read_value(observation, match.analyte, match.codes)
    when = _effective(observation)
    remark = haemolysis(observation, resource.raw)
    reason = _reason(observation, match, reading, when, remark)
    other = match.refused is not None or reason is Reason.WRONG_SPECIMEN
    quantity = None if other else reading.quantity  # a number of something else
    remarks = (remark.value,) if remark is not Haemolysis.NONE else ()
    updated = observation.meta.lastUpdated if observation.meta else None
    usual = terms.reference_lows.get(match.analyte)
    return LabResult(
        analyte=match.analyte,
        source=resource.ref,
        face=reading.face,
        quantity=quantity,
        effective=when.at,
        order=_order(when, observation.issued, updated, resource.id),
        set_aside=reason,
        flags=(*match.flags, *reading.flags, *when.flags, *remarks, *flags),
        reference_low=reference_low(observation, quantity, usual) if quantity else None,
        loinc=match.loinc,
        amended=observation.status in ("corrected", "amended"),
        pre_dialysis=any(code.pre_dialysis for code in match.codes),
    )


def _reason(
    observation: Observation,
    match: _Match,
    reading: Reading,
    when: Moment,
    remark: Haemolysis,
) -> Reason | None:
    """The first reason that holds, from "not this analyte at all" down to "not yet final";
    whether it is of the future, see `_as_of`."""
    spoiled = remark is Haemolysis.STATED and (
        match.analyte in _RELEASED_BY_HAEMOLYSIS or reading.reason is Reason.NO_VALUE
    )
    if match.refused:
        return match.refused
    if observation.status not in READ:  # no word of R4: shown, never used
        return Reason.UNREADABLE
    if match.analyte not in _NOT_FROM_BLOOD and wrong_specimen(observation):
        return Reason.WRONG_SPECIMEN
    if reading.reason and not (reading.reason is Reason.NO_VALUE and spoiled):
        return reading.reason
    if when.at is None:
        return Reason.NO_TIME
    if spoiled:
        return Reason.HAEMOLYSED
    return Reason.PRELIMINARY if observation.status == "preliminary" else None


def _effective(observation: Observation) -> Moment:
    """When the sample was taken; the time of reporting only as a flagged last resort."""
    period = observation.effectivePeriod
    stated = (
        observation.effectiveDateTime,
        observation.effectiveInstant,
        period.end if period else None,
        period.start if period else None,
    )
    for text in stated:
        moment = read_moment(text)
        if moment.at is not None:
            return moment
    issued = read_moment(observation.issued)
    if issued.at is None:
        return issued
    return replace(issued, flags=(*issued.flags, "time of reporting, not of draw"))


def _order(when: Moment, issued: str | None, updated: str | None, own: str) -> tuple[str, ...]:
    return when.key, read_moment(issued).key, read_moment(updated).key, own


def _unreadable(resource: RawResource, terms: Terminology) -> tuple[LabResult, ...]:
    """The analytes an undecodable Observation is about, where at least its code can be read."""
    outline = decoded(resource, _outline)
    if outline is None or _word(outline.status) in DROPPED:
        return ()
    when = read_moment(_word(outline.effectiveDateTime))
    return tuple(
        LabResult(
            match.analyte,
            resource.ref,
            "",
            None,
            when.at,
            _order(when, None, None, resource.id),
            Reason.UNREADABLE,
            when.flags,
            loinc=match.loinc,
        )
        for match in _matches(outline.code, terms)
    )


def _word(raw: msgspec.Raw) -> str:
    try:
        return _text.decode(raw) if is_present(raw) else ""
    except UNDECODABLE:
        return ""
