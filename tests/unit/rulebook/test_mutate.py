"""Mutants of a small rulebook: what is changed, how it is told, and whom it reaches."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import rulefiles

from cds.rulebook.model import Compare, Rulebook
from cds.rulebook.mutate import Mutant, mutants

SHARED = rulefiles.SHARED + (
    "  mg_stop: {when: {any: [{holds: child}, {not: low_magnesium}]}}\n"
    "  open_age: {when: {cannot_tell: child}}\n"
    "suggestions:\n"
    "  test-magnesium:\n"
    "    {label: Test, create: magnesium-level, if: {magnesium: missing}, duplicate_of: child}\n"
)
LEVEL = '    summary: "Magnesium {magnesium}"\n'
MORE = """    info_when: {all: [{potassium: present}, {potassium: {below: k_low}}]}
    critical_when: {potassium: {above: 5.0 mmol/L}}
    suggest: [tablets, test-magnesium]
    notes:
      - {say: always said}
      - {if: {magnesium: {missing: [stale, unit]}}, say: old, unknown: perhaps old}
  - row: T2
    indicator: info
    alone: true
    when: {magnesium: {between: [0.5 mg/dL, mg_low]}}
    summary: between
"""
REST = """suggestions:
  tablets:
    label: "{dose} {frequency}"
    create: magnesium-oxide-tablet
    dose: {table: tablets}
    unless: [mg_stop]
unless: {epilepsy: present}
notes: [{if: {renal_band: {in: [half, low]}}, say: kidneys}]
cases:
  - {name: between fires, given: {}, expect: fires, row: T2}
"""


def rule() -> str:
    return rulefiles.RULE.replace(LEVEL, LEVEL + MORE).replace("cases:\n", REST)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    return rulefiles.load(tmp_path_factory.mktemp("mutate"), rule(), SHARED)


@pytest.fixture(scope="module")
def found(book: Rulebook) -> dict[str, Mutant]:
    return {item.change: item for item in mutants(book)}


CHANGES = [
    # limits: each unit on its own, each by its own last digit
    "thresholds.mg_low: 1.7 mg/dL moved to 1.6 mg/dL",
    "thresholds.mg_low: 1.7 mg/dL moved to 1.8 mg/dL",
    "thresholds.mg_low: 0.70 mmol/L moved to 0.69 mmol/L",
    "bands.mg_class: a value that equals mg_high stands on its other side",
    # doses
    "tables.tablets: full: 2 /d turned into 1 /d",
    "tables.tablets: full: 2 /d turned into 3 /d",
    "tables.tablets: half: 1 /d turned into none",
    "tables.tablets: low: none turned into 1 /d",
    # clauses, in definitions and in rules
    "define.low_magnesium: `mg_class: {in: [low]}` with normal too",
    "define.low_magnesium: `mg_class: {in: [low]}` without low",
    "define.mg_stop: `any: [holds: child, not: low_magnesium]` read as all",
    "define.mg_stop.any.1: `holds: child` dropped",
    "define.mg_stop.any.1: `holds: child` turned into `not: child`",
    "define.mg_stop.any.2: `not: low_magnesium` turned into `holds: low_magnesium`",
    "define.open_age: `cannot_tell: child` turned into `holds: child`",
    "define.child: `age: {below: 18 a}` moved to `age: {below: 19 a}`",
    "define.child: `age: {below: 18 a}` turned into at_most",
    "levels.T2.when: `magnesium: {between: [0.5 mg/dL, mg_low]}` moved to "
    "`magnesium: {between: [0.4 mg/dL, mg_low]}`",
    # levels
    "levels.T1.indicator: warning turned into critical",
    "levels.T1.info_when: `all: [potassium: present, potassium: {below: k_low}]` removed",
    "levels.T1.critical_when: `potassium: {above: 5.0 mmol/L}` turned into at_least",
    "levels.T1.suggest: tablets taken off",
    "levels.T1: dropped",
    "levels.T1: put after T2",
    "levels.T2.alone: removed",
    # notes
    "levels.T1.notes.2: dropped",
    "levels.T1.notes.2: said always, not only if `magnesium: {missing: [stale, unit]}`",
    "levels.T1.notes.2.unknown: dropped",
    "levels.T1.notes.2.if: `magnesium: {missing: [stale, unit]}` without unit",
    "notes.1.if: `renal_band: {in: [half, low]}` with hold too",
    # guards
    "unless: `epilepsy: present` removed",
    "unless: `epilepsy: present` turned into `epilepsy: absent`",
    "suggestions.tablets.unless: mg_stop dropped",
    "suggestions.test-magnesium.if: `magnesium: missing` removed",
    "suggestions.test-magnesium.if: `magnesium: missing` turned into `magnesium: present`",
    "suggestions.test-magnesium.duplicate_of: removed",
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_made_and_told_in_words(found: dict[str, Mutant], change: str) -> None:
    assert change in found


def test_no_two_changes_of_a_file_have_one_name(book: Rulebook) -> None:
    names = Counter((item.where.file, item.change) for item in mutants(book))
    assert [name for name, count in names.items() if count > 1] == []


def test_each_change_differs_from_the_rulebook_in_one_member(
    book: Rulebook, found: dict[str, Mutant]
) -> None:
    for item in found.values():
        assert item.book != book
        parts = ("rules", "definitions", "facts", "thresholds", "tables")
        changed = [part for part in parts if getattr(item.book, part) != getattr(book, part)]
        assert len(changed) == 1, item.change


def test_a_mutant_names_the_line_of_what_was_changed(found: dict[str, Mutant]) -> None:
    lines = SHARED.splitlines()
    dropped = found["define.mg_stop.any.1: `holds: child` dropped"]
    assert dropped.where.file == "rules/shared/base.yaml"
    assert "mg_stop" in lines[dropped.where.line - 1]
    text = rule().splitlines()
    swapped = found["levels.T2.alone: removed"]
    assert swapped.where.file == "rules/test-rule.yaml"
    assert "row: T2" in text[swapped.where.line - 1]


# Who may answer differently: through definitions, bands, tables and shared suggestions.
REACHED = [
    ("thresholds.mg_high: 2.6 mg/dL moved to 2.7 mg/dL", {"test-rule"}),
    ("define.child: `age: {below: 18 a}` turned into at_most", {"test-rule"}),
    ("tables.tablets: full: 2 /d turned into 1 /d", {"test-rule"}),
    ("suggestions.test-magnesium.duplicate_of: removed", {"test-rule"}),
    ("define.open_age: `cannot_tell: child` turned into `holds: child`", set()),
]


@pytest.mark.parametrize(("change", "rules"), REACHED)
def test_a_mutant_reaches_the_rules_that_lean_on_it(
    found: dict[str, Mutant], change: str, rules: set[str]
) -> None:
    assert found[change].rules == rules


def test_present_beside_a_comparison_is_not_dropped_where_only_a_yes_counts(
    found: dict[str, Mutant],
) -> None:
    # what is missing compares as "cannot tell", and `info_when` acts on a yes alone
    assert "levels.T1.info_when.all.2: `potassium: {below: k_low}` dropped" in found
    assert "levels.T1.info_when.all.1: `potassium: present` dropped" not in found


def test_texts_that_are_always_said_are_not_changed(found: dict[str, Mutant]) -> None:
    assert not [change for change in found if change.startswith("levels.T1.notes.1")]


def test_a_draft_is_not_judged_and_not_changed(tmp_path: Path) -> None:
    draft = rulefiles.load(tmp_path, rule().replace("status: active", "status: draft"), SHARED)
    changes = [item.change for item in mutants(draft)]
    assert changes
    assert not [item for item in changes if item.startswith(("levels.", "notes.", "suggestions."))]


def test_a_value_that_equals_the_limit_changes_sides(found: dict[str, Mutant]) -> None:
    changed = found["define.child: `age: {below: 18 a}` turned into at_most"]
    clause = changed.book.definitions["child"].clause
    assert isinstance(clause, Compare)
    assert clause.operator == "at_most"


EXCUSE = "unless: `epilepsy: present` removed"


def test_an_excuse_keeps_its_reason_and_its_line(tmp_path: Path) -> None:
    text = rule() + f'defence_in_depth: {{"{EXCUSE}": said elsewhere}}\n'
    shared = SHARED + 'defence_in_depth: {"define.child: x": shared}\n'
    first, second = rulefiles.load(tmp_path, text, shared).excuses
    assert (first.change, first.reason) == ("define.child: x", "shared")
    assert str(first.where) == f"rules/shared/base.yaml:{len(shared.splitlines())}"
    assert (second.change, second.reason) == (EXCUSE, "said elsewhere")
    assert str(second.where) == f"rules/test-rule.yaml:{len(text.splitlines())}"


NOT_ASKED = [
    ("expect: fires, row: T2, withheld: {tablet: []}", "`tablet` is not a declared suggestion."),
    ("expect: fires, row: T2, dose: {table: 1 g}", "`table` is not a declared suggestion."),
    ("expect: fires, row: T2, role: tpn", "`role` is about the order of a rule with `for_each`."),
    ("expect: silent, says: []", "can be asked only where it fires."),
    ("expect: cannot-tell, summary: low", "can be asked only where it fires."),
]


@pytest.mark.parametrize(("words", "said"), NOT_ASKED)
def test_a_case_asks_only_what_its_rule_can_answer(tmp_path: Path, words: str, said: str) -> None:
    case = f"  - {{name: another, given: {{}}, {words}}}\n"
    (problem,) = rulefiles.problems(tmp_path, rule() + case, SHARED)
    assert said in problem.message
