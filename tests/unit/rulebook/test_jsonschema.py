"""The schema for editors: what the rule language can say fits, what it cannot say does not."""

from __future__ import annotations

import json
from typing import Any

import pytest
import rulefiles
from jsonschema import Draft202012Validator
from schemafiles import FILES, LAWS, SHARED, books, data, fits

from cds.rulebook.jsonschema import DIALECT, schema, schema_text
from cds.rulebook.model import Rulebook


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rulebook, Rulebook]:
    return books(tmp_path_factory.mktemp("schema"))


@pytest.fixture(scope="module")
def made(both: tuple[Rulebook, Rulebook]) -> Any:
    found = schema(*both)
    Draft202012Validator.check_schema(found)
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_kind_fits(made: Any, name: str) -> None:
    assert fits(made, data(FILES[name]))


@pytest.mark.parametrize("name", [name for name in FILES if name != "codes"])
def test_a_word_that_is_none_fits_no_file(made: Any, name: str) -> None:
    assert not fits(made, data(FILES[name]) | {"colour": "red"})


def test_codes_are_left_to_the_loader_but_have_a_date_and_sources(made: Any) -> None:
    assert fits(made, {"drugs": {"anything": 1}, "date": "2026-01-01", "sources": {}})
    assert not fits(made, {"drugs": {"anything": 1}, "sources": {}})
    assert not fits(made, {"drugs": {"anything": 1}, "date": "2026-01-01"})


CLAIMS = {
    "fires: {rule: [test-rule], row: [T1], indicator: [info]}": True,
    "fires: {colour: red}": False,
    "offers: {action: [create], kind: test}": True,
    "offers: {kind: pill}": False,
    "more_than_one_offer: {ingredient: [magnesium]}": True,
    "all: [{fires: {}}, {any: [{all: [{any: [{offers: {}}]}]}]}]": True,
    "all: []": False,
    "given_grams: {above: 4 g}": True,
    "holds: law_much": True,
    "holds: law_little": False,
    "{fires: {}, offers: {}}": False,
}


@pytest.mark.parametrize(("claim", "wanted"), CLAIMS.items(), ids=CLAIMS)
def test_a_law_speaks_of_answers_and_of_the_offer_it_looks_at(
    made: Any, claim: str, wanted: bool
) -> None:
    laws = data(LAWS)
    laws["laws"]["a-law"]["always"] = data(claim)
    assert fits(made, laws) is wanted


NAMES = {
    "ThresholdName": {"mg_low", "mg_high", "k_low"},
    "WindowName": {"day"},
    "TableName": {"tablets", "grams"},
    "DefinitionName": {"low_magnesium", "child"},
    "RuleName": {"test-rule"},
    "CitationName": {"paper", "open"},
}


@pytest.mark.parametrize(("kind", "names"), NAMES.items(), ids=NAMES)
def test_an_editor_offers_the_names_there_are(made: Any, kind: str, names: set[str]) -> None:
    assert set(made["$defs"][kind]["enum"]) == names


def test_where_no_name_is_declared_any_text_fits(made: Any) -> None:
    assert made["$defs"]["ReasonName"] == {"type": "string"}
    rule = data(rulefiles.RULE)
    assert fits(made, rule | {"override_reasons": ["a-reason"]})
    assert not fits(made, rule | {"override_reasons": [1]})


def test_a_name_of_a_law_is_known_to_laws_but_to_no_rule(made: Any) -> None:
    parts = made["$defs"]
    assert "given_grams" in parts["LawFactClause"]["properties"]
    assert "given_grams" not in parts["FactClause"]["properties"]
    assert "law_much" in parts["LawNamedClause"]["properties"]["holds"]["enum"]
    assert "law_much" not in parts["NamedClause"]["properties"]["holds"]["enum"]


def test_every_fact_is_explained_in_words(made: Any) -> None:
    asked = made["$defs"]["FactClause"]["properties"]
    assert asked["age"]["description"] == "the patient's age"
    assert asked["epilepsy"]["description"] == "epilepsy"


TABLE_ROWS = {
    "{full: 2, half: 1, low: none}": True,
    "{severe: {full: 2, half: none}}": True,
    "{severe: {full: {half: 2}}}": False,
    "[1, 2]": False,
}


@pytest.mark.parametrize(("rows", "wanted"), TABLE_ROWS.items(), ids=TABLE_ROWS)
def test_a_table_has_one_or_two_axes(made: Any, rows: str, wanted: bool) -> None:
    shared = data(SHARED)
    shared["tables"]["tablets"]["rows"] = data(rows)
    assert fits(made, shared) is wanted


def test_without_laws_the_schema_is_whole(both: tuple[Rulebook, Rulebook]) -> None:
    bare = schema(both[0])
    assert fits(bare, data(rulefiles.RULE))
    assert not fits(bare, data(LAWS)), "the fact that the law declares is not known"


def test_the_same_rulebook_gives_the_same_file(both: tuple[Rulebook, Rulebook]) -> None:
    text = schema_text(*both)
    assert text == schema_text(*both)
    assert json.loads(text) == schema(*both)
    assert json.loads(text)["$schema"] == DIALECT
    assert text.endswith("}\n")
