"""What the book says about the cases of a rule."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rulebook"))

import rulefiles

from cds.book.coverage import coverage_sentences
from cds.rulebook.model import Rulebook, Where
from cds.trial.coverage import ClauseSeen

HERE = Where("rules/test-rule.yaml", 1)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("coverage"))


def part(owner: str, seen: set[str]) -> ClauseSeen:
    wanted = ("yes", "no")
    unseen = tuple(answer for answer in wanted if answer not in seen)
    return ClauseSeen(owner, "when", "words", HERE, wanted, unseen)


def test_what_no_case_shows_is_counted(book: Rulebook) -> None:
    parts = [part("test-rule", {"yes", "no"}), part("test-rule", {"yes"}), part("another", set())]
    told = coverage_sentences(book, parts)["test-rule"]
    assert told.endswith("has 4 such possibilities; the cases show 3 of them")


def test_a_rule_whose_cases_show_everything_says_so(book: Rulebook) -> None:
    told = coverage_sentences(book, [part("test-rule", {"yes", "no"})])["test-rule"]
    assert told.endswith("has 2 such possibilities, and the cases show every one of them")
