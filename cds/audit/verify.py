"""Is the audit what was written? Finds the first bad record of every chain and says what it is.

Without the key, or with a part of the files only, some things cannot be told: a tail that was cut
from the database *and* from the head file, and a chain that was taken out of both.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cds.audit.chain import digest, genesis, key_name, seal
from cds.audit.heads import GROUP_RECORDS, HeadFile, HeadLine, read_heads
from cds.audit.store import AuditStore, DamagedRecord, Sealed, StoreError

EDITED, MISSING, SWAPPED, INSERTED = "edited", "missing", "swapped", "inserted"
CUT, HEADS, KEY, DATABASE = "cut", "heads", "key", "database"

_BEFORE_ALL = -(1 << 63)
_KEYED = re.compile(r"-k([0-9a-f]{8})(\.[0-9]+)?$")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is not as it was written. `chain` is empty where it is about a whole file, `seq`
    None where it is about no one record. `kind` is one of the words at the top of this module."""

    chain: str
    seq: int | None
    kind: str
    words: str

    def __str__(self) -> str:
        where = f"chain {self.chain}: " if self.chain else ""
        return where + self.words


@dataclass(slots=True)
class Inspection:
    """What was looked at and what was found. `remarks` are no findings: what a process that was
    killed leaves, and what cannot be told from it."""

    chains: int = 0
    records: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def verify(store: AuditStore, key: bytes, heads: Path) -> list[Finding]:
    """All findings; none means that every record stands as it was written, in its place."""
    return inspect(store, key, heads).findings


def inspect(store: AuditStore, key: bytes, heads: Path) -> Inspection:
    """Read everything. The service may go on writing meanwhile."""
    done = Inspection()
    try:
        # The head file before the records: a service that writes puts them the other way round.
        known = read_heads(heads, key)
        names = store.chains()
    except (OSError, StoreError) as error:
        done.findings.append(_database(str(error)))
        return done
    done.findings += _damage(store)
    lines = _by_chain(known, key, done)
    if known is None and names:
        done.findings.append(Finding("", None, HEADS, "the head file is missing"))
    done.chains = len(names)
    for name in names:
        _chain(store, key, heads, name, lines.pop(name, []), done)
    for name in lines:
        words = "all its records are missing from the database; the head file knows them"
        done.findings.append(Finding(name, 1, CUT, words))
    return done


def _damage(store: AuditStore) -> list[Finding]:
    try:
        return [_database(words) for words in store.damage()]
    except StoreError as error:
        return [_database(str(error))]


def _database(words: str) -> Finding:
    return Finding("", None, DATABASE, words)


def _by_chain(known: HeadFile | None, key: bytes, done: Inspection) -> dict[str, list[HeadLine]]:
    """The lines of each chain that can be trusted; the others, and gaps, become findings."""
    found: dict[str, list[HeadLine]] = {}
    if known is None:
        return found
    wrong = list(known.bad)
    for line in known.lines:
        if line.good:
            found.setdefault(line.chain, []).append(line)
        elif not _other_key(line.chain, key):
            wrong.append(line.number)
    for number in sorted(wrong):
        words = f"line {number} of the head file was edited"
        done.findings.append(Finding("", None, HEADS, words))
    for number in known.torn:
        done.remarks.append(f"line {number} of the head file stops short, as on a full disk")
    for name, lines in found.items():
        done.findings += _gaps(name, lines)
    return found


def _gaps(chain: str, lines: list[HeadLine]) -> Iterator[Finding]:
    reached = 0
    for line in lines:
        if line.first > reached + 1:
            words = (
                f"the head file was cut or edited: what it said of records {reached + 1} to "
                f"{line.first - 1} is gone (before line {line.number})"
            )
            yield Finding(chain, None, HEADS, words)
        reached = max(reached, line.last)


def _chain(
    store: AuditStore, key: bytes, heads: Path, name: str, lines: list[HeadLine], done: Inspection
) -> None:
    if not isinstance(name, str) or not name.isprintable():
        words = "the database holds records of a chain whose name was changed"
        done.findings.append(Finding("", None, EDITED, words))
        return
    other = _other_key(name, key)
    if other:
        words = f"it was sealed with another key ({other}) than the one given ({key_name(key)})"
        done.findings.append(Finding(name, None, KEY, words))
        return
    good, bad = _walk(store, key, name, lines)
    done.records += good
    if bad is not None:
        done.findings.append(bad)
        return
    reached = max((line.last for line in lines), default=0)
    if reached > good:
        words = f"the tail was cut: records {good + 1} to {reached} are missing"
        done.findings.append(Finding(name, good + 1, CUT, words))
    elif good > reached:
        _beyond(key, heads, name, good, lines, done)


def _beyond(
    key: bytes, heads: Path, name: str, good: int, lines: list[HeadLine], done: Inspection
) -> None:
    """The database holds more than the head file knows."""
    if good - max((line.last for line in lines), default=0) > GROUP_RECORDS:
        with suppress(OSError):  # the service has written since
            now = read_heads(heads, key)
            lines = [one for one in now.lines if one.chain == name and one.good] if now else []
    reached = max((line.last for line in lines), default=0)
    if good <= reached:
        return
    said = f"the head file says nothing of records {reached + 1} to {good}"
    if good - reached > GROUP_RECORDS or any(line.final for line in lines):
        words = f"{said}: it was cut, or the machine lost power"
        done.findings.append(Finding(name, None, HEADS, words))
    else:
        done.remarks.append(
            f"chain {name}: {said}: it is being written, its process was killed, or the file "
            "was cut"
        )


def _walk(
    store: AuditStore, key: bytes, name: str, lines: list[HeadLine]
) -> tuple[int, Finding | None]:
    """How many records are good, and the first that is not."""
    known = {line.last: line.mac for line in lines}
    good, previous = 0, genesis(key, name)
    try:
        for record in store.read(name, _BEFORE_ALL):
            seq = good + 1
            bad = _fault(store, key, record, seq, previous)
            if bad is None and known.get(seq, record.mac) != record.mac:
                words = f"record {seq} is not the one the head file knows: it was written anew"
                bad = Finding(name, seq, EDITED, words)
            if bad is not None:
                return good, bad
            good, previous = seq, record.mac
    except DamagedRecord as damaged:
        return good, Finding(name, good + 1, EDITED, str(damaged))
    except StoreError as error:
        words = f"record {good + 1} cannot be read: {error}"
        return good, Finding(name, good + 1, DATABASE, words)
    return good, None


def _fault(
    store: AuditStore, key: bytes, record: Sealed, seq: int, previous: bytes
) -> Finding | None:
    if record.seq > seq:
        last = f" to {record.seq - 1}" if record.seq > seq + 1 else ""
        return Finding(record.chain, seq, MISSING, f"record {seq}{last} is missing")
    if record.seq < seq:
        words = f"record {record.seq} was inserted"
        return Finding(record.chain, record.seq, INSERTED, words)
    if record.previous == previous and _holds(key, record, seq, record.previous, record):
        return None
    return _moved(store, key, record, previous) or Finding(
        record.chain, seq, EDITED, f"record {seq} was edited, or added without the key"
    )


def _moved(store: AuditStore, key: bytes, bad: Sealed, previous: bytes) -> Finding | None:
    """Was it put here from another place, or another record in its place?"""
    place = _true_place(store, key, bad)
    there = next(_readable(store, bad.chain, place - 1), None) if place else None
    if place and there and _holds(key, there, bad.seq, there.previous, there):
        return _swapped(bad, place)
    following = next(_readable(store, bad.chain, bad.seq), None)
    if following is not None and _holds(key, following, bad.seq, previous, following):
        return Finding(bad.chain, bad.seq, INSERTED, f"record {bad.seq} was inserted")
    if place:
        return _displaced(bad, place)
    for other in _readable(store, bad.chain, bad.seq):
        if _holds(key, bad, bad.seq, bad.previous, other):
            return _swapped(bad, other.seq)
    return None


def _displaced(bad: Sealed, place: int) -> Finding:
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


def _holds(key: bytes, sealed: Sealed, seq: int, previous: bytes, holder: Sealed) -> bool:
    """Whether the seal of `sealed` fits what `holder` says, in this place."""
    made = seal(key, sealed.chain, seq, previous, digest(holder.entry))
    return hmac.compare_digest(made, sealed.mac)


def _readable(store: AuditStore, chain: str, after: int) -> Iterator[Sealed]:
    with suppress(StoreError):
        yield from store.read(chain, after)


def _other_key(chain: str, key: bytes) -> str | None:
    """The name of the key a chain was sealed with, where it is not this one."""
    named = _KEYED.search(chain)
    return named[1] if named and named[1] != key_name(key) else None
