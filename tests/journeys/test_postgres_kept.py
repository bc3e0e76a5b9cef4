"""PostgreSQL is stopped and started while clients ask: no answer is lost, none is kept twice, and
no clinician waits for the database to come back."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from cds.audit.chain import key_of
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from postgres_kit import PostgresServer, served
from served_audit import SECRET, SENT, Load, command, ready, server, until_ready

STOPS = int(os.environ.get("CDS_STOPS", "3"))
HOW = (signal.SIGINT, signal.SIGQUIT, signal.SIGINT)  # in order, and as if the machine had failed


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    """A server that waits for its disk, as one in use does."""
    yield from served(durable=True)


def test_a_database_that_is_stopped_and_started_under_load_loses_and_doubles_nothing(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    state, url = tmp_path / "state", postgres.new_database()
    said: list[str] = []

    def stop_and_start() -> None:
        for number in range(STOPS):
            time.sleep(0.7)
            postgres.stop(HOW[number % len(HOW)])
            time.sleep(0.7)
            said.append(ready(address)["status"])
            postgres.start()
            until_ready(address)

    with server(state, CDS_DATABASE_URL=url) as (address, process):
        until_ready(address)
        load = Load(address)
        load.during(stop_and_start)
        until_ready(address)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert said == ["degraded"] * STOPS
    assert load.refused == []
    assert list((state / "spool").iterdir()) == [], "the spool is drained"
    store = AuditStore.read_only(url)
    kept = Counter(one.entry.id for name in store.chains() for one in store.read(name))
    done = inspect(store, key_of(SECRET), [state / "audit-heads.log"], state / "spool")
    store.close()
    assert len(load.answered) > 20 * STOPS
    assert [one for one in load.answered if not kept[one]] == [], "lost"
    assert [one for one, times in kept.items() if times > 1] == [], "doubled"
    assert (done.findings, done.chains) == ([], 1)
    print(  # noqa: T201
        f"\nstopped {STOPS} times: {len(load.answered)} answers with a card, "
        f"{done.records} records, 0 lost, 0 doubled"
    )
    verified = command(state, "audit", "verify", CDS_DATABASE_URL=url)
    assert (verified.returncode, verified.stdout.split(":")[0]) == (0, "whole")


def test_a_service_that_starts_while_the_database_is_away_keeps_what_it_answers(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    state, url = tmp_path / "state", postgres.new_database()
    postgres.stop()
    try:
        with server(state, CDS_DATABASE_URL=url) as (address, process):
            assert ready(address)["checks"]["audit"]["degraded"]
            service, body = SENT[0]
            reply = httpx.post(f"{address}/cds-services/{service}", json=body, timeout=10)
            assert reply.status_code == 200
            process.kill()  # and it ends before the database is back
    finally:
        postgres.start()
    with server(state, CDS_DATABASE_URL=url) as (address, process):
        until_ready(address)
        reply = httpx.post(f"{address}/cds-services/{service}", json=body, timeout=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    store = AuditStore.read_only(url)
    assert store.count() == 2, "the record of the process that was killed came from its spool"
    store.close()
    assert list((state / "spool").iterdir()) == []


def test_a_database_that_does_not_answer_holds_up_nobody(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    state, url = tmp_path / "state", postgres.new_database()
    service, body = SENT[0]
    took: list[float] = []
    with server(state, CDS_DATABASE_URL=url) as (address, _):
        until_ready(address)
        with httpx.Client(base_url=address, timeout=20) as client:
            client.post(f"/cds-services/{service}", json=body)
            with postgres.frozen():
                for number in range(20):
                    began = time.monotonic()
                    asked = {**body, "hookInstance": str(number)}
                    assert client.post(f"/cds-services/{service}", json=asked).status_code == 200
                    took.append(time.monotonic() - began)
        until_ready(address)
    assert max(took) < 5
    assert sorted(took)[len(took) // 2] < 1, "only the first few had to find out"


def test_a_password_that_is_wrong_stops_the_start_and_is_not_repeated(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    url = postgres.url(password="not-the-password-of-it")
    said = command(tmp_path, "serve", "--port", "0", CDS_DATABASE_URL=url)
    assert said.returncode == 2
    assert said.stderr.startswith("cds: ")
    assert "password" in said.stderr
    assert "not-the-password-of-it" not in said.stderr
