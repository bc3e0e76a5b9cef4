"""Kept decisions for the commands that look back: those in the database and those that wait for it.

A record may go from the spool to the database while somebody looks. So the spool is read first and
the database after it: none is missed, and what is in both is told as the database has it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from itertools import chain as chained
from itertools import islice
from pathlib import Path
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.kept import Entry, Shown
from cds.audit.store import AuditStore, ToldCard
from cds.audit.waiting import Waits, waiting


class LookBack(AuditStore):
    """An audit database for reading, with what waits for it on this machine. Cards, marks and pages
    (`cards`, `marks`, `browse`) are those of the database alone; so it is not for `inspect`, which
    compares them with the records and reads the spool itself."""

    def __init__(self, store: AuditStore, waits: Waits) -> None:
        """Use `look_back`: what waits must have been read before the database is."""
        super().__init__(store._database)
        self._archives, self._cut = waits.archives, waits.cut
        self._waits: dict[str, list[Sealed]] = {}
        for item in sorted(waits.records.values(), key=lambda item: item.seq):
            self._waits.setdefault(item.chain, []).append(item)

    @property
    def cut(self) -> bool:
        """Whether more waits than is read here, so that some is not told."""
        return any(self._lacks(chain, oldest) for chain, oldest in self._cut)

    def get(self, decision: str) -> tuple[Sealed, ...]:
        """The records of one decision, by time."""
        left = [item for item in self._left() if item.entry.id == decision]
        return tuple(_Joined(iter(super().get(decision)), left, _by_time))

    def since(self, at: datetime) -> Iterator[Sealed]:
        """All records from this moment on, by time. Goes on behind a DamagedRecord."""
        left = [item for item in self._left() if item.entry.at >= at]
        return _Joined(super().since(at), left, _by_time)

    def chains(self) -> tuple[str, ...]:
        """The names of all chains."""
        found = super().chains()
        return found if not self._waits else tuple(sorted({*found, *self._waits}, key=str))

    def read(self, chain: str, after_seq: int = 0) -> Iterator[Sealed]:
        """The records of one chain in order."""
        left = [item for item in self._beyond(chain) if item.seq > after_seq]
        return _Joined(super().read(chain, after_seq), left, _by_number)

    def bodies(self) -> Iterator[tuple[str, Any]]:
        """Client and body of every record, in no order, as they stand."""
        while True:
            left = self._left()
            rows = super().bodies()
            first = list(islice(rows, 1))
            if self._left() == left:  # none came into the database before it began to answer
                waits = ((item.entry.client, item.entry.body) for item in left)
                return chained(first, rows, waits)

    def count(self) -> int:
        """How many records there are; one that goes to the database this moment may lack."""
        there = super().count()
        return there + len(self._left())

    def rulebook(self, digest: str) -> bytes | None:
        """The files of that rulebook, where they were kept."""
        found = super().rulebook(digest)
        return self._archives.get(digest) if found is None else found

    def feedback(self) -> list[ToldCard]:
        """All feedback in the database by time, each with its card."""
        cards = {
            (item.entry.client, shown.card): (item.entry, shown)
            for item in self._left()
            for shown in item.entry.shown
        }
        return [
            _with_card(item, cards.get((item.client, item.card))) for item in super().feedback()
        ]

    def _lacks(self, chain: str, oldest: int) -> bool:
        """Whether something before this record is neither in the database nor here. What lies
        before the first record of a chain is of another chain, which nobody looked at."""
        head = self.head(chain)
        return oldest == 1 or oldest > (head[0] if head else 0) + 1

    def _left(self) -> list[Sealed]:
        """What waits and is not in the database now, by time."""
        return sorted((item for name in self._waits for item in self._beyond(name)), key=_by_time)

    def _beyond(self, chain: str) -> list[Sealed]:
        """The same of one chain. It comes into the database in order, so where that ends, what
        waits goes on; what is before was drained, and may have been purged since."""
        waits = self._waits.get(chain)
        if not waits:
            return []
        head = self.head(chain)
        return waits if head is None else [item for item in waits if item.seq > head[0]]


def look_back(place: Path | str, spool: Path) -> LookBack:
    """`place` as for `AuditStore.read_only`, which raises what this raises; `spool`: the folder
    where records of this machine wait."""
    waits = waiting(spool)
    return LookBack(AuditStore.read_only(place), waits)


class _Joined(Iterator[Sealed]):
    """What is kept and what waits, both in the same order, none twice. An iterator of the store
    goes on behind a record it cannot read; so does this one."""

    def __init__(
        self, kept: Iterator[Sealed], waits: Iterable[Sealed], key: Callable[[Sealed], Any]
    ) -> None:
        self._kept, self._waits, self._key = kept, deque(waits), key
        self._next: Sealed | None = None

    def __next__(self) -> Sealed:
        if self._next is None:
            self._next = next(self._kept, None)
        found = self._next
        if self._waits and (found is None or self._key(self._waits[0]) < self._key(found)):
            return self._waits.popleft()
        if found is None:
            raise StopIteration
        if self._waits and self._key(self._waits[0]) == self._key(found):
            self._waits.popleft()
        self._next = None
        return found


def _by_time(item: Sealed) -> tuple[datetime, str, int]:
    return item.entry.at, item.chain, item.seq


def _by_number(item: Sealed) -> int:
    return item.seq


def _with_card(item: ToldCard, known: tuple[Entry, Shown] | None) -> ToldCard:
    """With its card, where the database does not know it."""
    if item.decision is not None or known is None:
        return item
    entry, card = known
    return replace(
        item,
        decision=entry.id,
        rule=card.rule,
        version=card.version,
        row=card.row,
        indicator=card.indicator,
        band=card.band,
        patient=entry.patient,
    )
