"""Texts with holes, for a reader who sees no patient: `[magnesium value]` for `{magnesium}`."""

from __future__ import annotations

import re

from cds.kernel.text import HOLE
from cds.rulebook.model import (
    DerivedSource,
    FactSpec,
    LabSource,
    MedicationSource,
    ProblemSource,
    Rulebook,
    SetAsideReasonSource,
    SuppliedSource,
)
from cds.rulebook.prose import words
from cds.rulebook.prose.facts import noun
from cds.rulebook.prose.limits import short_limit
from cds.rulebook.prose.words import bare, listed

_BRACKETS = re.compile(r" \([^()]*\)")
TOLD = ": value, time and how old it is, or why there is none"
FEW = 3  # kinds of drugs that are named one by one
_OFFERED = {
    "order": "name of the order",
    "dose": "dose",
    "rate": "rate",
    "duration": "duration",
    "frequency": "times a day",
    "elemental": "amount of the element",
}
_ABOUT = {"age": "age of the result", "when": "time of the result", "number": "value"}


def filled(text: str, book: Rulebook) -> str:
    """Limits are printed as they are; what a patient's data fill is named in square brackets."""

    def one(match: re.Match[str]) -> str:
        name, attribute = match.group(1), match.group(2) or ""
        if name in book.thresholds:
            return short_limit(book.thresholds[name])
        if name in book.tables:
            return f"[dose of the table “{book.tables[name].why}”]"
        if name in book.facts:
            return f"[{_fact(book.facts[name], attribute, book)}]"
        return f"[{_OFFERED.get(name, name.replace('_', ' '))}]"

    return " ".join(HOLE.sub(one, text).split())


def _fact(spec: FactSpec, attribute: str, book: Rulebook) -> str:
    if attribute in _ABOUT:
        return _ABOUT[attribute]
    told = attribute in ("why", "explained")
    match spec.source:
        case MedicationSource():
            found = words.roles(spec.source.roles)
            kinds = _BRACKETS.sub("", listed(map(bare, found)))
            return f"{kinds if len(found) <= FEW else 'drugs'}, by name"
        case ProblemSource():
            return "the problem as recorded"
        case SuppliedSource():
            return "what happened to the query"
        case SetAsideReasonSource():
            return "reason"
        case DerivedSource("renal_band"):
            return "kidney function in words, with the estimates at hand"
        case LabSource():
            return f"{bare(noun(spec, book))}{TOLD if told else ' value'}"
        case _:
            return f"{bare(noun(spec, book)).rstrip(',')}{', explained' if told else ''}"
