"""Small strict readers for the plain tree of somebody else's order. What they do not understand
they refuse: nothing is guessed, nothing is skipped (clinical pack R14, R30).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from cds.cards.dosing import NotOrderable, tidy

T = TypeVar("T")

# Members that would contradict a new dose, or change the meaning of what is edited.
_REFUSED = {
    "order": ("modifierExtension", "doNotPerform"),
    "dosage": (
        "modifierExtension", "asNeededBoolean", "asNeededCodeableConcept", "patientInstruction",
        "maxDosePerPeriod", "maxDosePerAdministration", "maxDosePerLifetime", "_text",
    ),
    "amounts": ("modifierExtension", "doseRange", "rateRange"),
    "timing": ("modifierExtension", "event"),
    "repeat": (
        "boundsDuration", "boundsRange", "countMax", "durationMax", "frequencyMax", "periodMax",
        "dayOfWeek", "timeOfDay", "when", "offset", "_count", "_duration", "_durationUnit",
    ),
    "quantity": ("comparator", "_value", "_unit", "_code"),
    "dispense": ("modifierExtension", "initialFill"),
}  # fmt: skip

DOSE_UNITS = {
    "g": "g", "gm": "g", "gram": "g", "grams": "g", "mg": "mg", "milligram": "mg",
    "milligrams": "mg", "meq": "meq", "mmol": "mmol", "ml": "mL", "{bag}": "{bag}", "bag": "{bag}",
    "bags": "{bag}",
}  # fmt: skip
MINUTES = {"h": 60, "hr": 60, "hour": 60, "hours": 60, "min": 1, "minute": 1, "minutes": 1}
RATE_UNITS = {
    f"{dose}/{time}": (unit, minutes)
    for dose, unit in DOSE_UNITS.items()
    for time, minutes in MINUTES.items()
}


def an_object(node: Any) -> dict[str, Any]:
    """A JSON object, as R4 wants it here."""
    if not isinstance(node, dict):
        raise NotOrderable("not the shape R4 gives it")
    return node


def the_only(nodes: Any) -> dict[str, Any]:
    """The object of a list of exactly one."""
    if not isinstance(nodes, list) or len(nodes) != 1:
        raise NotOrderable("not exactly one")
    return an_object(nodes[0])


def refuse(node: dict[str, Any], kind: str) -> None:
    """Raises where a member stands that the edit would contradict."""
    for member in _REFUSED[kind]:
        if node.get(member) not in (None, False):
            raise NotOrderable(f"`{member}` is not understood here")


def number(value: Any) -> Decimal:
    """A positive JSON number; text is not one."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
        raise NotOrderable("not a positive number")
    return Decimal(value)


def amount(node: dict[str, Any], units: Mapping[str, T]) -> tuple[T, Decimal]:
    """Unit and value of an R4 Quantity; code and unit text must not contradict each other."""
    refuse(node, "quantity")
    said = [str(node[key]).strip().casefold() for key in ("code", "unit") if node.get(key)]
    understood = {units[word] for word in said if word in units}
    if not said or said[0] not in units or len(understood) != 1:
        raise NotOrderable("the unit is not understood")
    return units[said[0]], number(node.get("value"))


def codings(concept: Any) -> list[dict[str, Any]]:
    """The codings of a CodeableConcept, as far as they are objects."""
    found = concept.get("coding") if isinstance(concept, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def words(concept: Any) -> str:
    """All display words of a CodeableConcept."""
    if not isinstance(concept, dict):
        return ""
    displays = (str(item.get("display", "")) for item in codings(concept))
    return " ".join((str(concept.get("text", "")), *displays))


def readable(value: Decimal) -> Decimal:
    """As few decimals as keep the value within half a percent: 16.67 mg/min."""
    for places in (Decimal("0.01"), Decimal("0.0001")):
        short = value.quantize(places, ROUND_HALF_UP)
        if abs(short - value) <= value / 200:
            return tidy(short)
    raise NotOrderable("the number is too small to be written")
