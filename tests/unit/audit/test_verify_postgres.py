"""What is done to records in PostgreSQL is found as in SQLite.

One database serves a whole table of changes: each is undone after it was found.
"""

from __future__ import annotations

import asyncio
from itertools import cycle
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from cds.audit import schema
from cds.audit.findings import CUT, EDITED, MISSING, SWAPPED, TOMBSTONE
from postgres_kit import PostgresServer, shared
from tamper_kit import Kept, bury_four, flipped, kept_in, make

postgres = pytest.fixture(scope="session")(shared)


@pytest.fixture
def kept(postgres: PostgresServer, tmp_path: Path) -> Kept:
    return kept_in(postgres.made_database(make), tmp_path)


def value(kept: Kept, table: str, column: str, place: str, number: int) -> Any:
    async def ask() -> Any:
        connection = await asyncpg.connect(kept.place, timeout=5)
        try:
            return await connection.fetchval(
                f"SELECT {column} FROM {table} WHERE chain = $1 AND {place} = $2", kept.name, number
            )
        finally:
            await connection.close()

    return asyncio.run(ask())


def write(kept: Kept, table: str, column: str, place: str, number: int, new: object) -> None:
    kept.sql(
        f"UPDATE {table} SET {column} = ? WHERE chain = ? AND {place} = ?", new, kept.name, number
    )


def test_one_bit_edited_in_any_column_of_a_record_is_found(kept: Kept) -> None:
    columns = (*schema.ENTRY_COLUMNS, "previous", "mac")
    for column, seq in zip(columns, cycle((1, 3, 6))):
        true = value(kept, "records", column, "seq", seq)
        write(kept, "records", column, "seq", seq, flipped(true))
        found = kept.only()
        assert (found.chain, found.seq, found.kind) == (kept.name, seq, EDITED), column
        write(kept, "records", column, "seq", seq, true)
    assert kept.inspect().findings == []


@pytest.mark.parametrize(("seq", "kind"), [(1, MISSING), (3, MISSING), (6, CUT)])
def test_a_deleted_record_is_missed(kept: Kept, seq: int, kind: str) -> None:
    kept.sql("DELETE FROM records WHERE chain = ? AND seq = ?", kept.name, seq)
    found = kept.only()
    assert (found.seq, found.kind) == (seq, kind)


def test_a_cut_tail_is_missed_by_the_head_file(kept: Kept) -> None:
    for last in (4, 1, 0):
        kept.sql("DELETE FROM records WHERE chain = ? AND seq > ?", kept.name, last)
        found = kept.only()
        assert (found.chain, found.kind) == (kept.name, CUT)


def test_two_records_that_changed_places_are_named(kept: Kept) -> None:
    for one, two in ((1, 2), (1, 6), (3, 4)):
        swap(kept, one, two)
        found = kept.only()
        assert (found.seq, found.kind) == (one, SWAPPED)
        swap(kept, one, two)
    assert kept.inspect().findings == []


def swap(kept: Kept, one: int, two: int) -> None:
    kept.renumber(one, 99)
    kept.renumber(two, one)
    kept.renumber(99, two)


def test_tombstones_are_read_and_one_bit_edited_in_one_is_found(kept: Kept) -> None:
    bury_four(kept)
    assert kept.inspect().summary == "whole: 8 records in 2 chains, 4 more purged"
    for column in schema.TOMBSTONE_COLUMNS[2:]:
        true = value(kept, "tombstones", column, "first", 3)
        write(kept, "tombstones", column, "first", 3, flipped(true))
        found = kept.only()
        assert (found.seq, found.kind) == (3, TOMBSTONE), column
        write(kept, "tombstones", column, "first", 3, true)
    kept.sql("DELETE FROM tombstones WHERE chain = ? AND first = 1", kept.name)
    found = kept.only()
    assert (found.seq, found.kind) == (1, MISSING)
