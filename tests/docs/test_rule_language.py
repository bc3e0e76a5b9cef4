"""The reference of the rule language is complete, and each of its examples loads and holds."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pages import LANGUAGE, ROOT, blocks, mentioned
from pydantic import BaseModel

from cds.errors import RulebookError
from cds.facts.derived.registry import DERIVED
from cds.kernel.units import Analyte
from cds.rulebook import orders, schema
from cds.rulebook.clauses import OPERATORS, REASON_WORDS
from cds.rulebook.codesets import load_terminology
from cds.rulebook.fact_sources import _READERS as FACT_KINDS
from cds.rulebook.fact_sources import LISTS, ORDER_PROPERTIES, PLACES
from cds.rulebook.holes import HOLES
from cds.rulebook.load import assemble
from cds.rulebook.model import Rulebook
from cds.rulebook.orders import load_orders
from cds.rulebook.reading import read_source
from cds.rulebook.texts import ATTRIBUTES, OFFER_HOLES, ORDER_HOLES
from cds.trial import run_cases

GROUPS = ("all", "any", "holds", "not", "cannot_tell")
STATES = ("present", "absent", "missing")
KINDS = ("shared", "clauses", "rule", "order rule", "orders")
ELSEWHERE = ("site", "source")  # tried in test_site_language.py


def models() -> list[type[BaseModel]]:
    """Every shape a rule file, a shared file or the index of orders may have."""
    found = [
        value
        for module in (schema, orders)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, schema.Strict)
    ]
    return [model for model in dict.fromkeys(found) if model is not schema.Strict]


def fields() -> set[str]:
    return {field.alias or name for m in models() for name, field in m.model_fields.items()}


def literals(annotation: Any) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (word for word in get_args(annotation) if word)
    for inner in get_args(annotation) if get_origin(annotation) is not Literal else ():
        yield from literals(inner)


def choices() -> set[str]:
    """Words a field may have as its value."""
    return {
        word
        for model in models()
        for field in model.model_fields.values()
        for word in literals(field.annotation)
    }


def plain(text: str, folder: Path) -> Any:
    """An example as the loader reads it: every scalar is text."""
    path = folder / "example.yaml"
    body = re.sub(r"^", "  ", text, flags=re.MULTILINE)
    path.write_text(f"example:\n{body}", encoding="utf-8")
    return read_source(path, "example").data["example"]


def examples(folder: Path) -> dict[str, list[Any]]:
    """The data of every example, by kind."""
    return {
        kind: [plain(block.text, folder) for block in blocks(LANGUAGE, f"yaml {kind}")]
        for kind in KINDS
    }


def merged(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Several excerpts of a shared file as one file; a name that stands twice is a mistake."""
    whole: dict[str, Any] = {}
    for part in parts:
        for section, names in part.items():
            known = whole.setdefault(section, {})
            assert not set(names) & set(known), f"{section} declares a name twice"
            known.update(names)
    return whole


def write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data), encoding="utf-8")  # JSON is YAML 1.2


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    return examples(tmp_path_factory.mktemp("examples"))


@pytest.fixture(scope="session")
def book(data: dict[str, list[Any]], tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    """The examples as a rulebook of their own, with the real codes and the order templates."""
    rules = tmp_path_factory.mktemp("book") / "rules"
    (rules / "shared").mkdir(parents=True)
    write(rules / "shared" / "example.yaml", merged(data["shared"]))
    (rule,), (order_rule,) = data["rule"], data["order rule"]
    rows = [
        {"row": "X2", "indicator": "info", "when": clause, "summary": "an example"}
        for clause in (clause for part in data["clauses"] for clause in part)
    ]
    write(rules / "rule.yaml", {**rule, "levels": [*rule["levels"], *rows]})
    write(rules / "order-rule.yaml", order_rule)
    terms = load_terminology(ROOT / "rules" / "code_sets")
    templates = load_orders(ROOT / "rules" / "orders")
    return assemble(rules, terms, templates, [])


def keys(node: Any) -> Iterator[str]:
    """Every key and every text of an example."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from keys(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys(value)
    elif node is not None:
        yield str(node)


def test_every_block_of_the_page_is_an_example_that_is_tried() -> None:
    kinds = {f"yaml {kind}" for kind in (*KINDS, *ELSEWHERE)}
    assert {block.info for block in blocks(LANGUAGE)} == kinds


def test_the_examples_load(book: Rulebook) -> None:
    assert {rule.id for rule in book.rules} == {
        "severe-magnesium-example",
        "magnesium-dose-example",
    }


def test_an_example_that_does_not_load_would_be_noticed(
    data: dict[str, list[Any]], tmp_path: Path
) -> None:
    rules = tmp_path / "rules"
    (rules / "shared").mkdir(parents=True)
    shared = merged(data["shared"])
    shared["define"] = {**shared["define"], "child": {"when": {"agee": "present"}}}
    write(rules / "shared" / "example.yaml", shared)
    write(rules / "rule.yaml", data["rule"][0])
    with pytest.raises(RulebookError, match="`agee` is not a declared fact"):
        assemble(rules, load_terminology(ROOT / "rules/code_sets"), {}, [])


def test_the_cases_of_the_examples_hold(
    data: dict[str, list[Any]], book: Rulebook, tmp_path: Path
) -> None:
    # without the levels that only show clauses: they fire on patients the cases keep silent
    (tmp_path / "rules" / "shared").mkdir(parents=True)
    write(tmp_path / "rules" / "shared" / "example.yaml", merged(data["shared"]))
    for kind in ("rule", "order rule"):
        write(tmp_path / "rules" / f"{kind.replace(' ', '-')}.yaml", data[kind][0])
    plain_book = assemble(tmp_path / "rules", book.terminology, book.templates, [])
    results = run_cases(plain_book)
    assert len(results) >= 9
    assert [(item.case.name, item.faults) for item in results if item.faults] == []


def test_the_orders_of_the_examples_load(data: dict[str, list[Any]], tmp_path: Path) -> None:
    (index,) = data["orders"]
    write(tmp_path / "index.yaml", index)
    for entry in index["orders"].values():
        shutil.copy(ROOT / "rules" / "orders" / entry["file"], tmp_path)
    assert set(load_orders(tmp_path)) == set(index["orders"])


def test_there_are_words_to_look_for() -> None:
    assert {"info_when", "if", "shorter_when", "required_stops", "falling_by"} <= (
        fields() | set(OPERATORS)
    )
    assert {"active", "critical", "cannot-tell", "weak", "frequency", "selected"} <= choices()


@pytest.mark.parametrize("word", sorted(fields()))
def test_every_word_of_a_file_is_explained_and_shown(word: str, data: dict[str, list[Any]]) -> None:
    assert mentioned(LANGUAGE, word)
    assert word in set(keys(list(data.values())))


@pytest.mark.parametrize("word", sorted(choices()))
def test_every_choice_is_named(word: str) -> None:
    assert mentioned(LANGUAGE, word)


@pytest.mark.parametrize("word", [*OPERATORS, *STATES, *GROUPS])
def test_every_operator_is_explained_and_shown(word: str, data: dict[str, list[Any]]) -> None:
    assert mentioned(LANGUAGE, word)
    assert word in set(keys([data["clauses"], data["shared"], data["rule"]]))


@pytest.mark.parametrize("kind", FACT_KINDS)
def test_every_kind_of_fact_is_explained_and_shown_with_its_words(
    kind: str, data: dict[str, list[Any]]
) -> None:
    facts = [fact for part in data["shared"] for fact in part.get("facts", {}).values()]
    shown = {word for fact in facts if kind in fact for word in fact}
    _, words = FACT_KINDS[kind]
    missing = {kind, *words} - shown
    # shown once, for the fact whose reason it is
    assert missing <= ({"newer_than_used"} if kind == "lab_set_aside_reason" else set())
    assert all(mentioned(LANGUAGE, word) for word in (kind, *words, "in_cases"))


@pytest.mark.parametrize(
    "word",
    [
        *REASON_WORDS,
        *PLACES,
        *LISTS,
        *ORDER_PROPERTIES,
        *DERIVED,
        *(analyte.value for analyte in Analyte),
        *sorted(HOLES),
        *OFFER_HOLES,
        *ORDER_HOLES,
    ],
)
def test_every_name_is_in_the_reference(word: str) -> None:
    assert mentioned(LANGUAGE, word)


@pytest.mark.parametrize("attribute", sorted({a for kind in ATTRIBUTES.values() for a in kind}))
def test_every_attribute_of_a_hole_is_in_the_reference(attribute: str) -> None:
    assert f".{attribute}}}" in LANGUAGE
