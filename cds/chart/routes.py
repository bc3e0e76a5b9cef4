"""What a route says: into the vein (or muscle), by mouth, or not into the body at all."""

from __future__ import annotations

import re

from cds.fhir.datatypes import CodeableConcept

# Verified SNOMED CT routes (clinical pack); all others are read by their words.
SNOMED_ROUTES = {"26643006": "oral", "47625008": "IV", "78421000": "IM", "34206005": "SC"}
PARENTERAL = frozenset(
    {
        "iv",
        "ivpb",
        "ivpca",
        "ivp",
        "intravenous",
        "im",
        "intramuscular",
        "io",
        "intraosseous",
        "sc",
        "sq",
        "subcut",
        "subcutaneous",
        "subq",
        "injection",
        "parenteral",
        "infusion",
    }
)
ENTERAL = frozenset(
    {
        "po",
        "oral",
        "orally",
        "mouth",
        "os",
        "ng",
        "nasogastric",
        "og",
        "gt",
        "jt",
        "peg",
        "pegt",
        "enteral",
        "tube",
        "gastrostomy",
        "jejunostomy",
        "pr",
        "rectal",
        "rectum",
        "sl",
        "sublingual",
        "buccal",
        "td",
        "transdermal",
    }
)
NOT_SYSTEMIC = frozenset(
    {
        "topical",
        "tp",
        "cutaneous",
        "skin",
        "eye",
        "eyes",
        "ophthalmic",
        "ou",
        "od",
        "ear",
        "ears",
        "otic",
        "nasal",
        "nostril",
        "nu",
        "ih",
        "neb",
        "nebulized",
        "nebulization",
        "inhalation",
        "inhaled",
        "dwell",
        "irrigation",
        "vaginal",
        "bladder",
        "intravesical",
    }
)


def route_words(route: CodeableConcept | None) -> str:
    """The route as it is shown."""
    if route is None:
        return ""
    shown = route.words()
    if shown:
        return shown
    codes = [item.code for item in route.coding if item.code]
    return next((SNOMED_ROUTES.get(code, code) for code in codes), "")


def read_route(route: CodeableConcept | None) -> tuple[bool | None, bool]:
    """(parenteral, systemic): True, False, or None when not stated, not known or contradictory."""
    if route is None:
        return None, True
    texts = [route.text or ""]
    for item in route.coding:
        texts += [item.display or "", SNOMED_ROUTES.get(item.code or "", item.code or "")]
    words = frozenset(re.findall(r"[a-z]+", " ".join(texts).lower()))
    into, through, outside = words & PARENTERAL, words & ENTERAL, words & NOT_SYSTEMIC
    if outside and not into and not through:
        return False, False
    if bool(into) == bool(through):
        return None, True
    return bool(into), True
