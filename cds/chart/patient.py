"""Who the patient is: age basis and sex, each only where it is certain (clinical pack R12, R42)."""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from cds.chart.reading import decoded
from cds.chart.times import Precision, read_moment
from cds.errors import BadRequest
from cds.facts.record import Person
from cds.fhir.bundle import Supplied
from cds.fhir.resources import Patient

OLDEST = 120  # years; beyond it the birth date is taken for a slip (R42)
_SEXES = frozenset({"male", "female"})
_patient = msgspec.json.Decoder(Patient)


def read_person(supplied: Supplied, now: datetime) -> Person:
    """The Patient of a resolved `patient` key.

    Raises `BadRequest` when the Patient does not decode: without it nothing can be judged.
    """
    resource = supplied.resources[0]
    patient = decoded(resource, _patient)
    if patient is None:
        raise BadRequest("`patient` cannot be read as a Patient", where="prefetch.patient")
    birth, why = _birth(patient.birthDate, now)
    sex = patient.gender if patient.gender in _SEXES else ""
    flags = (why, "" if sex else "sex not stated as male or female")
    return Person(resource.ref, birth, sex or "", tuple(flag for flag in flags if flag))


def _birth(text: str | None, now: datetime) -> tuple[date | None, str]:
    if not text:
        return None, "birth date not stated"
    moment = read_moment(text)
    if moment.at is None:
        return None, "birth date not readable"
    if moment.precision not in (Precision.DAY, Precision.INSTANT):
        return None, "birth date incomplete"
    birth = moment.at.date()
    if birth > now.date():
        return None, "birth date in the future"
    if birth.year < now.year - OLDEST - 1 or _age(birth, now.date()) > OLDEST:
        return None, f"birth date more than {OLDEST} years ago"
    return birth, ""


def _age(birth: date, today: date) -> int:
    return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))
