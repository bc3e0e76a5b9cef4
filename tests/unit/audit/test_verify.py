"""Whatever is done to what was kept, the first bad record of each chain is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from audit_kit import KEY, chain_in, entry, keep
from cds.audit import schema
from cds.audit.batch import Batch
from cds.audit.chain import Chain, key_of
from cds.audit.heads import GROUP_RECORDS, HeadWriter
from cds.audit.store import AuditStore
from cds.audit.verify import (
    CUT,
    DATABASE,
    EDITED,
    HEADS,
    INSERTED,
    MISSING,
    SWAPPED,
    Finding,
    inspect,
    verify,
)
from tamper_kit import Kept, model

OTHER = key_of("another secret for tests, long enough too")
model_kept = pytest.fixture(scope="session")(model)


@pytest.fixture
def kept(model_kept: Kept, tmp_path: Path) -> Kept:
    return model_kept.copy(tmp_path / "copy")


def test_what_nobody_touched_verifies(kept: Kept) -> None:
    done = kept.inspect()
    assert (done.chains, done.records, done.findings, done.remarks) == (2, 12, [], [])


def test_an_empty_audit_verifies(tmp_path: Path) -> None:
    with closing(AuditStore.open(tmp_path / "audit.sqlite")) as store:
        assert verify(store, KEY, [tmp_path / "audit-heads.log"]) == []


@pytest.mark.parametrize("seq", [1, 3, 6])
@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("column", [*schema.ENTRY_COLUMNS, "previous", "mac"])
def test_one_byte_edited_in_any_column_is_found(
    kept: Kept, column: str, place: str, seq: int
) -> None:
    with closing(sqlite3.connect(kept.path)) as raw:
        query = f"SELECT CAST({column} AS BLOB), typeof({column}) FROM records WHERE seq = ?"
        value, kind = raw.execute(query, (seq,)).fetchone()
    edited = bytearray(value)
    edited[0 if place == "first" else -1] ^= 1
    kept.sql(
        f"UPDATE records SET {column} = CAST(? AS {kind}) WHERE chain = ? AND seq = ?",
        bytes(edited), kept.name, seq,
    )  # fmt: skip
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (kept.name, seq, EDITED)
    assert f"record {seq}" in str(found)


def test_every_single_bit_of_a_record_counts(kept: Kept) -> None:
    with closing(sqlite3.connect(kept.path)) as raw:
        (body,) = raw.execute("SELECT body FROM records WHERE seq = 4").fetchone()
    for bit in range(len(body) * 8):
        edited = bytearray(body)
        edited[bit // 8] ^= 1 << bit % 8
        kept.sql("UPDATE records SET body = ? WHERE chain = ? AND seq = 4", edited, kept.name)
        found = kept.only()
        assert (found.seq, found.kind) == (4, EDITED)


@pytest.mark.parametrize("value", ["7", "0", "-3", "x"])
def test_a_changed_number_leaves_a_gap(kept: Kept, value: str) -> None:
    kept.sql("UPDATE records SET seq = ? WHERE chain = ? AND seq = 3", value, kept.name)
    found = kept.only()
    assert found.kind in (MISSING, INSERTED)
    assert found.seq in (3, int(value) if value != "x" else 3)


def test_a_record_moved_to_another_chain_is_missed_there_and_strange_here(kept: Kept) -> None:
    kept.sql("UPDATE records SET chain = 'elsewhere' WHERE chain = ? AND seq = 3", kept.name)
    found = {(one.chain, one.seq, one.kind) for one in kept.inspect().findings}
    assert found == {(kept.name, 3, MISSING), ("elsewhere", 1, MISSING)}


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_deleted_record_is_missed(kept: Kept, seq: int) -> None:
    kept.sql("DELETE FROM records WHERE chain = ? AND seq = ?", kept.name, seq)
    assert kept.only() == Finding(kept.name, seq, MISSING, f"record {seq} is missing")


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_deleted_record_is_missed_when_the_rest_was_renumbered(kept: Kept, seq: int) -> None:
    kept.sql("DELETE FROM records WHERE chain = ? AND seq = ?", kept.name, seq)
    for later in range(seq + 1, 7):
        kept.renumber(later, later - 1)
    found = kept.only()
    assert (found.seq, found.kind) == (seq, MISSING)


@pytest.mark.parametrize("last", [0, 1, 5])
def test_a_tail_that_was_cut_is_missed_by_the_head_file(kept: Kept, last: int) -> None:
    kept.sql("DELETE FROM records WHERE chain = ? AND seq > ?", kept.name, last)
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (kept.name, last + 1, CUT)


@pytest.mark.parametrize("pair", [(1, 2), (1, 6), (3, 4), (2, 5), (5, 6)])
def test_two_records_that_changed_places_are_named(kept: Kept, pair: tuple[int, int]) -> None:
    one, two = pair
    kept.renumber(one, 99)
    kept.renumber(two, one)
    kept.renumber(99, two)
    found = kept.only()
    assert (found.seq, found.kind) == (one, SWAPPED)
    assert f"records {one} and {two} have changed places" in str(found)


@pytest.mark.parametrize("pair", [(1, 2), (1, 6), (3, 4)])
def test_two_decisions_that_changed_places_under_their_seals_are_named(
    kept: Kept, pair: tuple[int, int]
) -> None:
    names = ", ".join(schema.ENTRY_COLUMNS)
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as raw:
        query = f"SELECT {names} FROM records WHERE chain = ? AND seq = ?"
        rows = [raw.execute(query, (kept.name, seq)).fetchone() for seq in pair]
        for seq, row in zip(pair, reversed(rows), strict=True):
            marks = ", ".join("?" * len(row))
            raw.execute(
                f"UPDATE records SET ({names}) = ({marks}) WHERE chain = ? AND seq = ?",
                (*row, kept.name, seq),
            )
    found = kept.only()
    assert (found.seq, found.kind) == (pair[0], SWAPPED)


def copy(kept: Kept, source: int, place: int) -> None:
    names = ", ".join(schema.COLUMNS[2:])
    kept.sql(
        f"INSERT INTO records (chain, seq, {names}) "
        f"SELECT chain, ?, {names} FROM records WHERE chain = ? AND seq = ?",
        place, kept.name, source,
    )  # fmt: skip


@pytest.mark.parametrize("place", [1, 3, 6])
@pytest.mark.parametrize("source", [1, 6])
def test_an_inserted_record_is_named(kept: Kept, source: int, place: int) -> None:
    for seq in range(6, place - 1, -1):
        kept.renumber(seq, seq + 1)
    copy(kept, source if source < place else source + 1, place)
    found = kept.only()
    if source == place == 6 or source == place == 1:
        assert (found.seq, found.kind) == (place + 1, INSERTED), "the copy comes after its model"
    else:
        assert (found.seq, found.kind) == (place, INSERTED)


def test_a_record_added_at_the_end_is_named(kept: Kept) -> None:
    copy(kept, 2, 7)
    found = kept.only()
    assert (found.seq, found.kind) == (7, INSERTED)
    assert "record 2 once more" in str(found)


def test_a_record_invented_at_the_end_is_named(kept: Kept) -> None:
    copy(kept, 2, 7)
    kept.sql("UPDATE records SET body = x'00' WHERE chain = ? AND seq = 7", kept.name)
    found = kept.only()
    assert (found.seq, found.kind) == (7, EDITED)
    assert "added without the key" in str(found)


def test_a_record_with_half_a_letter_as_its_chain_is_found(kept: Kept) -> None:
    kept.sql("UPDATE records SET chain = CAST(x'ff' AS TEXT) WHERE chain = ?", kept.name)
    kinds = {one.kind for one in kept.inspect().findings}
    assert kinds == {EDITED, CUT}


def test_records_written_anew_with_the_key_are_not_those_the_head_file_knows(
    kept: Kept, tmp_path: Path
) -> None:
    kept.sql("DELETE FROM records WHERE chain = ?", kept.name)
    chain = chain_in(tmp_path, 1)
    with closing(AuditStore.open(kept.path)) as store:
        records = chain.sealed([entry(number, body=b"{}") for number in range(1, 7)])
        store.add(Batch(records))
    found = kept.only()
    assert (found.seq, found.kind) == (2, EDITED)
    assert "written anew" in str(found)


def test_the_wrong_key_is_named_as_such(kept: Kept) -> None:
    done = kept.inspect(OTHER)
    assert [(one.chain, one.kind) for one in done.findings] == [
        (kept.name, "key"),
        (kept.other, "key"),
    ]
    assert done.records == 0


def change_lines(kept: Kept, change: Callable[[list[bytes]], list[bytes]]) -> None:
    lines = kept.heads.read_bytes().splitlines(keepends=True)
    assert len(lines) == 6
    kept.heads.write_bytes(b"".join(change(lines)))


def test_a_missing_head_file_is_found(kept: Kept) -> None:
    kept.heads.unlink()
    assert [one.kind for one in kept.inspect().findings] == [HEADS]


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_line_taken_out_of_the_head_file_is_found(kept: Kept, number: int) -> None:
    change_lines(kept, lambda lines: lines[:number] + lines[number + 1 :])
    found = kept.only()
    assert (found.kind, found.chain) == (HEADS, (kept.name, kept.other)[number % 2])
    assert "cut or edited" in str(found)


def test_every_byte_of_the_head_file_counts(kept: Kept) -> None:
    whole = kept.heads.read_bytes()
    ends = [place for place, byte in enumerate(whole) if byte in b" \n"]
    for place in sorted({*range(0, len(whole), 5), *ends}):
        edited = bytearray(whole)
        edited[place] ^= 1
        kept.heads.write_bytes(edited)
        done = kept.inspect()
        assert done.findings or done.remarks, place
        if place < whole.rindex(b"\n", 0, whole.rindex(b"\n", 0, -1)) - 200:
            assert {one.kind for one in done.findings} == {HEADS}, place


def test_a_head_file_without_its_last_lines_is_told(kept: Kept) -> None:
    change_lines(kept, lambda lines: lines[:3])
    done = kept.inspect()
    assert done.findings == [], "a process that was killed leaves the same"
    assert len(done.remarks) == 2
    assert all("was cut" in words for words in done.remarks)


def test_a_head_file_that_lacks_more_than_a_killed_process_leaves_is_found(
    tmp_path: Path,
) -> None:
    chain = chain_in(tmp_path)
    with closing(AuditStore.open(tmp_path / "audit.sqlite")) as store:
        keep(store, chain, [entry(1)])
        append_unnoted(store, chain, GROUP_RECORDS)
        done = inspect(store, KEY, [chain.heads])
        assert (done.findings, len(done.remarks)) == ([], 1)
        append_unnoted(store, chain, 1)
        (found,) = verify(store, KEY, [chain.heads])
    assert found.kind == HEADS
    assert f"nothing of records 2 to {GROUP_RECORDS + 2}" in str(found)


def append_unnoted(store: AuditStore, chain: Chain, count: int) -> None:
    items = chain.sealed(entry(number) for number in range(count))
    store.add(Batch(items))
    chain.advance(items[-1])


def test_a_chain_that_was_closed_does_not_grow(tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    with closing(AuditStore.open(tmp_path / "audit.sqlite")) as store:
        keep(store, chain, [entry(1)])
        heads = HeadWriter(chain.heads, KEY, lambda: 0.0)
        heads.note(chain.name, 2, 1, chain.mac, final=True)
        heads.close()
        assert verify(store, KEY, [chain.heads]) == []
        append_unnoted(store, chain, 1)
        (found,) = verify(store, KEY, [chain.heads])
    assert found.kind == HEADS


def test_half_a_line_of_a_full_disk_is_a_remark(kept: Kept) -> None:
    change_lines(kept, lambda lines: [*lines[:2], lines[2][:50] + b"\n", *lines[2:]])
    done = kept.inspect()
    assert done.findings == []
    assert done.remarks == ["line 3 of the head file stops short, as on a full disk"]


def test_a_chain_that_is_gone_from_the_database_is_missed(kept: Kept) -> None:
    kept.sql("DELETE FROM records WHERE chain = ?", kept.name)
    found = kept.only()
    assert (found.chain, found.kind) == (kept.name, CUT)


def test_a_database_that_does_not_answer_is_a_finding(kept: Kept) -> None:
    store = AuditStore.open(kept.path)
    store.close()
    assert [one.kind for one in verify(store, KEY, [kept.heads])] == [DATABASE]


def test_a_damaged_file_is_a_finding_and_no_crash(kept: Kept) -> None:
    raw = bytearray(kept.path.read_bytes())
    page = raw.index(b'{"rules"') // 4096 * 4096
    raw[page : page + 4096] = b"\xee" * 4096
    kept.path.write_bytes(raw)
    found = kept.inspect().findings
    assert [one.chain for one in found if one.kind == DATABASE][-2:] == [kept.name, kept.other]


@pytest.fixture
def two(tmp_path: Path, kept: Kept) -> tuple[Path, list[Path], Chain]:
    """A second machine writes more to the same database than a killed process leaves untold."""
    folder = tmp_path / "second"
    chain = chain_in(folder, 3)
    with closing(AuditStore.open(kept.path)) as store:
        for start in range(0, GROUP_RECORDS + 1, 100):
            keep(store, chain, [entry(start + number) for number in range(100)])
    return kept.path, [kept.heads, chain.heads], chain


def test_the_head_files_of_all_machines_together_know_every_chain(
    two: tuple[Path, list[Path], Chain],
) -> None:
    path, heads, _ = two
    with closing(AuditStore.read_only(path)) as store:
        done = inspect(store, KEY, heads)
    assert (done.chains, done.findings, done.remarks) == (3, [], [])


def test_a_chain_that_no_head_file_knows_is_found(two: tuple[Path, list[Path], Chain]) -> None:
    path, heads, chain = two
    with closing(AuditStore.read_only(path)) as store:
        (found,) = verify(store, KEY, heads[:1])
    assert (found.chain, found.kind) == (chain.name, HEADS)
    assert "give that of its machine with --heads" in str(found)


def test_each_head_file_is_watched_and_named(two: tuple[Path, list[Path], Chain]) -> None:
    path, heads, _ = two
    whole = heads[1].read_bytes()
    with closing(AuditStore.open(path)) as store:
        heads[1].write_bytes(whole.replace(b"kept", b"kepd", 1))
        found = verify(store, KEY, heads)
        assert {one.kind for one in found} == {HEADS}
        assert str(heads[1]) in str(found[0])
        heads[1].write_bytes(whole)
        heads[0].unlink()
        found = verify(store, KEY, heads)
        assert [str(one) for one in found] == [f"the head file {heads[0]} is missing"]
        heads[1].unlink()
        assert len(verify(store, KEY, heads)) == 3, "both, and the chain that nobody knows"


def test_a_tail_of_another_machine_may_wait_in_its_spool(
    two: tuple[Path, list[Path], Chain], kept: Kept
) -> None:
    path, heads, chain = two
    kept.sql("DELETE FROM records WHERE chain = ? AND seq > 290", chain.name)
    with closing(AuditStore.read_only(path)) as store:
        (found,) = verify(store, KEY, heads)
    assert (found.seq, found.kind) == (291, CUT)
    assert "unless they wait in the spool of another machine" in str(found)


def test_an_old_copy_of_a_head_file_may_be_given_too(kept: Kept, tmp_path: Path) -> None:
    old = tmp_path / "old.log"
    old.write_bytes(b"".join(kept.heads.read_bytes().splitlines(keepends=True)[:3]))
    with closing(AuditStore.read_only(kept.path)) as store:
        assert verify(store, KEY, [old, kept.heads]) == []
