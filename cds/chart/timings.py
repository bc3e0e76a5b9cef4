"""How often a dose is due: administrations per 24 hours, once, or as needed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

import msgspec

from cds.fhir.medication_resources import Dosage, Repeat, Timing

PRN = re.compile(r"(?:^|[:\s])PRN$")
ONCE = frozenset({"ONCE", "1X", "X1", "STAT", "ONETIME", "NOW"})
PER_DAY = {
    "BID": "2",
    "TID": "3",
    "QID": "4",
    "QD": "1",
    "DAILY": "1",
    "QDAY": "1",
    "QDAILY": "1",
    "ONCEDAILY": "1",
    "QAM": "1",
    "QPM": "1",
    "QHS": "1",
    "HS": "1",
    "AM": "1",
    "PM": "1",
    "BED": "1",
    "QOD": "0.5",
}
_EVERY = re.compile(r"Q(\d{1,2})(H|HR|HRS|HOURS|D)")
_HOURS = {"min": Decimal(1) / 60, "h": Decimal(1), "d": Decimal(24), "wk": Decimal(168)}


@dataclass(frozen=True, slots=True)
class Schedule:
    """`per_day` None = not stated in a way we read; `hours` = how long one dose runs."""

    per_day: Decimal | None = None
    once: bool = False
    prn: bool = False
    hours: Decimal | None = None


def read_schedule(dosage: Dosage | None) -> Schedule:
    """The schedule of one dosage instruction."""
    if dosage is None:
        return Schedule()
    as_needed = dosage.asNeededBoolean is True or dosage.asNeededCodeableConcept is not None
    found = _of_timing(dosage.timing) if dosage.timing else Schedule()
    repeat = dosage.timing.repeat if dosage.timing else None
    hours = _duration(repeat) if repeat else None
    return Schedule(found.per_day, found.once, found.prn or as_needed, hours)


def _of_timing(timing: Timing) -> Schedule:
    coded = _of_codes(_codes(timing))
    if timing.repeat is not None:
        repeated = _of_repeat(timing.repeat)
        if repeated.once or repeated.per_day is not None:
            return Schedule(repeated.per_day, repeated.once, coded.prn)
    if len(timing.event or ()) == 1 and coded.per_day is None:
        return Schedule(None, True, coded.prn)
    return coded


def _of_repeat(repeat: Repeat) -> Schedule:
    if number(repeat.count) == 1:
        return Schedule(once=True)
    if repeat.dayOfWeek:  # on some days only: a rate per day would be wrong either way
        return Schedule()
    if repeat.timeOfDay:
        return Schedule(Decimal(len(repeat.timeOfDay)))
    times = number(repeat.frequencyMax) or number(repeat.frequency) or Decimal(1)
    period = number(repeat.period)
    hours = _HOURS.get(repeat.periodUnit or "")
    if period is None or hours is None:
        return Schedule()
    return Schedule(times * 24 / (period * hours))


def _duration(repeat: Repeat) -> Decimal | None:
    length, unit = number(repeat.duration), _HOURS.get(repeat.durationUnit or "")
    return None if length is None or unit is None else length * unit


def _codes(timing: Timing) -> Iterable[str]:
    if timing.code is None:
        return ()
    coded = (word for item in timing.code.coding for word in (item.code, item.display))
    return (word for word in (*coded, timing.code.text) if word)


def _of_codes(texts: Iterable[str]) -> Schedule:
    prn = False
    for text in texts:
        upper = text.strip().upper()
        prn = prn or PRN.search(upper) is not None
        plain = re.sub(r"[\s.:]+", "", PRN.sub("", upper))
        if plain in ONCE:
            return Schedule(None, True, prn)
        every = _EVERY.fullmatch(plain)
        if plain in PER_DAY:
            return Schedule(Decimal(PER_DAY[plain]), False, prn)
        if every and int(every[1]):
            hours = int(every[1]) * (24 if every[2] == "D" else 1)
            return Schedule(Decimal(24) / hours, False, prn)
    return Schedule(prn=prn)


def number(raw: msgspec.Raw | None) -> Decimal | None:
    """A positive JSON number, exactly as written; a string, a boolean or null is none."""
    text = bytes(raw).decode("utf-8", "replace").strip() if raw is not None else ""
    if not text or text[0] not in "0123456789":
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if 0 < value < 10**9 else None
