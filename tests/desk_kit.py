"""A database of decisions about synthetic patients, and the desk that looks back at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from audit_kit import KEY, NOW, chain_in, keep, told
from cds.audit.batch import Archive, Batch, Told, packed
from cds.audit.codec import canonical
from cds.audit.entry import Identity
from cds.audit.kept import Entry, stamp
from cds.audit.rulebooks import archive
from cds.audit.spool import Spool
from cds.audit.store import AuditStore
from cds.desk import Desk
from kept_decisions import CLIENT, KEYED, RULES, answered, book, named

FIRST = "first-card"  # two cards
QUIET = "si-units"  # no card
GAPS = "problems-query-failed"
FOLDED = "five-findings-at-once"
UNREAD = "one-unreadable-observation"
ORDERS = "signing-two-electrolyte-orders"
ALL = (FIRST, QUIET, GAPS, FOLDED, UNREAD, ORDERS)


@dataclass
class Seconds:
    """A clock that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Office:
    """A folder with a database of the decisions of `ALL`, a minute apart, the last one at `NOW`."""

    folder: Path
    identity: Identity = KEYED

    @property
    def place(self) -> Path:
        return self.folder / "audit.sqlite3"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def entry(self, name: str) -> Entry:
        number = ALL.index(name) + 1
        return replace(
            named(name).entry(self.identity), at=NOW - timedelta(minutes=len(ALL) - number)
        )

    def fill(self) -> Office:
        with closing(AuditStore.open(self.place)) as store:
            keep(store, chain_in(self.folder), map(self.entry, ALL))
            store.add(Batch(archives=(Archive(book().digest, archive(RULES)),)))
        return self

    def more(self, entry: Entry, process: int = 2) -> None:
        """One more record, in a chain of its own."""
        with closing(AuditStore.open(self.place)) as store:
            keep(store, chain_in(self.folder, process), [entry])

    def tell(self, name: str, card: int, outcome: str, system: str = "", code: str = "") -> None:
        """Feedback on one of the cards of a decision."""
        shown = self.entry(name)
        at = stamp(NOW)
        row = told(
            CLIENT.name, shown.service, shown.shown[card].card, outcome, at, "[]", system, code, at
        )
        with closing(AuditStore.open(self.place)) as store:
            store.add(Batch(told=(Told((row,)),)))

    @contextmanager
    def waiting(self, *entries: Entry) -> Iterator[None]:
        """These in the spool of a process that is there."""
        self.spool.mkdir(exist_ok=True)
        chain = chain_in(self.folder, 9)
        spool = Spool.open(self.spool / f"{chain.name}.spool", 1 << 20)
        try:
            spool.put(packed(Batch(records=chain.sealed(entries))))
            yield
        finally:
            spool.close()

    def desk(self, clock: Any = None, current: Any = book, wall: Any = lambda: NOW) -> Desk:
        return Desk(
            lambda: AuditStore.read_only(self.place, wait=0.2),
            KEY, self.spool, current, wall, clock or Seconds(),
        )  # fmt: skip


def otherwise(entry: Entry, **members: Any) -> Entry:
    """A record whose sealed body says something else, under another id."""
    found = next(x for x in answered() if x.entry().id == entry.id)
    return replace(entry, id="otherwise", body=canonical({**found.body(), **members}))


def at(minutes: int) -> datetime:
    """So many minutes before the last decision."""
    return NOW - timedelta(minutes=minutes)
