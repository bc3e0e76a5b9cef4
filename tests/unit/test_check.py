"""`cds check`: one line per finding with its file and line, and a closing line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cds.check import check

RULES = Path(__file__).parents[2] / "rules"
Change = Callable[[str, str, str], Path]


@pytest.fixture
def changed(tmp_path: Path) -> Change:
    """The rules of this project with one text in one file replaced."""
    copy = Path(shutil.copytree(RULES, tmp_path / "rules"))

    def apply(file: str, old: str, new: str) -> Path:
        path = copy / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return copy

    return apply


def test_clean_rules_are_counted_and_named_by_their_digest() -> None:
    report = check(RULES)
    assert report.findings == ()
    assert report.summary.startswith("clean: ")
    assert " rules, " in report.summary
    assert report.summary.split(", ")[-1].startswith("sha256:")


def test_rules_that_do_not_load_are_listed_and_no_case_is_run(changed: Change) -> None:
    rules = changed("hypomagnesemia.yaml", "{holds: magnesium_severe}", "{holds: magnesium_sever}")
    report = check(rules)
    assert report.summary == "1 problems; the rules do not load"
    (finding,) = report.findings
    assert finding.startswith("rules/hypomagnesemia.yaml:")
    assert "`magnesium_sever` is not a declared definition. Did you mean" in finding


def test_a_case_that_does_not_hold_is_named_with_its_line(changed: Change) -> None:
    case = "{name: Mg 1.7 mg/dL is not low, given: {magnesium: 1.7 mg/dL}, expect: silent}"
    rules = changed(
        "hypomagnesemia.yaml",
        case,
        case.replace("given: {magnesium: 1.7", "given: {magnesium: 1.6"),
    )
    report = check(rules)
    (finding,) = report.findings
    text = (rules / "hypomagnesemia.yaml").read_text(encoding="utf-8").splitlines()
    line = 1 + next(i for i, item in enumerate(text) if "Mg 1.7 mg/dL is not low" in item)
    assert finding == (
        f"rules/hypomagnesemia.yaml:{line}: case `Mg 1.7 mg/dL is not low` of hypomagnesemia: "
        "expected silent, got fires: row A1 applies"
    )
    assert report.summary.startswith("1 findings: ")


def test_a_site_is_checked_too_and_its_problems_are_listed(changed: Change) -> None:
    rules = changed("sites/example.yaml", "mg_daily_limit: [6 g]", "mg_daily_limit: [9 g]")
    (finding,) = check(rules).findings
    assert finding.startswith("rules/sites/example.yaml:")
    assert "`mg_daily_limit` may not be raised here" in finding


def test_a_site_that_is_not_there_is_a_problem_and_not_overlooked() -> None:
    report = check(RULES, "exampel")
    assert report.findings == (
        "rules/sites/exampel.yaml:1: there is no such site file. Did you mean `example`? "
        "Set CDS_SITE to one that is there (example), or leave it unset.",
    )


CASE = "Mg 1.7 mg/dL is not low"
HIGHER = """\
site: example
title: Example
changes:
  - by: C. Example, ambulatory care
    date: 2026-11-18
    why: a patient of the clinic is not seen again for weeks
    thresholds:
      mg_lln: [1.8 mg/dL, 0.74 mmol/L, 1.48 meq/L, 18 mg/L, 740 umol/L]
"""


@pytest.fixture
def higher(tmp_path: Path) -> Callable[[str], list[str]]:
    """What `cds check` finds about a site that takes 1.8 mg/dL for the lower limit: one rule stands
    alone, since what is found about the others is not looked at."""
    copy = Path(shutil.copytree(RULES, tmp_path / "rules"))
    for path in copy.glob("*.yaml"):
        if path.stem not in ("laws", "hypomagnesemia"):
            path.unlink()
    shutil.rmtree(copy / "sites/example")  # the files that the real site names

    def apply(more: str) -> list[str]:
        (copy / "sites/example.yaml").write_text(HIGHER + more, encoding="utf-8")
        return [line for line in check(copy).findings if "hypomagnesemia" in line]

    return apply


def test_a_case_that_a_site_changes_is_a_finding(higher: Callable[[str], list[str]]) -> None:
    found = [line for line in higher("") if f"case `{CASE}`" in line]
    assert len(found) == 1
    assert "of hypomagnesemia does not hold under this site: expected silent, got fires" in found[0]
    assert "name it under `changes_cases`" in found[0]


def test_a_case_that_a_site_is_meant_to_change_is_none(
    higher: Callable[[str], list[str]],
) -> None:
    named = f"    changes_cases:\n      hypomagnesemia: [{CASE}]\n"
    assert not [line for line in higher(named) if f"case `{CASE}`" in line]


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("Mg 1.7 mg/dl is not lo", f"has no case `Mg 1.7 mg/dl is not lo`. Did you mean `{CASE}`?"),
        ("severe and covered is info", "holds under this site too. Remove it here."),
    ],
)
def test_a_case_is_named_only_where_it_changes(
    higher: Callable[[str], list[str]], case: str, words: str
) -> None:
    found = higher(f"    changes_cases:\n      hypomagnesemia:\n        - {case}\n")
    assert any(line.startswith("rules/sites/example.yaml:") and words in line for line in found)


def test_a_statement_without_its_place_is_a_finding(changed: Change) -> None:
    rules = changed("sources/s0.yaml", "rows: [A4]", "rows: [A44]")
    (finding,) = check(rules).findings
    assert finding == (
        "rules/sources/s0.yaml:9: `A44` is not among the rows of these rules. Did you mean `A4`?"
    )


BOTH_SIDES = "magnesium: 3.9 to 4.1 mg/dL"


def test_an_answer_that_no_case_shows_is_a_finding(changed: Change) -> None:
    rules = changed("high-magnesium.yaml", BOTH_SIDES, "magnesium: 3.9 mg/dL")
    (finding,) = check(rules).findings
    assert finding == (
        "rules/high-magnesium.yaml:34: levels.C5-2.critical_when of high-magnesium: no case shows "
        "`holds: magnesium_very_high` cannot-tell."
    )


def test_what_cases_show_is_not_asked_while_one_does_not_hold(changed: Change) -> None:
    rules = changed("high-magnesium.yaml", BOTH_SIDES, "magnesium: 4.1 mg/dL")
    (finding,) = check(rules).findings
    assert "of high-magnesium: expected warning, got critical" in finding
