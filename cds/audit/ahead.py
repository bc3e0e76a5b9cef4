"""Decisions that lie in the spool and go to the database in a moment, many at once.

A record in the spool is one write and one sync. In the database it is rows of three tables and of
their indexes, in some twenty places of the file: for one record that costs as much as for twenty.
So where the spool lies on the disk of the database, nobody waits for the second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cds.audit.batch import Head
from cds.audit.heads import GROUP_RECORDS

LINGER = 0.05  # seconds a record lies in the spool before the database has it
MANY = 64  # records that go there however short they have lain
MOST = GROUP_RECORDS - 1  # records that may lie there: so many may lack in the head file


class Ahead:
    """How much the spool has and the database has not: for each frame that waits, oldest first, how
    many records it holds and how far their chain has got with it. For one thread at a time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._frames: deque[tuple[int, Head]] = deque()
        self._records = 0
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def __len__(self) -> int:
        """How many frames."""
        return len(self._frames)

    def has_room(self, records: int) -> bool:
        """Whether so many more may lie there."""
        return self._records + records <= MOST

    def put(self, records: int, head: Head) -> None:
        """The spool has one more frame."""
        if not self._frames:
            self._since = self._clock()
        self._frames.append((records, head))
        self._records += records

    def due(self) -> float:
        """Seconds until the database is to have them."""
        if self._records >= MANY:
            return 0.0
        return max(0.0, self._since + LINGER - self._clock())

    def drop(self, frames: int) -> Head | None:
        """The database has the oldest, and how far it has got with them (None where they are none);
        what is left begins to wait now."""
        head = None
        for _ in range(frames):
            records, head = self._frames.popleft()
            self._records -= records
        self._since = self._clock()
        return head

    def clear(self) -> None:
        """What lies in the spool waits there for long."""
        self._frames.clear()
        self._records = 0
