"""Holes in texts are checked when the rulebook loads: a card never shows a hole."""

from __future__ import annotations

from pathlib import Path

import pytest
import rulefiles

from cds.rulebook.model import Rulebook
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from cds.rulebook.texts import check_text


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(Path(tmp_path_factory.mktemp("texts")))


def problems(book: Rulebook, text: str, *, offer: bool = False, order: bool = False) -> list[str]:
    scope = Scope(
        book.terminology,
        book.templates,
        facts=dict(book.facts),
        thresholds=dict(book.thresholds),
        tables=dict(book.tables),
    )
    check_text(scope, Source("rule.yaml", {}, {}), (), text, offer=offer, order=order)
    return [f"{item.message} {item.fix}".strip() for item in scope.problems]


@pytest.mark.parametrize(
    "text",
    [
        "no hole at all, 20 % and 1 g/100 mL",
        "{magnesium}, {magnesium.age} ago at {magnesium.when}: {magnesium.number}",
        "{magnesium.why} {magnesium.explained}",
        "{mg_class} because {mg_class.why}",
        "{epilepsy} {epilepsy.names} {epilepsy.why}",
        "below {mg_low}",
        "{tablets} or {tablets.amount}",
    ],
)
def test_a_text_may_show_facts_thresholds_and_tables(book: Rulebook, text: str) -> None:
    assert problems(book, text) == []


@pytest.mark.parametrize("hole", ["dose", "rate", "duration", "frequency", "elemental"])
def test_what_is_offered_stands_in_labels_only(book: Rulebook, hole: str) -> None:
    assert problems(book, f"give {{{hole}}}", offer=True) == []
    assert len(problems(book, f"give {{{hole}}}")) == 1


def test_the_order_stands_in_rules_about_one_order_only(book: Rulebook) -> None:
    assert problems(book, "Hold {order}", order=True) == []
    assert problems(book, "Hold {order}") == ["`{order}` names no fact or threshold."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{magnesum}", "`{magnesum}` names no fact or threshold. Did you mean `magnesium`?"),
        ("{mg_low.age}", "`{mg_low}` names no fact or threshold."),
        ("{tablets.why}", "`{tablets}` names no fact or threshold."),
        ("{magnesium.agee}", "`magnesium` has no `.agee`. Did you mean `age`?"),
        ("{mg_class.when}", "`mg_class` has no `.when`. It has: why, explained."),
        ("{epilepsy.number}", "`epilepsy` has no `.number`. It has: names, why, explained."),
        ("{Magnesium}", "a brace in a text is not part of a hole. Holes look like"),
        ("magnesium}", "a brace in a text is not part of a hole."),
        ("{magnesium.age.age}", "a brace in a text is not part of a hole."),
    ],
)
def test_a_hole_that_shows_nothing_does_not_load(book: Rulebook, text: str, words: str) -> None:
    (problem,) = problems(book, text)
    assert words in problem
