"""What the README says is so: its commands, its first card, its tables, its paths."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pages import (
    CHANGELOG,
    LANGUAGE,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    flat,
    mentioned,
    table,
    tables,
)
from typer.testing import CliRunner

from cds import bootstrap
from cds.cli import app as cli
from cds.hooks.services import PREFETCH_KEYS, SERVICES
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rule, Rulebook
from cds.sample import sample_request
from cds.settings import ELSEWHERE, PREFIX, Settings, read_settings
from cds.web.app import create_app
from cds.web.documents import CALL
from loopback import serving
from one_law import with_one_law

FIXED = "2026-11-21T09:00:00+00:00"
NOW = datetime.fromisoformat(FIXED)
SERVICE = "/cds-services/electrolytes-order-select"
COMMANDS = [
    line for block in blocks(README, "sh") for line in block.text.splitlines() if line.strip()
]
BOOK = load_rulebook(ROOT / "rules")


@pytest.fixture(scope="session")
def app() -> Any:
    settings = read_settings({"CDS_SANDBOX": "1", "CDS_RULES": str(ROOT / "rules")})
    return create_app(bootstrap.build(settings, NOW))


@pytest.fixture
def ask(app: Any, client_of: Callable[[Any], Any]) -> Callable[..., httpx.Response]:
    """Ask the real application; its clinical time is the one of `docs/first-card.json`."""
    client = client_of(app)

    def send(body: dict[str, Any] | bytes) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(SERVICE, content=content)  # type: ignore[no-any-return]

    return send


def cds(command: str, **environment: str) -> str:
    """What a `.venv/bin/cds` command prints."""
    words = [word.removeprefix(".venv/bin/") for word in shlex.split(command)]
    assert words[0] == "cds"
    found = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout


def test_the_sample_is_the_same_for_the_same_moment_and_moves_with_it() -> None:
    earlier = datetime(2024, 2, 29, 23, 59, tzinfo=UTC)
    assert sample_request(NOW) == sample_request(NOW)
    assert sample_request(NOW) != sample_request(earlier)


def test_the_sample_has_every_prefetch_key_and_points_to_its_draft() -> None:
    body = sample_request(NOW)
    assert tuple(body["prefetch"]) != ()
    assert set(body["prefetch"]) == set(PREFETCH_KEYS)
    drafts = [entry["resource"] for entry in body["context"]["draftOrders"]["entry"]]
    assert body["context"]["selections"] == [f"{d['resourceType']}/{d['id']}" for d in drafts]


def test_the_first_card_file_is_the_sample_of_its_moment() -> None:
    assert (ROOT / "docs/first-card.json").read_text() == cds(f".venv/bin/cds sample --now {FIXED}")


def test_the_sample_goes_by_the_clinical_clock_of_the_service() -> None:
    found = CliRunner().invoke(cli, ["sample"], env={"CDS_SANDBOX": "1", "CDS_NOW": FIXED})
    assert found.exit_code == 0
    assert json.loads(found.stdout) == sample_request(NOW)


def test_a_sample_of_no_moment_is_refused() -> None:
    found = CliRunner().invoke(cli, ["sample", "--now", "yesterday"])
    assert (found.exit_code, found.stdout) == (2, "")
    assert "--now: must be a date and time with offset" in found.stderr


def test_the_resources_of_the_sample_are_valid_r4() -> None:
    from fhir.resources.R4B import get_fhir_model_class

    body = sample_request(NOW)
    entries = [body["context"]["draftOrders"], *body["prefetch"].values()]
    assert len(entries) == len(PREFETCH_KEYS) + 1
    for resource in entries:
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 1, 1, 0, 30, tzinfo=UTC),
        datetime(2028, 2, 29, 12, tzinfo=UTC),
        datetime(2031, 12, 31, 23, 59, tzinfo=UTC),
    ],
    ids=str,
)
def test_the_sample_gives_the_first_card_whenever_it_is_taken(
    now: datetime, client_of: Callable[[Any], Any]
) -> None:
    settings = Settings(sandbox=True, rules=ROOT / "rules")
    client = client_of(create_app(bootstrap.build(settings, now)))
    cards = client.post(SERVICE, content=json.dumps(sample_request(now))).json()["cards"]
    assert [card["extension"]["rows"] for card in cards] == [["A2"], ["A5"]]
    assert "2 g" in cards[0]["suggestions"][0]["label"]


def is_shown(shown: Any, real: Any) -> bool:
    """A shortened answer: members may be left out, a text may end in `...`."""
    if isinstance(shown, dict):
        return all(key in real and is_shown(value, real[key]) for key, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(real) and all(map(is_shown, shown, real))
    if isinstance(shown, str) and shown.endswith("..."):
        return bool(str(real).startswith(shown[:-3].rstrip()))
    return bool(shown == real)


def test_the_answer_in_the_readme_is_the_real_one(ask: Callable[..., httpx.Response]) -> None:
    (shown,) = blocks(README, "json")
    reply = ask((ROOT / "docs/first-card.json").read_bytes())
    assert reply.status_code == 200
    assert is_shown(json.loads(shown.text), reply.json())


def test_a_shortened_answer_that_is_not_the_real_one_would_be_noticed() -> None:
    assert not is_shown({"a": ["x ..."]}, {"a": ["y"]})
    assert not is_shown({"a": 1}, {})
    assert not is_shown([1], [1, 2])


def test_the_card_says_that_nobody_signed_it_off_and_so_does_the_readme(
    ask: Callable[..., httpx.Response],
) -> None:
    cards = ask((ROOT / "docs/first-card.json").read_bytes()).json()["cards"]
    assert all("Not signed off by a clinician." in card["detail"] for card in cards)
    assert "not signed off by a clinician" in flat(README)
    assert {rule.reviewed.by for rule in BOOK.rules} == {"pending"}


def test_there_are_commands_to_try() -> None:
    assert {"make run", "make test"} <= set(COMMANDS)
    assert any("| curl" in line for line in COMMANDS)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("make ")])
def test_a_make_command_has_its_target(command: str) -> None:
    found = subprocess.run(
        [*shlex.split(command), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)`", README)) | {c.split()[1] for c in COMMANDS if
                                                           c.startswith("make ")}  # fmt: skip
    assert {"run", "test", "check", "lint", "bench", "lock"} <= named
    assert named <= targets


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if c.startswith(".venv/bin/cds ") and "|" not in c]
)
def test_a_command_of_the_readme_runs(command: str, tmp_path: Path) -> None:
    rules = ROOT / "rules"
    if command.endswith(" prove"):  # all laws are proved elsewhere
        rules = with_one_law(Path(shutil.copytree(rules, tmp_path / "rules")))
    assert cds(command, CDS_RULES=str(rules))


def test_the_trace_in_the_readme_is_the_real_one() -> None:
    (command,) = [c for c in COMMANDS if "--trace" in c]
    real = {flat(line) for line in cds(command).splitlines()}
    (shown,) = [block for block in blocks(README, "text") if "fired." in block.text]
    assert [line for line in shown.text.splitlines() if flat(line) not in real] == []


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    """A sandbox on a socket: a call that names its own FHIR server has to reach it."""
    settings = Settings(sandbox=True, rules=ROOT / "rules", deadline_ms=20_000)
    with serving(create_app(bootstrap.build(settings))) as origin:
        yield origin


@pytest.mark.parametrize("command", [c for c in COMMANDS if "curl " in c])
def test_a_curl_command_of_the_readme_is_answered(command: str, served: str) -> None:
    # As curl sends it, by the clock of this machine.
    before, _, curl = command.replace("http://127.0.0.1:8000", served).rpartition("curl ")
    words = shlex.split(curl)
    address = next(word for word in words if word.startswith("http"))
    given = [words[i + 1] for i, word in enumerate(words) if word == "-H"]
    headers = dict(header.split(": ", 1) for header in given)
    if "--data" not in words:
        reply = httpx.get(address, headers=headers, trust_env=False)
        assert reply.status_code == 200
        assert reply.json().get("total") != 0  # a search that finds nobody shows nothing
        return
    assert words[words.index("--data") + 1] == "@-"
    body = cds(before.strip().rstrip("|").strip())
    reply = httpx.post(address, content=body, headers=headers, trust_env=False, timeout=30)
    assert reply.status_code == 200
    cards = reply.json()["cards"]
    assert (cards[0]["indicator"], cards[0]["extension"]["rows"]) == ("critical", ["A2"])
    assert cards[0]["suggestions"]  # whatever it took was there or could be fetched


def test_every_command_of_the_readme_is_tried_by_a_test_above() -> None:
    tried = ("make ", ".venv/bin/cds ", "curl ")
    assert [line for line in COMMANDS if not line.startswith(tried)] == []


@pytest.mark.parametrize("row", table(README, "Key"), ids=[row[0] for row in table(README, "Key")])
def test_leaving_out_a_prefetch_key_does_what_the_table_says(
    row: list[str], ask: Callable[..., httpx.Response]
) -> None:
    key, *_, expected = row
    body = sample_request(NOW)
    del body["prefetch"][key]
    reply = ask(body)
    if expected == "412":
        assert reply.status_code == 412
        assert key in reply.json()["issue"][0]["diagnostics"]
        return
    card = reply.json()["cards"][0]
    assert (card["indicator"], card["extension"]["rows"]) == ("critical", ["A2"])
    offered = any(
        action["resource"]["resourceType"] == "MedicationRequest"
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
    )
    assert expected in ("offered", "withheld")
    assert offered == (expected == "offered")


def test_the_table_has_every_prefetch_key() -> None:
    assert {row[0] for row in table(README, "Key")} == set(PREFETCH_KEYS)


def test_the_table_of_errors_has_every_status_of_the_documented_answers() -> None:
    statuses = {row[0] for row in table(README, "Status")}
    assert set(CALL["responses"]) <= statuses


def test_every_service_is_named() -> None:
    assert all(service in README for service in SERVICES)


def default(name: str) -> str:
    """The default of a setting as the table writes it."""
    value = getattr(read_settings({}), name)
    if name == "rules":
        return "rules"
    if isinstance(value, bool):
        return str(int(value))
    return str(value) if value else "none"


def test_the_table_of_settings_has_every_setting_with_its_default() -> None:
    shown = {row[0]: row[1] for row in table(README, "Variable")}
    assert shown == {f"{PREFIX}{name.upper()}": default(name) for name in Settings.model_fields}
    assert all(name in README for name in ELSEWHERE)


def test_the_table_of_rules_has_every_rule_with_its_rows() -> None:
    shown = {row[0]: set(row[1].split(", ")) for row in table(README, "Rule")}
    assert shown == {rule.id: {level.row for level in rule.levels} for rule in BOOK.rules}


@pytest.mark.parametrize("rule", BOOK.rules, ids=lambda rule: rule.id)
def test_the_changelog_has_the_version_of_every_rule_with_its_rows(rule: Rule) -> None:
    # entries before a rule's newest one tell of older versions
    newest = next(row for row in tables(CHANGELOG, "Rule") if row[0] == rule.id)
    assert newest[1] == rule.version
    assert set(newest[2].split(", ")) == {level.row for level in rule.levels}


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## (\S+)$", CHANGELOG, re.MULTILINE)
    assert version is not None
    assert newest is not None
    assert newest[1] == version[1]


def test_the_rule_in_the_readme_stands_in_the_rule_file() -> None:
    real = {line.strip() for line in (ROOT / "rules/hypomagnesemia.yaml").read_text().splitlines()}
    shown = [line.strip() for block in blocks(README, "yaml") for line in block.text.splitlines()]
    assert len(shown) > 10
    assert [line for line in shown if line not in real] == []


PATH = re.compile(
    r"(?<![\w./-])(?:cds|rules|docs|tests|bench|requirements)/[\w./*-]*\w|(?<![\w/.-])[A-Z]{6,}(?:\.md)?(?![\w.])"
)


def places(page: str) -> set[str]:
    """Paths of this repository that a page names, in prose, tables and diagrams."""
    # addresses of the service and the code names of rows are no paths
    text = re.sub(r"https?://\S+|/cds-services\S*|REQUEST\.json", "", page)
    return {
        found
        for found in PATH.findall(text)
        if "/" in found or found in ("LICENSE", "NOTICE", "CHANGELOG.md")
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_is_named_exists(page: str) -> None:
    named = places(PAGES[page])
    assert [place for place in named if not list(ROOT.glob(place))] == []


def test_paths_are_found_in_the_pages() -> None:
    assert {"cds/pipeline.py", "rules/*.yaml", "docs/first-card.json", "LICENSE"} <= places(README)
    assert len(places(README)) > 40


@pytest.mark.parametrize("page", PAGES)
def test_every_link_inside_the_pages_leads_somewhere(page: str) -> None:
    folder = (ROOT / page).parent
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if target.startswith("http"):
            continue
        file, _, anchor = target.partition("#")
        other = (folder / file).resolve().relative_to(ROOT).as_posix() if file else page
        assert (ROOT / other).exists(), target
        assert not anchor or anchor in anchors(PAGES[other]), target


def book_names(book: Rulebook) -> set[str]:
    return {*book.facts, *book.thresholds, *book.tables, *book.definitions}


def test_names_that_the_readme_explains_are_names_of_the_rulebook() -> None:
    explained = {"magnesium_severe", "magnesium_covered", "mg_iv_severe_dose", "mg_stop", "iv_stop"}
    assert all(name in README for name in explained)
    assert explained <= book_names(BOOK)
    assert mentioned(LANGUAGE, "cds check")
