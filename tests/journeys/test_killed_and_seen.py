"""A server that is killed leaves its last decisions in the spool; who looks sees them all the same,
and the next start brings them into the database once."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from served_audit import SENT, command, decisions, ready, server, until_ready

CALLS = 30
TRIES = 5  # a server may have brought all of them into the database the moment it is killed


@dataclass(frozen=True)
class Killed:
    """The state folder of a server that answered 30 calls and was killed, and the decision of the
    last one."""

    state: Path
    last: str

    def kept(self) -> list[tuple[str, int]]:
        """What is in the database now: chain and number."""
        with closing(sqlite3.connect(self.state / "audit.sqlite3")) as raw:
            return raw.execute("SELECT chain, seq FROM records ORDER BY chain, seq").fetchall()


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    """Of a few such servers the first that left something in its spool."""
    found = (_killed(tmp_path_factory.mktemp("killed") / "state") for _ in range(TRIES))
    return next(one for one in found if len(one.kept()) < CALLS)


def _killed(state: Path) -> Killed:
    with server(state) as (url, process), httpx.Client(base_url=url, timeout=30) as client:
        ready(url)
        for service, body in SENT[:CALLS]:
            reply = client.post(f"/cds-services/{service}", json=body)
            assert reply.status_code == 200
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    (last,) = decisions(reply)
    return Killed(state, last)


def test_what_a_killed_server_answered_is_seen_and_then_drained_once(killed: Killed) -> None:
    state = killed.state
    spools = {path: path.read_bytes() for path in (state / "spool").iterdir()}
    left = CALLS - len(killed.kept())
    _is_whole(state, f"{CALLS - left} records in 1 chains, {left} more wait in the spool")
    _is_all_seen(killed)
    assert {path: path.read_bytes() for path in (state / "spool").iterdir()} == spools
    assert len(killed.kept()) == CALLS - left, "who looks changes nothing"

    with server(state) as (url, process):
        until_ready(url)
        end = time.monotonic() + 30
        while len(killed.kept()) < CALLS and time.monotonic() < end:
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    ((chain, _), *_) = killed.kept()
    assert killed.kept() == [(chain, number) for number in range(1, CALLS + 1)]
    assert list((state / "spool").iterdir()) == []
    _is_whole(state, f"{CALLS} records in 1 chains")
    _is_all_seen(killed)


def _is_whole(state: Path, words: str) -> None:
    said = command(state, "audit", "verify")
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, f"whole: {words}"), said.stdout


def _is_all_seen(killed: Killed) -> None:
    explained = command(killed.state, "explain", killed.last)
    assert (explained.returncode, explained.stderr) == (0, "")
    assert f"Decision {killed.last}" in explained.stdout
    again = command(killed.state, "rerun", "--all")
    assert (again.returncode, again.stdout) == (0, f"{CALLS} identical, 0 different\n")
    exported = command(killed.state, "audit", "export")
    lines = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [line["seq"] for line in lines] == list(range(1, CALLS + 1))
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)
    assert lines[-1]["decision"] == killed.last
    counted = command(killed.state, "audit", "outcomes")
    assert counted.stdout.splitlines()[-1] == f"{CALLS} calls"
