"""Facts about the person and the place."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from cds.facts.model import Evidence, Fact, Measured, Missing, Reason, category, presence
from cds.facts.record import Record
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

MAX_AGE = 120  # clinical pack R42: above, the birth date is not believed


def patient_fact(
    name: str, what: Literal["age", "setting", "encounter", "icu"], record: Record, now: datetime
) -> Fact:
    """Age in whole years, the setting whose windows count, or: was the encounter readable, is the
    patient in intensive care (clinical pack R3)?"""
    if what == "age":
        return _age(name, record, now)
    place = record.place
    if what == "setting":
        return category(name, place.setting.value, f"{place.setting.value} windows count")
    if what == "icu":
        words = "in intensive care" if place.icu else "no intensive care unit is recorded"
        names = ("intensive care",) if place.icu else ()
        return presence(name, place.icu, words, names)
    words = "the encounter could be read" if place.known else "the encounter could not be read"
    return presence(name, place.known, words)


def _age(name: str, record: Record, now: datetime) -> Fact:
    birth = record.person.birth
    if birth is None:
        return Fact(name, Missing(Reason.AGE_OR_SEX), "age not known")
    years = whole_years(birth, now.date())
    if not 0 <= years <= MAX_AGE:
        return Fact(name, Missing(Reason.AGE_OR_SEX), "age not believable")
    quantity = Quantity.of(Analyte.AGE, Decimal(years), "a")
    evidence = (Evidence(record.person.source, f"{years} years"),)
    return Fact(name, Measured(quantity, f"{years} years"), f"age {years} years", evidence)


def whole_years(birth: date, on: date) -> int:
    """Completed years of life."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))
