"""Each token once: the names of tokens that were used, until they expire.

Only a digest of issuer and name is kept. Where the table cannot be asked, nobody is admitted: a
table that is passed over when it is in trouble protects against nothing.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from pathlib import Path
from typing import Protocol

from cds.errors import Overloaded, SettingsError

PURGE_EVERY = 30.0  # seconds
_WAIT_MS = 200  # at most, for other workers that write; an insert takes well under one
_TABLE = (
    "CREATE TABLE IF NOT EXISTS used (token BLOB PRIMARY KEY, until REAL NOT NULL) WITHOUT ROWID"
)
_INDEX = "CREATE INDEX IF NOT EXISTS used_until ON used (until)"


class ReplayTable(Protocol):
    """The tokens that were used."""

    def spend(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Whether this is the first use; `until` and `now` in wall seconds.

        Raises Overloaded (503) where that cannot be told.
        """

    def close(self) -> None:
        """Give back what it holds."""


class MemoryReplay:
    """The table of a service that is one process."""

    def __init__(self) -> None:
        self._used: dict[bytes, float] = {}
        self._purged = 0.0

    def spend(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Whether this is the first use."""
        if now - self._purged >= PURGE_EVERY:
            self._used = {name: end for name, end in self._used.items() if end > now}
            self._purged = now
        name = _digest(issuer, jti)
        if name in self._used:
            return False
        self._used[name] = until
        return True

    def close(self) -> None:
        """Forget all."""
        self._used.clear()


class SqliteReplay:
    """The table that the workers of one machine share, in a file only the service may read."""

    def __init__(self, path: Path) -> None:
        """Raises SettingsError where the file cannot be made or is no database."""
        self._path = path
        self._purged = 0.0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._inode = _own_file(path)
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_MS / 1000, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from None
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise _unusable(path, error) from None

    def spend(self, issuer: str, jti: str, until: float, now: float) -> bool:
        """Whether this is the first use, by any worker."""
        try:
            if os.stat(self._path).st_ino != self._inode:  # noqa: PTH116 - called for every request
                raise Overloaded("the table of used tokens was replaced; restart the service")
            self._purge(now)
            done = self._connection.execute(
                "INSERT OR IGNORE INTO used VALUES (?, ?)", (_digest(issuer, jti), until)
            )
            return done.rowcount == 1
        except (OSError, sqlite3.Error):
            raise Overloaded("the table of used tokens does not answer; try again") from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _prepare(self) -> None:
        # Other workers may be doing the same at this moment: starting may wait, a call may not.
        self._connection.execute("PRAGMA busy_timeout = 10000")
        self._connection.execute("PRAGMA journal_mode = WAL")
        # Without an fsync per call. A crash of the process loses nothing, one of the machine the
        # last moments; it takes longer to start again than most tokens live.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute(_TABLE)
        self._connection.execute(_INDEX)
        self._connection.execute(f"PRAGMA busy_timeout = {_WAIT_MS}")

    def _purge(self, now: float) -> None:
        if now - self._purged >= PURGE_EVERY:
            self._connection.execute("DELETE FROM used WHERE until <= ?", (now,))
            self._purged = now


def _digest(issuer: str, jti: str) -> bytes:
    return hashlib.sha256(f"{len(issuer)}:{issuer}{jti}".encode("utf-8", "surrogatepass")).digest()


def _own_file(path: Path) -> int:
    """Make the file, or take it over, with access for its owner only; what identifies it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("not a file")
        os.fchmod(handle, 0o600)
        return found.st_ino
    finally:
        os.close(handle)


def _unusable(path: Path, error: Exception) -> SettingsError:
    return SettingsError(
        f"CDS_STATE: {path} cannot hold the table of used tokens ({type(error).__name__}); "
        "name a folder this process may write, and remove a damaged file"
    )
