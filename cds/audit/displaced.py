"""A record whose seal does not fit its place: was it moved, put in, or put in another's place?"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from contextlib import suppress

from cds.audit.batch import Sealed
from cds.audit.chain import digest, seal
from cds.audit.findings import INSERTED, MISSING, SWAPPED, Finding
from cds.audit.store import AuditStore, StoreError


def holds(key: bytes, sealed: Sealed, seq: int, previous: bytes, holder: Sealed) -> bool:
    """Whether the seal of `sealed` fits what `holder` says, in this place."""
    made = seal(key, sealed.chain, seq, previous, digest(holder.entry))
    return hmac.compare_digest(made, sealed.mac)


def displaced(store: AuditStore, key: bytes, bad: Sealed, previous: bytes) -> Finding | None:
    """What was done to the record `bad`, which should follow on the seal `previous`; None where
    it was not moved. Raises StoreError."""
    place = _true_place(store, key, bad)
    there = next(_readable(store, bad.chain, place - 1), None) if place else None
    if place and there and holds(key, there, bad.seq, there.previous, there):
        return _swapped(bad, place)
    following = next(_readable(store, bad.chain, bad.seq), None)
    if following is not None and holds(key, following, bad.seq, previous, following):
        return Finding(bad.chain, bad.seq, INSERTED, f"record {bad.seq} was inserted")
    if place:
        return _strayed(bad, place)
    for other in _readable(store, bad.chain, bad.seq):
        if holds(key, bad, bad.seq, bad.previous, other):
            return _swapped(bad, other.seq)
    return None


def _strayed(bad: Sealed, place: int) -> Finding:
    if place > bad.seq:
        words = f"record {bad.seq} is missing, and record {place} was put in its place"
        return Finding(bad.chain, bad.seq, MISSING, words)
    words = f"record {bad.seq} was inserted: it is record {place} once more"
    return Finding(bad.chain, bad.seq, INSERTED, words)


def _swapped(bad: Sealed, other: int) -> Finding:
    words = f"records {bad.seq} and {other} have changed places"
    return Finding(bad.chain, bad.seq, SWAPPED, words)


def _true_place(store: AuditStore, key: bytes, bad: Sealed) -> int | None:
    """The number under which its own seal holds."""
    head, said = store.head(bad.chain), digest(bad.entry)
    for seq in range(1, (head[0] if head else bad.seq) + 2):
        if hmac.compare_digest(seal(key, bad.chain, seq, bad.previous, said), bad.mac):
            return seq
    return None


def _readable(store: AuditStore, chain: str, after: int) -> Iterator[Sealed]:
    with suppress(StoreError):
        yield from store.read(chain, after)
