"""A caller goes on only when its record is on the disk, and hears why when it cannot be."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, RULES, chain_in, entry, showing
from audit_kit import told as fed
from cds.audit import waiter
from cds.audit import writer as writing
from cds.audit.batch import Archive, Batch, Told, unpacked
from cds.audit.chain import Chain
from cds.audit.codec import canonical, parse
from cds.audit.durable import LOST
from cds.audit.headnotes import HeadNotes
from cds.audit.kept import Shown, stamp
from cds.audit.link import OpenStore
from cds.audit.shortcut import Shortcut
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore, StoreError
from cds.audit.verify import HEADS, MISSING, inspect
from cds.audit.writer import AuditWriter
from cds.errors import Overloaded, SettingsError
from writer_kit import ROOM, WHOLE, kept, until, write

ROOT = Path(__file__).parents[3]
NO_ROOM = 1024  # less than any group takes


@pytest.fixture
def writer(path: Path, chain: Chain) -> Iterator[AuditWriter]:
    made = writer_of(path, chain)
    made.start()
    yield made
    made.close()


def writer_of(
    path: Path, chain: Chain, *, room: int = ROOM, opened: OpenStore | None = None
) -> AuditWriter:
    """A writer with a spool of so many bytes beside its database."""
    place = SpoolPlace(path.parent / "spool", chain.name, room)
    return AuditWriter(opened or (lambda: AuditStore.open(path)), chain, place)


def in_order(writer: AuditWriter) -> bool:
    """Whether the database is in use again, with nothing left to drain."""
    state = writer.state()
    return state.ok and not state.degraded and state.spooled == 0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """The database while another process holds its lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def deaf_once(
    add: Callable[[AuditStore, Batch], None],
) -> Callable[[AuditStore, Batch], None]:
    """A database that takes a record and fails before it can say so."""

    def deaf(store: AuditStore, batch: Batch) -> None:
        add(store, batch)
        if batch.records and batch.records[0].entry.id == "decision-2":
            raise StoreError("the connection was lost")

    return deaf


def refusal(writer: AuditWriter, number: int = 1) -> str:
    """What a caller is told whose record cannot be kept."""
    with pytest.raises(Overloaded) as caught:
        asyncio.run(writer.write(entry(number)))
    assert caught.value.status == 503
    return str(caught.value)


def assert_unbroken(path: Path, records: int) -> None:
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, [path.with_name("audit-heads.log")])
    assert (done.findings, done.records) == ([], records)
    assert all("the rules" in remark for remark in done.remarks), "which are not kept here"


def test_a_record_is_in_the_database_when_write_returns(writer: AuditWriter, path: Path) -> None:
    for number in range(3):
        assert write(writer, number) == [None]
        assert kept(path)[-1] == f"decision-{number}"
    assert_unbroken(path, 3)
    assert writer.state() == WHOLE


def test_where_the_database_comes_first_the_thread_writes_all(
    writer: AuditWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Shortcut, "takes", lambda *_: pytest.fail("nothing goes ahead here"))
    assert write(writer, 1) == [None]
    assert write(writer, 2, 3) == [None, None]


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
    monkeypatch.setattr(waiter, "LARGEST", 5)
    assert "too large" in refusal(writer)
    assert kept(path) == []


def test_where_too_many_wait_the_next_is_turned_away(
    writer: AuditWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_WAITING", 0)
    assert "too many decisions wait" in refusal(writer)


def test_while_the_database_is_locked_the_spool_takes_the_records(
    writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1) == [None]
    with locked(path):
        assert write(writer, 2, 3) == [None, None]
        assert write(writer, 4) == [None]
        assert kept(path) == ["decision-1"]
        state = writer.state()
        assert (state.ok, state.degraded) == (True, True)
        assert state.spooled > 0
        assert "locked by another process" in state.words
        assert "wait in the spool" in state.words
    until(lambda: in_order(writer))
    assert write(writer, 5) == [None]
    assert kept(path) == [f"decision-{number}" for number in range(1, 6)], "in the order they came"
    assert_unbroken(path, 5)
    assert writer.state() == WHOLE


def test_who_waits_while_the_spool_is_in_use_does_not_wait_for_the_lock(
    writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1) == [None]
    with locked(path):
        assert write(writer, 2) == [None]  # this one had to find out
        began = time.monotonic()
        assert write(writer, *range(3, 40)) == [None] * 37
        assert time.monotonic() - began < 1.0
    until(lambda: in_order(writer))
    assert_unbroken(path, 39)


def test_a_database_that_is_locked_at_the_start_does_not_keep_the_service_down(
    path: Path, chain: Chain
) -> None:
    AuditStore.open(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        writer = writer_of(path, chain)
        writer.start()
        assert (writer.state().ok, writer.state().degraded) == (True, True)
        assert write(writer, 1, 2) == [None, None]
    until(lambda: in_order(writer))
    writer.close()
    assert_unbroken(path, 2)


def test_where_neither_takes_it_the_caller_is_told_and_it_is_tried_again(
    path: Path, chain: Chain
) -> None:
    writer = writer_of(path, chain, room=NO_ROOM)
    writer.start()
    assert write(writer, 1) == [None]
    with locked(path):
        told = write(writer, 2, 3)
        assert [type(one) for one in told] == [Overloaded, Overloaded]
        assert "locked by another process" in str(told[0])
        state = writer.state()
        assert not state.ok
        assert "the spool cannot be used" in state.words
    until(lambda: writer.state().ok)  # by itself: nobody calls a service that is not ready
    assert write(writer, 4) == [None]
    writer.close()
    assert kept(path) == ["decision-1", "decision-4"]
    assert_unbroken(path, 2)


def test_what_may_have_been_kept_is_never_overwritten(
    path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database takes the record and fails to say so; the spool has no room for it."""
    monkeypatch.setattr(AuditStore, "add", deaf_once(AuditStore.add))
    writer = writer_of(path, chain, room=NO_ROOM)
    writer.start()
    assert write(writer, 1) == [None]
    assert "the connection was lost" in refusal(writer, 2)
    until(lambda: writer.state().ok)
    assert write(writer, 3) == [None]
    writer.close()
    assert sorted(kept(path)) == ["decision-1", "decision-2", "decision-3"]
    with closing(AuditStore.read_only(path)) as store:
        assert inspect(store, KEY, [chain.heads]).findings == []


def test_what_the_database_took_and_did_not_say_is_not_doubled(
    path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AuditStore, "add", deaf_once(AuditStore.add))
    writer = writer_of(path, chain)
    writer.start()
    assert write(writer, 1) == [None]
    assert write(writer, 2) == [None]
    assert write(writer, 3) == [None]
    until(lambda: in_order(writer))
    writer.close()
    assert kept(path) == ["decision-1", "decision-2", "decision-3"]
    assert_unbroken(path, 3)


def test_records_of_another_hand_in_our_places_are_told_and_ours_set_aside(
    writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1) == [None]
    other = sqlite3.connect(path, isolation_level=None)
    with closing(other):
        other.execute("BEGIN IMMEDIATE")
        assert write(writer, 2) == [None]
        columns = "seq, chain, previous, mac, id, at, client, service, hook, patient, rulebook"
        asked = f"SELECT 2, {columns[5:]}, site, engine, body FROM records WHERE seq = 1"
        other.execute(f"INSERT INTO records ({columns}, site, engine, body) {asked}")
        other.execute("COMMIT")
    until(lambda: writer.state().spooled == 0)
    assert "records of another hand" in writer.state().words
    assert kept(path) == ["decision-1", "decision-1"], "nothing is overwritten"
    (aside,) = (path.parent / "spool").glob("*.aside")
    assert [one.entry.id for one in unpacked(aside.read_bytes()).records] == ["decision-2"]


def test_a_read_only_database_is_told_and_tried_again(path: Path, chain: Chain) -> None:
    AuditStore.open(path).close()
    first = [AuditStore.read_only]
    writer = writer_of(path, chain, opened=lambda: (first or [AuditStore.open]).pop()(path))
    writer.start()
    assert write(writer, 1) == [None]
    assert "read-only" in writer.state().words
    until(lambda: in_order(writer))
    assert write(writer, 2) == [None]
    writer.close()
    assert_unbroken(path, 2)


def test_a_lost_table_is_told_and_not_made_anew(path: Path, chain: Chain) -> None:
    writer = writer_of(path, chain, room=NO_ROOM)
    writer.start()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("DROP TABLE records")
    assert "lost a table" in refusal(writer)
    until(lambda: "cannot be opened" in writer.state().words)
    told = refusal(writer)
    assert "cannot be opened" in told
    assert str(path) not in told + writer.state().words, "nobody learns of our folders"
    assert not writer.state().ok
    writer.close()


def test_a_database_damaged_while_it_is_in_use_is_told(writer: AuditWriter, path: Path) -> None:
    assert write(writer, *range(50)) == [None] * 50
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = path.stat().st_size
        with path.open("r+b") as raw:
            raw.seek(4096)
            raw.write(b"\xee" * (size - 4096))
        other.execute("PRAGMA user_version = 7")  # so that no page in memory is trusted any more
    assert write(writer, 50, 51) == [None, None], "the spool has them"
    state = writer.state()
    assert (state.ok, state.degraded) == (True, True)
    assert "damaged" in state.words or "cannot be opened" in state.words
    writer.close()
    assert [one.stat().st_mode & 0o777 for one in (path.parent / "spool").iterdir()] == [0o600]


def test_a_damaged_database_stops_the_start(path: Path, chain: Chain) -> None:
    path.write_bytes(b"no database at all " * 100)
    writer = writer_of(path, chain)
    with pytest.raises(SettingsError, match="damaged; restore it from a backup"):
        writer.start()
    assert "stopping" in refusal(writer)


def test_a_database_that_is_taken_away_is_told_and_its_loss_never_hidden(
    writer: AuditWriter, path: Path
) -> None:
    assert write(writer, 1, 2) == [None, None]
    for file in path.parent.glob("audit.sqlite*"):
        file.unlink()
    assert write(writer, 3) == [None]
    until(lambda: writer.state().words == LOST)  # the database is in use again
    assert write(writer, 4) == [None]
    state = writer.state()
    assert (state.ok, state.degraded, state.words) == (True, True, LOST)
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, [path.with_name("audit-heads.log")])
    assert [(one.seq, one.kind) for one in done.findings] == [(1, MISSING)]
    assert kept(path) == ["decision-3", "decision-4"]


def test_the_spool_of_a_process_that_ended_is_drained_by_the_next(
    path: Path, chain: Chain, tmp_path: Path
) -> None:
    writer = writer_of(path, chain)
    writer.start()
    assert write(writer, 1) == [None]
    with locked(path):
        assert write(writer, 2, 3) == [None, None]
        writer.close()
    assert kept(path) == ["decision-1"]
    following = writer_of(path, chain_in(tmp_path, 2))
    following.start()
    until(lambda: len(kept(path)) == 3)
    assert write(following, 4) == [None]
    following.close()
    assert sorted(kept(path)) == [f"decision-{number}" for number in range(1, 5)]
    assert_unbroken(path, 4)
    assert list((tmp_path / "spool").iterdir()) == []


def test_rules_and_feedback_come_by_the_same_way(writer: AuditWriter, path: Path) -> None:
    row = fed("ehr", "service", "card-1", "accepted", stamp(NOW), "[]", "", "", stamp(NOW))

    async def both(number: int) -> None:
        told = Told((row, (*row[:2], f"card-{number}", *row[3:])))
        await asyncio.gather(writer.write(Archive(f"{number}" * 64, b"tar")), writer.write(told))

    asyncio.run(both(2))
    with locked(path):
        asyncio.run(both(3))
    until(lambda: in_order(writer))
    with closing(AuditStore.read_only(path)) as store:
        assert store.rulebook("2" * 64) == store.rulebook("3" * 64) == b"tar"
        assert sorted(one.card for one in store.feedback()) == ["card-1", "card-2", "card-3"]
    assert path.with_name("audit-heads.log").read_bytes() == b"", "no record, no line"


def test_text_the_database_never_takes_is_refused_at_once(writer: AuditWriter) -> None:
    row = fed("ehr", "service", "card\0", "accepted", stamp(NOW), "[]", "", "", stamp(NOW))
    with pytest.raises(Overloaded, match="the feedback cannot be recorded"):
        asyncio.run(writer.write(Told((row,))))
    assert writer.state() == WHOLE


def test_a_head_file_that_cannot_be_written_loses_no_record(path: Path, chain: Chain) -> None:
    chain.heads.mkdir()
    writer = writer_of(path, chain)
    writer.start()
    assert write(writer, 1, 2) == [None, None]
    state = writer.state()
    assert (state.ok, state.degraded) == (True, True)
    assert "the head file cannot be written" in state.words
    chain.heads.rmdir()
    assert write(writer, 3) == [None]
    assert writer.state() == WHOLE
    writer.close()
    assert_unbroken(path, 3)


def test_a_head_file_that_is_taken_away_is_made_anew_and_missed(
    writer: AuditWriter, path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[str] = []
    drop = HeadNotes._drop

    def noted(notes: HeadNotes, error: OSError) -> None:
        drop(notes, error)
        troubles.append(writer.state().words)  # of a moment: the next line makes it anew

    monkeypatch.setattr(HeadNotes, "_drop", noted)
    assert write(writer, 1) == [None]
    chain.heads.unlink()
    assert write(writer, 2) == [None]
    assert write(writer, 3) == [None]
    assert ["head file cannot be written" in one for one in troubles] == [True]
    assert writer.state() == WHOLE
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, [chain.heads])
    assert [one.kind for one in done.findings] == [HEADS]


def test_what_waits_is_kept_when_the_writer_closes(path: Path, chain: Chain) -> None:
    writer = writer_of(path, chain)
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
    state = writer.state()
    assert (state.ok, state.words) == (False, "the audit is closed: the service is stopping")
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
    writer = writer_of(path, chain)
    assert not writer.state().ok
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
    writers = [writer_of(path, chain_in(tmp_path, process)) for process in (1, 2)]
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
import asyncio, resource, sys, time
from pathlib import Path
import structlog
sys.path.insert(0, "tests")
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
from audit_kit import chain_in, entry
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.writer import AuditWriter
from cds.errors import Overloaded

path = Path(sys.argv[1])
chain = chain_in(path.parent)
place = SpoolPlace(path.parent / "spool", chain.name, 200_000)
writer = AuditWriter(lambda: AuditStore.open(path), chain, place)
writer.start()
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, most))
kept = []
async def until_full():
    import os
    for number in range(1000):
        try:
            await writer.write(entry(number, body=os.urandom(20_000)))
        except Overloaded as refused:
            return str(refused)
        kept.append(number)
        if writer.state().degraded and not spooled:
            spooled.append(number)
spooled = []
told = asyncio.run(until_full())
print(told)
state = writer.state()
print(state.ok, state.degraded, state.words)
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
end = time.monotonic() + 20
while writer.state().degraded and time.monotonic() < end:
    time.sleep(0.05)
asyncio.run(writer.write(entry(5000)))
print(spooled[0], len(kept), writer.state().ok, writer.state().degraded)
writer.close()
"""


def test_on_a_full_disk_the_reserved_spool_goes_on_then_callers_are_told(path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    told, state, after = ran.stdout.splitlines()
    assert "the disk is full" in told
    assert state.startswith("False True the audit database")
    first, number, ok, degraded = after.split()
    assert (ok, degraded) == ("True", "False")
    assert 3 < int(first) < int(number) - 3, "there was room for some, and for more in the spool"
    assert kept(path) == [f"decision-{one}" for one in range(int(number))] + ["decision-5000"]
    with closing(AuditStore.read_only(path)) as store:
        assert inspect(store, KEY, [path.with_name("audit-heads.log")]).findings == []


def test_a_clock_that_goes_backwards_breaks_no_chain(writer: AuditWriter, path: Path) -> None:
    async def backwards() -> None:
        for number in range(10):
            await writer.write(replace(entry(number), at=NOW - timedelta(days=number)))

    asyncio.run(backwards())
    assert kept(path) == [f"decision-{number}" for number in range(10)], "by place, not by time"
    with closing(AuditStore.read_only(path)) as store:
        latest = [one.entry.id for one in store.since(NOW - timedelta(days=2))]
    assert latest == ["decision-2", "decision-1", "decision-0"]
    assert_unbroken(path, 10)


def test_feedback_of_any_length_is_kept_whole(writer: AuditWriter, path: Path) -> None:
    rows = tuple(
        fed("ehr", "service", f"card-{number}", "accepted", stamp(NOW), "[]", "", "", stamp(NOW))
        for number in range(10_000)
    )

    async def both() -> None:
        await asyncio.gather(writer.write(Told(rows)), *(writer.write(entry(n)) for n in range(5)))

    asyncio.run(both())
    with closing(AuditStore.read_only(path)) as store:
        assert len(store.feedback()) == 10_000
    assert_unbroken(path, 5)


@pytest.mark.parametrize("away", [False, True], ids=["database", "spool"])
@pytest.mark.parametrize("size", [2_000, 100_000], ids=["short", "long"])
def test_a_record_is_kept_small_sealed_and_read_as_it_was(
    path: Path, chain: Chain, away: bool, size: int
) -> None:
    bare = showing(1, Shown("card-1", "magnesium", "1.0.0", "A1", "warning"))
    one = replace(bare, body=canonical({**parse(bare.body), "more": "x" * size}))
    writer = writer_of(path, chain)
    writer.start()
    with locked(path) if away else nullcontext():
        asyncio.run(writer.write(RULES))
        asyncio.run(writer.write(one))
        assert (writer.state().spooled > 0) is away
    until(lambda: in_order(writer))
    writer.close()
    with closing(AuditStore.read_only(path)) as store:
        (found,) = store.get(one.id)
        assert len(found.entry.body) * 5 < len(one.body)
        assert parse(found.entry.body) == parse(one.body)
        assert inspect(store, KEY, [chain.heads], path.parent / "spool").findings == []
