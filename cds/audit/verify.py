"""Is the audit what was written? Finds the first bad record of every chain and says what it is,
and what else is not as the records say: cards, marks, rules, feedback.

Without the key, or with a part of the files only, some things cannot be told: a tail that was cut
from the database *and* from the head file, and a chain that was taken out of both. Feedback that
was deleted is never missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from cds.audit.chain import key_name, other_key
from cds.audit.findings import (
    CARDS,
    CUT,
    DATABASE,
    EDITED,
    FEEDBACK,
    HEADS,
    INSERTED,
    KEY,
    MARKS,
    MISSING,
    RULEBOOK,
    SPOOL,
    SWAPPED,
    TOMBSTONE,
    Finding,
    Inspection,
    some,
)
from cds.audit.headcheck import compare, known_heads, missing_heads
from cds.audit.spooled import read_spool
from cds.audit.store import AuditStore, StoreError
from cds.audit.vouch import Witness
from cds.audit.walk import Walk

__all__ = [
    "CARDS", "CUT", "DATABASE", "EDITED", "FEEDBACK", "HEADS", "INSERTED", "KEY", "MARKS",
    "MISSING", "RULEBOOK", "SPOOL", "SWAPPED", "TOMBSTONE", "Finding", "Inspection",
    "inspect", "verify",
]  # fmt: skip


def verify(
    store: AuditStore, key: bytes, heads: Sequence[Path], spool: Path | None = None
) -> list[Finding]:
    """All findings; none means that every record stands as it was written, in its place."""
    return inspect(store, key, heads, spool).findings


def inspect(
    store: AuditStore, key: bytes, heads: Sequence[Path], spool: Path | None = None
) -> Inspection:
    """Read everything. The service may go on writing, and a purge may go on, meanwhile.

    `heads`: the head file of this machine and those of others that write to the same database.
    `spool`: the folder where records of this machine wait.
    """
    done = Inspection()
    try:
        # A service that writes puts a record into the spool or the database first and the line
        # into the head file then, and takes it from the spool once it is in the database. So
        # whoever reads in this order sees all that a line speaks of.
        known = known_heads(heads, key, done)
        spooled = read_spool(spool)
        names = list(dict.fromkeys([*store.chains(), *spooled.chains]))
    except (OSError, StoreError) as error:
        done.findings.append(_database(str(error)))
        return done
    done.findings += [*_damage(store), *spooled.findings, *(missing_heads(heads) if names else ())]
    done.chains = len(names)
    ours = [name for name in names if _is_ours(name, key, done)]
    witness = Witness(store, key, ours)
    for name in ours:
        lines = known.get(name, [])
        walk = Walk(store, key, name, lines, spooled.of(name), witness)
        if _chain(walk, name, done):
            compare(heads, key, name, walk.good, lines, done)
            witness.end(name, done)
    done.findings += _lost(name for name in known if name not in names)
    witness.close(done)
    return done


def _lost(chains: Iterable[str]) -> Iterator[Finding]:
    words = "all its records are missing from the database; the head file knows them"
    return (Finding(name, 1, CUT, words) for name in chains)


def _damage(store: AuditStore) -> list[Finding]:
    try:
        return [_database(words) for words in store.damage()]
    except StoreError as error:
        return [_database(str(error))]


def _database(words: str) -> Finding:
    return Finding("", None, DATABASE, words)


def _is_ours(name: str, key: bytes, done: Inspection) -> bool:
    """Whether the seals of this chain can be checked."""
    if not isinstance(name, str) or not name.isprintable():
        words = "the database holds records of a chain whose name was changed"
        done.findings.append(Finding("", None, EDITED, words))
        return False
    other = other_key(name, key)
    if other:
        words = f"it was sealed with another key ({other}) than the one given ({key_name(key)})"
        done.findings.append(Finding(name, None, KEY, words))
    return other is None


def _chain(walk: Walk, name: str, done: Inspection) -> bool:
    """Whether every record of it stands as it was written, in its place."""
    bad = walk.run()
    done.records += walk.records
    done.purged += walk.purged
    if bad is not None:
        done.findings.append(bad)
        return False
    kept = walk.purged + walk.records
    if walk.good > kept:
        done.waiting += walk.good - kept
        done.remarks.append(f"chain {name}: waiting in the spool: {some(kept + 1, walk.good)}")
    return True
