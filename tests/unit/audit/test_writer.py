"""A caller goes on only when its record is on the disk, and hears why when it cannot be."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from audit_kit import KEY, chain_in, entry
from cds.audit import writer as writing
from cds.audit.chain import Chain
from cds.audit.store import AuditStore
from cds.audit.verify import CUT, HEADS, inspect
from cds.audit.writer import AuditWriter
from cds.errors import Overloaded, SettingsError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sqlite"


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path)


@pytest.fixture
def writer(path: Path, chain: Chain) -> Iterator[AuditWriter]:
    made = AuditWriter(lambda: AuditStore.open(path), chain)
    made.start()
    yield made
    made.close()


def write(writer: AuditWriter, *numbers: int) -> list[BaseException | None]:
    """Write these at once; what came of each."""

    async def all_of_them() -> list[BaseException | None]:
        tasks = [writer.write(entry(number)) for number in numbers]
        return await asyncio.gather(*tasks, return_exceptions=True)

    return asyncio.run(all_of_them())


def refusal(writer: AuditWriter, number: int = 1) -> str:
    """What a caller is told whose record cannot be kept."""
    with pytest.raises(Overloaded) as caught:
        asyncio.run(writer.write(entry(number)))
    assert caught.value.status == 503
    return str(caught.value)


def kept(path: Path) -> list[str]:
    with closing(AuditStore.read_only(path)) as store:
        return [one.entry.id for name in store.chains() for one in store.read(name)]


def assert_unbroken(path: Path, records: int) -> None:
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, path.with_name("audit-heads.log"))
    assert (done.findings, done.remarks, done.records) == ([], [], records)


def test_a_record_is_in_the_database_when_write_returns(writer: AuditWriter, path: Path) -> None:
    for number in range(3):
        assert write(writer, number) == [None]
        assert kept(path)[-1] == f"decision-{number}"
    assert_unbroken(path, 3)
    assert writer.state() == (True, "every decision is recorded", 0)


def test_callers_that_come_together_share_a_group(writer: AuditWriter, path: Path) -> None:
    async def all_of_them() -> None:
        tasks = [asyncio.create_task(writer.write(entry(number))) for number in range(300)]
        await asyncio.sleep(0.1)
        other.execute("ROLLBACK")
        await asyncio.gather(*tasks)

    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the first group waits, the others gather behind it
        asyncio.run(all_of_them())
    assert kept(path) == [f"decision-{number}" for number in range(300)], "in the order they came"
    assert_unbroken(path, 300)
    lines = path.with_name("audit-heads.log").read_text().splitlines()
    assert len(lines) in (2, 3), "a group holds 256 at most"


def test_large_records_do_not_pile_up_in_one_group(writer: AuditWriter, path: Path) -> None:
    async def all_of_them() -> None:
        body = os.urandom(900_000)
        await asyncio.gather(*(writer.write(entry(one, body=body)) for one in range(10)))

    asyncio.run(all_of_them())
    lines = path.with_name("audit-heads.log").read_text().splitlines()
    assert len(lines) >= 4, "three records of 0.9 MB fill a group"


def test_a_caller_that_gives_up_spoils_nothing_for_the_others(
    writer: AuditWriter, path: Path
) -> None:
    async def some_give_up() -> list[BaseException | None]:
        tasks = [asyncio.create_task(writer.write(entry(number))) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    done = asyncio.run(some_give_up())
    assert all(isinstance(one, asyncio.CancelledError) for one in done[::2])
    assert done[1::2] == [None] * 10
    assert {f"decision-{number}" for number in range(1, 20, 2)} <= set(kept(path))
    assert write(writer, 99) == [None]


def test_a_loop_that_ended_spoils_nothing_for_another(writer: AuditWriter, path: Path) -> None:
    async def leave_at_once() -> None:
        task = asyncio.create_task(writer.write(entry(1)))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave_at_once())
    assert write(writer, 2) == [None]
    assert "decision-2" in kept(path)


def test_a_record_that_is_no_text_is_refused_alone(writer: AuditWriter, path: Path) -> None:
    async def with_a_bad_one() -> list[BaseException | None]:
        bad = replace(entry(2), client="half a letter \ud800")
        tasks = [writer.write(one) for one in (entry(1), bad, entry(3))]
        return await asyncio.gather(*tasks, return_exceptions=True)

    first, bad, third = asyncio.run(with_a_bad_one())
    assert first is third is None
    assert isinstance(bad, Overloaded)
    assert "half a letter" not in str(bad)
    assert kept(path) == ["decision-1", "decision-3"]


def test_a_record_beyond_all_measure_is_refused_alone(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LARGEST", 5)
    assert "too large" in refusal(writer)
    assert kept(path) == []


def test_where_too_many_wait_the_next_is_turned_away(
    writer: AuditWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_WAITING", 0)
    assert "too many decisions wait" in refusal(writer)


def test_a_locked_database_is_told_and_tried_again(writer: AuditWriter, path: Path) -> None:
    assert write(writer, 1) == [None]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        told = write(writer, 2, 3)
        assert [type(one) for one in told] == [Overloaded, Overloaded]
        assert "locked by another process" in str(told[0])
        ok, words, _ = writer.state()
        assert not ok
        assert "locked" in words
        other.execute("ROLLBACK")
    assert write(writer, 4) == [None]
    assert writer.state()[0]
    assert kept(path) == ["decision-1", "decision-4"]
    assert_unbroken(path, 2)


def test_a_database_that_is_locked_at_the_start_is_tried_again(path: Path, chain: Chain) -> None:
    AuditStore.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        writer = AuditWriter(lambda: AuditStore.open(path), chain)
        writer.start()
        assert not writer.state()[0]
        assert "locked" in refusal(writer)
    assert write(writer, 1) == [None]
    writer.close()
    assert_unbroken(path, 1)


def test_a_read_only_database_is_told_and_tried_again(path: Path, chain: Chain) -> None:
    AuditStore.open(path).close()
    ways: list[Callable[[Path], AuditStore]] = [AuditStore.open, AuditStore.read_only]
    writer = AuditWriter(lambda: ways.pop()(path), chain)
    writer.start()
    assert "read-only" in refusal(writer)
    assert write(writer, 2) == [None]
    writer.close()
    assert_unbroken(path, 1)


def test_a_lost_table_is_told_and_not_made_anew(writer: AuditWriter, path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TABLE records")
    assert "lost a table" in refusal(writer)
    told = refusal(writer)
    assert "cannot be opened" in told
    assert str(path) not in told, "a client learns nothing of our folders"
    ok, words, _ = writer.state()
    assert not ok
    assert "lost the table `records`; restore it" in words


def test_a_database_damaged_while_it_is_in_use_is_told(writer: AuditWriter, path: Path) -> None:
    assert write(writer, *range(50)) == [None] * 50
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with path.open("r+b") as raw:
            raw.seek(4096)
            raw.write(b"\xee" * (size - 4096))
        other.execute("PRAGMA user_version = 7")  # so that no page in memory is trusted any more
    assert "damaged" in refusal(writer) or "cannot be opened" in refusal(writer)
    assert not writer.state()[0]


def test_a_damaged_database_stops_the_start(path: Path, chain: Chain) -> None:
    path.write_bytes(b"no database at all " * 100)
    writer = AuditWriter(lambda: AuditStore.open(path), chain)
    with pytest.raises(SettingsError, match="damaged; restore it from a backup"):
        writer.start()
    assert "stopping" in refusal(writer)


def test_a_database_that_is_taken_away_is_told_and_its_loss_never_hidden(
    writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1, 2) == [None, None]
    for file in path.parent.glob("audit.sqlite*"):
        file.unlink()
    assert "moved or removed" in refusal(writer, 3)
    assert write(writer, 4) == [None]
    ok, words, _ = writer.state()
    assert not ok
    assert "records that were kept are missing" in words
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, path.with_name("audit-heads.log"))
    assert [(one.seq, one.kind) for one in done.findings] == [(1, CUT)]
    assert kept(path) == ["decision-4"]


def test_a_head_file_that_cannot_be_written_loses_no_record(path: Path, chain: Chain) -> None:
    chain.heads.mkdir()
    writer = AuditWriter(lambda: AuditStore.open(path), chain)
    writer.start()
    assert write(writer, 1, 2) == [None, None]
    ok, words, _ = writer.state()
    assert not ok
    assert "the head file cannot be written" in words
    chain.heads.rmdir()
    assert write(writer, 3) == [None]
    assert writer.state()[0]
    writer.close()
    assert_unbroken(path, 3)


def test_a_head_file_that_is_taken_away_is_made_anew_and_missed(
    writer: AuditWriter, path: Path, chain: Chain
) -> None:
    assert write(writer, 1) == [None]
    chain.heads.unlink()
    assert write(writer, 2) == [None]
    assert "head file cannot be written" in writer.state()[1]
    assert write(writer, 3) == [None]
    assert writer.state()[0]
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, chain.heads)
    assert [one.kind for one in done.findings] == [HEADS]


def test_what_waits_is_kept_when_the_writer_closes(path: Path, chain: Chain) -> None:
    writer = AuditWriter(lambda: AuditStore.open(path), chain)
    writer.start()

    async def close_meanwhile() -> list[BaseException | None]:
        tasks = [asyncio.create_task(writer.write(entry(number))) for number in range(500)]
        await asyncio.sleep(0)
        await asyncio.to_thread(writer.close)
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert asyncio.run(close_meanwhile()) == [None] * 500
    assert len(kept(path)) == 500
    assert_unbroken(path, 500)
    assert "closed" in refusal(writer)
    assert writer.state() == (False, "the audit is closed: the service is stopping", 0)
    assert path.with_name("audit-heads.log").read_text().splitlines()[-1].startswith("closed ")


def test_in_a_quiet_moment_the_log_is_folded_into_the_database(
    writer: AuditWriter, path: Path, tmp_path: Path
) -> None:
    def alone() -> list[str]:
        (tmp_path / "copy").mkdir(exist_ok=True)
        copied = tmp_path / "copy" / "audit.sqlite"
        copied.write_bytes(path.read_bytes())  # without the log
        return kept(copied)

    assert write(writer, 1, 2) == [None, None]
    end = time.monotonic() + 10
    while time.monotonic() < end and path.stat().st_size < 8 * 4096:
        time.sleep(0.05)
    assert alone() == ["decision-1", "decision-2"]
    assert write(writer, 3) == [None]


def test_before_the_start_nothing_is_promised(path: Path, chain: Chain) -> None:
    writer = AuditWriter(lambda: AuditStore.open(path), chain)
    assert not writer.state()[0]
    assert "not started" in refusal(writer)
    writer.close()


def test_a_disk_that_hangs_does_not_hold_a_caller(
    writer: AuditWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "PATIENCE", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert "not recorded in time" in refusal(writer)
        other.execute("ROLLBACK")
    monkeypatch.undo()
    assert write(writer, 2) == [None]
    assert kept(path) == ["decision-1", "decision-2"], "one too many, never one too few"


def test_two_writers_share_one_file_each_with_its_chain(path: Path, tmp_path: Path) -> None:
    writers = [
        AuditWriter(lambda: AuditStore.open(path), chain_in(tmp_path, process))
        for process in (1, 2)
    ]
    for one in writers:
        one.start()

    async def both() -> None:
        tasks = [writers[number % 2].write(entry(number)) for number in range(60)]
        await asyncio.gather(*tasks)
        for number in range(10):
            await asyncio.gather(*(one.write(entry(100 + number)) for one in writers))

    asyncio.run(both())
    for one in writers:
        one.close()
    assert len(kept(path)) == 80
    assert_unbroken(path, 80)


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, "tests")
from audit_kit import chain_in, entry
from cds.audit.store import AuditStore
from cds.audit.writer import AuditWriter
from cds.errors import Overloaded

path = Path(sys.argv[1])
writer = AuditWriter(lambda: AuditStore.open(path), chain_in(path.parent))
writer.start()
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, most))
kept = []
async def until_full():
    for number in range(1000):
        try:
            await writer.write(entry(number, body=b"x" * 20_000))
        except Overloaded as refused:
            return str(refused)
        kept.append(number)
told = asyncio.run(until_full())
print(told)
print(writer.state()[:2])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
asyncio.run(writer.write(entry(5000)))
print(len(kept), writer.state()[0])
writer.close()
"""


def test_a_full_disk_is_told_and_once_there_is_room_the_chain_goes_on(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told, state, after = ran.stdout.splitlines()
    assert "the disk is full" in told
    assert state.startswith("(False, 'the audit database")
    number, ok = after.split()
    assert ok == "True"
    assert int(number) > 3, "there was room for some"
    assert kept(path) == [f"decision-{one}" for one in range(int(number))] + ["decision-5000"]
    assert_unbroken(path, int(number) + 1)
