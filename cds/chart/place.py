"""Where the patient is, from the Encounter of the context (clinical pack R3, R10).

An encounter that was named but cannot be read is not an outpatient visit: inpatient windows, the
narrower ones, count then, and `known` is False so that no IV drug is suggested.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from cds.chart.clock import Clock, kept
from cds.chart.reading import OTHER_PATIENT, UNREADABLE, Whose, decoded, named, of_type, whose
from cds.chart.times import read_moment
from cds.facts.record import Place, Setting
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied, head
from cds.fhir.datatypes import Period
from cds.fhir.resources import Encounter, EncounterLocation, Location

INPATIENT_CLASSES = frozenset({"IMP", "ACUTE", "NONAC", "SS", "OBSENC", "EMER"})
OUTPATIENT_CLASSES = frozenset({"AMB", "HH", "VR", "FLD", "PRENC"})
CURRENT = frozenset({"arrived", "triaged", "in-progress", "onleave"})
NOT_CURRENT = frozenset({"planned", "finished", "cancelled"})
_ROLE_CODE = ("v3-RoleCode", "v3/RoleCode")
_NOT_KNOWN = Place(Setting.INPATIENT, known=False)

_encounter = msgspec.json.Decoder(Encounter)
_location = msgspec.json.Decoder(Location)
_any = msgspec.json.Decoder()


def read_place(
    encounter_id: str | None, supplied: Supplied, now: datetime, patient_id: str
) -> tuple[Place, tuple[str, ...]]:
    """(place, lines about encounters that were not used). Without `encounter_id`: outpatient."""
    if not encounter_id:
        return Place(Setting.OUTPATIENT), ()
    return kept(
        supplied,
        read_place,
        (encounter_id,),
        now,
        lambda clock: _found(encounter_id, supplied, clock, patient_id),
    )


def _found(
    encounter_id: str, supplied: Supplied, clock: Clock, patient_id: str
) -> tuple[Place, tuple[str, ...]]:
    wanted = encounter_id.removeprefix("Encounter/")
    lines: list[str] = []
    for resource in of_type(supplied, "Encounter"):
        if resource.id != wanted:
            lines.append(named(resource, "is not the encounter of the context"))
            continue
        place, why = _place(resource, supplied, clock, patient_id)
        if place is not None:
            return place, tuple(lines)
        lines.append(named(resource, why))
    return _NOT_KNOWN, tuple(lines)


def _place(
    resource: RawResource, supplied: Supplied, clock: Clock, patient_id: str
) -> tuple[Place | None, str]:
    encounter = decoded(resource, _encounter)
    if encounter is None:
        return None, UNREADABLE
    if whose(encounter.subject, patient_id) is Whose.OTHER:
        return None, OTHER_PATIENT
    setting = _setting(encounter)
    if setting is None:
        return None, "class or status could not be read"
    icu = setting is Setting.INPATIENT and _in_icu(encounter, supplied, clock)
    return Place(setting, icu=icu, source=resource.ref), ""


def _setting(encounter: Encounter) -> Setting | None:
    """None where class or status is absent or a local word: that is not known, not outpatient."""
    if encounter.status in NOT_CURRENT:
        return Setting.OUTPATIENT
    if encounter.status not in CURRENT:
        return None
    classes = _class_codes(encounter.class_)
    if classes & INPATIENT_CLASSES:
        return Setting.INPATIENT
    return Setting.OUTPATIENT if classes & OUTPATIENT_CLASSES else None


def _class_codes(raw: msgspec.Raw) -> frozenset[str]:
    """The codes of a Coding (R4), a CodeableConcept or a list of them (R5)."""
    try:
        value = _any.decode(raw)
    except UNDECODABLE:
        return frozenset()
    concepts = value if isinstance(value, list) else [value]
    return frozenset(code for concept in concepts for code in _codes(concept))


def _codes(concept: Any) -> list[str]:
    if not isinstance(concept, dict):
        return []
    codings = concept.get("coding")
    items = codings if isinstance(codings, list) else [concept]
    found = (item.get("code") for item in items if isinstance(item, dict))
    return [code.upper() for code in found if isinstance(code, str)]


def _in_icu(encounter: Encounter, supplied: Supplied, clock: Clock) -> bool:
    stays = (stay for stay in encounter.location or () if _is_current(stay, clock))
    return any(_is_icu(_located(stay, encounter, supplied)) for stay in stays)


def _is_current(stay: EncounterLocation, clock: Clock) -> bool:
    if stay.status not in (None, "active"):
        return False
    period = stay.period or Period()
    start, end = read_moment(period.start).at, read_moment(period.end).at
    if period.end and end is None:
        return False
    return (start is None or clock.reached(start)) and (end is None or not clock.reached(end))


def _located(
    stay: EncounterLocation, encounter: Encounter, supplied: Supplied
) -> msgspec.Raw | None:
    """The Location a stay points to, contained or in the Bundle."""
    reference = (stay.location.reference if stay.location else None) or ""
    if reference.startswith("#"):
        return next(
            (raw for raw in encounter.contained or () if head(raw) == ("Location", reference[1:])),
            None,
        )
    relative = stay.location.relative() if stay.location else ""
    return next(
        (
            item.raw
            for item in of_type(supplied, "Location")
            if reference and (item.ref == relative or item.full_url == reference)
        ),
        None,
    )


def _is_icu(raw: msgspec.Raw | None) -> bool:
    if raw is None:
        return False
    try:
        kinds = _location.decode(raw).type or ()
    except UNDECODABLE:
        return False
    return any(
        coding.code == "ICU" and (coding.system or "").endswith(_ROLE_CODE)
        for kind in kinds
        for coding in kind.coding
    )
