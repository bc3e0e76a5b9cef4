"""How an injection is to be given, as far as an order says so: pushed, and diluted or not.

Potassium is never pushed and its concentrate never given undiluted (clinical pack R17, safety
points 1 and 2). Nothing here is ever read for a dose: words of a dosage text count, because a
warning that is missed harms more than one that is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cds.chart.routes import route_words
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.medication_resources import Dosage

_PUSH = re.compile(r"\b(?:iv\s*push|ivp|push)\b", re.IGNORECASE)
# "not for IV push", "never push", "do not give as an IV push", "no push"
_DENIED = re.compile(
    r"\b(?:not?|never|avoid|don'?t|without|contraindicated)\b[^.;,]{0,30}?\b(?:ivp|push)\b",
    re.IGNORECASE,
)
_DILUENT = re.compile(
    r"\bdilut\w*|\bin\s+\d[\d.,]*\s*(?:ml|l|cc|litres?|liters?)\b|\bsodium chloride\b|\bdextrose\b"
    r"|\bringer|\bd5w?\b|\b0\.(?:9|45)\s*%|\bn\.?s\.?\b|\bsterile water\b",
    re.IGNORECASE,
)
_UNDILUTED = re.compile(r"\bundiluted\b", re.IGNORECASE)


def is_push(instructions: Iterable[Dosage]) -> bool:
    """Does route, method or text ask for a push, and not forbid it?"""
    for item in instructions:
        coded = f"{route_words(item.route)} | {_words(item.method)}"
        if _PUSH.search(coded):
            return True
        if item.text and _PUSH.search(_DENIED.sub(" ", item.text)):
            return True
    return False


def names_diluent(texts: Iterable[str | None]) -> bool:
    """Does any text name what the concentrate goes into?"""
    given = [text for text in texts if text]
    if any(_UNDILUTED.search(text) for text in given):
        return False
    return any(_DILUENT.search(text) for text in given)


def _words(concept: CodeableConcept | None) -> str:
    if concept is None:
        return ""
    shown = [concept.text or "", *(item.display or "" for item in concept.coding)]
    return " ".join(shown)
