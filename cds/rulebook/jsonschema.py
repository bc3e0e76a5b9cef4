"""`rules/rule.schema.json`: the shape of every rule file, for editors that check and complete.

Made from the pydantic models and the names the rules declare. It decides nothing: what loads is
decided by the loader, which sees more (a comparison across analytes, a cycle, a missing case).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from cds.rulebook.clauseschema import Json, clause_definitions, list_of, one_of, ref
from cds.rulebook.fact_sources import roles_of
from cds.rulebook.factschema import ANALYTES, SCALAR, SPAN, fact_declaration
from cds.rulebook.lawschema import CardFilterData, LawFile, OfferFilterData
from cds.rulebook.lint import OPEN
from cds.rulebook.model import Rulebook
from cds.rulebook.orders import IndexFile
from cds.rulebook.schema import RuleFile, SharedFile, Strict
from cds.rulebook.site.file import SiteFile
from cds.rulebook.traceability import SourceFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# A file is recognised by a word that only its kind has; what is left is a shared file.
_KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("id", "levels"), "RuleFile"),
    (("site", "changes"), "SiteFile"),
    (("laws",), "LawFile"),
    (("source", "statements"), "SourceFile"),
    (("orders",), "IndexFile"),
    (("analytes", "drugs", "concepts", "products"), "CodeSetFile"),
)
_FILES = (RuleFile, SharedFile, SiteFile, LawFile, SourceFile, IndexFile)
_INSIDE = (CardFilterData, OfferFilterData)  # only claims name them, and claims are no model
_LAW = "Law"  # what a clause of a law may name besides


def schema_text(book: Rulebook, laws: Rulebook | None = None) -> str:
    """The file as it is written. `laws`: the rulebook with the names laws declare themselves."""
    return f"{json.dumps(schema(book, laws), indent=1, ensure_ascii=False)}\n"


def schema(book: Rulebook, laws: Rulebook | None = None) -> Json:
    """The whole schema, draft 2020-12."""
    _, made = models_json_schema(
        [(model, "validation") for model in (*_FILES, *_INSIDE)], by_alias=True
    )
    definitions: dict[str, Json] = made["$defs"]
    for model in _models():
        _clauses(model, definitions[model.__name__])
    _law_terms(definitions)
    _names(definitions, book, laws or book)
    definitions |= clause_definitions(book)
    definitions |= clause_definitions(laws or book, _LAW)
    definitions |= {
        "FactDeclaration": fact_declaration(book),
        "Claim": _claim(),
        "CodeSetFile": _code_set(),
    }
    return {
        "$schema": DIALECT,
        "title": "Rule files of the electrolyte CDS service",
        "description": "Made by `cds book`; after a new name is declared, make it anew.",
        "type": "object",
        **_root(0),
        "$defs": dict(sorted(definitions.items())),
    }


def _root(at: int) -> Json:
    if at == len(_KINDS):
        return ref("SharedFile")
    words, kind = _KINDS[at]
    asked = {"anyOf": [{"required": [word]} for word in words]}
    return {"if": asked, "then": ref(kind), "else": _root(at + 1)}


def _models() -> Iterator[type[BaseModel]]:
    """Every model a file is made of."""
    todo: list[type[BaseModel]] = list(_FILES)
    seen: list[type[BaseModel]] = []
    while todo:
        model = todo.pop()
        if model in seen:
            continue
        seen.append(model)
        yield model
        for field in model.model_fields.values():
            todo += [found for found in _inside(field.annotation) if issubclass(found, Strict)]


def _inside(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _inside(inner)


def _clauses(model: type[BaseModel], shape: Json) -> None:
    """Fields that pydantic sees as any mapping are clauses, facts, claims or rows of a table."""
    free = dict[str, Any]
    law = model.__name__ == "LawData"
    for name, field in model.model_fields.items():
        word = field.alias or name
        if field.annotation == dict[str, free]:
            shape["properties"][word]["additionalProperties"] = ref("FactDeclaration")
        elif field.annotation == free or free in get_args(field.annotation):
            kind = "Claim" if word in ("always", "never") else f"{_LAW if law else ''}Clause"
            target = _rows() if word == "rows" else ref(kind)
            shape["properties"][word] = target


def _law_terms(definitions: dict[str, Json]) -> None:
    """Definitions that laws state for themselves may ask what only laws may ask."""
    term = copy.deepcopy(definitions["DefineData"])
    term["properties"]["when"] = ref(f"{_LAW}Clause")
    definitions[f"{_LAW}DefineData"] = term
    target = ref(f"{_LAW}DefineData")
    definitions["LawFile"]["properties"]["define"]["additionalProperties"] = target


def _rows() -> Json:
    cells = {"type": "object", "additionalProperties": SCALAR}
    return {"type": "object", "additionalProperties": {"anyOf": [SCALAR, cells]}}


def _claim() -> Json:
    """What a law says of the answer, or of the patient."""
    filters = {
        "fires": ref("CardFilterData"),
        "offers": ref("OfferFilterData"),
        "more_than_one_offer": ref("OfferFilterData"),
    }
    groups = {word: list_of(ref("Claim")) for word in ("all", "any")}
    answers = {
        "type": "object",
        "properties": {**filters, **groups},
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    return {"anyOf": [answers, ref(f"{_LAW}Clause")]}


def _code_set() -> Json:
    return {
        "description": "Codes, one a line; `cds check` reads them line by line.",
        "type": "object",
        "required": ["date", "sources"],
    }


def _names(definitions: dict[str, Json], book: Rulebook, laws: Rulebook) -> None:
    """Names that stand for something declared elsewhere: an editor offers those there are."""
    rules = (rule.id for rule in book.rules)
    sections = (book.thresholds, book.windows, book.tables, book.definitions, book.facts)
    names: dict[str, Iterable[str]] = {
        "FactName": laws.facts,
        "ThresholdName": laws.thresholds,
        "DefinitionName": book.definitions,
        "TableName": book.tables,
        "WindowName": book.windows,
        "TemplateName": book.templates,
        "RuleName": rules,
        "CitationName": (*book.citations, OPEN.name),
        "ReasonName": book.override_reasons,
        "RoleName": roles_of(book.terminology),
        "AnyName": (name for section in sections for name in section),
    }
    definitions |= {name: one_of(found) for name, found in names.items()}
    for name, shape in definitions.items():
        words = shape.get("properties", {})
        if "cite" in words:
            needed = "cite" in shape.get("required", ())
            words["cite"] = list_of(ref("CitationName"), int(needed))
        for (owner, word), target in _VALUES.items():
            if owner == name:
                words[word] = target
        for (owner, word), keys in _KEYS.items():
            if owner == name:
                words[word]["propertyNames"] = ref(keys)


# Model and word -> the names that may stand there.
_VALUES: dict[tuple[str, str], Json] = {
    ("ThresholdData", "of"): ANALYTES,
    ("TableData", "of"): ANALYTES,
    ("TableData", "by"): list_of(ref("FactName")),
    ("BandData", "of"): ref("FactName"),
    ("ContestedData", "threshold"): ref("ThresholdName"),
    ("ContestedData", "by"): ref("FactName"),
    ("WindowData", "inpatient"): SPAN,
    ("WindowData", "outpatient"): SPAN,
    ("DoseData", "table"): ref("TableName"),
    ("TotalData", "fact"): ref("FactName"),
    ("TotalData", "at_most"): ref("ThresholdName"),
    ("ForEachData", "order"): list_of(ref("RoleName")),
    ("RuleFile", "override_reasons"): list_of(ref("ReasonName"), 0),
    ("SuggestionData", "create"): ref("TemplateName"),
    ("SuggestionData", "unless"): list_of(ref("DefinitionName"), 0),
    ("SuggestionData", "duplicate_of"): ref("DefinitionName"),
    ("SiteChange", "accepted"): list_of(ref("RuleName"), 0),
    ("StatementData", "names"): list_of(ref("AnyName"), 0),
    ("ContradictionData", "names"): list_of(ref("AnyName"), 0),
}
# Model and word -> the names that may stand as keys there.
_KEYS = {
    ("CaseData", "given"): "FactName",
    ("SiteChange", "thresholds"): "ThresholdName",
    ("SiteChange", "windows"): "WindowName",
    ("SiteChange", "status"): "RuleName",
    ("SiteChange", "changes_cases"): "RuleName",
}
