"""Which answers the cases make each clause give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cds.engine.evaluate import judge
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule, Rulebook
from cds.trial import try_cases
from cds.trial.coverage import ClauseSeen, asked, clause_coverage, coverage_faults

RULES = Path(__file__).parents[2] / "rules"
RULE = "potassium-order-iv"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    """One rule; definitions that only others use are not asked."""
    whole = load_rulebook(RULES)
    return replace(whole, rules=tuple(rule for rule in whole.rules if rule.id == RULE))


@pytest.fixture(scope="module")
def found(book: Rulebook) -> dict[tuple[str, str], ClauseSeen]:
    return {(item.owner, item.part): item for item in clause_coverage(book)}


SEEN = [
    # owner                          part                        seen at least
    (RULE, "levels.C4-iv-1", {"fired", "not fired"}),
    (RULE, "levels.C4-iv-1.when", {"yes", "no"}),
    (RULE, "levels.C4-iv-3.when.all.2.any.1", {"yes", "no"}),
    (RULE, "suggestions.delete-potassium", {"offered"}),
    ("define.potassium_crisis_in_icu", "when", {"yes", "no"}),
    ("define.potassium_crisis_in_icu", "when.all.2", {"yes", "no"}),
]


@pytest.mark.parametrize(("owner", "part", "seen"), SEEN)
def test_what_the_cases_make_a_clause_answer_is_seen(
    found: dict[tuple[str, str], ClauseSeen], owner: str, part: str, seen: set[str]
) -> None:
    item = found[owner, part]
    assert seen <= set(item.wanted) - set(item.unseen)


WANTED = [
    # a question about the call or the place is always decided, one about the patient may not be
    (RULE, "levels.C4-iv-1.when.all.2", ("yes", "no")),
    (RULE, "levels.C4-iv-4.when.all.2", ("yes", "no", "cannot-tell")),
    (RULE, "suggestions.delete-potassium", ("offered",)),
    ("define.potassium_crisis_in_icu", "when.all.2", ("yes", "no")),
    ("define.magnesium_card_speaks", "when.any.2", ("yes", "no")),
    # "no, or cannot tell" asked of one definition is always decided, whatever its members are
    ("define.magnesium_card_speaks", "when", ("yes", "no")),
    ("define.child", "when", ("yes", "no", "cannot-tell")),
]


@pytest.mark.parametrize(("owner", "part", "wanted"), WANTED)
def test_a_clause_that_may_stay_open_should_be_shown_open(
    found: dict[tuple[str, str], ClauseSeen], owner: str, part: str, wanted: tuple[str, ...]
) -> None:
    assert found[owner, part].wanted == wanted


SETTLED = [
    # the row is about a usable magnesium, so one is there
    ("hypomagnesemia", "levels.A2.notes.6.if.all.1", ("yes",)),
    ("hypomagnesemia", "levels.A2.notes.6.if.all.2", ("yes", "no", "cannot-tell")),
    # an emergency with low magnesium would have been the row above
    ("hypomagnesemia", "suggestions.severe-dose.unless.mg_emergency", ("no", "cannot-tell")),
    # and so would severe magnesium: what is left is low, or perhaps low
    ("hypomagnesemia", "suggestions.magnesium-oral.if.all.1", ("yes", "cannot-tell")),
    # both rows of the rule are told apart by whether there is a magnesium result
    ("refractory-calcium", "notes.5.if.all.1", ("yes", "cannot-tell")),
    # the row rests on one result that is missing, so the list of results was supplied
    ("lupus-leukopenia", "levels.A6.notes.1.if", ("yes", "no")),
    # the file says under `defence_in_depth` that the condition stops nothing
    ("magnesium-not-measured", "notes.7.if.all.2", ("yes",)),
    # nothing is settled where the rule itself is asked whether it is wanted
    ("magnesium-not-measured", "unless.any.3", ("yes", "no", "cannot-tell")),
]


@pytest.fixture(scope="module")
def all_found() -> dict[tuple[str, str], ClauseSeen]:
    """What the whole rulebook wants; no case is run."""
    return {(item.owner, item.part): item for item in clause_coverage(load_rulebook(RULES), ())}


@pytest.mark.parametrize(("owner", "part", "wanted"), SETTLED)
def test_what_the_row_has_settled_need_not_be_shown_otherwise(
    all_found: dict[tuple[str, str], ClauseSeen], owner: str, part: str, wanted: tuple[str, ...]
) -> None:
    assert all_found[owner, part].wanted == wanted


def test_no_case_shows_an_answer_that_is_thought_impossible() -> None:
    """The other way round: what the real engine answers is what was thought possible. Excuses are
    no statement about what is possible, and a list of which only a part is known is made up."""
    book = replace(load_rulebook(RULES), excuses=())
    possible = {(item.owner, item.part): set(item.wanted) for item in clause_coverage(book, ())}
    impossible = {
        f"{result.case.name}: {key[1]} of {key[0]} is {judge(clause, facts).verdict.value}"
        for result, facts in try_cases(book)
        if result.decision is not None and not result.case.otherwise
        for key, clause in asked(result.rule, result.decision, facts)
        if key in possible and judge(clause, facts).verdict.value not in possible[key]
    }
    assert impossible == set()


def test_a_level_that_is_never_reached_is_not_seen(book: Rulebook) -> None:
    def only_first(rule: Rule) -> Rule:
        pushed = tuple(case for case in rule.cases if case.name.startswith("a push is critical"))
        return replace(rule, cases=pushed)

    pushed = replace(book, rules=tuple(only_first(rule) for rule in book.rules))
    unseen = {(item.owner, item.part): item.unseen for item in clause_coverage(pushed)}
    first = unseen[RULE, "levels.C4-iv-1.when"]
    assert "yes" not in first
    assert "no" in first
    assert "yes" in unseen[RULE, "levels.C4-iv-6.when"]


def test_what_no_case_shows_is_told_with_its_line(book: Rulebook) -> None:
    bare = replace(book, rules=tuple(replace(rule, cases=()) for rule in book.rules))
    faults = coverage_faults(bare)
    level = book.rules[0].levels[0]
    assert (
        f"{level.where}: levels.C4-iv-1 of {RULE}: no case shows `row C4-iv` fired or not fired."
        in faults
    )
