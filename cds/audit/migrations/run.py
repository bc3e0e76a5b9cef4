"""Bring the tables to the newest revision, under a lock, so that one process does it for all.

This loads SQLAlchemy and Alembic (a second); import it only where there is something to do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import create_async_engine

from cds.audit import schema
from cds.audit.database import Values

_LOCK = 6_283_185_307  # any number will do, as long as it stays the same
_SCRIPTS = "cds.audit:migrations"  # inside the package, wherever it is installed


class _Inside:
    """The connection that holds the lock, asked as any database is."""

    def __init__(self, connection: sa.Connection, tables: str) -> None:
        self._connection, self._tables = connection, tables

    def ask(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer."""
        found = self._connection.exec_driver_sql(statement, tuple(values))
        return [tuple(row) for row in found]

    def tables(self) -> frozenset[str]:
        """The names of the tables."""
        return frozenset(row[0] for row in self.ask(self._tables))


def on_sqlite(connect: Callable[[], sqlite3.Connection], tables: str) -> None:
    """`connect` makes a connection that begins no transaction by itself; `tables` asks for the
    names of all tables. Raises SettingsError where they are not ours, and sqlite3.Error."""
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _upgrade(connection, tables)
            connection.commit()
    except sa.exc.DBAPIError as error:
        raise _cause(error) from None


async def on_postgres(connect: Callable[[], Awaitable[Any]], tables: str) -> None:
    """`connect` makes an asyncpg connection. Raises as `on_sqlite`, with asyncpg's errors."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, poolclass=sa.NullPool
    )
    try:
        async with engine.connect() as connection:
            await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await connection.run_sync(_upgrade, tables)
            await connection.commit()
    except sa.exc.DBAPIError as error:
        raise _cause(error) from None


def _upgrade(connection: sa.Connection, tables: str) -> None:
    """Asks once more: while this process waited for the lock, another may have done it."""
    inside = _Inside(connection, tables)
    if not schema.behind(inside):
        return
    config = Config()
    config.set_main_option("script_location", _SCRIPTS)
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if schema.is_old(inside):
        command.stamp(config, schema.REVISIONS[0])
    command.upgrade(config, schema.HEAD)


def _cause(error: sa.exc.DBAPIError) -> BaseException:
    """What the driver itself said."""
    orig = error.orig
    return (orig.__cause__ if orig is not None else None) or orig or error
