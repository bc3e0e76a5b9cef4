"""Decisions that lie in the spool and go to the database in a moment, many at once.

A record in the spool is one write and one sync. In the database it is rows of three tables and of
their indexes, in some twenty places of the file: for one record that costs as much as for twenty.
So where the spool lies on the disk of the database, nobody waits for the second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cds.audit.batch import Batch, joined
from cds.audit.heads import GROUP_RECORDS

LINGER = 0.05  # seconds a record lies in the spool before the database has it
MANY = 64  # records that go there however short they have lain
MOST = GROUP_RECORDS - 1  # records that may lie there: so many may lack in the head file


class Ahead:
    """The batches the spool has and the database has not, oldest first. For one thread at a
    time."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._batches: deque[Batch] = deque()
        self._records = 0
        self._since = 0.0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def __len__(self) -> int:
        """How many batches."""
        return len(self._batches)

    def has_room(self, records: int) -> bool:
        """Whether so many more may lie there."""
        return self._records + records <= MOST

    def put(self, batch: Batch) -> None:
        """The spool has it."""
        if not self._batches:
            self._since = self._clock()
        self._batches.append(batch)
        self._records += len(batch.records)

    def due(self) -> float:
        """Seconds until the database is to have them."""
        if self._records >= MANY:
            return 0.0
        return max(0.0, self._since + LINGER - self._clock())

    @property
    def batches(self) -> tuple[Batch, ...]:
        """All of them."""
        return tuple(self._batches)

    def together(self, *last: Batch) -> Batch:
        """All of them and what comes after."""
        return joined([*self._batches, *last])

    def drop(self, batches: int) -> None:
        """The database has the oldest; what is left begins to wait now."""
        for _ in range(batches):
            self._records -= len(self._batches.popleft().records)
        self._since = self._clock()

    def clear(self) -> None:
        """What lies in the spool is to be read from there."""
        self._batches.clear()
        self._records = 0
