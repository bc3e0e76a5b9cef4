"""`cds check`: one line per finding with its file and line, and a closing line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cds.check import check
from cds.rulebook.load import load_rulebook

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


@pytest.mark.parametrize(
    ("weak", "rows"),
    [
        ("nothing", []),
        ("seed-004", []),  # A2 offers a dose, and has better sources beside it
        ("everything", ["A3", "A2", "A1-iv", "A1"]),  # the borderline row offers no dose
    ],
)
def test_a_dose_never_stands_on_weak_sources_alone(
    monkeypatch: pytest.MonkeyPatch, weak: str, rows: list[str]
) -> None:
    book = load_rulebook(RULES)
    citations = {
        name: replace(item, standing="weak" if weak in (name, "everything") else "label")
        for name, item in book.citations.items()
    }
    weaker = replace(book, citations=citations)
    monkeypatch.setattr("cds.check.load_rulebook", lambda *_: weaker)
    found = [line for line in check(RULES).findings if "hypomagnesemia.yaml" in line]
    assert [line.split(": row ")[1] for line in found] == [
        f"{row} offers a dose on weak sources alone." for row in rows
    ]


def test_a_site_that_cannot_be_applied_is_a_problem_and_not_overlooked() -> None:
    report = check(RULES, "north")
    assert report.findings == (
        "rules/sites/north.yaml:1: site files are not applied by this version. "
        "Leave CDS_SITE unset.",
    )
