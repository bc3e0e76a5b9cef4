"""A tombstone stands for what was purged, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW
from cds.audit import schema
from cds.audit.batch import Tombstone
from cds.audit.chain import key_of, tombstone_tag
from cds.audit.findings import CUT, EDITED, INSERTED, MISSING, TOMBSTONE
from cds.audit.kept import stamp
from cds.audit.store import AuditStore
from tamper_kit import Kept, bury_four, flipped, model

OTHER = key_of("another secret for tests, long enough too")
model_kept = pytest.fixture(scope="session")(model)


@pytest.fixture(scope="session")
def model_purged(model_kept: Kept, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    found = model_kept.copy(tmp_path_factory.mktemp("purged"))
    bury_four(found)
    return found


@pytest.fixture
def kept(model_purged: Kept, tmp_path: Path) -> Kept:
    """Records 1 to 4 of the first chain are purged, in two tombstones."""
    return model_purged.copy(tmp_path / "copy")


def stones(kept: Kept) -> list[Tombstone]:
    with closing(AuditStore.read_only(kept.place)) as store:
        return store.tombstones(kept.name)


def signed(stone: Tombstone, key: bytes = KEY) -> Tombstone:
    return replace(stone, tag=tombstone_tag(key, stone))


def put(kept: Kept, stone: Tombstone) -> None:
    """As somebody would who has the database only, and no purge."""
    columns = ", ".join(schema.TOMBSTONE_COLUMNS)
    values = [getattr(stone, name) for name in schema.TOMBSTONE_COLUMNS]
    kept.sql(f"INSERT INTO tombstones ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)", *values)


def delete(kept: Kept, table: str, column: str, number: int) -> None:
    kept.sql(f"DELETE FROM {table} WHERE chain = ? AND {column} = ?", kept.name, number)


def test_what_was_purged_on_purpose_verifies(kept: Kept) -> None:
    done = kept.inspect()
    assert (done.findings, done.remarks) == ([], [])
    assert done.summary == "whole: 8 records in 2 chains, 4 more purged"


@pytest.mark.parametrize("which", [0, 1], ids=["first", "last"])
@pytest.mark.parametrize("column", schema.TOMBSTONE_COLUMNS)
def test_a_tombstone_of_which_anything_was_edited_is_found(
    kept: Kept, column: str, which: int
) -> None:
    stone = stones(kept)[which]
    kept.sql(
        f"UPDATE tombstones SET {column} = ? WHERE chain = ? AND first = ?",
        flipped(getattr(stone, column)), kept.name, stone.first,
    )  # fmt: skip
    found = kept.inspect().findings
    own = [one for one in found if one.chain == kept.name]
    assert [one.kind for one in own] == [MISSING if column == "chain" else TOMBSTONE]
    assert len(found) == (2 if column == "chain" else 1), "a chain nobody knows has come too"


@pytest.mark.parametrize(
    ("first", "last"), [(5, 5), (5, 6)], ids=["one record", "the rest of the chain"]
)
@pytest.mark.parametrize("key", [OTHER, None], ids=["another key", "no key"])
def test_records_cannot_be_replaced_by_a_tombstone_without_the_key(
    kept: Kept, first: int, last: int, key: bytes | None
) -> None:
    with closing(AuditStore.read_only(kept.place)) as store:
        records = {one.seq: one for one in store.read(kept.name)}
    for seq in range(first, last + 1):
        delete(kept, "records", "seq", seq)
    ends = (records[first].previous, records[last].mac, stamp(NOW))
    stone = Tombstone(kept.name, first, last, *ends, b"x" * 32)
    put(kept, signed(stone, key) if key else stone)
    found = kept.only()
    assert (found.seq, found.kind) == (5, TOMBSTONE)
    assert "without the key" in str(found)


def test_a_tombstone_of_another_chain_is_none_here(kept: Kept) -> None:
    stone = stones(kept)[0]
    for seq in (1, 2):
        kept.sql("DELETE FROM records WHERE chain = ? AND seq = ?", kept.other, seq)
    put(kept, replace(stone, chain=kept.other))
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (kept.other, 1, TOMBSTONE)


@pytest.mark.parametrize(("first", "seq"), [(1, 1), (3, 3)])
def test_a_tombstone_that_is_gone_is_missed(kept: Kept, first: int, seq: int) -> None:
    delete(kept, "tombstones", "first", first)
    found = kept.only()
    assert (found.seq, found.kind) == (seq, MISSING)
    assert f"records {seq} to {seq + 1} are missing" in str(found)


def test_a_record_that_was_put_back_is_found(kept: Kept) -> None:
    names = ", ".join(schema.COLUMNS[2:])
    kept.sql(
        f"INSERT INTO records (chain, seq, {names}) "
        f"SELECT chain, 3, {names} FROM records WHERE chain = ? AND seq = 5",
        kept.name,
    )
    found = kept.only()
    assert (found.seq, found.kind) == (3, INSERTED)
    assert "purged" in str(found)


def after(kept: Kept, last: int) -> Tombstone:
    """A true tombstone for records 5 to `last`, as only the key can make it."""
    with closing(AuditStore.read_only(kept.place)) as store:
        records = {one.seq: one for one in store.read(kept.name)}
    ends = (records[5].previous, records[last].mac, stamp(NOW))
    return signed(Tombstone(kept.name, 5, last, *ends, b""))


def test_a_tombstone_over_records_that_are_there_is_found(kept: Kept) -> None:
    put(kept, after(kept, 5))
    found = kept.only()
    assert (found.seq, found.kind) == (5, INSERTED)


@pytest.mark.parametrize(
    ("change", "kind", "seq"),
    [
        pytest.param(lambda one: replace(one, first=6, last=6), MISSING, 5, id="a gap"),
        pytest.param(lambda one: replace(one, first=2), TOMBSTONE, 2, id="an overlap"),
        pytest.param(lambda one: replace(one, last=4), TOMBSTONE, 5, id="backwards"),
        pytest.param(lambda one: replace(one, previous=b"x" * 32), TOMBSTONE, 5, id="another end"),
        pytest.param(lambda one: replace(one, mac=b"x" * 32), EDITED, 6, id="another seal"),
    ],
)
def test_a_tombstone_out_of_its_place_is_found_though_it_is_signed(
    kept: Kept, change: Callable[[Tombstone], Tombstone], kind: str, seq: int
) -> None:
    stone = signed(change(after(kept, 6)))
    kept.sql("DELETE FROM records WHERE chain = ?", kept.name)
    put(kept, stone)
    found = kept.only()
    assert (found.seq, found.kind) == (seq, kind)


@pytest.mark.parametrize(
    ("statement", "seq", "kind"),
    [
        ("UPDATE records SET patient = 'x' WHERE chain = ? AND seq = 5", 5, EDITED),
        ("DELETE FROM records WHERE chain = ? AND seq = 5", 5, MISSING),
        ("DELETE FROM records WHERE chain = ? AND seq = 6", 6, CUT),
        ("DELETE FROM records WHERE chain = ?", 5, CUT),
    ],
)
def test_what_is_left_is_watched_as_ever(kept: Kept, statement: str, seq: int, kind: str) -> None:
    kept.sql(statement, kept.name)
    found = kept.only()
    assert (found.seq, found.kind) == (seq, kind)


def test_a_purge_cannot_be_passed_off_as_one_of_another_day(kept: Kept) -> None:
    kept.sql("UPDATE tombstones SET purged = ?", stamp(NOW + timedelta(days=1)))
    assert kept.only().kind == TOMBSTONE


def test_a_tombstone_of_another_kind_of_value_is_a_finding_and_no_crash(
    model_kept: Kept, tmp_path: Path
) -> None:
    kept = model_kept.copy(tmp_path / "copy")
    kept.sql("INSERT INTO tombstones VALUES (?, 'x', 'y', 1, 2, 3, 'z')", kept.name)
    found = kept.only()
    assert (found.seq, found.kind) == (1, TOMBSTONE)
