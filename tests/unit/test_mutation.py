"""Who notices a mutant: a case, a boundary, a law, or nobody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cds.mutation import MutationReport, mutate
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule, Rulebook, Where
from cds.rulebook.model.rules import Excuse
from cds.rulebook.mutate import Mutant, mutants
from cds.trial.limits import Frozen, read_frozen

RULES = Path(__file__).parents[2] / "rules"
RULE = "lupus-leukopenia"
HERE = Where("rules/lupus-leukopenia.yaml", 9)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


@pytest.fixture(scope="module")
def frozen() -> Frozen:
    return read_frozen(RULES)


def without_cases(book: Rulebook) -> Rulebook:
    """The rulebook with no case in the rule that these tests look at."""

    def bare(rule: Rule) -> Rule:
        return replace(rule, cases=()) if rule.id == RULE else rule

    return replace(book, rules=tuple(bare(rule) for rule in book.rules))


def changes(report: MutationReport) -> list[str]:
    return [item.change for item in report.survivors]


def test_what_the_cases_notice_does_not_survive(book: Rulebook, frozen: Frozen) -> None:
    report = mutate(book, frozen, only=RULE)
    assert report.by_case > 0
    assert report.by_boundary > 0
    assert report.total == report.by_case + report.by_boundary + len(report.survivors)


def test_without_its_cases_a_clause_may_be_changed_and_nobody_notices(
    book: Rulebook, frozen: Frozen
) -> None:
    report = mutate(without_cases(book), frozen, only=RULE)
    lupus = [item for item in report.survivors if item.part == "levels.A6.when.all.1"]
    assert [item.words for item in lupus] == [
        "`lupus: present` dropped",
        "`lupus: present` turned into `lupus: absent`",
    ]
    (line,) = [line for line in report.findings if "`lupus: present` dropped" in line]
    assert line.startswith("rules/lupus-leukopenia.yaml:")
    assert line.endswith(" survives: no case, boundary or law notices")
    assert report.summary.endswith(f"0 excused, {len(report.survivors)} survive")


def test_a_limit_is_noticed_by_its_boundary_and_not_without_it(
    book: Rulebook, frozen: Frozen
) -> None:
    bare = without_cases(book)
    moved = "thresholds.wbc_low: 4.0 10*9/L moved to 4.1 10*9/L"
    assert moved not in changes(mutate(bare, frozen, only=RULE))
    assert moved in changes(mutate(bare, Frozen(), only=RULE))


def test_a_law_is_asked_last_and_what_it_notices_is_counted(book: Rulebook, frozen: Frozen) -> None:
    asked: list[str] = []

    def law(mutant: Mutant) -> bool:
        asked.append(mutant.change)
        return "`lupus: present` dropped" in mutant.change

    bare = without_cases(book)
    alone = mutate(bare, frozen, only=RULE)
    report = mutate(bare, frozen, law, RULE)
    assert asked == changes(alone)
    assert report.by_law == 1
    assert len(report.survivors) == len(alone.survivors) - 1


def test_an_excuse_allows_exactly_one_change(book: Rulebook, frozen: Frozen) -> None:
    change = "levels.A6.when.all.1: `lupus: present` dropped"
    excused = replace(without_cases(book), excuses=(Excuse(change, "said elsewhere", HERE),))
    report = mutate(excused, frozen, only=RULE)
    assert [item.change for item in report.excused] == [change]
    assert change not in changes(report)
    assert "levels.A6.when.all.1: `lupus: present` turned into `lupus: absent`" in changes(report)


@pytest.mark.parametrize(
    "change",
    ["levels.A6.when.all.1: `lupus: present` dropped", "levels.A66.when: `no such clause` dropped"],
)
def test_an_excuse_that_no_mutant_needs_is_a_finding(
    book: Rulebook, frozen: Frozen, change: str
) -> None:
    small = replace(
        book,
        rules=tuple(rule for rule in book.rules if rule.id == RULE),
        excuses=(Excuse(change, "said elsewhere", HERE),),
    )
    report = mutate(small, frozen)
    assert [item.change for item in report.stale] == [change]
    assert any(
        line.startswith("rules/lupus-leukopenia.yaml:9: `defence_in_depth` allows")
        for line in report.findings
    )


def test_a_case_that_fails_already_notices_nothing_by_failing(
    book: Rulebook, frozen: Frozen
) -> None:
    def broken(rule: Rule) -> Rule:
        cases = tuple(replace(case, expect="silent") for case in rule.cases[:1])
        return replace(rule, cases=cases) if rule.id == RULE else rule

    failing = replace(book, rules=tuple(broken(rule) for rule in book.rules))
    found = changes(mutate(failing, frozen, only=RULE))
    assert "levels.A6.indicator: info turned into warning" in found


def test_every_mutant_of_a_rule_is_judged(book: Rulebook, frozen: Frozen) -> None:
    expected = [item for item in mutants(book) if RULE in item.rules]
    assert mutate(book, frozen, only=RULE).total == len(expected)
