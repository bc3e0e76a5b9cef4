"""The seals that tie each record to the one before it.

A seal is HMAC-SHA-256 over the place of a record, the seal before it and everything the record
says. Without the key nobody can change, add or move a record so that its seals still hold. Every
writer has a chain of its own, so that workers do not wait for one another.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

from cds.audit.batch import Head, Sealed, Tombstone
from cds.audit.kept import Entry, stamp

# Without a key the chain still shows accidents and clumsy hands, but anybody can seal anew.
PUBLIC_KEY = hashlib.sha256(b"cds audit: no key was set, so this one is known to all").digest()

_LENGTH = 8  # bytes of the length before each part
_GENESIS = b"cds audit chain 1"
_RECORD = b"cds audit record 1"
_TOMBSTONE = b"cds audit tombstone 1"
_FEEDBACK = b"cds audit feedback 1"
_NAME_OF_KEY = b"cds audit key name 1"
_KEYED = re.compile(r"-k([0-9a-f]{8})(\.[0-9]+)?$")
_KEYED_SEAL = re.compile(r"k([0-9a-f]{8}):[0-9a-f]{64}")


def key_of(text: str | None) -> bytes:
    """The key made of `CDS_AUDIT_KEY`; PUBLIC_KEY where none is set."""
    return hashlib.sha256(text.encode()).digest() if text else PUBLIC_KEY


@cache
def key_name(key: bytes) -> str:
    """Eight characters that tell keys apart and do not give them away."""
    return _mac(key, _NAME_OF_KEY).hex()[:8]


def chain_name(host: str, process: int, started: datetime, key: bytes) -> str:
    """The name of a writer's chain: host, process id, start (wall time) and name of the key.

    It holds no space, so it can stand in a line of the head file.
    """
    if started.tzinfo is None:
        raise ValueError("a moment without its offset")
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", host)[:80] or "host"
    moment = started.astimezone(UTC).strftime("%Y%m%dT%H%M%S.%f")
    return f"{plain}-{process}-{moment}Z-k{key_name(key)}"


def other_key(chain: str, key: bytes) -> str | None:
    """The name of the key a chain was sealed with, where it is not this one."""
    named = _KEYED.search(chain)
    return named[1] if named and named[1] != key_name(key) else None


def genesis(key: bytes, chain: str) -> bytes:
    """What stands in the first record of a chain as the seal before it."""
    return _mac(key, _GENESIS, chain.encode())


def digest(entry: Entry) -> bytes:
    """SHA-256 of all that an entry says. Raises ValueError where it is no text or has no offset."""
    texts = (
        entry.id, stamp(entry.at), entry.client, entry.service, entry.hook, entry.patient,
        entry.rulebook, entry.site, entry.engine,
    )  # fmt: skip
    said = hashlib.sha256(_joined([text.encode() for text in texts]))
    said.update(len(entry.body).to_bytes(_LENGTH, "big"))
    said.update(entry.body)  # not joined to the rest: it may be long
    return said.digest()


def seal(key: bytes, chain: str, seq: int, previous: bytes, said: bytes) -> bytes:
    """The seal of record `seq`, whose entry has the digest `said`."""
    return _mac(key, _RECORD, chain.encode(), str(seq).encode(), previous, said)


def tombstone_tag(key: bytes, stone: Tombstone) -> bytes:
    """What a purge signs a tombstone with; the tag it may have already does not count."""
    numbers = (str(stone.first).encode(), str(stone.last).encode())
    ends = (stone.previous, stone.mac, stone.purged.encode())
    return _mac(key, _TOMBSTONE, stone.chain.encode(), *numbers, *ends)


def told_seal(key: bytes, said: Sequence[str]) -> str:
    """The seal of a row of feedback, the name of its key in front. `said`: all its columns but the
    seal. Rows are in no chain, so a row that is deleted leaves no gap."""
    mac = _mac(key, _FEEDBACK, *(text.encode() for text in said))
    return f"k{key_name(key)}:{mac.hex()}"


def told_holds(key: bytes, row: Sequence[str]) -> bool:
    """Whether a row of feedback (`schema.FEEDBACK_COLUMNS`) was sealed with this key as it is."""
    *said, mac = row
    try:
        return hmac.compare_digest(told_seal(key, said), mac)
    except (TypeError, AttributeError, UnicodeEncodeError):  # a column that holds something else
        return False


def told_otherwise(key: bytes, mac: object) -> bool:
    """Whether the seal of a row of feedback names another key than this one."""
    named = _KEYED_SEAL.fullmatch(mac) if isinstance(mac, str) else None
    return named is not None and named[1] != key_name(key)


def sealed(key: bytes, head: Head, entries: Iterable[Entry]) -> tuple[Sealed, ...]:
    """These entries as the next records of a chain that has got so far. Raises ValueError as
    `digest`."""
    name, seq, previous = head
    done = []
    for entry in entries:
        seq += 1
        mac = seal(key, name, seq, previous, digest(entry))
        done.append(Sealed(name, seq, previous, mac, entry))
        previous = mac
    return tuple(done)


class End(Protocol):
    """Of what was sealed: the number of the last record and its seal."""

    @property
    def seq(self) -> int: ...
    @property
    def mac(self) -> bytes: ...


class Chain:
    """The end of one writer's chain: what the next record is tied to.

    It moves only by `advance`, once records are on the disk, so a failed attempt leaves no gap.
    """

    def __init__(self, name: str, key: bytes, heads: Path) -> None:
        """`heads`: the head file (`audit-heads.log`) that goes with the database."""
        self.name, self.key, self.heads = name, key, heads
        self.seq, self.mac = 0, genesis(key, name)
        self._first_name, self._begun = name, 1

    @property
    def head(self) -> Head:
        """How far it has got."""
        return self.name, self.seq, self.mac

    def sealed(self, entries: Iterable[Entry]) -> tuple[Sealed, ...]:
        """These entries as the next records. Raises ValueError as `digest`."""
        return sealed(self.key, self.head, entries)

    def advance(self, last: End) -> None:
        """`last` is on the disk now."""
        self.seq, self.mac = last.seq, last.mac

    def resume(self, head: tuple[int, bytes] | None) -> None:
        """Go on from where the database says this chain ends (None: it has no record of it)."""
        if head is not None:
            self.seq, self.mac = head

    def begin_anew(self) -> None:
        """Leave the chain as it is and begin another one: it is not known how the old one ends."""
        self._begun += 1
        self.name = f"{self._first_name}.{self._begun}"
        self.seq, self.mac = 0, genesis(self.key, self.name)


def _mac(key: bytes, *parts: bytes) -> bytes:
    return hmac.digest(key, _joined(parts), "sha256")


def _joined(parts: Iterable[bytes]) -> bytes:
    """Each part with its length before it, so that no two lists of parts join to the same bytes."""
    return b"".join([len(part).to_bytes(_LENGTH, "big") + part for part in parts])
