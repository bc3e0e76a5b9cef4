"""The audit database: SQLite, one row a decision, in rows that are only ever added.

What `append` returns from is on the disk (write-ahead log, fsync with every commit). One process
writes through one connection; other processes may write to the same file, each its own chain.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cds.audit import schema
from cds.audit.entry import Entry
from cds.audit.files import own
from cds.errors import CdsError, SettingsError

WAIT_FOR_LOCK = 1.0  # seconds another process may keep us from writing
_WAIT_AT_START = 10.0  # seconds; starting may wait, a clinician may not
# 16 MB of log, only reached where no quiet moment comes: folding them in takes some 40 ms.
_FOLD_PAGES = 4000
_AT_ONCE = 64  # rows held in memory while reading
_FIELDS = ", ".join(schema.COLUMNS)
_INSERT = f"INSERT INTO records ({_FIELDS}) VALUES ({', '.join('?' * len(schema.COLUMNS))})"  # noqa: S608 - names from schema.py
_SELECT = f"SELECT {_FIELDS} FROM records "  # noqa: S608 - names from schema.py
_TOLD = (
    f"INSERT INTO feedback ({', '.join(schema.FEEDBACK_COLUMNS)}) "  # noqa: S608 - names from schema.py
    f"VALUES ({', '.join('?' * len(schema.FEEDBACK_COLUMNS))}) "
    "ON CONFLICT (client, card, outcome, at) DO NOTHING"
)


class StoreError(CdsError):
    """The database did not do what it was asked; the text says why, without any path or value."""


class DamagedRecord(StoreError):
    """A row that this program cannot have written."""

    def __init__(self, chain: str, seq: int) -> None:
        super().__init__(f"record {seq} of chain {chain} cannot be read: it was changed")
        self.chain, self.seq = chain, seq


@dataclass(frozen=True, slots=True)
class Sealed:
    """A decision in its place: record `seq` (from 1) of `chain`, with the seal of the record
    before it and its own."""

    chain: str
    seq: int
    previous: bytes
    mac: bytes
    entry: Entry


class AuditStore:
    """An open audit database. Use it in the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        """Use `open` or `read_only`."""
        self._connection = connection
        self._path = path
        self._inode = path.stat().st_ino

    @classmethod
    def open(cls, path: Path) -> AuditStore:
        """For writing; makes the file (mode 0600) and its folder (0700).

        Raises SettingsError where a person has to mend something, StoreError where trying again
        may help (another process keeps the file locked).
        """
        try:
            wait = _WAIT_AT_START if own(path) else WAIT_FOR_LOCK
            connection = sqlite3.connect(path, timeout=wait, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise SettingsError(f"{path} cannot be opened: {reason(error)}") from None
        return _opened(connection, path, writing=True)

    @classmethod
    def read_only(cls, path: Path) -> AuditStore:
        """For reading, beside a service that writes. Raises as `open`."""
        if not path.is_file():
            raise SettingsError(f"{path}: there is no audit database; give the path of one")
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
            )
        except sqlite3.Error as error:
            raise SettingsError(f"{path} cannot be opened: {reason(error)}") from None
        return _opened(connection, path, writing=False)

    def append(self, items: Sequence[Sealed]) -> None:
        """Add these records, all or none; on return they are on the disk. Raises StoreError.

        After an error it is not known whether they are: open the store anew and ask for `head`.
        """
        self._add(_INSERT, (_row(item) for item in items))

    def head(self, chain: str) -> tuple[int, bytes] | None:
        """Number and seal of the last record of this chain."""
        rows = self._ask(
            "SELECT seq, mac FROM records WHERE chain = ? ORDER BY seq DESC LIMIT 1", (chain,)
        )
        return rows[0] if rows else None

    def chains(self) -> tuple[str, ...]:
        """The names of all chains."""
        rows = self._ask("SELECT chain FROM records GROUP BY chain ORDER BY chain")
        return tuple(row[0] for row in rows)

    def read(self, chain: str, after_seq: int = 0) -> Iterator[Sealed]:
        """The records of one chain in order. Raises DamagedRecord at the first that is none."""
        return self._records(_SELECT + "WHERE chain = ? AND seq > ? ORDER BY seq", chain, after_seq)

    def get(self, decision: str) -> tuple[Sealed, ...]:
        """The records of one decision: several where the same call came more than once."""
        return tuple(self._records(_SELECT + "WHERE id = ? ORDER BY at, chain, seq", decision))

    def since(self, at: datetime) -> Iterator[Sealed]:
        """All records from this moment on, by time."""
        return self._records(_SELECT + "WHERE at >= ? ORDER BY at, chain, seq", stamp(at))

    def keep_rulebook(self, digest: str, archive: bytes) -> None:
        """Keep the files of a rulebook under its digest, once. Raises StoreError."""
        self._same_file()
        self._ask("INSERT OR IGNORE INTO rulebooks VALUES (?, ?)", (digest, archive))

    def rulebook(self, digest: str) -> bytes | None:
        """The files of that rulebook, where they were kept."""
        rows = self._ask("SELECT archive FROM rulebooks WHERE digest = ?", (digest,))
        return rows[0][0] if rows else None

    def keep_feedback(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Add these rows (`schema.FEEDBACK_COLUMNS`), all or none; on return they are on the disk.
        One that is there already stays as it was. Raises StoreError."""
        self._add(_TOLD, rows)

    def feedback(self) -> list[tuple[str, str, str, str, str]]:
        """All feedback: client, card, outcome, system and code of the reason."""
        return self._ask("SELECT client, card, outcome, system, code FROM feedback")

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Client and body of every record, in no order, as they stand: nothing is checked."""
        return self._rows("SELECT client, body FROM records")

    def fold(self) -> None:
        """Move what the log holds into the database; for a moment when nobody waits."""
        self._ask("PRAGMA wal_checkpoint(PASSIVE)")

    def count(self) -> int:
        """How many records there are."""
        return int(self._ask("SELECT count(*) FROM records")[0][0])

    def damage(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file itself, at most five findings; reads all of it."""
        found = tuple(str(row[0]) for row in self._ask("PRAGMA integrity_check(5)"))
        return () if found == ("ok",) else found

    def close(self) -> None:
        """Close the file. A store that is closed answers nothing more."""
        self._connection.close()

    def _ask(self, statement: str, values: tuple[Any, ...] = ()) -> list[Any]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise StoreError(reason(error)) from None

    def _add(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self._same_file()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(statement, rows)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise StoreError(reason(error)) from None

    def _records(self, statement: str, *values: Any) -> Iterator[Sealed]:
        return map(_sealed, self._rows(statement, *values))

    def _rows(self, statement: str, *values: Any) -> Iterator[Any]:
        try:
            cursor = self._connection.execute(statement, values)
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise StoreError(reason(error)) from None

    def _same_file(self) -> None:
        """What is written to a file that was removed is lost with the last process that has it."""
        try:
            same = os.stat(self._path).st_ino == self._inode  # noqa: PTH116 - for every group
        except OSError:
            same = False
        if not same:
            raise StoreError("the audit database was moved or removed")


def stamp(at: datetime) -> str:
    """The text of a moment, in UTC and of one length, so that texts sort as moments do."""
    if at.tzinfo is None:
        raise ValueError("a moment without its offset")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def reason(error: Exception) -> str:
    """Why the database failed, in words for a reader."""
    if isinstance(error, UnicodeEncodeError):
        return "a name in the audit database is no text any more: it was changed"
    if isinstance(error, OSError):
        return f"the audit database cannot be written ({error.strerror or error})"
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    for start, words in _REASONS.items():
        if name.startswith(start):
            return f"the audit database {words}"
    return f"the audit database cannot be used ({name})"


_REASONS = {
    "SQLITE_BUSY": "is locked by another process",
    "SQLITE_LOCKED": "is locked by another process",
    "SQLITE_FULL": "has no room left: the disk is full",
    "SQLITE_IOERR": "cannot be written: the disk is full or faulty",
    "SQLITE_READONLY": "cannot be written: it is read-only",
    "SQLITE_PERM": "cannot be opened: access is denied",
    "SQLITE_CANTOPEN": "cannot be opened",
    "SQLITE_CORRUPT": "is damaged; restore it from a backup",
    "SQLITE_NOTADB": "is damaged; restore it from a backup",
    "SQLITE_CONSTRAINT": "holds a record in this place already",
    "SQLITE_ERROR": "has lost a table; restore it from a backup",
    "ProgrammingError": "is closed",
}


def _opened(connection: sqlite3.Connection, path: Path, *, writing: bool) -> AuditStore:
    # A byte that is no text any more must lead to its record, not stop the reading of all.
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        if writing:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_FOLD_PAGES}")
            schema.prepare(connection)
        else:
            schema.check(connection)
        connection.execute(f"PRAGMA busy_timeout = {round(WAIT_FOR_LOCK * 1000)}")
        return AuditStore(connection, path)
    except SettingsError as error:
        connection.close()
        raise SettingsError(f"{path}: {error}") from None
    except (sqlite3.Error, OSError) as error:
        connection.close()
        words = reason(error)
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StoreError(words) from None
        raise SettingsError(f"{path}: {words}") from None


def _row(item: Sealed) -> tuple[Any, ...]:
    entry = item.entry
    return (
        item.chain, item.seq, item.previous, item.mac, entry.id, stamp(entry.at), entry.client,
        entry.service, entry.hook, entry.patient, entry.rulebook, entry.site, entry.engine,
        entry.body,
    )  # fmt: skip


def _sealed(row: tuple[Any, ...]) -> Sealed:
    chain, seq, previous, mac, name, at, *texts, body = row
    blobs, words = (previous, mac, body), (chain, name, at, *texts)
    try:
        if not all(isinstance(blob, bytes) for blob in blobs) or not isinstance(seq, int):
            raise ValueError
        for text in words:
            text.encode("utf-8")  # raises where it holds a byte that is none
        moment = datetime.fromisoformat(at)
        if stamp(moment) != at:
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        raise DamagedRecord(str(chain), seq if isinstance(seq, int) else 0) from None
    client, service, hook, patient, rulebook, site, engine = texts
    entry = Entry(name, moment, client, service, hook, patient, rulebook, site, engine, body)
    return Sealed(chain, seq, previous, mac, entry)
