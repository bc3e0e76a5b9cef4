"""The commands of those who own the rules: what they print, and with which exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cds.cli import app
from one_law import with_one_law

ROOT = Path(__file__).parents[2]
Run = Callable[..., Result]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """The real rules with one law, to be spoilt: it is enough to see how the commands speak."""
    return with_one_law(Path(shutil.copytree(ROOT / "rules", tmp_path / "rules")))


@pytest.fixture
def run(rules: Path) -> Run:
    def invoke(*words: str | Path, **environment: str) -> Result:
        clean = dict.fromkeys(("CDS_SITE", "CDS_SANDBOX", "CDS_NOW"))
        env = {**clean, "CDS_RULES": str(rules), **environment}
        return CliRunner().invoke(app, [str(word) for word in words], env=env)

    return invoke


def change(rules: Path, file: str, old: str, new: str) -> None:
    path = rules / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_law_that_holds_is_proved_for_the_rules_and_every_site(run: Run) -> None:
    result = run("prove")
    assert result.exit_code == 0, result.output
    assert "1 laws for the rules as they are: 1 proved" in result.stdout
    assert "1 laws at site example: 1 proved" in result.stdout


def test_a_law_that_is_broken_is_a_finding_with_a_patient(run: Run, rules: Path) -> None:
    change(rules, "hypomagnesemia.yaml", "        - {torsades: present}\n", "")
    result = run("prove", CDS_SITE="example")
    assert result.exit_code == 1, result.output
    assert "broken   torsades-is-critical" in result.stdout
    assert "the engine agrees" in result.stdout
    assert "torsades: present" in result.stdout


def test_a_law_nobody_wrote_is_unusable_input(run: Run) -> None:
    result = run("prove", "--law", "torsade")
    assert result.exit_code == 2
    assert "there is no law `torsade`" in result.stderr
    assert result.stdout == ""


def test_without_the_prover_the_command_says_what_to_install(rules: Path) -> None:
    code = "import sys; sys.modules['z3'] = None; from cds.cli import main; main()"
    found = subprocess.run(
        [sys.executable, "-c", code, "prove"],
        env={**os.environ, "CDS_RULES": str(rules)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert "pip install 'electrolyte-cds[prove]'" in found.stderr
    assert "Traceback" not in found.stderr


def test_mutants_of_one_rule_are_counted(run: Run) -> None:
    result = run("check", "--mutate", "--rule", "lupus-leukopenia")
    assert result.exit_code == 0, result.output
    assert "0 survive" in result.stdout.splitlines()[-1]


def test_a_mutant_that_no_test_notices_is_named_with_its_line(run: Run, rules: Path) -> None:
    # Without this case two changes go unnoticed; each is put to the laws, which takes seconds.
    shows = "  - {name: lupus without leukopenia, given: {lupus: present}, expect: silent}\n"
    change(rules, "lupus-leukopenia.yaml", shows, "")
    result = run("check", "--mutate", "--rule", "lupus-leukopenia")
    assert result.exit_code == 1, result.output
    (line,) = [line for line in result.stdout.splitlines() if "`wbc: present` dropped" in line]
    assert line.startswith("rules/shared/labs.yaml:")
    assert line.endswith("survives: no case, boundary or law notices")
    assert "2 survive" in result.stdout.splitlines()[-1]


def test_mutants_of_a_rule_that_is_not_there_are_unusable_input(run: Run) -> None:
    result = run("check", "--mutate", "--rule", "lupus")
    assert result.exit_code == 2
    assert "there is no rule `lupus`" in result.stderr


def test_an_overdue_review_is_a_finding(run: Run) -> None:
    result = run("check", CDS_SANDBOX="1", CDS_NOW="2028-01-01T00:00:00+00:00")
    assert result.exit_code == 1
    assert "rules/hypomagnesemia.yaml:" in result.stdout
    assert "2027-11-22" in result.stdout


def test_a_book_that_is_stale_is_a_finding_until_it_is_written(run: Run, rules: Path) -> None:
    change(rules, "hypomagnesemia.yaml", "title: Low magnesium", "title: Magnesium that is low")
    stale = run("book", "--check")
    assert stale.exit_code == 1
    assert "BOOK.md" in stale.stdout
    assert run("book").exit_code == 0
    assert run("book", "--check").exit_code == 0


def test_rules_that_differ_are_told_in_clinical_words(run: Run, rules: Path) -> None:
    same = run("diff", rules, rules)
    assert same.exit_code == 0, same.output
    change(
        rules, "shared/magnesium.yaml", "{full: 4, half: 2, low: 1,", "{full: 4, half: 4, low: 1,"
    )
    result = run("diff", ROOT / "rules", rules)
    assert result.exit_code == 1
    assert "2 g" in result.stdout
    assert "4 g" in result.stdout
    assert run("diff", rules / "nowhere", rules).exit_code == 2
