"""The value of one Observation as an exact quantity or interval, or the reason there is none.

Units are read, never guessed: not from the size of the number and not from the code's usual unit
(clinical pack R2, R5, units table).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

import msgspec

from cds.errors import UnknownUnit
from cds.facts.model import Reason
from cds.fhir.bundle import UNDECODABLE, is_present
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.raw import sent
from cds.fhir.resources import Observation, ReferenceRange, ResultQuantity
from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import UNITS, Analyte, factor, read_unit

UCUM = frozenset({"http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"})
NOT_MEASURED = "not measured"

_MASS = frozenset({"mg/dL", "mg/L", "g/dL", "g/L"})
_SUBSTANCE = frozenset({"mmol/L", "umol/L", "meq/L"})
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,2})?")
_TEXT = re.compile(r"\s*(<=|>=|<|>|\u2264|\u2265)?\s*(\d{1,15}(?:\.\d{1,15})?)(?:\s*([^\d\s].*))?")
_SIGNS = {"\u2264": "<=", "\u2265": ">="}
_LONGEST_FACE = 60
# What is measured is said in few ways, by one laboratory for all its patients: most values, units
# and normal ranges were read before. Longer texts than these are read every time.
_LONGEST_VALUE = 250
_LONGEST_RANGES = 1000
_quantity = msgspec.json.Decoder(ResultQuantity)
_ranges = msgspec.json.Decoder(tuple[ReferenceRange, ...])
_concept = msgspec.json.Decoder(CodeableConcept)


@dataclass(frozen=True, slots=True)
class Reading:
    """What stands in the chart (`face`), what it amounts to, and why it may not be used."""

    face: str
    quantity: Quantity | None = None
    reason: Reason | None = None
    flags: tuple[str, ...] = ()


class _Stated(NamedTuple):
    """An R4 Quantity; `number` as written, "" where there is none."""

    number: str
    comparator: str | None
    unit: str | None
    system: str | None
    code: str | None


def read_value(observation: Observation, analyte: Analyte, properties: frozenset[str]) -> Reading:
    """The value of an Observation; `properties` are the kinds of unit that its codes expect.

    Raises one of UNDECODABLE where its valueQuantity is no Quantity.
    """
    reading = _reading(observation, analyte)
    if reading.quantity is None:
        return reading
    flags = _property_flags(reading.quantity.unit, properties)
    if not flags:
        return reading
    return Reading(reading.face, reading.quantity, reading.reason, reading.flags + flags)


def reference_low(
    observation: Observation, used: Quantity, usual: Quantity | None = None
) -> Quantity | None:
    """The lower limit of the one normal range, if it is in the unit of the result (R6).

    `usual`: what the laboratory of this site uses, for a result that carries no range at all.
    """
    usual = usual if usual is not None and usual.unit == used.unit else None
    raw = sent(observation.referenceRange)
    if not raw:
        return usual
    read = _short_low if len(raw) <= _LONGEST_RANGES else _low_of
    said, low = read(raw, used.analyte, used.unit)
    return low if said else usual


def _low_of(raw: bytes, analyte: Analyte, unit: str) -> tuple[bool, Quantity | None]:
    """(whether there is any range, the one lower limit of the normal range)."""
    try:
        ranges = _ranges.decode(raw)
    except UNDECODABLE:
        return True, None
    lows = {low for item in ranges if (low := _low(item, analyte, unit)) is not None}
    return bool(ranges), lows.pop() if len(lows) == 1 else None


_short_low = lru_cache(maxsize=1024)(_low_of)


def _low(item: ReferenceRange, analyte: Analyte, unit: str) -> Quantity | None:
    kinds = {coding.code for coding in item.type.coding} if item.type else {"normal"}
    if item.low is None or item.appliesTo or "normal" not in kinds:
        return None
    low = _stated(item.low)
    number, found = _number(low), _stated_unit(analyte, low)
    if number is None or found is None or found[0] != unit or low.comparator:
        return None
    return Quantity(analyte, point(number), unit)


def _reading(observation: Observation, analyte: Analyte) -> Reading:
    value = sent(observation.valueQuantity)
    if is_present(observation.dataAbsentReason):
        face = _face(_stated(_quantity.decode(value))) if value else ""
        return Reading(face or NOT_MEASURED, reason=Reason.NO_VALUE)
    if value:
        return (_short_value if len(value) <= _LONGEST_VALUE else _from_quantity)(value, analyte)
    if observation.valueString is not None:
        return _from_text(observation.valueString, analyte)
    if is_present(observation.valueInteger):
        return Reading(_plain(observation.valueInteger), reason=Reason.UNIT)
    return Reading(_words(observation.valueCodeableConcept), reason=Reason.NO_VALUE)


def check_quantity(observation: Observation) -> None:
    """Raises one of UNDECODABLE where the valueQuantity of an Observation is no Quantity."""
    value = sent(observation.valueQuantity)
    if value:
        _quantity.decode(value)


def _stated(quantity: ResultQuantity) -> _Stated:
    number = _plain(quantity.value)
    return _Stated(number, quantity.comparator, quantity.unit, quantity.system, quantity.code)


def _from_quantity(value: bytes, analyte: Analyte) -> Reading:
    stated = _stated(_quantity.decode(value))
    face = _face(stated)
    number = _number(stated)
    if number is None:
        flags = ("number sent as text",) if stated.number.startswith('"') else ()
        # A value that is there, only not as R4 writes a number, is shown; it is never used.
        reason = Reason.UNREADABLE if stated.number else Reason.NO_VALUE
        return Reading(face or NOT_MEASURED, reason=reason, flags=flags)
    unit = _stated_unit(analyte, stated)
    if unit is None:
        return Reading(face, reason=Reason.UNIT)
    interval = _interval(stated.comparator, number)
    if interval is None:
        return Reading(face, reason=Reason.COMPARATOR, flags=unit[1])
    return _measured(face, Quantity(analyte, interval, unit[0]), unit[1])


_short_value = lru_cache(maxsize=4096)(_from_quantity)


def _measured(face: str, quantity: Quantity, flags: tuple[str, ...]) -> Reading:
    reason = None if _plausible(quantity) else Reason.IMPLAUSIBLE
    return Reading(face, quantity, reason, flags)


def _from_text(text: str, analyte: Analyte) -> Reading:
    face = " ".join(text.split())[:_LONGEST_FACE]
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        unread = any(mark.isdigit() for mark in face)
        reason = Reason.UNREADABLE if unread else Reason.NO_VALUE
        return Reading(face or NOT_MEASURED, reason=reason)
    sign, number, unit_text = match.groups()
    unit = _tried(analyte, unit_text)
    interval = _interval(_SIGNS.get(sign, sign), Decimal(number))
    if unit is None or interval is None:
        return Reading(face, reason=Reason.UNIT)
    flags = ("read from text", *_spelling(unit_text, unit))
    return _measured(face, Quantity(analyte, interval, unit), flags)


def _number(stated: _Stated) -> Decimal | None:
    """The JSON number; None for a JSON string and anything else."""
    return Decimal(stated.number) if _NUMBER.fullmatch(stated.number) else None


def _plain(raw: msgspec.Raw) -> str:
    return bytes(raw).decode("utf-8", "replace").strip() if is_present(raw) else ""


def _face(stated: _Stated) -> str:
    """As the chart shows it: comparator, number digit by digit, unit text."""
    number = stated.number.strip('"')[:_LONGEST_FACE]
    if not number:
        return ""
    unit = (stated.unit or stated.code or "").strip()
    return f"{stated.comparator or ''}{number}{' ' + unit if unit else ''}"


def _words(raw: msgspec.Raw) -> str:
    try:
        return _concept.decode(raw).words()[:_LONGEST_FACE] or NOT_MEASURED
    except UNDECODABLE:
        return NOT_MEASURED


def _interval(comparator: str | None, value: Decimal) -> Interval | None:
    match comparator:
        case None | "":
            return point(value)
        case "<":
            return Interval(None, value, high_open=True)
        case "<=":
            return Interval(None, value)
        case ">":
            return Interval(value, None, low_open=True)
        case ">=":
            return Interval(value, None)
        case _:
            return None


def _stated_unit(analyte: Analyte, stated: _Stated) -> tuple[str, tuple[str, ...]] | None:
    """(UCUM unit, flags); None when code and text say nothing, or not the same."""
    code, text = _tried(analyte, stated.code), _tried(analyte, stated.unit)
    ucum = stated.system in UCUM
    if ucum and stated.code and code is None:
        return None  # a UCUM code that means nothing for this analyte is not overruled by a text
    if code and text and factor(analyte, code) != factor(analyte, text):
        return None
    unit = code or text
    if unit is None:
        return None
    flags = list(_spelling(stated.code if code else stated.unit, unit))
    if not ucum or not code:
        flags.append("unit not stated in UCUM")
    return unit, tuple(flags)


def _tried(analyte: Analyte, text: str | None) -> str | None:
    if not text:
        return None
    try:
        return read_unit(analyte, text)[0]
    except UnknownUnit:
        return None


def _spelling(text: str | None, unit: str) -> tuple[str, ...]:
    return (f"unit spelled `{text.strip()}`",) if text and text.strip() != unit else ()


def _property_flags(unit: str, stated: frozenset[str]) -> tuple[str, ...]:
    kind = "mass" if unit in _MASS else "substance" if unit in _SUBSTANCE else ""
    if not kind:
        return ()
    if kind in stated or "" in stated or not stated:
        return ()
    return ("the test code expects another kind of unit",)


def _plausible(quantity: Quantity) -> bool:
    table = UNITS[quantity.analyte]
    bounds = quantity.to(table.canonical).interval
    stated = [bound for bound in (bounds.low, bounds.high) if bound is not None]
    too_low = table.low is not None and any(bound < table.low for bound in stated)
    too_high = table.high is not None and any(bound > table.high for bound in stated)
    return not (too_low or too_high)
