"""Is one record as it was sealed, and is it tied to the records before and after it?

A look at one place of a chain, for who reads one decision. The whole chain, and the head file, is
for `cds audit verify`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from cds.audit.batch import Sealed, Tombstone
from cds.audit.chain import genesis, other_key
from cds.audit.displaced import holds
from cds.audit.store import AuditStore, DamagedRecord
from cds.audit.walk import is_signed

Places = Mapping[tuple[str, int], Sealed]  # by chain and number


class Tie(Enum):
    """How a record stands to the one before, or after it."""

    TIED = "tied"
    END = "end"  # there is none: it is the first, or the last one so far
    PURGED = "purged"  # it was deleted on purpose; its tombstone is tied to this record
    MISSING = "missing"
    BROKEN = "broken"
    OTHER_KEY = "other-key"  # nobody here can tell


@dataclass(frozen=True, slots=True)
class Standing:
    """Of record `seq` of `chain`: whether its seal holds (None: `key` names the other key it was
    sealed with), and its ties. `waiting`: it is in the spool, the database does not have it yet."""

    chain: str
    seq: int
    seal: bool | None
    before: Tie
    after: Tie
    key: str = ""
    waiting: bool = False

    @property
    def good(self) -> bool:
        """Whether all of it is as it was written, as far as this place tells."""
        return self.seal is True and not {self.before, self.after} & {Tie.MISSING, Tie.BROKEN}


def standing(
    store: AuditStore | None, key: bytes, item: Sealed, spooled: Places | None = None
) -> Standing:
    """The standing of a record. `spooled`: what waits for the database; `store` None where only
    that can be asked. Raises StoreError."""
    other = other_key(item.chain, key)
    waiting = (item.chain, item.seq) in (spooled or {})
    if other is not None:
        return Standing(
            item.chain, item.seq, None, Tie.OTHER_KEY, Tie.OTHER_KEY, other, waiting=waiting
        )
    seal = holds(key, item, item.seq, item.previous, item)
    place = _Place(store, key, item, spooled or {})
    before, after = place.before(), place.after()
    return Standing(item.chain, item.seq, seal, before, after, waiting=waiting)


class _Place:
    """A record with what stands around it."""

    def __init__(self, store: AuditStore | None, key: bytes, item: Sealed, spooled: Places) -> None:
        self._store, self._key, self._item, self._spooled = store, key, item, spooled

    def before(self) -> Tie:
        """To the record before."""
        item = self._item
        if item.seq == 1:
            first = item.previous == genesis(self._key, item.chain)
            return Tie.END if first else Tie.BROKEN
        try:
            there = self._at(item.seq - 1)
        except DamagedRecord:
            return Tie.BROKEN
        if there is not None:
            return self._tied(there, fits=there.mac == item.previous)
        for stone in self._stones():
            if stone.last == item.seq - 1:
                return self._buried(stone, fits=stone.mac == item.previous)
        return Tie.MISSING

    def after(self) -> Tie:
        """To the record after."""
        item = self._item
        try:
            there = self._at(item.seq + 1)
        except DamagedRecord:
            return Tie.BROKEN
        if there is not None:
            return self._tied(there, fits=there.previous == item.mac)
        for stone in self._stones():
            if stone.first == item.seq + 1:
                return self._buried(stone, fits=stone.previous == item.mac)
        return Tie.MISSING if self._goes_on() else Tie.END

    def _at(self, seq: int) -> Sealed | None:
        """Raises DamagedRecord."""
        found = self._spooled.get((self._item.chain, seq))
        if found is None and self._store is not None:
            found = next(self._store.read(self._item.chain, seq - 1), None)
        return found if found is not None and found.seq == seq else None

    def _tied(self, there: Sealed, *, fits: bool) -> Tie:
        """The other one must hold too: else anything could have been put there."""
        whole = fits and holds(self._key, there, there.seq, there.previous, there)
        return Tie.TIED if whole else Tie.BROKEN

    def _buried(self, stone: Tombstone, *, fits: bool) -> Tie:
        return Tie.PURGED if fits and is_signed(self._key, stone) else Tie.BROKEN

    def _stones(self) -> Sequence[Tombstone]:
        return () if self._store is None else self._store.tombstones(self._item.chain)

    def _goes_on(self) -> bool:
        """Whether there is a record of this chain with a higher number."""
        item = self._item
        if any(chain == item.chain and seq > item.seq for chain, seq in self._spooled):
            return True
        head = None if self._store is None else self._store.head(item.chain)
        return head is not None and head[0] > item.seq
