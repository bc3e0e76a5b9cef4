"""No clause, number or guard of the rules can be changed without a test noticing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.mutation import MutationReport, mutate
from cds.rulebook.load import load_rulebook
from cds.trial.limits import read_frozen

RULES = Path(__file__).parents[2] / "rules"


@pytest.fixture(scope="module")
def report() -> MutationReport:
    """Every mutant of the rules, held against cases, boundaries and doses."""
    return mutate(load_rulebook(RULES), read_frozen(RULES))


def test_every_change_of_the_rules_is_noticed(report: MutationReport) -> None:
    assert [str(item.where) + " " + item.change for item in report.survivors] == []
    assert report.total == report.by_case + report.by_boundary + len(report.excused)
    assert report.total > 2000


def test_every_guard_that_is_redundant_on_purpose_still_is(report: MutationReport) -> None:
    assert report.stale == ()
    assert len(report.excused) < 50
