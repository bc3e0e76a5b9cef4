"""The declaration of a fact as a JSON Schema: one shape for each kind (`lab`, `problem`, ...)."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

from cds.facts.derived.registry import DERIVED
from cds.kernel.codes import LOINC
from cds.kernel.units import Analyte
from cds.rulebook.clauseschema import Json, list_of, one_of
from cds.rulebook.fact_sources import LISTS, ORDER_PROPERTIES, PLACES, problems_of, roles_of
from cds.rulebook.model import PatientSource, Rulebook

SPAN: Json = {"type": "string", "pattern": r"^\d+\s*(min|h|d)$"}
ANALYTES: Json = {"type": "string", "enum": [analyte.value for analyte in Analyte]}
SCALAR: Json = {"type": ["string", "number", "boolean"]}


def fact_declaration(book: Rulebook) -> Json:
    """What may stand under `facts` of a shared file."""
    kinds = _kinds(book)
    return {
        "description": "What may be asked about a patient, and where it comes from.",
        "type": "object",
        "minProperties": 1,
        "oneOf": [_kind(word, shape, needed) for word, (shape, needed) in kinds.items()],
    }


def _kind(word: str, shape: Json, needed: tuple[str, ...]) -> Json:
    return {
        "title": word,
        "type": "object",
        "properties": {**shape, "in_cases": SCALAR},
        "required": [word, *needed],
        "additionalProperties": False,
    }


def _several(names: Any) -> Json:
    name = one_of(names)
    return {"anyOf": [name, list_of(name)]}


Kind = tuple[Json, tuple[str, ...]]  # its words, and which of them it needs


def _kinds(book: Rulebook) -> dict[str, Kind]:
    facts = one_of(book.facts)
    orders: Json = {
        "order": one_of(ORDER_PROPERTIES),
        "of": ANALYTES,
        "one_of": list_of({"type": "string"}),
    }
    return {
        **_of_lists(book),
        **_of_labs(book),
        "derived": ({"derived": one_of(DERIVED)}, ()),
        "two_results": ({"two_results": facts}, ()),
        "reference_low": (
            {"reference_low": facts, "between": list_of({"type": "string"}, 2)},
            ("between",),
        ),
        "patient": ({"patient": one_of(get_args(_what()))}, ()),
        "supplied": ({"supplied": one_of(LISTS)}, ()),
        "failed": ({"failed": one_of(LISTS)}, ()),
        "order": (orders, ()),
    }


def _of_lists(book: Rulebook) -> dict[str, Kind]:
    terms = book.terminology
    ingredients = {name for drug in terms.drugs.values() for name in drug.ingredients}
    procedures = {name for group in terms.procedures.values() for name in group}
    allergens = {name for group in terms.allergens.values() for name in group}
    problem: Json = {
        "problem": _several(problems_of(terms)),
        "onset_within": SPAN,
        "undated": one_of(("counts", "does-not-count", "of-this-stay")),
    }
    medication: Json = {
        "medication": _several(roles_of(terms) | ingredients),
        "which": _several(PLACES),
        "route": one_of(("parenteral", "oral")),
        "running": SPAN,
    }
    return {
        "problem": (problem, ()),
        "procedure": ({"procedure": _several(procedures), "within": SPAN}, ("within",)),
        "medication": (medication, ("which",)),
        "allergy": ({"allergy": _several(allergens)}, ()),
    }


def _of_labs(book: Rulebook) -> dict[str, Kind]:
    windows = one_of(book.windows)
    loincs = {coding.code for coding in book.terminology.labs if coding.system == LOINC}
    aside: Json = {"beyond": windows, "within": windows, "newer_than_used": SCALAR}
    needed = ("beyond", "within")
    return {
        "lab": ({"lab": ANALYTES, "newest_within": windows}, ("newest_within",)),
        "lab_order": ({"lab_order": _several(loincs), "within": SPAN}, ("within",)),
        "lab_set_aside": ({"lab_set_aside": ANALYTES, **aside}, needed),
        "lab_set_aside_reason": ({"lab_set_aside_reason": ANALYTES, **aside}, needed),
    }


def _what() -> Any:
    """The words of `patient`, as the model declares them."""
    return get_type_hints(PatientSource)["what"]
