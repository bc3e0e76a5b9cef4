"""Does every case embedded in a rule file hold, and would it notice if it did not?"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from cds.check import check
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Case, Rule, Rulebook
from cds.trial import run_case, try_cases

RULES = Path(__file__).parents[2] / "rules"


def test_the_case_holds(embedded_case: tuple[Rulebook, Rule, Case]) -> None:
    assert run_case(*embedded_case).faults == ()


def test_the_rules_are_clean() -> None:
    report = check(RULES)
    assert report.findings == ()
    assert report.summary.startswith("clean: ")


def test_a_threshold_moved_by_its_last_digit_is_noticed() -> None:
    book = load_rulebook(RULES)
    noticed = []
    for name in ("mg_lln", "mg_severe", "k_low", "k_severe", "k_high"):
        old = book.thresholds[name]
        moved = {unit: value + Decimal("0.1") for unit, value in old.values.items()}
        moved_book = replace(book, thresholds={**book.thresholds, name: replace(old, values=moved)})
        if any(item.faults for item, _ in try_cases(moved_book)):  # the first one is enough
            noticed.append(name)
    assert noticed == ["mg_lln", "mg_severe", "k_low", "k_severe", "k_high"]


def test_a_rule_that_loses_its_suggestions_is_noticed() -> None:
    book = load_rulebook(RULES)
    bare = tuple(
        replace(rule, levels=tuple(replace(level, suggest=()) for level in rule.levels))
        for rule in book.rules
    )
    assert any(item.faults for item, _ in try_cases(replace(book, rules=bare)))


def test_check_lists_each_failing_case_with_file_and_line(tmp_path: Path) -> None:
    target = tmp_path / "rules"
    for path in RULES.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(RULES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            text = path.read_text(encoding="utf-8")
            copy.write_text(
                text.replace("value: [1.2 mg/dL, 0.494", "value: [1.3 mg/dL, 0.535").replace(
                    "0.987 meq/L, 12 mg/L, 494", "1.07 meq/L, 13 mg/L, 535"
                ),
                encoding="utf-8",
            )
    report = check(target)
    assert any(
        line.startswith("rules/hypomagnesemia.yaml:") and "Mg 1.2 is low, not severe" in line
        for line in report.findings
    )
