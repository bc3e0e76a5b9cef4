"""Who looks back sees what waits in the spool exactly as if it were in the database."""

from __future__ import annotations

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from audit_kit import KEY, NOW, RULES, chain_in, entry, keep, made, showing, told
from cds.audit import waiting as waiting_module
from cds.audit.batch import Archive, Batch, Sealed, Told, packed, unpacked
from cds.audit.chain import Chain
from cds.audit.database import DamagedRecord
from cds.audit.kept import Entry, Shown, stamp
from cds.audit.lookback import LookBack, look_back
from cds.audit.purge import plan, purge
from cds.audit.rulebooks import archive
from cds.audit.spool import Spool
from cds.audit.store import AuditStore
from cds.cli import app
from kept_decisions import RULES as RULE_FILES
from kept_decisions import book, named

ROOM = 1024 * 1024
FIRST = datetime.min.replace(tzinfo=UTC)


class Machine:
    """A state folder: a database, and spools of processes that run or have ended."""

    def __init__(self, state: Path) -> None:
        self.state, self.place, self.spools = state, made(state / "audit.sqlite3"), state / "spool"
        self._open: dict[str, Spool] = {}

    def chain(self, process: int = 1) -> Chain:
        return chain_in(self.state, process)

    def keep(self, chain: Chain, *entries: Entry) -> tuple[Sealed, ...]:
        """In the database."""
        with closing(AuditStore.open(self.place)) as store:
            return keep(store, chain, entries)

    def wait(self, chain: Chain, *entries: Entry, older: bool = False) -> tuple[Sealed, ...]:
        """In the spool alone, one group."""
        items = chain.sealed(entries)
        self.put(chain, Batch(items), older=older)
        chain.advance(items[-1])
        return items

    def put(self, chain: Chain, batch: Batch, *, older: bool = False) -> None:
        """`older`: as a version before LZ4 did it while the database was away."""
        if chain.name not in self._open:
            self._open[chain.name] = Spool.open(self.spools / f"{chain.name}.spool", ROOM)
        frame = packed(batch)
        self._open[chain.name].put(zlib.compress(frame, 1) if older else frame)

    def drained(self, *, drop: bool = True) -> None:
        """All that waits goes to the database, and from the spool if it is to be dropped."""
        with closing(AuditStore.open(self.place)) as store:
            for spool in self._open.values():
                for frame in (frames := spool.first(1 << 30, 1 << 30)):
                    assert store.drain(unpacked(frame)) == ()
                if drop:
                    spool.drop(len(frames))

    def end(self) -> None:
        """The processes are gone, their spools stay."""
        for spool in self._open.values():
            spool.close()
        self._open.clear()

    def look(self) -> LookBack:
        return look_back(self.place, self.spools)

    def cds(self, *words: str) -> Result:
        environment = {"CDS_STATE": str(self.state), "CDS_DATABASE_URL": None}
        return CliRunner().invoke(app, list(words), env=environment)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    found = Machine(tmp_path)
    yield found
    found.end()


def places(records: Any) -> list[tuple[str, int]]:
    return [(item.chain, item.seq) for item in records]


def ids(records: Any) -> list[int]:
    return [int(item.entry.id.removeprefix("decision-")) for item in records]


# What a look sees


@pytest.mark.parametrize("older", [True, False], ids=["of an older version", "of this one"])
@pytest.mark.parametrize(
    "alive", [True, False], ids=["of a process that runs", "of one that ended"]
)
def test_what_waits_comes_in_its_place_by_time(
    machine: Machine, *, older: bool, alive: bool
) -> None:
    one, other = machine.chain(1), machine.chain(2)
    machine.keep(one, entry(1), entry(5))
    machine.wait(other, entry(2), entry(4), older=older)
    machine.wait(one, entry(8), older=older)
    machine.wait(other, entry(9), entry(3), older=older)
    if not alive:
        machine.end()
    with closing(machine.look()) as look:
        assert ids(look.since(FIRST)) == [1, 2, 3, 4, 5, 8, 9]
        assert ids(look.since(NOW + timedelta(seconds=4))) == [4, 5, 8, 9]
        assert look.chains() == tuple(sorted((one.name, other.name)))
        assert ids(look.read(one.name)) == [1, 5, 8]
        assert ids(look.read(other.name)) == [2, 4, 9, 3], "in the order of their numbers"
        assert ids(look.read(other.name, 2)) == [9, 3]
        assert ids(look.get("decision-9")) == [9]
        assert look.get("decision-7") == ()
        assert (look.count(), len(list(look.bodies()))) == (7, 7)
        assert not look.cut


def test_a_call_that_came_again_has_all_its_records_by_time(machine: Machine) -> None:
    machine.keep(machine.chain(1), entry(2))
    machine.wait(machine.chain(2), replace(entry(2), at=NOW), replace(entry(2), at=entry(3).at))
    with closing(machine.look()) as look:
        assert [item.entry.at for item in look.get("decision-2")] == [
            NOW, entry(2).at, entry(3).at,
        ]  # fmt: skip


def test_records_of_one_moment_come_by_chain_and_number(machine: Machine) -> None:
    one, other = machine.chain(1), machine.chain(2)
    same = [replace(entry(number), at=NOW) for number in range(6)]
    machine.wait(one, *same[:2])
    machine.keep(other, *same[2:4])
    machine.wait(other, *same[4:])
    with closing(machine.look()) as look:
        found = places(look.since(FIRST))
        assert found == sorted(found)
        assert len(found) == 6


def test_what_was_drained_and_not_dropped_is_told_once(machine: Machine) -> None:
    chain = machine.chain()
    machine.wait(chain, entry(1), entry(2))
    machine.drained(drop=False)
    machine.wait(chain, entry(3))
    with closing(machine.look()) as look:
        assert ids(look.since(FIRST)) == ids(look.read(chain.name)) == [1, 2, 3]
        assert (look.count(), len(list(look.bodies()))) == (3, 3)
        assert len(look.get("decision-1")) == 1


def test_a_look_changes_and_locks_nothing(machine: Machine) -> None:
    chain = machine.chain()
    machine.wait(chain, entry(1))
    (path,) = machine.spools.iterdir()
    before = path.read_bytes()
    with closing(machine.look()) as look:
        assert ids(look.since(FIRST)) == [1]
        assert path.read_bytes() == before
        machine.wait(chain, entry(2))
        machine.drained()
        machine.keep(chain, entry(3))


READS: dict[str, Callable[[LookBack, str], Any]] = {
    "since": lambda look, _: look.since(FIRST),
    "read": lambda look, chain: look.read(chain),
    "get": lambda look, _: [found for n in range(1, 5) for found in look.get(f"decision-{n}")],
    "bodies": lambda look, _: [client for client, _ in look.bodies()],
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("asked", [0, 1, 2, 3])
def test_a_record_that_moves_while_somebody_reads_is_told_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, name: str, asked: int
) -> None:
    """Right before, or right after, the database was asked where the chain ends."""
    chain = machine.chain()
    machine.keep(chain, entry(1))
    machine.wait(chain, entry(2), entry(3))
    machine.wait(chain, entry(4))
    head, times = AuditStore.head, iter(range(100))

    def moved(store: AuditStore, name: str) -> Any:
        if (time := next(times)) == asked:
            machine.drained()
        found = head(store, name)
        if time + 1 == asked:
            machine.drained()
        return found

    with closing(machine.look()) as look:
        monkeypatch.setattr(AuditStore, "head", moved)
        assert len(list(READS[name](look, chain.name))) == 4
        assert look.count() <= 4


def test_a_look_beside_a_service_that_writes_misses_none_and_doubles_none(machine: Machine) -> None:
    chain = machine.chain()
    machine.keep(chain, entry(0))
    failures: list[Exception] = []
    enough = threading.Event()

    def serve() -> None:
        try:
            while not enough.is_set():
                for _ in range(4):
                    machine.wait(chain, *map(entry, range(chain.seq, chain.seq + 8)))
                machine.drained()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        waited = sum(_is_all_told(machine, chain) for _ in range(40))
    finally:
        enough.set()
        thread.join()
    assert failures == []
    assert waited, "some looks saw records in the spool"


def _is_all_told(machine: Machine, chain: Chain) -> bool:
    """Whether some of what a look told waited."""
    least = chain.seq
    with closing(machine.look()) as look, closing(AuditStore.read_only(machine.place)) as store:
        kept = store.count()
        for read in (READS["since"], READS["read"]):
            found = ids(read(look, chain.name))
            assert found == list(range(len(found)))
            assert len(found) >= least
        assert len(list(look.bodies())) >= least
        return look.count() > kept


def test_a_record_that_cannot_be_read_does_not_end_the_others(machine: Machine) -> None:
    chain = machine.chain()
    machine.keep(chain, entry(1), entry(2))
    machine.wait(chain, entry(3))
    with closing(AuditStore.open(machine.place)) as store:
        store._database.add([("UPDATE records SET previous = 'text' WHERE seq = ?", [(2,)])])
    with closing(machine.look()) as look:
        records = look.since(FIRST)
        assert ids([next(records)]) == [1]
        with pytest.raises(DamagedRecord):
            next(records)
        assert ids(records) == [3]


def test_what_was_purged_is_not_told_from_a_spool_that_still_has_it(machine: Machine) -> None:
    chain = machine.chain()
    machine.wait(chain, entry(1))
    machine.drained(drop=False)
    machine.wait(chain, entry(2))
    chain.heads.touch()
    with closing(AuditStore.open(machine.place)) as store:
        planned = plan(store, KEY, [chain.heads], machine.spools, entry(2).at)
        assert [stone.last for stone in purge(store, KEY, planned, NOW)] == [1]
    with closing(machine.look()) as look:
        assert ids(look.since(FIRST)) == ids(look.read(chain.name)) == [2]
        assert look.get("decision-1") == ()


def test_files_that_cannot_be_read_hide_nothing_else(machine: Machine) -> None:
    chain = machine.chain()
    machine.wait(chain, entry(1))
    machine.put(chain, Batch())
    (machine.spools / "a.spool").write_bytes(b"whatever")
    (machine.spools / "b.spool").symlink_to(machine.place)
    with closing(Spool.open(machine.spools / "c.spool", ROOM)) as other:
        other.put(b"no batch")
        with closing(machine.look()) as look:
            assert ids(look.since(FIRST)) == [1]


def test_without_a_spool_there_is_what_the_database_has(machine: Machine) -> None:
    chain = machine.chain()
    machine.keep(chain, entry(1))
    with closing(machine.look()) as look:
        assert ids(look.since(FIRST)) == [1]
        assert (look.count(), look.chains(), look.cut) == (1, (chain.name,), False)


def test_rules_that_wait_are_there(machine: Machine) -> None:
    machine.put(machine.chain(), Batch(archives=(Archive("new", b"files"),)))
    with closing(machine.look()) as look:
        assert look.rulebook("new") == b"files"
        assert look.rulebook(RULES.digest) == RULES.packed
        assert look.rulebook("none") is None


def test_feedback_finds_a_card_that_waits(machine: Machine) -> None:
    one = showing(1, Shown("card-1", "rule", "1", "row", "critical", "low"))
    other = showing(2, Shown("card-2", "rule", "2", "row", "info"))
    rows = [
        told(one.client, one.service, card, "accepted", stamp(NOW), "[]", "", "", stamp(NOW))
        for card in ("card-1", "card-2", "card-3")
    ]
    machine.keep(machine.chain(1), one)
    with closing(AuditStore.open(machine.place)) as store:
        store.add(Batch(told=(Told(tuple(rows)),)))
    machine.wait(machine.chain(2), other)
    with closing(machine.look()) as look:
        found = look.feedback()
    assert [item.decision for item in found] == [one.id, other.id, None]
    machine.drained()
    with closing(machine.look()) as look:
        assert look.feedback() == found


# Where more waits than is opened


CUT = (
    "cds: more waits in the spool than is read here, so some is not told; start the service, which "
    "brings it into the database, and ask again\n"
)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one file two records are opened."""
    monkeypatch.setattr(waiting_module, "_MOST", 3000)


def long(number: int) -> Entry:
    return entry(number, body=b'{"rules":[]' + b" " * 1000 + b"}")


@pytest.mark.usefixtures("small")
def test_more_than_is_opened_is_cut_off_and_said(machine: Machine) -> None:
    chain = machine.chain()
    for number in range(3):
        machine.wait(chain, long(number))
    with closing(machine.look()) as look:
        assert look.cut
        assert ids(look.since(FIRST)) == [1, 2], "the newest"
    said = machine.cds("audit", "outcomes")
    assert (said.stderr, said.stdout.splitlines()[-1]) == (CUT, "2 calls")


@pytest.mark.usefixtures("small")
def test_what_the_database_has_of_a_long_file_is_not_said_to_lack(machine: Machine) -> None:
    chain = machine.chain()
    machine.wait(chain, long(0))
    machine.drained(drop=False)
    for number in (1, 2):
        machine.wait(chain, long(number))
    with closing(machine.look()) as look:
        assert not look.cut
        assert ids(look.since(FIRST)) == [0, 1, 2]
    said = machine.cds("audit", "outcomes")
    assert (said.stderr, said.stdout.splitlines()[-1]) == ("", "3 calls")


@pytest.mark.usefixtures("small")
def test_a_long_file_leaves_room_for_the_others(machine: Machine) -> None:
    one, other = machine.chain(1), machine.chain(2)
    for number in range(3):
        machine.wait(one, long(number))
    machine.wait(other, long(9))
    with closing(machine.look()) as look:
        assert look.cut
        assert ids(look.since(FIRST)) == [2, 9]


@pytest.mark.usefixtures("small")
def test_a_file_of_which_nothing_can_be_opened_is_said_to_lack(machine: Machine) -> None:
    machine.wait(machine.chain(), entry(1, body=b" " * 4000))
    with closing(machine.look()) as look:
        assert look.cut


# The commands


NAMES = ("first-card", "si-units", "signing-two-electrolyte-orders", "five-findings-at-once")


def minutes(number: int) -> str:
    return stamp(NOW + timedelta(minutes=number))


@pytest.fixture
def hospital(machine: Machine) -> Machine:
    """Four decisions of two processes, the first and the third in the database."""
    one, other = machine.chain(1), machine.chain(2)
    entries = [
        replace(named(name).entry(), at=NOW + timedelta(minutes=number))
        for number, name in enumerate(NAMES)
    ]
    machine.keep(one, entries[0])
    machine.keep(other, entries[2])
    machine.wait(other, replace(entries[0], at=NOW + timedelta(minutes=9)))
    machine.wait(one, entries[1], entries[3])
    machine.put(one, Batch(archives=(Archive(book().digest, archive(RULE_FILES)),)))
    return machine


@pytest.mark.parametrize(
    "words",
    [
        ("explain", named(NAMES[0]).entry().id),
        ("explain", named(NAMES[1]).entry().id),
        ("explain", named(NAMES[3]).entry().id, "--whole"),
        ("rerun", named(NAMES[3]).entry().id),
        ("rerun", "--all"),
        ("rerun", "--all", "--since", minutes(1)),
        ("audit", "outcomes"),
        ("audit", "outcomes", "--csv", "--since", minutes(1)),
        ("audit", "export"),
        ("audit", "export", "--since", minutes(1), "--before", minutes(3)),
        ("audit", "export", "--format", "auditevent"),
        ("audit", "export", "--format", "guidanceresponse", "--since", minutes(3)),
        ("audit", "feedback"),
    ],
    ids=" ".join,
)
def test_a_command_says_the_same_before_the_database_has_it_and_after(
    hospital: Machine, words: tuple[str, ...]
) -> None:
    before = hospital.cds(*words)
    hospital.drained()
    after = hospital.cds(*words)
    assert (before.exit_code, before.stdout, before.stderr) == (0, after.stdout, after.stderr)
    assert after.exit_code == 0
    assert before.stdout


def test_every_decision_that_waits_is_repeated_counted_and_exported(hospital: Machine) -> None:
    assert hospital.cds("rerun", "--all").stdout.splitlines()[-1] == "5 identical, 0 different"
    assert "5 calls" in hospital.cds("audit", "outcomes").stdout
    lines = hospital.cds("audit", "export").stdout.splitlines()
    assert [json.loads(line)["at"] for line in lines] == [minutes(n) for n in (0, 1, 2, 3, 9)]
