"""What the store asks of a database, whichever it is.

Statements are written once, with `?` where a value goes, and hold nothing that SQLite or
PostgreSQL alone would understand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from cds.errors import CdsError

Values = Sequence[Any]
Step = tuple[str, Sequence[Values]]  # a statement, and the rows it is done for


class StoreError(CdsError):
    """The database did not do what it was asked; the text says why, without any path or value."""


class Unusable(StoreError):
    """Trying again will not help: a person has to mend something."""


class DamagedRecord(StoreError):
    """A row that this program cannot have written."""

    def __init__(self, chain: str, seq: int) -> None:
        super().__init__(f"record {seq} of chain {chain} cannot be read: it was changed")
        self.chain, self.seq = chain, seq


class Asked(Protocol):
    """What can be asked small questions."""

    def ask(self, statement: str, values: Values = ()) -> list[tuple[Any, ...]]:
        """All rows of an answer that is small."""

    def tables(self) -> frozenset[str]:
        """The names of the tables."""


class Database(Asked, Protocol):
    """An open database, used in the thread that opened it. Every method raises StoreError; after
    one nothing is known of the connection: close it and open anew."""

    @property
    def file(self) -> tuple[Path, int] | None:
        """The path and the number (inode) of the file it is; None where it is none."""

    def rows(self, statement: str, values: Values = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of an answer that may be large, a few at a time in memory."""

    def add(self, steps: Sequence[Step]) -> None:
        """Do all of them or none, in one transaction; on return it is on the disk."""

    def migrate(self) -> None:
        """Bring the tables to the newest revision, where no other process has done so meanwhile.
        Raises SettingsError where they are not ours."""

    def fold(self) -> None:
        """Tidy up; for a moment when nobody waits."""

    def scrub(self) -> None:
        """Let nothing of deleted rows stay in the files of the log."""

    def damage(self) -> tuple[str, ...]:
        """What the database finds wrong with its own files, in a few lines."""

    def close(self) -> None:
        """Let go. A database that is closed answers nothing more."""
