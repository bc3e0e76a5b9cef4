"""The audit database in PostgreSQL, for several machines.

asyncpg runs in an event loop of its own that only turns while something is asked: use it in a
thread where no other loop runs. What `add` returns from is on the server's disk, whatever the
server's own setting of `synchronous_commit` is.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg

from cds.audit.database import Step, StoreError, Unusable, Values

_MIGRATION = 120.0  # seconds; another process may be at it, and many records to go through
_GOODBYE = 0.5  # seconds
_AT_ONCE = 64  # rows held in memory while reading
_TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
# PostgreSQL keeps no NUL in a text. What stands for it, and for itself, is a character of private
# use, so that every text comes back as it went in.
_ESCAPE = "\ue000"

_T = TypeVar("_T")


class PostgresDatabase:
    """A connection. Use `open`."""

    def __init__(self, url: str, patience: float, *, writing: bool) -> None:
        self.file = None  # it may be on another machine
        self._url, self._patience = url, patience
        self._settings = {
            "application_name": "cds audit",
            "synchronous_commit": "on",
            "default_transaction_read_only": "off" if writing else "on",
        }
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._connection: asyncpg.Connection[Any] | None = None
        self._reader: asyncpg.Connection[Any] | None = None  # for answers that are read in pages
        self._readings = 0
        self._failed = False

    @classmethod
    def open(cls, url: str, patience: float, *, writing: bool) -> PostgresDatabase:
        """`patience`: seconds to wait for the connection, and again for each answer.

        Raises StoreError.
        """
        made = cls(url, patience, writing=writing)
        try:
            made._connection = made._do(made._connect())
            if made._connection.get_settings().server_encoding != "UTF8":
                raise Unusable("the audit database must be one with ENCODING 'UTF8'")
        except StoreError:
            made.close()
            raise
        return made

    def ask(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        found = self._do(self._open().fetch(_numbered(statement), *map(_kept, values)))
        return [tuple(map(_told, row)) for row in found]

    def rows(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of an answer, a page at a time, over a connection of their own: what is written
        meanwhile goes on in its own transactions."""
        self._open()
        self._readings += 1
        try:
            cursor = self._do(self._cursor(_numbered(statement), values))
            while page := self._do(cursor.fetch(_AT_ONCE)):
                for row in page:
                    yield tuple(map(_told, row))
        finally:
            self._readings -= 1
            if not self._readings:
                self._end_reading()

    def add(self, steps: Sequence[Step]) -> None:
        """All of them or none; on the disk of the server on return."""
        self._do(self._add(self._open(), steps))

    def tables(self) -> frozenset[str]:
        """The names of the tables in the schema this connection works in."""
        return frozenset(row[0] for row in self.ask(_TABLES))

    def migrate(self) -> None:
        """Under a lock of the database, which other instances that start now wait for."""
        from cds.audit.migrations import run  # a second to load, and seldom needed

        self._do(run.on_postgres(lambda: self._connect(_MIGRATION), _TABLES), _MIGRATION)

    def fold(self) -> None:
        """Nothing: the server does so by itself."""

    def scrub(self) -> None:
        """Nothing: what deleted rows held goes when the server vacuums (by itself in time, or
        `VACUUM FULL records, cards, marks, feedback` by its owner, which also gives back the
        room), and when the write-ahead log it archives is thrown away."""

    def damage(self) -> tuple[str, ...]:
        """Nothing: the server checks its pages as it reads them (`data_checksums`); what it then
        says is raised by the reading."""
        return ()

    def close(self) -> None:
        """Let go. What was to be kept is committed already."""
        for connection in (self._connection, self._reader):
            if connection is not None:
                self._leave(connection)
        self._connection = self._reader = None
        self._runner.close()

    def _open(self) -> asyncpg.Connection[Any]:
        if self._connection is None:
            raise StoreError("the audit database is closed")
        return self._connection

    def _do(self, work: Coroutine[Any, Any, _T], patience: float | None = None) -> _T:
        async def in_time() -> _T:
            async with asyncio.timeout(patience or self._patience):
                return await work

        try:
            return self._runner.run(in_time())
        except _FAILURES as error:
            self._failed = True
            raise failed(error) from None

    async def _connect(self, patience: float | None = None) -> asyncpg.Connection[Any]:
        # The server gives up too: a statement it went on with would hold its place in the chain.
        limit = str(round((patience or self._patience) * 1000))
        settings = {**self._settings, "statement_timeout": limit}
        return await asyncpg.connect(self._url, timeout=_MIGRATION, server_settings=settings)

    async def _add(self, connection: asyncpg.Connection[Any], steps: Sequence[Step]) -> None:
        # No transaction block of asyncpg: it would wait for a server that answers no more.
        await connection.execute("BEGIN")
        for statement, rows in steps:
            kept = [tuple(map(_kept, row)) for row in rows]
            await connection.executemany(_numbered(statement), kept)
        await connection.execute("COMMIT")

    async def _cursor(self, statement: str, values: Values) -> asyncpg.cursor.Cursor[Any]:
        if self._reader is None:
            self._reader = await self._connect()
        if not self._reader.is_in_transaction():
            await self._reader.transaction(readonly=True).start()
        return await self._reader.cursor(statement, *map(_kept, values))

    def _end_reading(self) -> None:
        """The last of the answers that are read in pages is done with, or was given up."""
        reader, self._reader = self._reader, None
        if reader is not None:
            self._leave(reader)

    def _leave(self, connection: asyncpg.Connection[Any]) -> None:
        """With a word to the server, where it still listens."""
        if not self._failed:
            with suppress(StoreError):
                self._do(connection.close(), _GOODBYE)
        connection.terminate()


def failed(error: BaseException) -> StoreError:
    """Why the database failed, in words for a reader; Unusable where a person has to mend it."""
    if isinstance(error, TimeoutError):
        return StoreError("the audit database does not answer in time")
    if isinstance(error, ssl.SSLError):
        return Unusable("the audit database and this service do not agree on TLS")
    if isinstance(error, OSError):
        return StoreError("the audit database cannot be reached")
    state = getattr(error, "sqlstate", None) or type(error).__name__
    for start, words in _MEND.items():
        if state.startswith(start):
            return Unusable(f"the audit database {words}")
    for start, words in _REASONS.items():
        if state.startswith(start):
            return StoreError(f"the audit database {words}")
    return StoreError(f"the audit database cannot be used ({state})")


def place(url: str) -> str:
    """Name and host of a database, without its user and password."""
    try:
        parts = urlsplit(url)
        host, name = parts.hostname, unquote(parts.path.lstrip("/"))
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL database {name or 'of that user'} at {host or 'this machine'}"


_FAILURES = (
    OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip
# The first letters of an SQLSTATE, or of the name of an error of asyncpg itself.
_MEND = {
    "28": "refuses the user or the password",
    "3D000": "does not exist",
    "3F": "has no schema this user can work in",
    "42501": "does not permit this user what the service must do there",
    "42P01": "has lost a table; restore it from a backup",
    "42703": "has lost a column; restore it from a backup",
    "XX00": "is damaged; restore it from a backup",
    "ClientConfigurationError": "is named by a URL that cannot be used",
}
_REASONS = {
    "23": "holds a record in this place already",
    "25006": "cannot be written: it is read-only",
    "25P03": "ended the connection: it was idle for too long",
    "53100": "has no room left: the disk is full",
    "53300": "has no connection left for this service",
    "53": "has not enough memory or room",
    "55P03": "is locked by another process",
    "57014": "does not answer in time",
    "57P": "is starting up or shutting down",
    "58": "cannot be written: the disk is full or faulty",
    "08": "has lost the connection",
    "ConnectionDoesNotExistError": "has lost the connection",
    "InterfaceError": "has lost the connection",
    "InternalClientError": "has lost the connection",
}


@cache
def _numbered(statement: str) -> str:
    """`?` as PostgreSQL writes it: `$1`, `$2`, ..."""
    first, *rest = statement.split("?")
    return first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))


def _kept(value: Any) -> Any:
    if isinstance(value, str) and ("\0" in value or _ESCAPE in value):
        return value.replace(_ESCAPE, _ESCAPE + "1").replace("\0", _ESCAPE + "0")
    return value


def _told(value: Any) -> Any:
    if isinstance(value, str) and _ESCAPE in value:
        return value.replace(_ESCAPE + "0", "\0").replace(_ESCAPE + "1", _ESCAPE)
    return value
