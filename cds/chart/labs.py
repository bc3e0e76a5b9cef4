"""Observations as lab results: usable, or set aside with a reason and their face value.

Each Observation stands alone: one that cannot be read is named and never silences the rest, and
what is not usable is kept where a reader can see it (clinical pack R2, design section 4).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from cds.chart.clock import Clock, kept
from cds.chart.lab_codes import Match, matches_of, read_code
from cds.chart.lab_remarks import Haemolysis, haemolysis, wrong_specimen
from cds.chart.lab_values import Reading, check_quantity, read_value, reference_low
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
from cds.facts.terminology import Terminology
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied, is_present
from cds.fhir.datatypes import Reference
from cds.fhir.resources import Observation, ObservationOutline
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


def read_labs(
    supplied: Supplied, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[LabResult], tuple[str, ...]]:
    """(results of the analytes in `terms`, lines about what was left out).

    The listing has a gap only where the search itself was incomplete: one unreadable Observation
    is named and set aside for its analyte, and the others still count.
    """
    return kept(
        supplied,
        read_labs,
        (terms,),
        now,
        lambda clock: _read_all(supplied, terms, clock, patient_id),
    )


def _read_all(
    supplied: Supplied, terms: Terminology, clock: Clock, patient_id: str
) -> tuple[Listing[LabResult], tuple[str, ...]]:
    results: list[LabResult] = []
    lines: list[str] = []
    for resource in of_type(supplied, "Observation"):
        found, why = _read(resource, terms, clock, patient_id)
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
    resource: RawResource, terms: Terminology, clock: Clock, patient_id: str
) -> tuple[tuple[LabResult, ...], str]:
    said = once(resource, terms, _said)
    if said.why or not said.results:
        return said.results, said.why
    if whose(said.subject, patient_id) is Whose.OTHER:
        return (), OTHER_PATIENT
    return tuple([_as_of(result, clock) for result in said.results]), ""


def _as_of(result: LabResult, clock: Clock) -> LabResult:
    """A result of the future is set aside for that, unless for something worse."""
    at = result.effective
    if at is None or result.set_aside not in _NO_WORSE or clock.reached(at):
        return result
    return replace(result, set_aside=Reason.FUTURE)


def _said(resource: RawResource, terms: Terminology) -> _Said:
    try:
        return _read_whole(resource, _observation.decode(resource.raw), terms)
    except UNDECODABLE:
        return _Said(_unreadable(resource, terms), why=UNREADABLE)


def _read_whole(resource: RawResource, observation: Observation, terms: Terminology) -> _Said:
    """Raises one of UNDECODABLE where a part of it that is read by itself cannot be read."""
    code = read_code(observation.code, terms)
    if not code.matches or observation.status in DROPPED:
        check_quantity(observation)
        return _NOTHING
    foreign = code.foreign or wrong_specimen(observation)
    results = [_result(resource, observation, match, foreign, terms) for match in code.matches]
    return _Said(tuple(results), observation.subject)


def _result(
    resource: RawResource,
    observation: Observation,
    match: Match,
    foreign: bool,
    terms: Terminology,
) -> LabResult:
    reading = read_value(observation, match.analyte, match.properties)
    when = _effective(observation)
    remark = haemolysis(observation, resource.raw)
    reason = _reason(observation, match, reading, when, remark, foreign)
    other = match.refused is not None or reason is Reason.WRONG_SPECIMEN
    quantity = None if other else reading.quantity  # a number of something else
    remarks = (remark.value,) if remark is not Haemolysis.NONE else ()
    subject = ("no subject stated",) if is_unstated(observation.subject) else ()
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
        flags=(*match.flags, *reading.flags, *when.flags, *remarks, *subject),
        reference_low=reference_low(observation, quantity, usual) if quantity else None,
        loinc=match.loinc,
        amended=observation.status in ("corrected", "amended"),
        pre_dialysis=match.pre_dialysis,
    )


def _reason(
    observation: Observation,
    match: Match,
    reading: Reading,
    when: Moment,
    remark: Haemolysis,
    foreign: bool,
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
    if foreign and match.analyte not in _NOT_FROM_BLOOD:
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
    usual = read_moment(observation.effectiveDateTime)
    if usual.at is not None:
        return usual
    period = observation.effectivePeriod
    stated = (
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
        for match in matches_of(outline.code, terms)
    )


def _word(raw: msgspec.Raw) -> str:
    try:
        return _text.decode(raw) if is_present(raw) else ""
    except UNDECODABLE:
        return ""
