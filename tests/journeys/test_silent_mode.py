"""A rule in silent mode is judged and kept like any other, shows no card, and is counted apart."""

from __future__ import annotations

import asyncio
import csv
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from cds import bootstrap, cli
from cds.audit.codec import parse
from cds.audit.explain import explain
from cds.audit.store import AuditStore
from cds.sample import Sample, samples
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]
RULE, ROW = "hypomagnesemia", "A2"
SITE = f"""
site: ward
title: Ward
changes:
  - by: Q. Test, pharmacy
    date: 2026-11-22
    why: listening first
    status: {{{RULE}: silent}}
"""
Kept = tuple[Path, list[dict[str, Any]], str]


def patient() -> Sample:
    return next(item for item in samples(ROOT / "fhir_fixtures") if item.name == "first-card")


def overridden(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    reason = {"code": "value-not-believed", "system": "urn:electrolyte-cds:override-reason"}
    return [
        {
            "card": card["uuid"],
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-21T12:05:00Z",
            "overrideReason": {"reason": reason, "userComment": "Mrs Smith is fine"},
        }
        for card in cards
    ]


async def ask(service: bootstrap.Service) -> tuple[httpx.Response, httpx.Response]:
    """The reply to one call, all cards of which are overridden, and the metrics after it."""
    transport = httpx.ASGITransport(app=create_app(service))
    await service.open()
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            called = f"/cds-services/electrolytes-{patient().request['hook']}"
            reply = await client.post(called, json=patient().request)
            cards = reply.json().get("cards", ())
            told = await client.post(f"{called}/feedback", json={"feedback": overridden(cards)})
            assert told.status_code == 200, told.text
            return reply, await client.get("/metrics")
    finally:
        await service.close()


def asked(state: Path, **settings: Any) -> Kept:
    """One call to the real application; where it is kept, its cards, and its metrics."""
    made = Settings(**{"rules": ROOT / "rules", **settings}, sandbox=True, state=state)
    service = bootstrap.build(made, patient().now, audited=True)
    reply, metrics = asyncio.run(ask(service))
    assert reply.status_code == 200, reply.text
    return state, reply.json()["cards"], metrics.text


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return asked(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def silent_rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules with one that says itself that it is silent."""
    rules = tmp_path_factory.mktemp("silent") / "rules"
    shutil.copytree(ROOT / "rules", rules)
    file = rules / f"{RULE}.yaml"
    text = file.read_text(encoding="utf-8")
    assert text.count("\nstatus: active\n") == 1
    file.write_text(text.replace("\nstatus: active\n", "\nstatus: silent\n"), encoding="utf-8")
    return rules


@pytest.fixture(scope="module")
def rules_with_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped rules with a site that makes one silent."""
    rules = tmp_path_factory.mktemp("site") / "rules"
    shutil.copytree(ROOT / "rules", rules)
    (rules / "sites/ward.yaml").write_text(SITE, encoding="utf-8")
    return rules


@pytest.fixture(scope="module", params=["by its status", "by the site"])
def quiet(request: Any, silent_rules: Path, rules_with_site: Path, tmp_path_factory: Any) -> Kept:
    state = tmp_path_factory.mktemp("quiet")
    if request.param == "by its status":
        return asked(state, rules=silent_rules)
    return asked(state, rules=rules_with_site, site="ward")


def rule_of(state: Path) -> dict[str, Any]:
    """What is kept of the rule."""
    with closing(AuditStore.read_only(state / "audit.sqlite3")) as store:
        ((_, body),) = store.bodies()
    found: dict[str, Any] = next(r for r in parse(body)["rules"] if r["rule"] == RULE)
    return found


def run(state: Path, *words: str) -> Result:
    environment = {"CDS_STATE": str(state), "CDS_RULES": str(ROOT / "rules"), "CDS_SANDBOX": "1"}
    return CliRunner().invoke(cli.app, [*words], env=environment)


def counts(state: Path, *more: str) -> dict[str, str]:
    """The columns of the rule that `cds audit outcomes --csv` does not leave at 0."""
    result = run(state, "audit", "outcomes", "--csv", *more)
    assert result.exit_code == 0, result.output
    row = next(row for row in csv.DictReader(result.stdout.splitlines()) if row["rule"] == RULE)
    return {name: cell for name, cell in list(row.items())[2:] if cell != "0"}


def cards_of_rule(cards: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [card for card in cards if card["extension"]["rule"].startswith(f"{RULE}@")]


def test_the_same_decision_is_kept_and_no_card_is_shown(live: Kept, quiet: Kept) -> None:
    assert len(cards_of_rule(live[1])) == 1
    assert cards_of_rule(quiet[1]) == []
    shown, silenced = rule_of(live[0]), rule_of(quiet[0])
    assert (shown["outcome"], shown["row"]) == ("fires", ROW)
    assert silenced.pop("silent") is True
    told = ("outcome", "reason", "row", "indicator", "summary", "detail", "undecided", "offers")
    assert {name: silenced.get(name) for name in told} == {name: shown.get(name) for name in told}


def test_the_outcomes_count_it_apart(live: Kept, quiet: Kept) -> None:
    assert counts(live[0]) == {"judged": "1", "with a card": "1"}
    assert counts(quiet[0]) == {"judged": "1", "would have fired (silent mode)": "1"}


def test_what_became_of_its_cards_is_counted_by_version_row_and_band(
    live: Kept, quiet: Kept
) -> None:
    rows = list(csv.DictReader(run(live[0], "audit", "feedback", "--csv").stdout.splitlines()))
    (row,) = [row for row in rows if row["rule"] == RULE]
    assert row == {
        "count": "1", "rule": RULE, "version": rule_of(live[0])["version"], "row": ROW,
        "band": "magnesium: severe", "outcome": "overridden", "reason": "value-not-believed",
    }  # fmt: skip
    assert sum(int(row["count"]) for row in rows) == len(live[1])
    assert RULE not in run(quiet[0], "audit", "feedback", "--csv").stdout
    later = run(live[0], "audit", "feedback", "--since", "2999-01-01T00:00:00+00:00")
    assert later.stdout == "0 entries of feedback, 0 of a card that is not kept here\n"


def test_the_metrics_count_it_apart(live: Kept, quiet: Kept) -> None:
    line = 'cds_rule_outcomes_total{{outcome="{}",rule="' + RULE + '"}} 1.0'
    assert line.format("fires") in live[2]
    assert line.format("would-fire") in quiet[2]
    assert line.format("fires") not in quiet[2]


def test_the_explanation_says_that_no_card_was_shown(live: Kept, quiet: Kept) -> None:
    for state, said in ((live[0], False), (quiet[0], True)):
        with closing(AuditStore.read_only(state / "audit.sqlite3")) as store:
            ((sealed,),) = [tuple(store.read(name)) for name in store.chains()]
        heads = [line for line in explain(sealed).splitlines() if f"({RULE}@" in line]
        assert [head.endswith("fired (silent mode: no card).") for head in heads] == [said]


def test_deciding_again_gives_the_same_silence(quiet: Kept) -> None:
    result = run(quiet[0], "rerun", "--all")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "1 identical, 0 different")


def test_rules_that_are_silent_now_differ_in_nothing_else(live: Kept, silent_rules: Path) -> None:
    result = run(live[0], "rerun", "--all", "--rules", str(silent_rules))
    about = [line.strip() for line in result.stdout.splitlines() if f"{RULE}:" in line]
    assert about == [f"{RULE}: silent mode was: (nothing); is now: True"]


def test_decisions_are_counted_from_a_moment_on(live: Kept) -> None:
    whole = run(live[0], "audit", "outcomes")
    assert whole.stdout.splitlines()[-1] == "1 calls"
    assert counts(live[0], "--since", "2020-01-01T00:00:00+00:00") == counts(live[0])
    later = run(live[0], "audit", "outcomes", "--since", "2999-01-01T00:00:00+00:00")
    assert (later.exit_code, later.stdout) == (0, "0 calls\n")
    wrong = run(live[0], "audit", "outcomes", "--since", "yesterday")
    assert wrong.exit_code == 2
    assert "--since: must be a date and time with offset" in wrong.output


def test_csv_on_standard_output_is_the_table_alone(live: Kept) -> None:
    for name in ("outcomes", "feedback"):
        result = run(live[0], "audit", name, "--csv")
        assert result.exit_code == 0, result.output
        assert "," in result.stdout.splitlines()[0]
        assert all("," in line for line in result.stdout.splitlines())
        assert result.stderr.strip() != ""
