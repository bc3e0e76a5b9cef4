"""Every answer that leaves a real server is on the disk before, can be explained, and is decided
the same again; a server that is killed loses none."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds.audit.chain import key_of
from cds.audit.lookback import look_back
from cds.audit.store import AuditStore
from cds.audit.verify import verify
from cds.hooks.services import SERVICES
from served_audit import ROOT, SECRET, SENT, Load, command, decisions, ready, server

KILLS = int(os.environ.get("CDS_KILLS", "5"))


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """All synthetic patients asked about once; the state folder, and the decisions with a card."""
    state = tmp_path_factory.mktemp("kept") / "state"
    seen: list[str] = []
    with server(state) as (url, process), httpx.Client(base_url=url, timeout=30) as client:
        for service, body in SENT:
            reply = client.post(f"/cds-services/{service}", json=body)
            if reply.status_code == 200:
                seen += sorted(decisions(reply))
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    return state, seen


@pytest.mark.requirement("SEC-20")
def test_every_answer_is_kept_and_its_chain_is_whole(answered: tuple[Path, list[str]]) -> None:
    state, seen = answered
    assert seen
    store = AuditStore.read_only(state / "audit.sqlite3")
    assert all(store.get(decision) for decision in seen)
    assert store.count() >= len(seen)  # silence is kept too
    assert verify(store, key_of(SECRET), [state / "audit-heads.log"]) == []
    store.close()
    said = command(state, "audit", "verify")
    assert (said.returncode, said.stdout.split(":")[0]) == (0, "whole")


def test_every_decision_is_decided_the_same_again(answered: tuple[Path, list[str]]) -> None:
    state, _ = answered
    store = AuditStore.read_only(state / "audit.sqlite3")
    number = store.count()
    store.close()
    said = command(state, "rerun", "--all")
    assert said.returncode == 0, said.stdout
    assert said.stdout.splitlines()[-1] == f"{number} identical, 0 different"


def test_other_rules_are_told_by_what_they_would_have_said(
    answered: tuple[Path, list[str]], tmp_path: Path
) -> None:
    state, seen = answered
    rules = tmp_path / "rules"
    subprocess.run(["cp", "-r", str(ROOT / "rules"), str(rules)], check=True)
    rule = rules / "hypomagnesemia.yaml"
    text = rule.read_text(encoding="utf-8")
    rule.write_text(text.replace("indicator: critical", "indicator: warning"), encoding="utf-8")
    said = command(state, "rerun", "--all", "--rules", str(rules))
    assert said.returncode == 1
    assert "hypomagnesemia" in said.stdout
    assert "repeated with" in said.stdout
    assert len(seen) > 0


def test_a_decision_is_explained_from_its_record_alone(answered: tuple[Path, list[str]]) -> None:
    state, seen = answered
    said = command(state, "explain", seen[0])
    assert said.returncode == 0
    assert f"Decision {seen[0]}" in said.stdout
    assert "fired." in said.stdout
    assert "`--whole` tells what they asked" in said.stdout
    whole = command(state, "explain", seen[0], "--whole")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    assert "worked it out again from the sealed record" in whole.stdout
    assert len(whole.stdout) > 2 * len(said.stdout)
    unknown = command(state, "explain", "00000000-0000-0000-0000-000000000000")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("cds: no decision of this id is kept here")


def test_nobody_is_named_in_what_is_kept(answered: tuple[Path, list[str]]) -> None:
    state, _ = answered
    raw = _all_bytes(state)
    for _, body in SENT:
        patient = (body.get("prefetch") or {}).get("patient") or {}
        for name in patient.get("name", ()) if isinstance(patient, dict) else ():
            assert str(name.get("family", "\0")).encode() not in raw


def test_the_files_are_for_the_service_alone(answered: tuple[Path, list[str]]) -> None:
    state, _ = answered
    files = [path for path in state.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert {oct(one.stat().st_mode & 0o777) for one in (state, state / "spool")} == {"0o700"}


def _all_bytes(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())


def _card_with(client: httpx.Client, *members: str) -> tuple[str, dict[str, Any]]:
    """The first card that has all of these members, with the service that shows it."""
    for service, body in SENT:
        reply = client.post(f"/cds-services/{service}", json=body)
        for card in reply.json().get("cards", ()):
            if all(card.get(name) for name in members):
                return service, card
    raise AssertionError(f"no card has {members}")


def test_what_became_of_a_card_is_counted_under_its_rule_and_reason(tmp_path: Path) -> None:
    state = tmp_path / "state"
    at = "2026-11-21T12:05:00Z"
    with server(state) as (url, process), httpx.Client(base_url=url, timeout=30) as client:
        service, card = _card_with(client, "suggestions", "overrideReasons")
        offered = card["overrideReasons"][0]
        told = {"card": card["uuid"], "outcomeTimestamp": at}
        why = {"reason": offered, "userComment": "Mrs Kovalenko declines"}
        chosen = [{"id": card["suggestions"][0]["uuid"]}]
        items = [
            {**told, "outcome": "overridden", "overrideReason": why},
            {**told, "outcome": "accepted", "acceptedSuggestions": chosen},
            {**told, "outcome": "overridden", "card": "a card of another day"},
        ]
        for _ in range(2):  # a client may send its feedback again
            reply = client.post(f"/cds-services/{service}/feedback", json={"feedback": items})
            assert reply.status_code == 200
        process.kill()  # what was answered is on the disk
    said = command(state, "audit", "feedback", "--csv")
    rule, version = card["extension"]["rule"].split("@")
    about = {"rule": rule, "version": version, "row": card["extension"]["rows"][0]}
    assert said.returncode == 0, said.stderr
    counted = [
        {name: line[name] for name in ("count", *about, "outcome", "reason")}
        for line in csv.DictReader(said.stdout.splitlines())
    ]
    assert counted == [
        {"count": "1", **about, "outcome": "accepted", "reason": ""},
        {"count": "1", **about, "outcome": "overridden", "reason": offered["code"]},
    ]
    assert "3 entries of feedback, 1 of a card that is not kept here" in said.stderr
    assert b"Kovalenko" not in b"".join(
        path.read_bytes() for path in state.rglob("*") if path.is_file()
    )
    assert command(state, "audit", "verify").returncode == 0


def test_a_database_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "audit.sqlite3").write_text("this is no database" * 100, encoding="utf-8")
    said = command(tmp_path, "serve", "--port", "0")
    assert said.returncode == 2
    assert said.stderr.startswith("cds: ")
    assert "audit.sqlite3" in said.stderr


def test_a_server_that_is_killed_has_lost_no_answer(tmp_path: Path) -> None:
    state, seen = tmp_path / "state", set[str]()
    for _ in range(KILLS):
        with server(state) as (url, process):
            ready(url)
            load = Load(url)
            load.during(lambda: (time.sleep(random.uniform(0.8, 2.5)), process.kill()))
            seen.update(load.answered)
    look = look_back(state / "audit.sqlite3", state / "spool")
    lost = [decision for decision in seen if not look.get(decision)]
    chains = len(look.chains())
    look.close()
    store = AuditStore.read_only(state / "audit.sqlite3")
    found = verify(store, key_of(SECRET), [state / "audit-heads.log"], state / "spool")
    store.close()
    assert len(seen) > KILLS
    assert (lost, [str(item) for item in found]) == ([], [])
    assert chains <= KILLS
    print(f"\nkilled {KILLS} times: {len(seen)} answered decisions, 0 lost")  # noqa: T201


def test_the_samples_reach_every_service() -> None:
    assert {service for service, _ in SENT} == set(SERVICES)


def test_two_servers_on_one_file_keep_all_they_answer(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with server(state) as (one, _), server(state) as (other, _):
        ready(one), ready(other)
        loads = [Load(one), Load(other)]
        loads[0].during(lambda: loads[1].during(lambda: time.sleep(2)))
    look = look_back(state / "audit.sqlite3", state / "spool")
    store = AuditStore.read_only(state / "audit.sqlite3")
    found = verify(store, key_of(SECRET), [state / "audit-heads.log"], state / "spool")
    lost = [one for load in loads for one in load.answered if not look.get(one)]
    assert (lost, found, len(look.chains())) == ([], [], 2)
    assert all(load.answered and not load.refused for load in loads)
    store.close()
    look.close()


def test_feedback_with_ten_thousand_entries_is_kept_and_the_next_call_is_answered(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    told = {
        "outcome": "accepted",
        "outcomeTimestamp": "2026-11-21T12:05:00Z",
        "acceptedSuggestions": [{"id": "one"}],
    }
    items = [{**told, "card": f"card-{number}"} for number in range(10_000)]
    with server(state) as (url, _), httpx.Client(base_url=url, timeout=30) as client:
        service, body = SENT[0]
        reply = client.post(f"/cds-services/{service}/feedback", json={"feedback": items})
        assert reply.status_code == 200
        assert client.post(f"/cds-services/{service}", json=body).status_code == 200
    store = look_back(state / "audit.sqlite3", state / "spool")
    assert (len(store.feedback()), store.count()) == (10_000, 1)
    store.close()
