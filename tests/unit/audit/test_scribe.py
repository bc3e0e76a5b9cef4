"""A scribe does to a decision what the service does: it seals it in its place, puts it into the
spool and carries it to the database; and it knows no more than that takes."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, chain_in, entry, made, showing
from cds.audit.batch import Batch, packed, unpacked
from cds.audit.chain import Chain
from cds.audit.front import small
from cds.audit.kept import Entry, Mark, Shown
from cds.audit.scribe import Scribe, ScribeGone, packed_entries
from cds.audit.scribewords import SHARED, Landed, Load, Lost, Work
from cds.audit.spool import Spool
from cds.audit.spoolfile import Place
from cds.audit.store import AuditStore, StoreError

ROOT = Path(__file__).parents[3]
ROOM = 4 * 1024 * 1024
PATIENCE = 20  # seconds; a start takes a fifth of one


class Desk:
    """A scribe with its spool and its database."""

    def __init__(self, folder: Path) -> None:
        self.path = made(folder / "audit.sqlite")
        self.chain = chain_in(folder)
        self.spool = Spool.open(folder / "one.spool", ROOM)
        spool, number = self.spool.file
        database = self.path.stat().st_ino
        self.scribe = Scribe(Work(KEY, str(spool), number, str(self.path), database, 0.2))

    def ready(self) -> bool:
        self.wait()
        return self.scribe.ready

    def wait(self) -> None:
        """Until it says something, or ends."""
        watched = self.scribe.watched()
        try:
            assert select.select([watched], [], [], PATIENCE)[0]
        finally:
            os.close(watched)

    def put(self, *entries: Entry, room: int = 1 << 20) -> Landed | Lost:
        """What comes of these, with so much room for them."""
        raw = packed_entries(entries)
        place = self.spool.room_for(room)
        assert raw is not None
        assert place is not None
        assert self.scribe.write(Load(self.chain.head, place, len(raw)), raw)
        self.wait()
        answer = self.scribe.landed()
        assert answer is not None
        if isinstance(answer, Landed):
            self.spool.took(replace(place, length=answer.length))
            self.chain.advance(answer)
        return answer

    def places(self) -> list[Place]:
        return self.spool.places(1 << 30, 1 << 30)

    def kept(self) -> list[str]:
        with closing(AuditStore.read_only(self.path)) as store:
            return [one.entry.id for one in store.read(self.chain.name)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(tmp_path)
    assert opened.ready()
    yield opened
    opened.scribe.close()
    opened.spool.close()


SHOWN = Shown("card-1", "mg-low", "1.0.0", "row-1", "warning", "band")
ENTRIES = {
    "plain": entry(1),
    "with cards and marks": replace(
        showing(2, SHOWN), marks=(Mark("mg-low", "1.0.0", "row-1", "fires"),)
    ),
    "of another zone": replace(entry(3), at=NOW.astimezone(timezone(timedelta(hours=-7)))),
    "long": entry(4, body=b'{"rules":[],"x":"%s"}' % (b"magnesium " * 5000)),
    "of any letters": replace(entry(5), client="Spital Zürich ☤", patient="Patient/ä"),
}


@pytest.mark.parametrize("one", ENTRIES.values(), ids=ENTRIES.keys())
def test_a_frame_of_a_scribe_is_to_the_byte_what_the_service_would_write(
    desk: Desk, tmp_path: Path, one: Entry
) -> None:
    before = Chain(desk.chain.name, KEY, tmp_path / "heads")
    assert isinstance(desk.put(one, one), Landed)
    (frame,) = desk.spool.first(1 << 30, 1)
    assert frame == packed(Batch(before.sealed([small(one), small(one)])))


def test_loads_follow_one_another_in_the_chain_and_in_the_spool(desk: Desk) -> None:
    for number in range(5):
        landed = desk.put(entry(2 * number), entry(2 * number + 1))
        assert isinstance(landed, Landed)
        assert landed.seq == 2 * number + 2
    records = [one for frame in desk.spool.first(1 << 30, 9) for one in unpacked(frame).records]
    assert [one.seq for one in records] == list(range(1, 11))
    assert [one.previous for one in records[1:]] == [one.mac for one in records[:-1]]


def test_what_it_carries_is_in_the_database_and_carried_again_changes_nothing(desk: Desk) -> None:
    desk.put(entry(1), entry(2))
    desk.put(entry(3))
    assert desk.scribe.carry(desk.places()) == 0
    assert desk.scribe.carry(desk.places()) == 0
    assert desk.kept() == ["decision-1", "decision-2", "decision-3"]


def test_it_tells_how_many_places_others_have_taken(desk: Desk, tmp_path: Path) -> None:
    other = Chain(desk.chain.name, b"another key" * 3, tmp_path / "heads")
    with closing(AuditStore.open(desk.path)) as store:
        store.add(Batch(other.sealed([entry(9)])))
    desk.put(entry(1), entry(2))
    assert desk.scribe.carry(desk.places()) == 1
    assert desk.kept() == ["decision-9", "decision-2"]


def test_a_database_that_is_locked_is_told_in_words_and_tried_again(desk: Desk) -> None:
    desk.put(entry(1))
    with closing(AuditStore.open(desk.path)) as store:
        store._database.ask("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            desk.scribe.carry(desk.places())
    assert desk.scribe.carry(desk.places()) == 0
    assert desk.kept() == ["decision-1"]


def test_another_file_in_the_place_of_the_database_is_left_alone(
    desk: Desk, tmp_path: Path
) -> None:
    desk.put(entry(1))
    desk.path.rename(tmp_path / "moved.sqlite")
    made(desk.path)
    with pytest.raises(StoreError, match="moved or removed"):
        desk.scribe.carry(desk.places())
    assert desk.kept() == []


def test_a_database_that_is_not_there_is_not_made(desk: Desk) -> None:
    desk.put(entry(1))
    desk.path.unlink()
    with pytest.raises(StoreError):
        desk.scribe.carry(desk.places())
    assert not desk.path.exists()


def test_a_frame_that_was_changed_is_not_carried(desk: Desk) -> None:
    desk.put(entry(1))
    path, _ = desk.spool.file
    raw = bytearray(path.read_bytes())
    at = raw.index(b"decision-1")
    raw[at : at + 1] = b"D"
    path.write_bytes(raw)
    with pytest.raises(StoreError, match="changed"):
        desk.scribe.carry(desk.places())
    assert desk.kept() == []


def test_a_load_that_takes_more_room_than_was_given_is_not_written(desk: Desk) -> None:
    before = desk.spool.file[0].read_bytes()
    answer = desk.put(entry(1, body=os.urandom(3000)), room=2000)
    assert answer == Lost("the decisions take more room than was thought", broken=False)
    assert desk.spool.file[0].read_bytes() == before


def test_a_spool_that_was_removed_is_told_of(desk: Desk) -> None:
    desk.spool.file[0].unlink()
    answer = desk.put(entry(1))
    assert isinstance(answer, Lost)
    assert answer.broken
    assert "moved or removed" in answer.words


def test_more_than_the_shared_memory_holds_is_not_packed() -> None:
    assert packed_entries([entry(1, body=b"x" * SHARED)]) is None


def test_one_that_is_killed_is_gone_for_whoever_asks(desk: Desk) -> None:
    desk.put(entry(1))
    desk.scribe.kill()
    assert desk.scribe.gone
    assert not desk.scribe.ready
    assert not desk.scribe.write(Load(desk.chain.head, desk.places()[0], 2), b"\x90")
    assert isinstance(desk.scribe.landed(), Lost)
    with pytest.raises(ScribeGone):
        desk.scribe.carry(desk.places())


def test_what_it_is_given_in_confidence_stands_nowhere(desk: Desk) -> None:
    desk.put(entry(1))
    process = Path(f"/proc/{desk.scribe.pid}")
    told = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
    assert KEY not in told
    assert KEY.hex().encode() not in told
    assert KEY.hex() not in repr(desk.scribe.work)
    assert repr(KEY) not in repr(desk.scribe.work)


def test_it_ends_when_nobody_is_there_any_more(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    try:
        desk.scribe.close()  # before it has begun
        process = desk.scribe._process
        assert process is not None
        assert process.returncode in (0, -9)
    finally:
        desk.spool.close()


def test_it_loads_nothing_that_decides_or_answers() -> None:
    program = "import cds.audit.scribework, sys; print(*sys.modules)"
    words = [sys.executable, "-c", program]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = ("cds.engine", "cds.rulebook", "cds.facts", "cds.fhir", "cds.hooks", "cds.cards")
    others = ("pydantic", "fastapi", "starlette", "structlog", "asyncio", "yaml", "httpx")
    found = [one for one in loaded.stdout.split() if one.startswith((*heavy, *others))]
    assert found == []
