"""The clause language as a JSON Schema, with the declared names for an editor to complete."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from cds.kernel.units import UNITS, Analyte
from cds.rulebook.clauses import COMPARISONS, REASON_WORDS
from cds.rulebook.model import FactSpec, LabSource, Rulebook
from cds.rulebook.prose.facts import noun

Json = dict[str, Any]
DEPTHS = ("Clause", "InnerClause", "PlainClause")  # all / any may be nested two deep
_GROUPS = {
    "all": "Yes when every one is yes; one no makes it no.",
    "any": "Yes when one is yes; no only when every one is no.",
}
_NAMED = {
    "holds": "Yes when the definition is yes.",
    "not": "Yes when the definition is no.",
    "cannot_tell": "Yes when the definition cannot be told.",
}


def ref(name: str) -> Json:
    """A pointer to a definition of the schema."""
    return {"$ref": f"#/$defs/{name}"}


def one_of(names: Iterable[str]) -> Json:
    """One of these names; where there are none, any text."""
    found = sorted(set(names))
    return {"type": "string", "enum": found} if found else {"type": "string"}


def list_of(item: Json, least: int = 1) -> Json:
    """A list with at least so many entries."""
    return {"type": "array", "items": item, "minItems": least}


def clause_definitions(book: Rulebook, prefix: str = "") -> dict[str, Json]:
    """The definitions of a clause and of what may be asked of each fact.

    `prefix` keeps a second set of names apart: laws declare facts that no rule may ask.
    """
    found = {f"{prefix}{name}": _clause(prefix, depth) for depth, name in enumerate(DEPTHS)}
    found[f"{prefix}FactClause"] = _one(
        {
            name: {**_asked(spec, prefix), "description": noun(spec, book)}
            for name, spec in sorted(book.facts.items())
        }
    )
    definitions = one_of(book.definitions)
    found[f"{prefix}NamedClause"] = _one(
        {word: {**definitions, "description": said} for word, said in _NAMED.items()}
    )
    for spec in book.facts.values():
        analyte = spec.type.analyte
        if analyte is not None and spec.type.kind == "quantity":
            earlier = isinstance(spec.source, LabSource)
            found[_asked_name(analyte, prefix, earlier)] = _quantity(book, analyte, earlier)
    found[f"{prefix}Asked-presence"] = _presence()
    return found


def _clause(prefix: str, depth: int) -> Json:
    choices = [ref(f"{prefix}FactClause"), ref(f"{prefix}NamedClause")]
    if depth + 1 < len(DEPTHS):
        inner = list_of(ref(f"{prefix}{DEPTHS[depth + 1]}"))
        groups = {word: {**inner, "description": said} for word, said in _GROUPS.items()}
        choices.append(_one(groups))
    return {
        "description": "One question about a patient; its answer is yes, no or cannot tell.",
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "anyOf": choices,
    }


def _asked_name(analyte: Analyte, prefix: str, earlier: bool) -> str:
    return f"{prefix}Asked-{'lab-' if earlier else ''}{analyte.value}"


def _asked(spec: FactSpec, prefix: str) -> Json:
    if spec.type.kind == "category":
        return _label(spec.type.labels)
    if spec.type.kind == "presence" or spec.type.analyte is None:
        return ref(f"{prefix}Asked-presence")
    return ref(_asked_name(spec.type.analyte, prefix, isinstance(spec.source, LabSource)))


def _presence() -> Json:
    return {"anyOf": [one_of(("present", "absent", "missing")), _one({"missing": _reasons()})]}


def _label(labels: Iterable[str]) -> Json:
    label = one_of(labels)
    either = {"anyOf": [label, list_of(label)]}
    operators = {"is": either, "in": either, "missing": _reasons()}
    return {"anyOf": [one_of(("present", "missing")), _one(operators)]}


def _quantity(book: Rulebook, analyte: Analyte, earlier: bool) -> Json:
    operand = _operand(book, analyte)
    operators: Json = dict.fromkeys(COMPARISONS, operand)
    operators["between"] = {"type": "array", "items": operand, "minItems": 2, "maxItems": 2}
    operators["missing"] = _reasons()
    if earlier:
        operators |= {word: quantity(analyte) for word in ("rising_by", "falling_by")}
    return {"anyOf": [one_of(("present", "missing")), _one(operators)]}


def _operand(book: Rulebook, analyte: Analyte) -> Json:
    names = [item.name for item in book.thresholds.values() if item.analyte is analyte]
    names += [item.name for item in book.facts.values() if item.type.analyte is analyte]
    tables = [item.name for item in book.tables.values() if item.analyte is analyte]
    choices = [one_of(names)] if names else []
    choices.append(quantity(analyte))
    if tables:
        choices.append(_one({"table": one_of(tables)}))
    return {"anyOf": choices}


def quantity(analyte: Analyte) -> Json:
    """A number, a space and a unit of that analyte."""
    units = "|".join(re.escape(unit).replace("/", "\\/") for unit in UNITS[analyte].factors)
    return {"type": "string", "pattern": rf"^(<=|>=|<|>)?\s*-?\d+(\.\d+)?\s+({units})$"}


def _reasons() -> Json:
    word = one_of(REASON_WORDS)
    return {"anyOf": [word, list_of(word)]}


def _one(properties: Mapping[str, Json]) -> Json:
    return {
        "type": "object",
        "properties": dict(properties),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
