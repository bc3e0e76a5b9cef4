"""`not x, or x cannot be told`: one doubt, in whatever place of a rule it stands."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rulebook"))

import rulefiles

from cds.rulebook.model import Holds, Rulebook
from cds.rulebook.prose.clauses import Speaker

SHARED = rulefiles.SHARED.replace(
    "define:\n",
    "define:\n"
    "  aloud: {means: magnesium is low, when: {mg_class: {is: low}}}\n"
    "  doubt: {means: its own words, when: {any: [{not: aloud}, {cannot_tell: aloud}]}}\n"
    "  other: {means: its own words, when: {any: [{not: aloud}, {cannot_tell: child}]}}\n",
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("doubt"), shared=SHARED)


def named(book: Rulebook, name: str, negated: bool = False) -> str:
    where = book.definitions[name].where
    return Speaker(book, {"aloud": 3, "doubt": 4}).sentence(Holds(name, negated, where))


def test_a_term_that_is_only_a_doubt_is_said_as_the_doubt_it_is(book: Rulebook) -> None:
    said = named(book, "doubt")
    clause = book.definitions["doubt"].clause
    assert said == Speaker(book, {"aloud": 3}).sentence(clause)
    assert said.endswith("that magnesium is low (term 3)")


def test_a_doubt_that_is_denied_keeps_its_own_words_and_number(book: Rulebook) -> None:
    assert named(book, "doubt", negated=True) == "it is not true that its own words (term 4)"


def test_doubt_about_another_term_is_no_doubt_about_this_one(book: Rulebook) -> None:
    assert named(book, "other") == "its own words"
