"""The command line: exit codes, what goes to which stream, and never a traceback."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cds import bootstrap, cli
from cds.bootstrap import Service
from cds.errors import Problem, RulebookError

Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, make_service: Callable[..., Service]) -> Run:
    """Run a command around the stand-in pipeline; keyword arguments are the environment."""
    monkeypatch.setattr(bootstrap, "build", lambda *_, **__: make_service())

    def invoke(*words: str | Path, **environment: str) -> Result:
        clean = dict.fromkeys(("CDS_SANDBOX", "CDS_NOW", "CDS_REQUIRE"))
        return CliRunner().invoke(
            cli.app, [str(word) for word in words], env={**clean, **environment}
        )

    return invoke


@pytest.fixture
def request_file(tmp_path: Path, hook_body: Callable[..., Any]) -> Callable[..., Path]:
    def write(body: bytes | None = None, **context: Any) -> Path:
        path = tmp_path / "request.json"
        text = (
            body if isinstance(body, bytes) else json.dumps(body or hook_body(**context)).encode()
        )
        path.write_bytes(text)
        return path

    return write


def test_evaluate_prints_the_response(run: Run, request_file: Callable[..., Path]) -> None:
    result = run("evaluate", request_file())
    assert result.exit_code == 0
    assert json.loads(result.stdout)["cards"][0]["indicator"] == "critical"
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", "body is empty"),
        (b"not json", "JSON"),
        (b"[]", "object"),
        (b'{"hook": "order-select"}', "hookInstance"),
        (b'{"hook": "patient-view"}', "hook"),
        (b'{"x":' + b"[" * 100_000, "nested too deeply"),
        (b" " * (5 * 1024 * 1024 + 1), "larger than"),
    ],
    ids=["empty", "not JSON", "no object", "no instance", "other hook", "deep", "large"],
)
def test_a_bad_request_is_an_outcome_on_stdout_one_line_on_stderr_and_exit_2(
    run: Run, request_file: Callable[..., Path], body: bytes, field: str
) -> None:
    result = run("evaluate", request_file(body))
    assert result.exit_code == 2
    outcome = json.loads(result.stdout)
    assert outcome["resourceType"] == "OperationOutcome"
    assert field in outcome["issue"][0]["diagnostics"]
    assert result.stderr.count("\n") == 1
    assert field in result.stderr


def test_a_missing_file_is_named(run: Run, tmp_path: Path) -> None:
    result = run("evaluate", tmp_path / "absent.json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "absent.json" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_folder_is_not_a_request(run: Run, tmp_path: Path) -> None:
    assert run("evaluate", tmp_path).exit_code == 2


def test_a_time_without_offset_is_refused(run: Run, request_file: Callable[..., Path]) -> None:
    result = run("evaluate", request_file(), "--now", "2026-11-21T09:00:00")
    assert result.exit_code == 2
    assert "--now: must be a date and time with offset" in result.stderr


def test_a_setting_that_cannot_be_used_is_exit_2(
    run: Run, request_file: Callable[..., Path]
) -> None:
    result = run("evaluate", request_file(), CDS_MAX_BODY="big")
    assert result.exit_code == 2
    assert result.stderr.startswith("cds: CDS_MAX_BODY: must be")


def test_a_rulebook_that_does_not_load_lists_every_problem(
    run: Run, request_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Service:
        raise RulebookError((Problem("rules/a.yaml", 3, "one"), Problem("rules/b.yaml", 7, "two")))

    monkeypatch.setattr(bootstrap, "build", broken)
    result = run("evaluate", request_file())
    assert result.exit_code == 2
    assert "rules/a.yaml:3: one" in result.stderr
    assert "rules/b.yaml:7: two" in result.stderr


def test_serve_refuses_to_start_while_callers_cannot_be_authenticated(run: Run) -> None:
    result = run("serve")
    assert result.exit_code == 2
    assert "CDS_SANDBOX=1" in result.stderr
    assert "Traceback" not in result.output


def test_serve_names_a_port_that_is_taken(
    run: Run, monkeypatch: pytest.MonkeyPatch, make_service: Callable[..., Service]
) -> None:
    monkeypatch.setattr(bootstrap, "service", make_service)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "--port", str(port), CDS_SANDBOX="1")
    assert result.exit_code == 2
    assert f"port {port}" in result.stderr
    assert "--port" in result.stderr


def test_a_misspelt_setting_is_a_warning_and_no_more(
    run: Run, request_file: Callable[..., Path]
) -> None:
    result = run("evaluate", request_file(), CDS_RULEZ="x")
    assert result.exit_code == 0
    assert "CDS_RULEZ is not a setting" in result.stderr
    assert "CDS_RULES" in result.stderr


def test_what_nobody_foresaw_is_one_line_without_its_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("Mrs Okonjo has potassium 2.1")

    monkeypatch.setattr(cli, "app", broken)
    monkeypatch.delenv("CDS_LOG_LEVEL", raising=False)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith("cds: unexpected ZeroDivisionError at ")
    assert told.count("\n") == 1
    assert "Okonjo" not in told
    monkeypatch.setenv("CDS_LOG_LEVEL", "debug")
    with pytest.raises(ZeroDivisionError):
        cli.main()


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder that looks like one of rule files; the real ones are for `test_newrule.py`."""
    (tmp_path / "rules" / "shared").mkdir(parents=True)
    return tmp_path / "rules"


def test_new_rule_writes_the_draft_and_says_what_to_do_with_it(run: Run, rules: Path) -> None:
    result = run(
        "new-rule",
        "low-magnesium-review",
        *("--family", "data-quality", "--row", "D4", "--owner", "Pharmacy", "--dir", rules),
        CDS_SANDBOX="1",
        CDS_NOW="2026-11-21T09:00:00+00:00",
    )
    assert (result.exit_code, result.stderr) == (0, "")
    text = (rules / "low-magnesium-review.yaml").read_text(encoding="utf-8")
    for line in (
        "id: low-magnesium-review",
        "family: data-quality",
        "  - row: D4",
        'owner: "Pharmacy"',
        "status: draft",
        "reviewed: {by: pending, date: 2026-11-21, due: 2027-11-21}",
    ):
        assert f"{line}\n" in text
    assert str(rules / "low-magnesium-review.yaml") in result.stdout
    assert [line[:2] for line in result.stdout.splitlines()[1:]] == ["1.", "2.", "3."]


def test_new_rule_writes_where_the_rules_of_the_service_stand(run: Run, rules: Path) -> None:
    result = run("new-rule", "a-rule", CDS_RULES=str(rules))
    assert result.exit_code == 0
    assert (rules / "a-rule.yaml").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["A Rule"], "cds: ID: must be"),
        (["a-rule", "--family", "sodium"], "cds: --family: must be one of"),
        (["a-rule", "--row", "d4"], "cds: --row: must be"),
        (["a-rule", "--owner", ""], "cds: --owner: must be"),
        (["taken"], "taken.yaml: is there already; choose another ID"),
        (["a-rule", "--dir", "no-such-folder"], "cds: no-such-folder: is not a folder of rule"),
    ],
)
def test_new_rule_refuses_with_what_where_and_how_to_mend_it(
    run: Run, rules: Path, words: list[str], said: str
) -> None:
    (rules / "taken.yaml").write_text("id: taken\n")
    result = run("new-rule", *words, CDS_RULES=str(rules))
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in rules.glob("*.yaml")] == ["taken.yaml"]
