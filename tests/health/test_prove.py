"""`cds prove` on the command line: exit codes, what is said; the service itself needs no prover."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cds import cli
from cds.proofrecord import recorded
from cds.rule_commands import FINDINGS, UNUSABLE
from cds.rulebook.load import load_rulebook
from cds.rulebook.site.file import sites_of

RULES = Path(__file__).parents[2] / "rules"
TABLE = "rows: {full: 4, half: 2, low: 1, hold: none, unknown: none}"


def run(*words: str, rules: Path = RULES, site: str = "example") -> Result:
    """One command; a site is named because then that one alone is proved."""
    environment = {"CDS_RULES": str(rules), "CDS_SITE": site, "CDS_SANDBOX": None}
    return CliRunner().invoke(cli.app, ["prove", *words], env=environment)


def test_a_law_that_holds_ends_well() -> None:
    result = run("--law", "never-a-push")
    assert result.exit_code == 0
    assert result.stdout.startswith("proved   never-a-push: ")
    assert result.stdout.endswith("1 laws at site example: 1 proved\n")


def test_without_a_site_the_rules_as_they_are_and_every_site_are_proved() -> None:
    result = run("--law", "never-a-push", site="")
    assert result.exit_code == 0
    assert "1 laws for the rules as they are: 1 proved" in result.stdout
    assert "1 laws at site example: 1 proved" in result.stdout


def test_a_broken_law_is_a_finding(tmp_path: Path) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    shared = rules / "shared/magnesium.yaml"
    text = shared.read_text(encoding="utf-8")
    assert TABLE in text
    shared.write_text(text.replace(TABLE, TABLE.replace("half: 2", "half: 3"), 1), "utf-8")
    result = run("--law", "infusion-within-class-and-kidneys", rules=rules)
    assert result.exit_code == FINDINGS
    assert "broken   infusion-within-class-and-kidneys: " in result.stdout
    assert "a patient who breaks it (the engine agrees)" in result.stdout


def test_a_law_that_is_not_there_is_said() -> None:
    result = run("--law", "never-a-posh")
    assert result.exit_code == 2
    assert "--law: there is no law `never-a-posh` in " in result.stderr


def test_a_law_file_that_does_not_load_is_said_with_its_line(tmp_path: Path) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    laws = rules / "laws.yaml"
    text = laws.read_text(encoding="utf-8")
    wrong = text.replace("{holds: law_low}", "{holds: law_loww}", 1)
    line = wrong[: wrong.index("law_loww")].count("\n") + 1
    laws.write_text(wrong, "utf-8")
    result = run(rules=rules)
    assert result.exit_code != 0
    assert f"rules/laws.yaml:{line}: " in result.stderr
    assert "`law_loww` is not a declared definition. Did you mean `law_low`?" in result.stderr


def test_without_the_prover_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("cds.prove")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "z3", None)  # as if it were not there
    result = run("--law", "never-a-push")
    assert result.exit_code == 2
    assert "pip install 'electrolyte-cds[prove]'" in result.stderr


def test_the_service_and_the_other_commands_load_no_prover() -> None:
    asked = "import sys, cds.cli, cds.web.app; sys.exit('z3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_a_record_is_of_all_laws_at_every_site(tmp_path: Path) -> None:
    rules = Path(shutil.copytree(RULES, tmp_path / "rules"))
    for words, site in ((("--law", "never-a-push"), ""), ((), "example")):
        result = run("--record", *words, rules=rules, site=site)
        assert result.exit_code == UNUSABLE
        assert "--record" in result.stderr


def test_the_record_that_is_kept_names_these_very_rules() -> None:
    for site in (None, *sites_of(RULES)):
        book = load_rulebook(RULES, site)
        assert recorded(RULES, site or "", book), "make it anew: `make book`"
