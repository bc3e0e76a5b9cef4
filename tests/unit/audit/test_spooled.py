"""Records that wait in the spool belong to their chain as those in the database do."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from audit_kit import KEY, chain_in, entry, keep
from cds.audit.batch import Batch, Sealed, packed, unpacked
from cds.audit.chain import Chain
from cds.audit.findings import CUT, EDITED, MISSING, SPOOL, Inspection
from cds.audit.heads import HeadWriter
from cds.audit.spool import Spool
from cds.audit.spooled import peek, read_spool
from cds.audit.spoolfile import BLOCK
from cds.audit.store import AuditStore
from cds.audit.verify import inspect

ROOM = 256 * 1024


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("empty") / "audit.sqlite"
    AuditStore.open(path).close()
    return path.read_bytes()


@pytest.fixture
def database(tmp_path: Path, empty: bytes) -> Path:
    path = tmp_path / "audit.sqlite"
    path.write_bytes(empty)
    return path


def opened(folder: Path, chain: Chain) -> Spool:
    return Spool.open(folder / f"{chain.name}.spool", ROOM)


def note(chain: Chain, first: int) -> None:
    heads = HeadWriter(chain.heads, chain.key, lambda: 0.0)
    heads.note(chain.name, first, chain.seq, chain.mac)
    heads.close()


def spool(waits: Spool, chain: Chain, numbers: Sequence[int]) -> tuple[Sealed, ...]:
    """What the writer does while the database is away."""
    items = chain.sealed(entry(number) for number in numbers)
    waits.put(packed(Batch(items)))
    first = chain.seq + 1
    chain.advance(items[-1])
    note(chain, first)
    return items


def seen(database: Path, chain: Chain, folder: Path | None) -> Inspection:
    with closing(AuditStore.read_only(database)) as store:
        return inspect(store, KEY, [chain.heads], folder)


def stored(database: Path, chain: Chain, numbers: Sequence[int]) -> tuple[Sealed, ...]:
    with closing(AuditStore.open(database)) as store:
        return keep(store, chain, [entry(number) for number in numbers])


@pytest.mark.parametrize("alive", [True, False], ids=["of a service that runs", "left behind"])
def test_records_in_the_spool_go_on_where_the_database_ends(
    database: Path, chain: Chain, folder: Path, *, alive: bool
) -> None:
    stored(database, chain, [1, 2])
    waits = opened(folder, chain)
    spool(waits, chain, [3, 4])
    spool(waits, chain, [5])
    if not alive:
        waits.close()
    done = seen(database, chain, folder)
    assert done.findings == []
    assert done.remarks == [f"chain {chain.name}: waiting in the spool: records 3 to 5"]
    assert done.summary == "whole: 2 records in 1 chains, 3 more wait in the spool"
    assert [one.kind for one in seen(database, chain, None).findings] == [CUT]
    waits.close()


def test_a_chain_may_be_in_the_spool_alone(database: Path, chain: Chain, folder: Path) -> None:
    with closing(opened(folder, chain)) as waits:
        spool(waits, chain, [1])
        done = seen(database, chain, folder)
    assert (done.findings, done.chains, done.records, done.waiting) == ([], 1, 0, 1)
    assert done.remarks == [f"chain {chain.name}: waiting in the spool: record 1"]


def test_what_was_drained_and_not_dropped_is_not_counted_twice(
    database: Path, chain: Chain, folder: Path
) -> None:
    with closing(opened(folder, chain)) as waits, closing(AuditStore.open(database)) as store:
        store.drain(Batch(spool(waits, chain, [1, 2])))
        spool(waits, chain, [3])
        done = seen(database, chain, folder)
    assert (done.findings, done.records, done.waiting) == ([], 2, 1)


def test_a_spool_without_anything_in_it_says_nothing(
    database: Path, chain: Chain, folder: Path
) -> None:
    stored(database, chain, [1])
    with closing(opened(folder, chain)):
        done = seen(database, chain, folder)
    assert (done.findings, done.remarks) == ([], [])


def test_a_record_that_was_edited_in_the_spool_is_found(
    database: Path, chain: Chain, folder: Path
) -> None:
    stored(database, chain, [1])
    items = chain.sealed([entry(2), entry(3)])
    forged = replace(items[1], entry=replace(items[1].entry, patient="another"))
    with closing(opened(folder, chain)) as waits:
        waits.put(packed(Batch((items[0], forged))))
        (found,) = seen(database, chain, folder).findings
    assert (found.seq, found.kind) == (3, EDITED)
    assert "waits in the spool" in str(found)


def test_a_record_that_lacks_before_the_spool_is_missed(
    database: Path, chain: Chain, folder: Path
) -> None:
    stored(database, chain, [1])
    chain.advance(chain.sealed([entry(2)])[0])
    note(chain, 2)
    with closing(opened(folder, chain)) as waits:
        spool(waits, chain, [3])
        (found,) = seen(database, chain, folder).findings
    assert (found.seq, found.kind) == (2, MISSING)


def test_a_tail_that_was_cut_from_the_spool_is_missed(
    database: Path, chain: Chain, folder: Path
) -> None:
    with closing(opened(folder, chain)) as waits:
        spool(waits, chain, [1])
        chain.advance(chain.sealed([entry(2)])[0])
        note(chain, 2)
        (found,) = seen(database, chain, folder).findings
    assert (found.seq, found.kind) == (2, CUT)


def test_another_record_in_the_place_of_one_that_waits_is_found(
    database: Path, chain: Chain, folder: Path
) -> None:
    waiting = chain.sealed([entry(1)])
    with closing(opened(folder, chain)) as waits:
        waits.put(packed(Batch(waiting)))
        stored(database, chain, [2])
        (found,) = seen(database, chain, folder).findings
    assert (found.seq, found.kind) == (1, EDITED)
    assert "waits in the spool" in str(found)


def test_two_records_that_wait_for_one_place_are_found(
    database: Path, chain: Chain, folder: Path
) -> None:
    with closing(opened(folder, chain)) as waits:
        for number in (1, 2):
            waits.put(packed(Batch(chain.sealed([entry(number)]))))
        chain.heads.touch()
        (found,) = seen(database, chain, folder).findings
    assert (found.seq, found.kind) == (1, SPOOL)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a-chain.1.spool.damaged", "is damaged and was set aside"),
        ("a-chain.7.aside", "whose places in the database are taken by others"),
    ],
)
def test_a_file_that_was_set_aside_is_named(
    database: Path, chain: Chain, folder: Path, name: str, words: str
) -> None:
    folder.mkdir()
    (folder / name).write_bytes(b"whatever")
    (found,) = seen(database, chain, folder).findings
    assert found.kind == SPOOL
    assert name in str(found)
    assert words in str(found)
    assert str(folder) not in str(found)


def test_a_file_with_a_damaged_frame_in_the_middle_is_named(
    database: Path, chain: Chain, folder: Path
) -> None:
    waits = opened(folder, chain)
    for number in (1, 2, 3):
        spool(waits, chain, [number])
    waits.close()
    (path,) = folder.iterdir()
    raw = bytearray(path.read_bytes())
    raw[2 * BLOCK + 60] ^= 1
    path.write_bytes(raw)
    found = {one.kind for one in seen(database, chain, folder).findings}
    assert found == {SPOOL, MISSING}


def test_a_frame_that_is_no_batch_is_named(database: Path, chain: Chain, folder: Path) -> None:
    with closing(opened(folder, chain)) as waits:
        waits.put(b"no batch")
        (found,) = seen(database, chain, folder).findings
    assert (found.kind, "it was changed" in str(found)) == (SPOOL, True)


def test_a_link_in_the_place_of_a_spool_file_is_not_followed(
    database: Path, chain: Chain, folder: Path
) -> None:
    folder.mkdir()
    (folder / "a.spool").symlink_to(database)
    (found,) = seen(database, chain, folder).findings
    assert found.kind == SPOOL


def test_a_file_being_made_and_other_files_are_nothing(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.spool").touch()
    (folder / "notes.txt").write_text("not ours")
    done = read_spool(folder)
    assert (done.chains, done.findings) == ({}, [])


def test_a_peek_neither_locks_nor_changes(chain: Chain, folder: Path) -> None:
    with closing(opened(folder, chain)) as waits:
        spool(waits, chain, [1, 2])
        (path,) = folder.iterdir()
        before = path.read_bytes()
        (frame,), damaged = peek(path)
        assert [one.seq for one in unpacked(frame).records] == [1, 2]
        assert not damaged
        assert path.read_bytes() == before
        spool(waits, chain, [3])


def test_a_look_at_a_spool_that_is_filled_and_drained_meanwhile_finds_nothing_wrong(
    database: Path, chain: Chain, folder: Path
) -> None:
    stored(database, chain, [0])
    failures: list[Exception] = []
    enough = threading.Event()

    def serve() -> None:
        try:
            with closing(opened(folder, chain)) as waits, closing(AuditStore.open(database)) as own:
                while not enough.is_set():
                    for _ in range(4):
                        spool(waits, chain, range(8))
                    while waits.waiting:
                        for frame in (frames := waits.first(ROOM, 3)):
                            own.drain(unpacked(frame))
                        waits.drop(len(frames))
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        looks = [seen(database, chain, folder) for _ in range(40)]
    finally:
        enough.set()
        thread.join()
    assert failures == []
    assert [one.findings for one in looks if one.findings] == []
    assert looks[-1].records > 0
    assert any(one.waiting for one in looks), "some looks saw records in the spool"
    assert seen(database, chain, folder).records == chain.seq
