"""What goes into the audit database, as statements and rows, and what of it is there already."""

from __future__ import annotations

from dataclasses import replace

from cds.audit import sql
from cds.audit.batch import Batch, Sealed, Tombstone
from cds.audit.database import Database, Step
from cds.audit.rows import card_rows, mark_rows, marks_kept, record_row


def put(database: Database, batch: Batch) -> None:
    """Keep all of it or nothing; on return it is on the disk. Rules, cards and feedback that are
    there already stay as they were; a record in a place that is taken is an error (StoreError)."""
    steps = _steps(batch)
    if steps:
        database.add(steps)


def missing(database: Database, batch: Batch) -> tuple[Batch, tuple[Sealed, ...]]:
    """The batch without the records that are there already, and the records whose place holds
    *another* one, which are in neither. Raises StoreError."""
    groups: dict[str, list[Sealed]] = {}
    for item in batch.records:
        groups.setdefault(item.chain, []).append(item)
    new: list[Sealed] = []
    strangers: list[Sealed] = []
    for chain, items in groups.items():
        there = _there(database, chain, [item.seq for item in items])
        for item in items:
            if item.seq not in there:
                new.append(item)
                there[item.seq] = item.mac
            elif there[item.seq] not in (item.mac, None):
                strangers.append(item)
    return replace(batch, records=tuple(new)), tuple(strangers)


def tombstones(database: Database, chain: str) -> list[Tombstone]:
    """What was purged of this chain, in order. Raises StoreError."""
    rows = database.ask(sql.TOMBSTONES + "WHERE chain = ? ORDER BY first", (chain,))
    return [Tombstone(*row) for row in rows]


def _there(database: Database, chain: str, numbers: list[int]) -> dict[int, bytes | None]:
    """Which of these places are taken, with the seal of what is there; None: was purged."""
    place = (chain, min(numbers), max(numbers))
    rows = database.ask(f"SELECT seq, mac FROM records WHERE {sql.RANGE}", place)  # noqa: S608 - from sql.py
    there: dict[int, bytes | None] = dict.fromkeys(
        seq
        for stone in tombstones(database, chain)
        for seq in numbers
        if stone.first <= seq <= stone.last
    )
    return there | dict(rows)


def _steps(batch: Batch) -> list[Step]:
    records = batch.records
    steps: list[Step] = [
        (sql.RECORD, [record_row(item) for item in records]),
        (sql.CARD, [row for item in records for row in card_rows(item.entry)]),
        (sql.MARK, [row for item in records for row in mark_rows(item, marks_kept(item.entry))]),
        (sql.ARCHIVE, [(item.digest, item.packed) for item in batch.archives]),
        (sql.TOLD, [row for told in batch.told for row in told.rows]),
    ]
    return [(statement, rows) for statement, rows in steps if rows]
