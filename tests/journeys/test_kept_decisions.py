"""Every answer that leaves a real server is on the disk before, can be explained, and is decided
the same again; a server that is killed loses none."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cds.audit.chain import key_of
from cds.audit.store import AuditStore
from cds.audit.verify import verify
from cds.hooks.services import SERVICES
from cds.sample import samples

ROOT = Path(__file__).parents[2]
KEY = "a-key-for-the-tests-of-the-audit"
NOW = "2026-11-21T12:00:00+00:00"
CLIENTS = 32
KILLS = int(os.environ.get("CDS_KILLS", "5"))
BY_HOOK = {entry.hook: entry.id for entry in SERVICES.values()}
SENT = [
    (BY_HOOK[item.request["hook"]], item.request) for item in samples() if "hook" in item.request
]


def environment(state: Path) -> dict[str, str]:
    return {
        **os.environ,
        "CDS_SANDBOX": "1",
        "CDS_LOG_LEVEL": "error",  # nobody reads the pipe, and a full one would stop the server
        "CDS_NOW": NOW,
        "CDS_STATE": str(state),
        "CDS_AUDIT_KEY": KEY,
    }


@contextmanager
def server(state: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`cds serve` in a process of its own, its decisions in `state`."""
    command = [sys.executable, "-m", "cds", "serve", "--port", "0"]
    with subprocess.Popen(
        command, env=environment(state), cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        try:
            yield (
                next(line for line in process.stderr if "listening on" in line).split()[-1],
                process,
            )
        finally:
            process.kill()
            process.stderr.read()


def command(state: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cds", *words],
        env=environment(state), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip


def decisions(reply: httpx.Response) -> set[str]:
    return {card["extension"]["decision"] for card in reply.json()["cards"]}


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
    assert verify(store, key_of(KEY), state / "audit-heads.log") == []
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
    unknown = command(state, "explain", "00000000-0000-0000-0000-000000000000")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("cds: no decision of this id is kept here")


def test_nobody_is_named_in_what_is_kept(answered: tuple[Path, list[str]]) -> None:
    state, _ = answered
    raw = b"".join(path.read_bytes() for path in sorted(state.iterdir()))
    for _, body in SENT:
        patient = (body.get("prefetch") or {}).get("patient") or {}
        for name in patient.get("name", ()) if isinstance(patient, dict) else ():
            assert str(name.get("family", "\0")).encode() not in raw


def test_the_files_are_for_the_service_alone(answered: tuple[Path, list[str]]) -> None:
    state, _ = answered
    assert {oct(path.stat().st_mode & 0o777) for path in state.iterdir()} == {"0o600"}
    assert state.stat().st_mode & 0o777 == 0o700


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
    said = command(state, "audit", "feedback")
    about = [card["extension"]["rule"], card["extension"]["rows"][0]]
    assert said.returncode == 0, said.stderr
    assert [line.split() for line in said.stdout.splitlines()[1:-1]] == [
        ["1", *about, "accepted", "-"],
        ["1", *about, "overridden", offered["code"]],
    ]
    assert said.stdout.splitlines()[-1] == (
        "3 entries of feedback, 1 of a card that is not kept here"
    )
    assert b"Kovalenko" not in b"".join(path.read_bytes() for path in state.iterdir())
    assert command(state, "audit", "verify").returncode == 0


def test_a_database_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "audit.sqlite3").write_text("this is no database" * 100, encoding="utf-8")
    said = command(tmp_path, "serve", "--port", "0")
    assert said.returncode == 2
    assert said.stderr.startswith("cds: ")
    assert "audit.sqlite3" in said.stderr


async def _until_killed(url: str, kill_after: float, process: subprocess.Popen[str]) -> set[str]:
    """What was answered to 32 clients before the process was killed."""
    seen: set[str] = set()
    pool = httpx.Limits(max_connections=CLIENTS)

    async def ask(client: httpx.AsyncClient, number: int) -> None:
        step = 0
        while True:
            service, body = SENT[(number * 7 + step) % len(SENT)]
            body = {**body, "hookInstance": f"{number}-{step}-{random.random()}"}
            step += 1
            try:
                reply = await client.post(f"/cds-services/{service}", json=body)
            except httpx.TransportError:
                return
            if reply.status_code == 200:
                seen.update(decisions(reply))

    async with httpx.AsyncClient(base_url=url, timeout=30, limits=pool) as client:
        tasks = [asyncio.create_task(ask(client, number)) for number in range(CLIENTS)]
        await asyncio.sleep(kill_after)
        process.kill()
        await asyncio.gather(*tasks)
    return seen


def test_a_server_that_is_killed_has_lost_no_answer(tmp_path: Path) -> None:
    state, seen = tmp_path / "state", set[str]()
    for _ in range(KILLS):
        with server(state) as (url, process):
            _wait(url)
            seen |= asyncio.run(_until_killed(url, random.uniform(0.8, 2.5), process))
    store = AuditStore.read_only(state / "audit.sqlite3")
    lost = [decision for decision in seen if not store.get(decision)]
    found = verify(store, key_of(KEY), state / "audit-heads.log")
    chains = len(store.chains())
    store.close()
    assert len(seen) > KILLS
    assert (lost, [str(item) for item in found]) == ([], [])
    assert chains <= KILLS
    print(f"\nkilled {KILLS} times: {len(seen)} answered decisions, 0 lost")  # noqa: T201


def _wait(url: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not come up")


def test_the_samples_reach_every_service() -> None:
    assert {service for service, _ in SENT} == set(SERVICES)
