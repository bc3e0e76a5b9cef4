"""`cds new-rule`: the draft it writes loads, holds and fires; what it refuses, it explains."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from yamllint import linter
from yamllint.config import YamlLintConfig

from cds import newrule
from cds.check import check
from cds.errors import SettingsError
from cds.newrule import FAMILIES, NOBODY_YET, Wish, next_steps, write_rule
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule

ROOT = Path(__file__).parents[2]
TODAY = date(2028, 2, 29)
WISH = Wish("low-magnesium-review", "hypomagnesemia", "X1", NOBODY_YET)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the rules of this project."""
    return Path(shutil.copytree(ROOT / "rules", tmp_path / "rules"))


def loaded(rules: Path, name: str) -> Rule:
    (rule,) = [rule for rule in load_rulebook(rules).rules if rule.id == name]
    return rule


def change(path: Path, **texts: str) -> None:
    """Replace whole values: `status="silent"`."""
    text = path.read_text(encoding="utf-8")
    for name, value in texts.items():
        text, count = re.subn(rf"(?m)^{name}: .*$", f"{name}: {value}", text)
        assert count == 1
    path.write_text(text, encoding="utf-8")


def test_the_draft_loads_beside_the_real_rules_and_its_cases_hold(rules: Path) -> None:
    write_rule(rules, WISH, TODAY)
    assert check(rules).findings == ()


def test_the_draft_is_what_was_asked_for(rules: Path) -> None:
    wish = Wish("new-one", "data-quality", "D4-mg", 'Anna "Nan" Ng: pharmacy')
    rule = loaded(write_rule(rules, wish, TODAY).parent, "new-one")
    assert (rule.id, rule.family, rule.status, rule.owner) == (
        "new-one",
        "data-quality",
        "draft",
        'Anna "Nan" Ng: pharmacy',
    )
    assert [level.row for level in rule.levels] == ["D4-mg"]
    assert rule.cite == ("open",)
    assert (rule.reviewed.by, rule.reviewed.date) == ("pending", TODAY)
    assert rule.reviewed.due > rule.reviewed.date


def test_the_draft_shows_a_firing_a_boundary_and_a_missing_case(rules: Path) -> None:
    rule = loaded(write_rule(rules, WISH, TODAY).parent, WISH.id)
    given = {case.given["magnesium"]: case.expect for case in rule.cases}
    assert given == {
        "1.6 mg/dL": "fires",
        "0.69 mmol/L": "fires",
        "1.7 mg/dL": "silent",
        "0.70 mmol/L": "silent",
        "missing stale": "cannot-tell",
        "not known": "cannot-tell",
    }


def test_a_case_of_a_draft_that_does_not_hold_is_a_finding(rules: Path) -> None:
    path = write_rule(rules, WISH, TODAY)
    text = path.read_text(encoding="utf-8")
    assert "{magnesium: 1.7 mg/dL}" in text
    path.write_text(text.replace("{magnesium: 1.7 mg/dL}", "{magnesium: 1.69 mg/dL}"))
    (finding,) = check(rules).findings
    assert finding.startswith(f"rules/{WISH.id}.yaml:")
    assert "case `exactly on the limit`" in finding
    assert "expected silent, got fires" in finding


def test_with_a_source_the_draft_may_leave_draft_as_it_is(rules: Path) -> None:
    path = write_rule(rules, WISH, TODAY)
    change(path, cite="[acute-oncology]", status="silent")
    assert check(rules).findings == ()


def test_without_a_source_it_may_not(rules: Path) -> None:
    path = write_rule(rules, WISH, TODAY)
    change(path, status="silent")
    found = [line for line in check(rules).findings if line.startswith(f"rules/{path.name}:")]
    assert any("citation is still open" in line for line in found)


def test_the_draft_keeps_the_style_of_the_rule_files(rules: Path) -> None:
    wish = Wish("a" * 60, "potassium-safety", "C4-iv", "x" * 60)
    path = write_rule(rules, wish, TODAY)
    config = YamlLintConfig(file=str(ROOT / ".yamllint.yaml"))
    assert [str(problem) for problem in linter.run(path.read_text(), config)] == []
    assert max(map(len, path.read_text().splitlines())) <= 120


def test_every_family_can_be_asked_for(rules: Path) -> None:
    for family in FAMILIES:
        write_rule(rules, Wish(f"new-{family}", family, "X1", NOBODY_YET), TODAY)
    book = load_rulebook(rules)
    written = {rule.id: rule.family for rule in book.rules if rule.status == "draft"}
    assert written == {f"new-{family}": family for family in FAMILIES}
    assert {rule.family for rule in book.rules if rule.status == "active"} <= set(FAMILIES)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish("Low-Magnesium", "hypomagnesemia", "X1", "A"), "ID: must be words of small letters"),
        (Wish("low_magnesium", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("../escape", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("9-lives", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("ends-", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("line\n", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("a" * 61, "hypomagnesemia", "X1", "A"), "at most 60 characters"),
        (Wish("", "hypomagnesemia", "X1", "A"), "ID: "),
        (Wish("a", "hypomagnesaemia", "X1", "A"), "--family: must be one of hypomagnesemia, "),
        (Wish("a", "hypomagnesaemia", "X1", "A"), "Did you mean `hypomagnesemia`?"),
        (Wish("a", "zzz", "X1", "A"), "--family: must be one of hypomagnesemia, "),
        (Wish("a", "hypomagnesemia", "x1", "A"), "--row: must be a capital letter"),
        (Wish("a", "hypomagnesemia", "X: 1", "A"), "--row: "),
        (Wish("a", "hypomagnesemia", "X1", " "), "--owner: must be one line"),
        (Wish("a", "hypomagnesemia", "X1", "A\nstatus: active"), "--owner: must be one line"),
        (Wish("a", "hypomagnesemia", "X1", "A" * 61), "at most 60 characters"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    rules: Path, wish: Wish, said: str
) -> None:
    before = sorted(rules.parent.rglob("*"))
    with pytest.raises(SettingsError) as refused:
        write_rule(rules, wish, TODAY)
    assert said in str(refused.value)
    assert sorted(rules.parent.rglob("*")) == before


def test_a_file_that_is_there_is_not_written_over(rules: Path) -> None:
    path = write_rule(rules, WISH, TODAY)
    path.write_text("mine\n")
    with pytest.raises(SettingsError, match="is there already; choose another ID"):
        write_rule(rules, WISH, TODAY)
    assert path.read_text() == "mine\n"


def test_an_id_that_is_taken_is_refused_though_its_file_has_another_name(rules: Path) -> None:
    path = write_rule(rules, WISH, TODAY)
    other = path.rename(path.with_name("otherwise.yaml"))
    with pytest.raises(SettingsError) as refused:
        write_rule(rules, WISH, TODAY)
    assert str(refused.value).startswith(f"{other}: is the rule `{WISH.id}` already")


@pytest.mark.parametrize("folder", ["absent", "."])
def test_a_folder_without_rules_is_refused(tmp_path: Path, folder: str) -> None:
    with pytest.raises(SettingsError, match=r"is not a folder of rule files .* --dir"):
        write_rule(tmp_path / folder, WISH, TODAY)


def test_the_rules_inside_an_installed_package_are_left_alone(
    rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newrule, "BUNDLED", rules.parent)
    with pytest.raises(SettingsError, match=r"copy the folder to \./rules"):
        write_rule(rules, WISH, TODAY)
    assert not (rules / f"{WISH.id}.yaml").exists()


def test_a_folder_that_takes_no_file_is_named(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Path.open

    def full(path: Path, mode: str = "r", **more: Any) -> Any:
        if mode == "x":
            raise OSError(28, "No space left on device")
        return usual(path, mode, **more)

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(SettingsError, match=r"cannot be written \(No space left on device\)"):
        write_rule(rules, WISH, TODAY)


def test_what_to_do_next_is_said_in_three_lines() -> None:
    first, *steps = next_steps(Path("rules/a.yaml")).splitlines()
    assert "rules/a.yaml" in first
    assert [step[:2] for step in steps] == ["1.", "2.", "3."]
    assert "cds check" in steps[0]
    assert "status: silent" in steps[1]
    assert "--trace" in steps[1]
    assert "status: active" in steps[2]


def test_a_review_is_due_a_year_after_the_rule_was_written(rules: Path) -> None:
    text = write_rule(rules, WISH, date(2026, 11, 22)).read_text(encoding="utf-8")
    assert "reviewed: {by: pending, date: 2026-11-22, due: 2027-11-22}" in text


def test_a_folder_that_is_called_like_a_rule_file_is_passed_over(rules: Path) -> None:
    (rules / "odd.yaml").mkdir()
    assert write_rule(rules, WISH, TODAY).is_file()
