"""While many come together another process of ours seals and writes: nothing of what was said to be
kept is lost with it, and whatever becomes of it, the service goes on by itself."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from audit_kit import entry
from audit_kit import told as fed
from cds.audit import scribes
from cds.audit.batch import Batch, Told
from cds.audit.chain import Chain
from cds.audit.drain import STRANGE
from cds.audit.durable import Durable
from cds.audit.scribe import Scribe
from cds.audit.scribewords import Work
from cds.audit.spool import Spool, SpoolError
from cds.audit.spoolfile import Place
from cds.audit.store import AuditStore
from cds.audit.writer import AuditWriter
from writer_kit import WHOLE, kept, unbroken, until, waiting, write, writing

ROOT = Path(__file__).parents[3]
TOGETHER = 8


class Office:
    """Hires real scribes and knows them."""

    def __init__(self) -> None:
        self.hired: list[Scribe] = []

    def hire(self, work: Work) -> Scribe:
        self.hired.append(Scribe(work))
        return self.hired[-1]

    @property
    def pid(self) -> int:
        """Of the last one."""
        return self.hired[-1].pid


@pytest.fixture
def office(monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(scribes, "PAUSE", 0.2)
    return Office()


@pytest.fixture
def writer(path: Path, chain: Chain, office: Office) -> Iterator[AuditWriter]:
    """One that is helped from the first on."""
    with writing(path, chain, hire=office.hire) as made:
        assert asyncio.run(until_helped(made)) > 0
        until(lambda: made.state() == WHOLE)
        yield made


async def together(writer: AuditWriter, first: int, rounds: int = 1) -> list[BaseException | None]:
    """What came of so many rounds of decisions, those of a round at once."""
    found: list[BaseException | None] = []
    for start in range(first, first + rounds * TOGETHER, TOGETHER):
        tasks = (writer.write(entry(number)) for number in range(start, start + TOGETHER))
        found += await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def until_helped(writer: AuditWriter) -> int:
    """How many decisions it took until a scribe was there; their numbers are below zero."""
    front, number = writer._durable.front, 0
    while front.scribe is None:
        assert await together(writer, -number - TOGETHER) == [None] * TOGETHER
        number += TOGETHER
    return number


@pytest.fixture
def by_our_hand(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The frames that this process put into the spool itself: one item each."""
    frames: list[int] = []
    put = Spool.put

    def noted(spool: Spool, frame: bytes) -> None:
        frames.append(len(frame))
        put(spool, frame)

    monkeypatch.setattr(Spool, "put", noted)
    return frames


def test_what_comes_together_is_sealed_by_another_process_in_the_one_chain(
    writer: AuditWriter, path: Path, by_our_hand: list[int]
) -> None:
    before = unbroken(path)
    assert asyncio.run(together(writer, 0, 50)) == [None] * 400
    until(lambda: writer.state() == WHOLE)
    assert len(by_our_hand) <= 3, "but for a load that found the thread at work"
    assert unbroken(path) == before + 400
    assert [one for one in kept(path) if "--" not in one] == [f"decision-{n}" for n in range(400)]


def test_no_process_is_started_where_decisions_come_one_by_one(
    path: Path, chain: Chain, office: Office
) -> None:
    async def one_by_one(writer: AuditWriter) -> None:
        for number in range(100):
            await writer.write(entry(number))

    with writing(path, chain, hire=office.hire) as writer:
        asyncio.run(one_by_one(writer))
    assert office.hired == []


def test_each_is_in_the_spool_when_its_caller_hears_so(
    writer: AuditWriter, path: Path, office: Office
) -> None:
    before = unbroken(path)
    os.kill(office.pid, signal.SIGSTOP)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # the database takes nothing meanwhile

            async def heard() -> None:
                task = asyncio.ensure_future(together(writer, 0))
                await asyncio.sleep(0.2)
                assert not task.done(), "nobody said that they are kept"
                os.kill(office.pid, signal.SIGCONT)
                assert await task == [None] * TOGETHER
                assert waiting(path) >= TOGETHER

            asyncio.run(heard())
            other.execute("ROLLBACK")
    finally:
        os.kill(office.pid, signal.SIGCONT)
    assert unbroken(path) == before + TOGETHER


def test_one_that_is_killed_takes_nothing_with_it(
    writer: AuditWriter, path: Path, office: Office
) -> None:
    before = unbroken(path)

    async def killed_again_and_again() -> int:
        number = 0
        for kill in range(3):
            task = asyncio.ensure_future(together(writer, number, 50))
            await asyncio.sleep(0.02)
            os.kill(office.pid, signal.SIGKILL)
            assert await task == [None] * 50 * TOGETHER
            number += 50 * TOGETHER
            while len(office.hired) == kill + 1 or writer._durable.front.scribe is None:
                assert await together(writer, number) == [None] * TOGETHER
                number += TOGETHER
                await asyncio.sleep(0.05)
        return number

    number = asyncio.run(killed_again_and_again())
    until(lambda: writer.state().spooled == 0)
    names = [one for one in kept(path) if "--" not in one]
    assert sorted(set(names)) == sorted(f"decision-{n}" for n in range(number))
    assert unbroken(path) >= before + number, "what nobody heard of may stand there twice"


def test_one_that_ends_while_nothing_is_under_way_is_noticed_at_once(
    writer: AuditWriter, path: Path, office: Office
) -> None:
    before = unbroken(path)

    async def ends() -> list[BaseException | None]:
        assert await together(writer, 0) == [None] * TOGETHER
        os.kill(office.pid, signal.SIGKILL)
        while not office.hired[0].gone:  # nobody asks it anything
            await asyncio.sleep(0.01)
        return await together(writer, TOGETHER)

    assert asyncio.run(asyncio.wait_for(ends(), 10)) == [None] * TOGETHER
    until(lambda: writer.state() == WHOLE)
    assert unbroken(path) == before + 2 * TOGETHER


def test_one_that_hangs_is_given_up_and_the_service_goes_on(
    writer: AuditWriter, path: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.audit.ferry.PATIENCE", 0.1)
    writer._durable.front.turn._patience = 0.3
    os.kill(hung := office.pid, signal.SIGSTOP)

    async def hangs() -> list[BaseException | None]:
        told = await together(writer, 0)
        assert all("not recorded in time" in str(one) for one in told)
        return await together(writer, 100, 3)

    assert asyncio.run(hangs()) == [None] * 3 * TOGETHER
    until(lambda: writer.state().spooled == 0)
    assert not Path(f"/proc/{hung}").exists(), "it can do no more harm"
    assert {f"decision-{n}" for n in range(100, 124)} <= set(kept(path))
    unbroken(path)


def test_one_that_hangs_while_it_carries_is_given_up_too(
    writer: AuditWriter, path: Path, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.audit.ahead.LINGER", 0.5)  # until then it is stopped
    before = unbroken(path)
    office.hired[-1]._errands.settimeout(0.3)
    assert asyncio.run(together(writer, 0)) == [None] * TOGETHER
    os.kill(hung := office.pid, signal.SIGSTOP)
    assert waiting(path) == TOGETHER
    until(lambda: writer.state() == WHOLE)
    assert not Path(f"/proc/{hung}").exists()
    assert unbroken(path) == before + TOGETHER


def test_one_that_cannot_write_hands_its_load_back(
    writer: AuditWriter, path: Path, office: Office
) -> None:
    before = unbroken(path)
    resource.prlimit(office.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    assert asyncio.run(together(writer, 0, 3)) == [None] * 3 * TOGETHER
    until(lambda: writer.state().spooled == 0)
    assert unbroken(path) == before + 3 * TOGETHER
    with closing(AuditStore.read_only(path)) as store:
        assert len(store.chains()) == 2, "nobody could tell how the first one ends"


def test_a_spool_that_was_removed_is_noticed_and_made_anew(writer: AuditWriter, path: Path) -> None:
    until(lambda: waiting(path) == 0)
    before = unbroken(path)
    (file,) = (path.parent / "spool").glob("*.spool")
    file.unlink()
    assert asyncio.run(together(writer, 0, 20)) == [None] * 20 * TOGETHER
    until(lambda: writer.state() == WHOLE)
    assert unbroken(path) == before + 20 * TOGETHER


def test_a_lock_on_the_database_holds_nobody_up(writer: AuditWriter, path: Path) -> None:
    before = unbroken(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert asyncio.run(together(writer, 0, 5)) == [None] * 5 * TOGETHER
        until(lambda: writer.state().degraded)
        assert "locked by another process" in writer.state().words
        other.execute("ROLLBACK")
    until(lambda: writer.state() == WHOLE)
    assert unbroken(path) == before + 5 * TOGETHER


def test_another_database_in_the_place_of_ours_gets_nothing(
    writer: AuditWriter, path: Path, tmp_path: Path
) -> None:
    asyncio.run(together(writer, 0, 5))
    until(lambda: writer.state() == WHOLE)
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        (tmp_path / name).rename(tmp_path / f"old-{name}")
    AuditStore.open(path).close()
    assert asyncio.run(together(writer, 100, 5)) == [None] * 5 * TOGETHER
    until(lambda: writer.state().spooled == 0)
    assert "missing" in writer.state().words, "the records of before"


def test_feedback_is_in_the_database_when_write_returns_and_all_before_it(
    writer: AuditWriter, path: Path
) -> None:
    row = fed("ehr-one", "s", "card-1", "accepted", "2026-11-22", "", "", "", "2026-11-22")

    async def both() -> None:
        assert await together(writer, 0, 3) == [None] * 3 * TOGETHER
        await writer.write(Told((row,)))

    asyncio.run(both())
    assert {f"decision-{n}" for n in range(3 * TOGETHER)} <= set(kept(path))
    with closing(AuditStore.read_only(path)) as store:
        assert list(store.told_rows()) == [row]


def test_a_place_that_another_hand_has_taken_is_seen_and_nothing_is_overwritten(
    writer: AuditWriter, path: Path, chain: Chain
) -> None:
    other = Chain(chain.name, b"another key" * 3, chain.heads)
    other.resume((chain.seq + 3, b"m" * 32))
    with closing(AuditStore.open(path)) as store:
        store.add(Batch(other.sealed([entry(999)])))
    assert asyncio.run(together(writer, 0)) == [None] * TOGETHER
    until(lambda: STRANGE in writer.state().words)
    assert "decision-999" in kept(path)
    (aside,) = (path.parent / "spool").glob("*.aside")
    assert b"decision-" in aside.read_bytes()


def test_long_records_and_many_go_through_without_loss(writer: AuditWriter, path: Path) -> None:
    before = unbroken(path)

    async def all_of_them() -> list[BaseException | None]:
        long = b'{"rules":[],"x":"' + os.urandom(90_000).hex().encode() + b'"}'
        tasks = [writer.write(entry(n, body=long if n % 5 == 0 else b"{}")) for n in range(400)]
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert asyncio.run(all_of_them()) == [None] * 400
    until(lambda: writer.state() == WHOLE)
    assert unbroken(path) == before + 400


def test_a_caller_that_gives_up_spoils_nothing_for_the_others(
    writer: AuditWriter, path: Path
) -> None:
    async def some_give_up() -> list[BaseException | None]:
        tasks = [asyncio.create_task(writer.write(entry(number))) for number in range(40)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert asyncio.run(some_give_up())[1::2] == [None] * 20
    until(lambda: writer.state() == WHOLE)
    assert {f"decision-{number}" for number in range(1, 40, 2)} <= set(kept(path))
    assert write(writer, 99) == [None]
    unbroken(path)


def test_where_none_can_be_started_the_service_does_without(path: Path, chain: Chain) -> None:
    tried: list[Work] = []

    def refused(work: Work) -> Scribe:
        tried.append(work)
        raise OSError("no more processes")

    with writing(path, chain, hire=refused) as writer:
        assert asyncio.run(together(writer, 0, 50)) == [None] * 400
        until(lambda: writer.state() == WHOLE)
        until(lambda: bool(tried))
    assert len(tried) == 1, "and not tried again at once"
    assert unbroken(path) == 400


def test_while_there_is_nothing_to_work_with_nobody_looks_again_and_again(
    path: Path, chain: Chain, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    tend = Durable.tend

    def counted(durable: Durable) -> None:
        looks.append(time.monotonic())
        tend(durable)

    monkeypatch.setattr(Durable, "tend", counted)
    with writing(path, chain, hire=office.hire) as writer:
        writer._durable.front.reserve.broke("a disk that is gone")
        writer._durable.front.want_scribe()
        time.sleep(0.4)
        assert len(looks) < 10


def test_it_ends_with_the_service(writer: AuditWriter, path: Path, office: Office) -> None:
    before = unbroken(path)
    assert asyncio.run(together(writer, 0)) == [None] * TOGETHER
    writer.close()
    process = office.hired[-1]._process
    assert process is not None
    assert process.returncode == 0, "in order"
    assert len(kept(path)) == before + TOGETHER, "and all is in the database"
    assert not list((path.parent / "spool").glob("*.spool"))


KILLED = """
import asyncio, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from audit_kit import chain_in, entry
from cds.audit.scribe import Scribe
from writer_kit import writing
path = Path(sys.argv[1])
async def all(writer):
    for start in range(0, 100_000, 8):
        await asyncio.gather(*(writer.write(entry(n)) for n in range(start, start + 8)))
        scribe = writer._durable.front.scribe
        print("told", start + 7, scribe.pid if scribe else 0, flush=True)
with writing(path, chain_in(path.parent, process=7), hire=Scribe) as writer:
    asyncio.run(all(writer))
"""


def test_it_ends_with_a_service_that_is_killed_and_what_was_acknowledged_is_kept(
    path: Path, chain: Chain
) -> None:
    words = [sys.executable, "-c", KILLED, str(path), str(ROOT / "tests")]
    helped = pid = told = 0
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("told"):  # what the log says
                continue
            told, pid = map(int, line.split()[1:])
            helped += bool(pid)
            if helped == 20:
                process.send_signal(signal.SIGKILL)
    assert pid
    until(lambda: not Path(f"/proc/{pid}").exists())
    there = unbroken(path)
    assert there > told
    with writing(path, chain):
        until(lambda: waiting(path) == 0)
    assert kept(path)[: told + 1] == [f"decision-{n}" for n in range(told + 1)]
    assert len(kept(path)) == there


def test_no_decision_waits_longer_for_one_that_is_about_to_begin(
    path: Path, chain: Chain, office: Office
) -> None:
    """It is started beside the service: what comes until it is ready goes the old way."""
    with writing(path, chain, hire=office.hire) as writer:
        began = time.monotonic()
        assert asyncio.run(until_helped(writer)) > 2 * TOGETHER
        assert time.monotonic() - began < 10


def test_a_spool_that_broke_is_not_opened_anew_by_who_only_reads_it(
    writer: AuditWriter, path: Path
) -> None:
    """It is read without the turn, while the event loop may be about to write."""
    assert asyncio.run(together(writer, 0)) == [None] * TOGETHER
    reserve = writer._durable.front.reserve
    place = Place(b"12345678", 0, 4096, 10)
    reserve.broke("the disk failed")
    with pytest.raises(SpoolError, match="the disk failed"):
        reserve.read(place)
    assert reserve.broken
    until(lambda: writer.state() == WHOLE)
    unbroken(path)
