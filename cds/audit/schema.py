"""The tables of the audit database, and which version of them a file holds."""

from __future__ import annotations

import sqlite3
from contextlib import suppress

from cds.errors import SettingsError

VERSION = 1

# In the order in which they are sealed; never reorder, only add at the end with a new seal label.
ENTRY_COLUMNS = (
    "id", "at", "client", "service", "hook", "patient", "rulebook", "site", "engine", "body",
)  # fmt: skip
SEAL_COLUMNS = ("chain", "seq", "previous", "mac")
COLUMNS = (*SEAL_COLUMNS, *ENTRY_COLUMNS)
FEEDBACK_COLUMNS = (
    "client", "service", "card", "outcome", "at", "accepted", "system", "code", "received",
)  # fmt: skip

_TABLES = ("records", "rulebooks", "feedback", "schema_version")
_MAKE = (
    "CREATE TABLE schema_version (version INTEGER NOT NULL)",
    """CREATE TABLE records (
        chain TEXT NOT NULL, seq INTEGER NOT NULL, previous BLOB NOT NULL, mac BLOB NOT NULL,
        id TEXT NOT NULL, at TEXT NOT NULL, client TEXT NOT NULL, service TEXT NOT NULL,
        hook TEXT NOT NULL, patient TEXT NOT NULL, rulebook TEXT NOT NULL, site TEXT NOT NULL,
        engine TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (chain, seq))""",
    "CREATE INDEX records_id ON records (id)",
    "CREATE INDEX records_at ON records (at)",
    "CREATE TABLE rulebooks (digest TEXT PRIMARY KEY, archive BLOB NOT NULL)",
    # `accepted` is a JSON list of ids, `system` and `code` the reason ("" = none), all as received
    """CREATE TABLE feedback (
        client TEXT NOT NULL, service TEXT NOT NULL, card TEXT NOT NULL, outcome TEXT NOT NULL,
        at TEXT NOT NULL, accepted TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL,
        received TEXT NOT NULL, PRIMARY KEY (client, card, outcome, at)) WITHOUT ROWID""",
)


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file. Raises SettingsError as `check` does."""
    if not _tables(connection):
        # Under the write lock, and asked once more: another worker may have made them just now.
        connection.execute("BEGIN IMMEDIATE")
        try:
            if not _tables(connection):
                for statement in _MAKE:
                    connection.execute(statement)
                connection.execute("INSERT INTO schema_version VALUES (?)", (VERSION,))
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have done so itself
                connection.execute("ROLLBACK")
            raise
    check(connection)


def check(connection: sqlite3.Connection) -> None:
    """Raises SettingsError where these are not the tables this program reads and writes.

    A table that has gone is never made anew: that would cover up what happened to the old one.
    """
    found = _tables(connection)
    if "schema_version" not in found:
        raise SettingsError("the file is no audit database; name another file, or move it away")
    row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
    version = row[0]
    if isinstance(version, int) and version > VERSION:
        raise SettingsError(
            f"the audit database was written by a newer program (its tables have version "
            f"{version}, this program knows {VERSION}); run that program, or name another file"
        )
    gone = [name for name in _TABLES if name not in found]
    if gone or version != VERSION:
        what = f"the table `{gone[0]}`" if gone else "the version of its tables"
        raise SettingsError(f"the audit database has lost {what}; restore it from a backup")


def _tables(connection: sqlite3.Connection) -> set[str]:
    rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {row[0] for row in rows}
