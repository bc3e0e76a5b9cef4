"""`overdue`: the finding about rules whose review is overdue."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.rulebook.review import overdue

RULES = Path(__file__).parents[3] / "rules"


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


def test_nothing_is_overdue_on_the_day_itself(book: Rulebook) -> None:
    first = min(rule.reviewed.due for rule in book.rules)
    assert overdue(book, first) == ()


def test_from_the_day_after_each_rule_has_one_finding(book: Rulebook) -> None:
    late = max(rule.reviewed.due for rule in book.rules) + timedelta(days=1)
    found = overdue(book, late)
    assert [item.file for item in found] == [rule.where.file for rule in book.rules]
    assert "the review of rule `high-magnesium` was due on 2027-11-22." in str(found[0])
    assert "write who, when and until when under `reviewed`" in str(found[0])


@pytest.mark.parametrize(
    ("status", "findings"), [("active", 1), ("silent", 1), ("draft", 0), ("retired", 0)]
)
def test_only_rules_that_are_judged_can_be_overdue(
    book: Rulebook, status: str, findings: int
) -> None:
    rule = replace(book.rules[0], status=status)  # type: ignore[arg-type]
    assert len(overdue(replace(book, rules=(rule,)), date(2100, 1, 1))) == findings
