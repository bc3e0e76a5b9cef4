"""One chain from its first record to its last: what was purged, what is kept, what waits."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence

from cds.audit.batch import Sealed, Tombstone
from cds.audit.chain import genesis, seal, tombstone_tag
from cds.audit.displaced import displaced, holds
from cds.audit.findings import (
    DATABASE,
    EDITED,
    INSERTED,
    MISSING,
    TOMBSTONE,
    Finding,
    lacking,
    some,
)
from cds.audit.heads import HeadLine
from cds.audit.spooled import Waiting
from cds.audit.store import AuditStore, DamagedRecord, StoreError
from cds.audit.vouch import Witness

_BEFORE_ALL = -(1 << 63)


class Walk:
    """Goes along a chain as far as it holds. `good` is the number of the last record that does;
    of those up to it `purged` were purged, `records` are in the database, the rest in the spool."""

    def __init__(
        self, store: AuditStore, key: bytes, chain: str, lines: Sequence[HeadLine],
        waiting: Mapping[int, Waiting], witness: Witness,
    ) -> None:  # fmt: skip
        self._store, self._key, self._chain, self._witness = store, key, chain, witness
        self._lines, self._waiting = lines, waiting
        self._start(())

    def run(self) -> Finding | None:
        """The first that is not as it was written; None where all of it is."""
        try:
            while True:
                self._start(self._store.tombstones(self._chain))
                bad = self._all()
                # A purge may have gone on while we walked: records that we missed are buried.
                if bad is None or self._store.tombstones(self._chain) == self._stones:
                    return bad
        except StoreError as error:
            return self._unread(error)

    def _start(self, stones: Sequence[Tombstone]) -> None:
        self._stones = stones
        self._witness.start()
        self._mac = genesis(self._key, self._chain)
        self.good = self.purged = self.records = 0
        self._known = {line.last: line.mac for line in self._lines}

    def _all(self) -> Finding | None:
        for stone in self._stones:
            if bad := self._bury(stone):
                return bad
        self.purged = self.good
        try:
            for record in self._store.read(self._chain, _BEFORE_ALL):
                if bad := self._record(record):
                    return bad
                self.records += 1
                self._witness.saw(record)
        except StoreError as error:
            return self._unread(error)
        for seq in sorted(seq for seq in self._waiting if seq > self.good):
            if bad := self._spooled(seq, self._waiting[seq]):
                return bad
        return None

    def _unread(self, error: StoreError) -> Finding:
        if isinstance(error, DamagedRecord):
            return self._finding(EDITED, str(error))
        return self._finding(DATABASE, f"record {self.good + 1} cannot be read: {error}")

    def _finding(self, kind: str, words: str, seq: int | None = None) -> Finding:
        return Finding(self._chain, self.good + 1 if seq is None else seq, kind, words)

    def _on(self, seq: int, mac: bytes) -> Finding | None:
        """Go on to this record, if it is the one the head file knows."""
        if self._known.get(seq, mac) != mac:
            words = f"record {seq} is not the one the head file knows: it was written anew"
            return self._finding(EDITED, words, seq)
        self.good, self._mac = seq, mac
        return None

    def _bury(self, stone: Tombstone) -> Finding | None:
        if not is_signed(self._key, stone):
            words = f"the tombstone of record {self.good + 1} and more was edited, or added "
            return self._finding(TOMBSTONE, words + "without the key")
        named = some(stone.first, stone.last)
        if stone.first > self.good + 1:
            words = lacking(self.good + 1, stone.first - 1)
            return self._finding(MISSING, f"{words}; a tombstone stands for what follows only")
        if stone.first <= self.good or stone.last < stone.first or stone.previous != self._mac:
            words = f"the tombstone of {named} does not follow on what is before it"
            return self._finding(TOMBSTONE, words, stone.first)
        return self._on(stone.last, stone.mac)

    def _record(self, record: Sealed) -> Finding | None:
        seq = self.good + 1
        if record.seq > seq:
            return self._finding(MISSING, lacking(seq, record.seq - 1))
        if 1 <= record.seq <= self.purged:
            words = f"record {record.seq} is there, though a tombstone says that it was purged"
            return self._finding(INSERTED, words, record.seq)
        if record.seq < seq:
            return self._finding(INSERTED, f"record {record.seq} was inserted", record.seq)
        if record.previous != self._mac or not holds(
            self._key, record, seq, record.previous, record
        ):
            return displaced(self._store, self._key, record, self._mac) or self._finding(
                EDITED, f"record {seq} was edited, or added without the key"
            )
        spooled = self._waiting.get(seq)
        if spooled is not None and spooled.mac != record.mac:
            words = f"record {seq} is not the one that waits in the spool for this place"
            return self._finding(EDITED, words)
        return self._on(seq, record.mac)

    def _spooled(self, seq: int, item: Waiting) -> Finding | None:
        if seq > self.good + 1:
            words = f"{lacking(self.good + 1, seq - 1)}; what follows waits in the spool"
            return self._finding(MISSING, words)
        made = seal(self._key, self._chain, seq, item.previous, item.said)
        if item.previous != self._mac or not hmac.compare_digest(made, item.mac):
            words = f"record {seq}, which waits in the spool, was edited, or added without the key"
            return self._finding(EDITED, words)
        return self._on(seq, item.mac)


def is_signed(key: bytes, stone: Tombstone) -> bool:
    """Whether a purge with this key put the tombstone there as it is."""
    try:
        return hmac.compare_digest(tombstone_tag(key, stone), stone.tag)
    except (TypeError, AttributeError, ValueError):  # a column that holds something else
        return False
