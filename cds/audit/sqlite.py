"""The audit database as one SQLite file, for one machine.

What `add` returns from is on the disk (write-ahead log, fsync with every commit). One process
writes through one connection; other processes may write to the same file, each its own chain.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

from cds.audit import fresh, schema
from cds.audit.database import Step, StoreError, Unusable, Values
from cds.audit.files import own

_WAIT_AT_START = 10.0  # seconds; starting may wait, a clinician may not
# 16 MB of log, only reached where no quiet moment comes: folding them in takes some 40 ms.
_FOLD_PAGES = 4000
_AT_ONCE = 64  # rows held in memory while reading
_PLACES = re.compile(r"(?<=VALUES )\([?, ]+\)")
_ROWS = (64, 16, 4, 1)  # rows of one statement: few sizes, so that the driver knows them all again
_WRITING = (
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",  # what is buried must be gone from the file
    f"PRAGMA wal_autocheckpoint = {_FOLD_PAGES}",
)
_MOVED = "the audit database was moved or removed"
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table'"


class SqliteDatabase:
    """An open file. Use `writing` or `reading`."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._inode = path.stat().st_ino

    @classmethod
    def writing(cls, path: Path, wait: float) -> SqliteDatabase:
        """Makes the file (mode 0600) and its folder (0700). `wait`: seconds another process may
        keep us from writing; a file that is new may be waited for longer.

        Raises StoreError.
        """
        try:
            patience = _WAIT_AT_START if own(path) else wait
            connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise Unusable(f"it cannot be opened: {reason(error)}") from None
        return cls._opened(
            connection,
            path,
            "PRAGMA journal_mode = WAL",
            *_WRITING,
            _TABLES,  # the first look at what the file holds
            f"PRAGMA busy_timeout = {round(wait * 1000)}",
        )

    @classmethod
    def beside(cls, path: Path, inode: int, wait: float) -> SqliteDatabase:
        """For writing, beside a process of ours that has opened the very file. Raises as
        `writing`."""
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=wait, isolation_level=None
            )
        except sqlite3.Error as error:
            raise Unusable(f"it cannot be opened: {reason(error)}") from None
        opened = cls._opened(connection, path, *_WRITING, _TABLES)
        if opened._inode != inode:
            opened.close()
            raise StoreError(_MOVED)
        return opened

    @classmethod
    def reading(cls, path: Path, wait: float) -> SqliteDatabase:
        """Beside a service that writes. Raises as `writing`."""
        if not path.is_file():
            raise Unusable("there is no audit database; give the path of one")
        try:
            connection = sqlite3.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=wait, isolation_level=None
            )
        except sqlite3.Error as error:
            raise Unusable(f"it cannot be opened: {reason(error)}") from None
        return cls._opened(connection, path, _TABLES)

    @classmethod
    def _opened(
        cls, connection: sqlite3.Connection, path: Path, *statements: str
    ) -> SqliteDatabase:
        connection.text_factory = _text
        try:
            for statement in statements:
                connection.execute(statement).fetchall()
            return cls(connection, path)
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise _failed(error) from None

    @property
    def file(self) -> tuple[Path, int]:
        """Its path and the number (inode) of the very file."""
        return self._path, self._inode

    def ask(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        try:
            return self._connection.execute(statement, values).fetchall()
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _failed(error) from None

    def rows(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of an answer, as they are read."""
        try:
            cursor = self._connection.execute(statement, values)
            while rows := cursor.fetchmany(_AT_ONCE):
                yield from rows
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise _failed(error) from None

    def add(self, steps: Sequence[Step]) -> None:
        """All of them or none; on the disk on return."""
        self._same_file()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, rows in steps:
                for many, values in _together(statement, rows):
                    self._connection.execute(many, values)
            self._connection.execute("COMMIT")
        except (sqlite3.Error, OSError, UnicodeEncodeError) as error:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise _failed(error) from None

    def tables(self) -> frozenset[str]:
        """The names of the tables."""
        return frozenset(row[0] for row in self.ask(_TABLES))

    def migrate(self) -> None:
        """Under the write lock, which other workers that start now wait for."""
        try:
            if self._made_anew() or not schema.behind(self):
                return
            from cds.audit.migrations import run  # a second to load, and seldom needed

            run.on_sqlite(self._another, _TABLES)
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_ERROR":
                raise Unusable(f"its tables cannot be brought up to date: {error}") from None
            raise _failed(error) from None
        except sqlite3.Error as error:
            raise _failed(error) from None

    def _made_anew(self) -> bool:
        """Make the tables of a file that has none; False where it has some."""
        with closing(self._another()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute(_TABLES).fetchone() is not None:
                connection.execute("ROLLBACK")
                return False
            for statement in fresh.STATEMENTS:
                connection.execute(statement)
            connection.execute("COMMIT")
        return True

    def _another(self) -> sqlite3.Connection:
        made = sqlite3.connect(self._path, timeout=_WAIT_AT_START, isolation_level=None)
        made.text_factory = _text
        made.execute("PRAGMA synchronous = FULL")
        return made

    def fold(self) -> None:
        """Move what the log holds into the database."""
        self.ask("PRAGMA wal_checkpoint(PASSIVE)")

    def scrub(self) -> None:
        """Empty the log: deleted rows are zeros in the file, but the log still has them."""
        busy, *_ = self.ask("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if busy:
            raise StoreError("the audit database is locked by another process")

    def damage(self) -> tuple[str, ...]:
        """What SQLite finds wrong with the file itself, at most five findings; reads all of it."""
        found = tuple(str(row[0]) for row in self.ask("PRAGMA integrity_check(5)"))
        return () if found == ("ok",) else found

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _same_file(self) -> None:
        """What is written to a file that was removed is lost with the last process that has it."""
        try:
            same = os.stat(self._path).st_ino == self._inode  # noqa: PTH116 - for every group
        except OSError:
            same = False
        if not same:
            raise StoreError(_MOVED)


def _together(statement: str, rows: Sequence[Values]) -> Iterator[tuple[str, Values]]:
    """Many rows by one statement: the driver gives up the interpreter's lock for every statement,
    and has to wait for it while calls are answered."""
    place = _PLACES.search(statement)
    sizes = _ROWS if place else (1,)
    done = 0
    for size in sizes:
        while len(rows) - done >= size:
            group = rows[done : done + size]
            done += size
            many = statement if place is None else _repeated(statement, place.span(), size)
            yield many, [value for row in group for value in row]


@cache
def _repeated(statement: str, span: tuple[int, int], times: int) -> str:
    one = statement[slice(*span)]
    return f"{statement[: span[0]]}{', '.join([one] * times)}{statement[span[1] :]}"


def _failed(error: Exception) -> StoreError:
    """A lock may be gone at the next try; nothing else mends itself."""
    name = getattr(error, "sqlite_errorname", "")
    kind = StoreError if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else Unusable
    return kind(reason(error))


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


def _text(raw: bytes) -> str:
    """A byte that is no text any more must lead to its record, not stop the reading of all."""
    return raw.decode("utf-8", "surrogateescape")
