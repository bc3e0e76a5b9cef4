"""Retention: records of before a moment are deleted, and tombstones keep their chains verifiable.

A tombstone stands for a run of records from the beginning of its chain on, signed with the key of
the chain. A purge that is killed leaves whole tombstones: run it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice, takewhile
from pathlib import Path

from cds.audit.batch import Sealed, Tombstone
from cds.audit.chain import genesis, other_key, tombstone_tag
from cds.audit.displaced import holds
from cds.audit.findings import KEY, Finding, some
from cds.audit.kept import stamp
from cds.audit.store import AuditStore, StoreError
from cds.audit.verify import inspect

# What one transaction takes away; whoever writes waits for it. Some 0.1 s on a common disk.
MOST_RECORDS = 2000
MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Run:
    """Records `first` to `last` of a chain, all that is before the moment at its beginning."""

    chain: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"chain {self.chain}: {some(self.first, self.last)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a purge would delete, or why it refuses.

    `feedback`: how much feedback was received before the moment. `left`: chains that stay although
    they begin before it, for they were sealed with another key. `findings`: nothing may be deleted
    while there are any.
    """

    before: datetime
    runs: tuple[Run, ...]
    feedback: int
    left: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def records(self) -> int:
        """How many records there are to delete."""
        return sum(run.last - run.first + 1 for run in self.runs)

    @property
    def summary(self) -> str:
        """What is to be deleted, in words."""
        return (
            f"{self.records} records in {len(self.runs)} chains and {self.feedback} lines of "
            f"feedback from before {stamp(self.before)}"
        )


def plan(
    store: AuditStore, key: bytes, heads: Sequence[Path], spool: Path | None, before: datetime
) -> Plan:
    """Inspect the whole audit and look what is older than `before` (aware). `heads` and `spool` as
    for `inspect`. Raises StoreError.

    A record that was changed must not be taken away by the purge, or nobody would ever find it.
    """
    done = inspect(store, key, heads, spool)
    strange = (found.chain for found in done.findings if found.kind == KEY)
    left = tuple(chain for chain in strange if _is_old(store, chain, before))
    findings = tuple(found for found in done.findings if found.kind != KEY)
    if findings:
        return Plan(before, (), 0, left, findings)
    ours = (name for name in store.chains() if not other_key(name, key))
    runs = [run for name in ours if (run := _run(store, key, name, before))]
    limit = stamp(before)
    feedback = sum(told.received < limit for told in store.feedback())
    return Plan(before, tuple(runs), feedback, left, ())


def purge(store: AuditStore, key: bytes, plan: Plan, now: datetime) -> Iterator[Tombstone]:
    """Delete what was planned, and the feedback with it; each tombstone as it is on the disk.

    `now`: the moment (aware) that tombstones tell. Raises StoreError; what was deleted until then
    has its tombstone, and the next purge goes on from there.
    """
    if plan.findings:
        raise ValueError("a plan that was refused")
    for run in plan.runs:
        for stone in _stones(store, key, run.chain, plan.before, run.last):
            dated = replace(stone, purged=stamp(now))
            signed = replace(dated, tag=tombstone_tag(key, dated))
            store.bury(signed)
            yield signed
    store.forget_feedback(plan.before)
    store.scrub()


def _is_old(store: AuditStore, chain: str, before: datetime) -> bool:
    first = next(store.read(chain), None)
    return first is not None and first.entry.at < before


def _run(store: AuditStore, key: bytes, chain: str, before: datetime) -> Run | None:
    stones = list(_stones(store, key, chain, before))
    return Run(chain, stones[0].first, stones[-1].last) if stones else None


def _stones(
    store: AuditStore, key: bytes, chain: str, before: datetime, last: int | None = None
) -> Iterator[Tombstone]:
    """What is to be buried at once, one after the other, without date and tag. Ends at record
    `last`, or before the first record that is not older."""

    def is_due(item: Sealed) -> bool:
        return item.entry.at < before and (last is None or item.seq <= last)

    buried = store.tombstones(chain)
    seq, mac = (buried[-1].last, buried[-1].mac) if buried else (0, genesis(key, chain))
    while seq != last:
        due = takewhile(is_due, store.read(chain, seq))
        stone = _stone(_checked(due, key, seq, mac))
        if stone is None:
            return
        seq, mac = stone.last, stone.mac
        yield stone


def _stone(due: Iterator[Sealed]) -> Tombstone | None:
    """One for as many of these as may go at once."""
    stone, room = None, MOST_BYTES
    for item in islice(due, MOST_RECORDS):
        room -= len(item.entry.body)
        if stone is None:
            stone = Tombstone(item.chain, item.seq, item.seq, item.previous, item.mac, "", b"")
        elif room < 0:
            break
        stone = replace(stone, last=item.seq, mac=item.mac)
    return stone


def _checked(due: Iterable[Sealed], key: bytes, seq: int, mac: bytes) -> Iterator[Sealed]:
    """Each follows on the one before it, the first on record `seq` with the seal `mac`: somebody
    may have changed one since it was inspected."""
    for item in due:
        if (item.seq, item.previous) != (seq + 1, mac) or not holds(key, item, seq + 1, mac, item):
            words = f"record {seq + 1} of chain {item.chain} was changed or purged meanwhile"
            raise StoreError(f"{words}; run the purge again")
        seq, mac = item.seq, item.mac
        yield item
