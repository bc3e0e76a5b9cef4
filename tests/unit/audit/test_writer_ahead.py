"""Where the spool lies on the disk of the database: a decision is in the spool when its answer
leaves, and in the database a moment later, with others."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from secrets import token_urlsafe

import pytest

from audit_kit import RULES, entry
from audit_kit import told as fed
from cds.audit import ahead as lying
from cds.audit.batch import Batch, Told
from cds.audit.chain import Chain
from cds.audit.spool import Spool
from cds.audit.store import AuditStore, StoreError
from cds.audit.writer import AuditWriter
from writer_kit import WHOLE, kept, unbroken, until, waiting, write, writing

ROOT = Path(__file__).parents[3]
Add = Callable[[AuditStore, Batch], None]


@pytest.fixture
def writer(path: Path, chain: Chain) -> Iterator[AuditWriter]:
    with writing(path, chain) as made:
        yield made


async def one_after_the_other(writer: AuditWriter, numbers: range, size: int = 0) -> None:
    """Each with so many bytes of which compression takes none."""
    for number in numbers:
        noise = token_urlsafe(size).encode()[:size]
        await writer.write(entry(number, body=b'{"rules":[],"x":"%s"}' % noise))


def ids(numbers: range) -> list[str]:
    return [f"decision-{number}" for number in numbers]


def assert_unbroken(path: Path, records: int) -> None:
    assert unbroken(path) == records


class Gate:
    """A database that takes nothing until it is opened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._open = threading.Event()
        add = AuditStore.add

        def waits(store: AuditStore, batch: Batch) -> None:
            self._open.wait(20)
            add(store, batch)

        monkeypatch.setattr(AuditStore, "add", waits)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.open()


def test_a_caller_does_not_wait_for_the_database_but_for_the_spool(
    gate: Gate, writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1) == [None]
    assert write(writer, 2, 3) == [None, None]
    assert (kept(path), waiting(path)) == ([], 3)
    state = writer.state()
    assert (state.ok, state.degraded, state.words) == (True, False, "every decision is recorded")
    gate.open()
    until(lambda: writer.state() == WHOLE)
    assert (kept(path), waiting(path)) == (ids(range(1, 4)), 0)
    assert_unbroken(path, 3)


def test_what_came_one_by_one_goes_to_the_database_together(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    add = AuditStore.add

    def counted(store: AuditStore, batch: Batch) -> None:
        add(store, batch)
        sizes.append(len(batch.records))

    monkeypatch.setattr(AuditStore, "add", counted)
    asyncio.run(one_after_the_other(writer, range(100)))
    until(lambda: writer.state() == WHOLE)
    assert kept(path) == ids(range(100)), "in the order they came"
    assert sum(sizes) == 100
    assert len(sizes) <= 50
    assert_unbroken(path, 100)


def test_the_head_file_gets_its_line_when_the_database_has_the_records(
    gate: Gate, writer: AuditWriter, path: Path
) -> None:
    """So that a copy of it, and then one of the database, never lack what the first one names."""
    heads = path.with_name("audit-heads.log")
    write(writer, 1, 2)
    assert heads.read_text() == ""
    gate.open()
    until(lambda: writer.state() == WHOLE and heads.read_text() != "")
    assert " 1 2 " in heads.read_text()


def test_no_more_records_lie_ahead_than_the_head_file_may_lack(
    gate: Gate, writer: AuditWriter, path: Path
) -> None:
    async def all_of_them() -> None:
        tasks = [asyncio.create_task(writer.write(entry(number))) for number in range(400)]
        while waiting(path) < lying.MANY:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert sum(task.done() for task in tasks) <= lying.MOST
        assert waiting(path) <= lying.MOST
        gate.open()
        await asyncio.gather(*tasks)

    asyncio.run(all_of_them())
    until(lambda: writer.state() == WHOLE)
    assert sorted(kept(path)) == sorted(ids(range(400)))
    assert_unbroken(path, 400)


def test_feedback_is_in_the_database_when_write_returns_and_all_before_it(
    writer: AuditWriter, path: Path
) -> None:
    row = fed("ehr-one", "s", "card-1", "accepted", "2026-11-22", "", "", "", "2026-11-22")

    async def both() -> None:
        await one_after_the_other(writer, range(5))
        await writer.write(Told((row,)))

    asyncio.run(both())
    assert kept(path) == ids(range(5))
    with closing(AuditStore.read_only(path)) as store:
        assert list(store.told_rows()) == [row]
    assert_unbroken(path, 5)


def test_rules_are_in_the_database_when_write_returns(writer: AuditWriter, path: Path) -> None:
    asyncio.run(writer.write(RULES))
    with closing(AuditStore.read_only(path)) as store:
        assert store.rulebook(RULES.digest) == RULES.packed


def test_a_lock_on_the_database_holds_nobody_up(writer: AuditWriter, path: Path) -> None:
    write(writer, 0)
    until(lambda: writer.state() == WHOLE)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        asyncio.run(one_after_the_other(writer, range(1, 30)))
        assert kept(path) == ["decision-0"]
        until(lambda: writer.state().degraded)
        assert "locked by another process" in writer.state().words
        assert write(writer, 30) == [None]
        other.execute("ROLLBACK")
    until(lambda: writer.state() == WHOLE)
    assert kept(path) == ids(range(31)), "in the order they came"
    assert_unbroken(path, 31)


def test_a_database_that_fails_after_it_has_taken_all_doubles_nothing(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add, failures = AuditStore.add, [StoreError("the connection was lost")]

    def deaf_once(store: AuditStore, batch: Batch) -> None:
        add(store, batch)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(AuditStore, "add", deaf_once)
    asyncio.run(one_after_the_other(writer, range(10)))
    until(lambda: not failures)
    asyncio.run(one_after_the_other(writer, range(10, 20)))
    until(lambda: writer.state() == WHOLE)
    assert kept(path) == ids(range(20))
    assert_unbroken(path, 20)


@pytest.mark.parametrize("thread", ["the event loop", "the thread"])
def test_a_spool_that_breaks_loses_nothing_and_doubles_nothing(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch, thread: str
) -> None:
    asyncio.run(one_after_the_other(writer, range(5)))
    fdatasync, failures = os.fdatasync, [OSError(errno.EIO, os.strerror(errno.EIO))]

    def fails_once(handle: int) -> None:
        ours = threading.current_thread() is threading.main_thread()
        if failures and ours is (thread == "the event loop"):
            raise failures.pop()
        fdatasync(handle)

    async def until_it_fails() -> int:
        number = 5
        while failures:  # the disk has just been quick, so the loop writes; later the thread does
            await asyncio.sleep(1.1 if thread == "the thread" else 0)
            await writer.write(entry(number))
            number += 1
        return number

    monkeypatch.setattr(os, "fdatasync", fails_once)
    end = asyncio.run(until_it_fails())
    asyncio.run(one_after_the_other(writer, range(end, end + 10)))
    until(lambda: writer.state().spooled == 0)
    assert sorted(kept(path)) == sorted(ids(range(end + 10))), "all of them, none twice"
    assert_unbroken(path, end + 10)


def test_a_small_spool_that_never_falls_empty_is_begun_anew_in_time(
    path: Path, chain: Chain
) -> None:
    async def ceaseless(writer: AuditWriter) -> None:
        many = (one_after_the_other(writer, range(n, n + 100), 5000) for n in range(0, 800, 100))
        await asyncio.gather(*many)

    with writing(path, chain, room=600_000) as writer:  # 8 MB go through it
        asyncio.run(ceaseless(writer))
        until(lambda: writer.state() == WHOLE)
        assert sorted(kept(path)) == sorted(ids(range(800)))
        assert_unbroken(path, 800)


def test_a_spool_without_room_for_one_record_is_passed_by(path: Path, chain: Chain) -> None:
    with writing(path, chain, room=8192) as writer:
        asyncio.run(one_after_the_other(writer, range(5), 20_000))
        assert kept(path) == ids(range(5)), "the database has them at once"
    assert_unbroken(path, 5)


def test_the_event_loop_and_the_thread_write_one_chain_together(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: set[str] = set()
    put = Spool.put

    def noted(spool: Spool, frame: bytes) -> None:
        writers.add(threading.current_thread().name)
        put(spool, frame)

    monkeypatch.setattr(Spool, "put", noted)

    async def many() -> None:
        long = b'{"rules":[],"x":"' + b"x" * 70_000 + b'"}'  # which the thread writes
        for start in range(0, 300, 10):
            others = (writer.write(entry(number)) for number in range(start, start + 9))
            await asyncio.gather(*others, writer.write(entry(start + 9, body=long)))

    asyncio.run(many())
    assert writers == {"MainThread", "audit"}
    until(lambda: writer.state() == WHOLE)
    assert sorted(kept(path)) == sorted(ids(range(300)))
    assert_unbroken(path, 300)


def test_in_a_quiet_moment_nothing_stands_in_the_spool_of_what_the_database_has(
    writer: AuditWriter, path: Path
) -> None:
    """A purge reaches the database; the spool must hold nothing that it would have to reach."""
    asyncio.run(one_after_the_other(writer, range(20), 5000))
    (file,) = (path.parent / "spool").glob("*.spool")
    assert b"decision-7" in file.read_bytes()
    until(lambda: b"decision-" not in file.read_bytes())
    assert b"xxxxxxxx" not in file.read_bytes()
    assert write(writer, 20) == [None]
    assert_unbroken(path, 21)


def test_a_kill_before_the_first_line_of_the_head_file_is_no_loss(
    gate: Gate, writer: AuditWriter, path: Path
) -> None:
    write(writer, 1)
    assert path.with_name("audit-heads.log").read_bytes() == b""
    assert_unbroken(path, 1)
    gate.open()


KILLED = """
import asyncio, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_kit import chain_in, entry
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.writer import AuditWriter
path = Path(sys.argv[1])
chain = chain_in(path.parent, process=7)
place = SpoolPlace(path.parent / "spool", chain.name, 4 * 1024 * 1024, ahead=True)
writer = AuditWriter(lambda: AuditStore.open(path), chain, place)
writer.start()
async def all():
    for number in range(1000):
        await writer.write(entry(number))
        print(number, flush=True)
asyncio.run(all())
"""


def test_what_was_acknowledged_survives_a_kill_and_comes_into_the_database_with_the_next_start(
    path: Path, chain: Chain
) -> None:
    words = [sys.executable, "-c", KILLED, str(path), str(ROOT / "tests")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line == "200\n":
                process.send_signal(signal.SIGKILL)
        told = 200
    there = unbroken(path)
    assert there > told
    with writing(path, chain) as writer:
        until(lambda: waiting(path) == 0)
        assert writer.state().ok
    assert kept(path)[: told + 1] == ids(range(told + 1))
    assert len(kept(path)) == unbroken(path) == there
