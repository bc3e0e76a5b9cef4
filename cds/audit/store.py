"""The audit database: rows that are only ever added, over SQLite or PostgreSQL.

What `add` returns from is on the disk. One process writes through one connection; other processes
may write to the same database, each its own chain. Only a purge takes rows away, and leaves a
tombstone in their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from cds.audit import schema, sql
from cds.audit.batch import Batch, Sealed, Tombstone
from cds.audit.browse import Browser
from cds.audit.cardindex import CardIndex
from cds.audit.database import DamagedRecord, Database, StoreError, Unusable
from cds.audit.kept import stamp
from cds.audit.markindex import MarkIndex
from cds.audit.rows import (
    Overridden,
    ToldCard,
    overridden_of,
    sealed_of,
    tombstone_row,
)
from cds.audit.sqlite import SqliteDatabase
from cds.audit.taking import missing, put, tombstones
from cds.errors import SettingsError

__all__ = ["AuditStore", "DamagedRecord", "Overridden", "StoreError", "ToldCard"]

WAIT_FOR_LOCK = 1.0  # seconds another process, or the server, may keep us from writing
_WAIT_TO_READ = 30.0  # seconds; nobody stands before a patient and waits


class AuditStore:
    """An open audit database. Use it in the thread that opened it.

    Every method raises StoreError. After an error it is not known what was kept: open the store
    anew and ask for `head`.
    """

    def __init__(self, database: Database) -> None:
        """Use `open` or `read_only`."""
        self._database = database

    @classmethod
    def open(cls, place: Path | str, wait: float = WAIT_FOR_LOCK) -> AuditStore:
        """For writing. `place`: an SQLite file, which is made where there is none, or the URL of a
        PostgreSQL database; tables that are not there or not up to date are made so. `wait`:
        seconds a lock or the server is waited for, each time.

        Raises SettingsError where a person has to mend something, StoreError where trying again
        may help (the file is locked, the server is away).
        """
        return _opened(place, wait, writing=True)

    @classmethod
    def read_only(cls, place: Path | str, wait: float = _WAIT_TO_READ) -> AuditStore:
        """For reading, beside a service that writes; changes nothing. Raises as `open`."""
        return _opened(place, wait, writing=False)

    @property
    def file(self) -> tuple[Path, int] | None:
        """The path and the number (inode) of an SQLite file; None for another database."""
        return self._database.file

    def add(self, batch: Batch) -> None:
        """Keep all of it or nothing; on return it is on the disk. Rules, cards and feedback that
        are there already stay as they were; a record in a place that is taken is an error."""
        put(self._database, batch)

    def try_writing(self) -> None:
        """Keep nothing, and raise StoreError where something could not be kept now."""
        self._database.add([])

    def drain(self, batch: Batch) -> tuple[Sealed, ...]:
        """Keep what is not there yet of a batch that waited elsewhere. Returns the records whose
        place holds *another* record: they are not kept, for nothing is ever overwritten."""
        new, strangers = missing(self._database, batch)
        self.add(new)
        return strangers

    def head(self, chain: str) -> tuple[int, bytes] | None:
        """Number and seal of the last record of this chain, also where it was purged."""
        ends = [
            *self._ask(
                "SELECT seq, mac FROM records WHERE chain = ? ORDER BY seq DESC LIMIT 1", chain
            ),
            *self._ask(
                "SELECT last, mac FROM tombstones WHERE chain = ? ORDER BY last DESC LIMIT 1",
                chain,
            ),
        ]
        return max(ends, key=lambda end: end[0], default=None)

    def chains(self) -> tuple[str, ...]:
        """The names of all chains, also of those that were purged."""
        rows = self._ask(
            "SELECT chain FROM records UNION SELECT chain FROM tombstones ORDER BY chain"
        )
        return tuple(row[0] for row in rows)

    def read(self, chain: str, after_seq: int = 0) -> Iterator[Sealed]:
        """The records of one chain in order. Raises DamagedRecord at the first that is none."""
        return self._records(
            sql.RECORDS + "WHERE chain = ? AND seq > ? ORDER BY seq", chain, after_seq
        )

    def get(self, decision: str) -> tuple[Sealed, ...]:
        """The records of one decision: several where the same call came more than once."""
        return tuple(self._records(sql.RECORDS + "WHERE id = ? ORDER BY at, chain, seq", decision))

    def since(self, at: datetime) -> Iterator[Sealed]:
        """All records from this moment on, by time."""
        return self._records(sql.RECORDS + "WHERE at >= ? ORDER BY at, chain, seq", stamp(at))

    def rulebook(self, digest: str) -> bytes | None:
        """The files of that rulebook, where they were kept."""
        rows = self._ask("SELECT archive FROM rulebooks WHERE digest = ?", digest)
        return rows[0][0] if rows else None

    def feedback(self) -> list[ToldCard]:
        """All feedback by time, each with its card."""
        return [ToldCard(*row) for row in self._ask(sql.FEEDBACK)]

    def overridden(self, client: str, patient: str, since: datetime) -> list[Overridden]:
        """What was overridden with a coded reason for this patient from that moment on, by time.
        `patient` as it is kept (`Identity.patient`). Quick enough to ask while a caller waits.
        Whether the seals of these rows hold is for the caller to see."""
        rows = self._ask(sql.OVERRIDDEN, client, patient, stamp(since))
        return [found for row in rows if (found := overridden_of(row))]

    def told_rows(self) -> Iterator[tuple[Any, ...]]:
        """All feedback in `schema.FEEDBACK_COLUMNS`, in no order, as it stands."""
        return self._database.rows(sql.TOLD_ROWS)

    @property
    def cards(self) -> CardIndex:
        """What can be looked up of cards."""
        return CardIndex(self._database)

    @property
    def marks(self) -> MarkIndex:
        """What can be looked up of what the rules came to."""
        return MarkIndex(self._database)

    @property
    def browse(self) -> Browser:
        """Pages of decisions, and counts."""
        return Browser(self._database)

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Client and body of every record, in no order, as they stand: nothing is checked."""
        return (
            (client, body)
            for client, body in self._database.rows("SELECT client, body FROM records")
        )

    def count(self) -> int:
        """How many records there are."""
        return int(self._ask("SELECT count(*) FROM records")[0][0])

    def tombstones(self, chain: str) -> list[Tombstone]:
        """What was purged of this chain, in order."""
        return tombstones(self._database, chain)

    def bury(self, tombstone: Tombstone) -> int:
        """Delete its records, their marks and the cards no other record tells of, and put it in
        their place, all or none. How many records there were. Call `scrub` when all is buried."""
        place = (tombstone.chain, tombstone.first, tombstone.last)
        there = self._ask(f"SELECT count(*) FROM records WHERE {sql.RANGE}", *place)[0][0]  # noqa: S608 - from sql.py
        self._database.add(
            [
                (sql.TOMBSTONE, [tombstone_row(tombstone)]),
                (sql.DELETE_CARDS, [place + place]),
                (sql.DELETE_MARKS, [place]),
                (f"DELETE FROM records WHERE {sql.RANGE}", [place]),  # noqa: S608 - from above
            ]
        )
        return int(there)

    def forget_feedback(self, before: datetime) -> int:
        """Delete the feedback that was received before this moment; how much there was."""
        moment = stamp(before)
        there = self._ask("SELECT count(*) FROM feedback WHERE received < ?", moment)[0][0]
        self._database.add([("DELETE FROM feedback WHERE received < ?", [(moment,)])])
        return int(there)

    def scrub(self) -> None:
        """Let nothing of what was deleted stay in the log of the database; see the drivers for
        what a PostgreSQL server needs besides. Needs a moment when nobody reads."""
        self._database.scrub()

    def fold(self) -> None:
        """Move what the log holds into the database; for a moment when nobody waits."""
        self._database.fold()

    def damage(self) -> tuple[str, ...]:
        """What the database finds wrong with its own files, in a few lines; may read all of it."""
        return self._database.damage()

    def close(self) -> None:
        """Let go. A store that is closed answers nothing more."""
        self._database.close()

    def _ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._database.ask(statement, values)

    def _records(self, statement: str, *values: Any) -> Iterator[Sealed]:
        return map(sealed_of, self._database.rows(statement, values))


def _opened(place: Path | str, wait: float, *, writing: bool) -> AuditStore:
    named = str(place)
    try:
        if isinstance(place, Path):
            opening = SqliteDatabase.writing if writing else SqliteDatabase.reading
            database: Database = opening(place, wait)
        else:
            from cds.audit import postgres  # its driver is loaded only where it is used

            named = postgres.place(place)
            database = postgres.PostgresDatabase.open(place, wait, writing=writing)
        try:
            if writing and schema.behind(database):
                database.migrate()
            schema.check(database)
        except BaseException:
            database.close()
            raise
    except (SettingsError, Unusable) as error:
        raise SettingsError(f"{named}: {error}") from None
    return AuditStore(database)
