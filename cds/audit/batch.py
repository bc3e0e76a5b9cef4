"""What goes to the database in one transaction, and the same as bytes for the spool.

Everything that is kept passes here: sealed decisions, the rules they were made by, and what
clinicians did with cards.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from cds.audit.kept import Entry
from cds.errors import CdsError

_FORMAT = 1
# A list of two. What begins otherwise, an older version left in its spool, compressed by zlib.
_PLAIN = b"\x92"


class BatchError(CdsError):
    """Bytes that this program did not pack."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A decision in its place: record `seq` (from 1) of `chain`, with the seal of the record
    before it and its own."""

    chain: str
    seq: int
    previous: bytes
    mac: bytes
    entry: Entry


@dataclass(frozen=True, slots=True)
class Archive:
    """The files of a rulebook (a tar file) under its digest."""

    digest: str
    packed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Told:
    """Feedback from one body: rows of `schema.FEEDBACK_COLUMNS`."""

    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Records `first` to `last` of `chain` were deleted on purpose: `previous` is the seal before
    them, `mac` that of the last, `purged` the moment (as `rows.stamp` writes it), `tag` what the
    purge signs all this with."""

    chain: str
    first: int
    last: int
    previous: bytes
    mac: bytes
    purged: str
    tag: bytes


Head = tuple[str, int, bytes]  # how far a chain has got: its name, the last record and its seal


@dataclass(frozen=True, slots=True)
class Batch:
    """All of it is kept, or none of it."""

    records: tuple[Sealed, ...] = ()
    archives: tuple[Archive, ...] = ()
    told: tuple[Told, ...] = ()

    @property
    def head(self) -> Head | None:
        """Of the chain of its last record; None where it has none."""
        last = self.records[-1] if self.records else None
        return (last.chain, last.seq, last.mac) if last is not None else None


def joined(batches: Iterable[Batch]) -> Batch:
    """One batch of them all, in their order."""
    found = list(batches)
    return Batch(
        tuple(one for batch in found for one in batch.records),
        tuple(one for batch in found for one in batch.archives),
        tuple(one for batch in found for one in batch.told),
    )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, Batch]).decode


def packed(batch: Batch) -> bytes:
    """The batch as bytes. What is long in it, the bodies, is compressed already (`stored.py`)."""
    return _encode((_FORMAT, batch))


def unpacked(raw: bytes) -> Batch:
    """The batch of these bytes, also of an older version. Raises BatchError."""
    try:
        version, batch = _decode(raw if raw.startswith(_PLAIN) else zlib.decompress(raw))
    except (zlib.error, msgspec.MsgspecError):
        raise BatchError("what waits for the database cannot be read: it was changed") from None
    if version != _FORMAT:
        raise BatchError("what waits for the database was written by a newer program")
    return batch
