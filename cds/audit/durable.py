"""Where what is kept lies: in the database, or in the spool until the database has it.

Where both are on one disk, decisions go to the spool first and to the database a moment later, many
at once; else they go to the spool only while the database is away. What is sealed goes there under
the very seal it will have in the database, so it comes into the chain in its place whoever drains
it: this process, or the next one after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import structlog

from cds.audit.batch import Archive, Batch, Head, Told, packed
from cds.audit.chain import Chain
from cds.audit.drain import STRANGE, Leftovers, drain, set_aside
from cds.audit.front import Front, small
from cds.audit.kept import Entry
from cds.audit.link import Link, OpenStore
from cds.audit.scribes import Hire
from cds.audit.spool import Spool
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore, StoreError
from cds.errors import CdsError, SettingsError

log = structlog.get_logger("cds.audit")

LOST = "records that were kept are missing: run `cds audit verify`"


class Durable:
    """The database and the spool of one writer. Used by the writer's thread alone, but for `front`
    and for what is only told: `degraded`, `words`, `keeping` and `spooled`."""

    def __init__(
        self,
        open_store: OpenStore,
        chain: Chain,
        place: SpoolPlace,
        clock: Callable[[], float],
        wake: Callable[[], None],
        hire: Hire | None = None,
    ) -> None:
        """`wake` is called, in any thread, when `tend` has something to do of a sudden; `hire`
        starts a scribe, None where there is none."""
        self._link = Link(open_store, clock, wake)
        self._chain, self._place, self._clock, self._wake = chain, place, clock, wake
        self.front = front = Front(chain, place, clock, wake, hire)
        front.watch(lambda: self._link.away, self._abandon)
        self._turn, self._reserve, self._ahead = front.turn, front.reserve, front.ahead
        self._leftovers = Leftovers(place.folder)
        self._gap = False
        self._in_database = 0  # the last record of our chain known to be there
        self._lost = ""
        # the last record that is where it will be looked for: its chain, number and seal
        self.head: Head | None = None
        self.unfolded = False  # whether `fold` has something to do
        self.keeping = False  # whether there is a place that takes what comes

    @property
    def spooled(self) -> int:
        """How many groups wait in the spool for the database."""
        return self._reserve.waiting

    @property
    def degraded(self) -> bool:
        """Whether the database is away, or there is no spool for when it will be."""
        return self._link.away or bool(self._reserve.trouble or self._lost)

    @property
    def words(self) -> str:
        """What is the matter, without any path; empty where nothing is."""
        away = self._link.public if self._link.away else ""
        long = 0 if self._ahead else self.spooled  # what lies ahead does not wait for long
        waits = f"{long} groups of records wait in the spool" if long else ""
        return "; ".join(filter(None, (away, waits, self._reserve.trouble, self._lost)))

    def open(self) -> None:
        """Reserve the spool, open the database. Raises SettingsError where a person has to mend it
        first; a database that is only away or locked does not keep the service down."""
        self._reserve.make_room()
        try:
            self._back(self._reach())
        except SettingsError:
            raise
        except CdsError as error:
            self._give_up(error)
            self.keeping = self._reserve.there

    def keep(self, entries: Iterable[Entry], kept: Iterable[Archive], told: Iterable[Told]) -> None:
        """All of it is on a disk on return. Raises CdsError where neither place takes it."""
        stored = [small(entry) for entry in entries]
        with self._turn:
            self.front.busy_at = self._clock()
            batch = Batch(self._chain.sealed(stored), tuple(kept), tuple(told))
            if self._link.away or not self.front.put(batch):
                failure = None if self._link.away else self._to_database(batch)
                if self._link.away:
                    self._to_spool(batch, failure)
            if batch.records:
                self._chain.advance(batch.records[-1])
            self.keeping = True

    def due(self) -> float | None:
        """Seconds until `tend` has something to do; None where it has not."""
        dues = (self._due(), None if self._link.away else self.front.scribes.due())
        return min((due for due in dues if due is not None), default=None)

    def _due(self) -> float | None:
        if self._link.away:
            return self._link.due()
        if self._leftovers:
            return 0.0
        if self.spooled and self._reserve.usable:
            return self._ahead.due() if self._ahead else 0.0
        return self._reserve.due()

    def tend(self) -> None:
        """A little of what there is to do between groups: reach for the database, drain."""
        self.front.tend(None if self._link.away else self._link.store)
        with self._turn:
            store, places = self._link.store, self.front.lying()
            if store is None or not places:
                self._tend()
                return
        strangers, failure = 0, None
        try:
            # Without the turn: more may be put into the spool meanwhile.
            strangers = self.front.carried(store, places)
        except Exception as error:  # the spool has them; the state says what is the matter
            failure = error
        with self._turn:
            if failure is not None:
                self._give_up(failure)
            elif strangers:
                self._ahead.clear()  # they are found again as what waits is drained
            else:
                self.unfolded = True
                self._note(self.front.drop(len(places)))

    def _tend(self) -> None:
        if self._due() != 0.0:
            return
        try:
            if not self._link.found():
                return
            store = self._link.store or self._reach()
            if self.spooled and not (self._ahead and self._ahead.due()):
                self._drain(store, self._reserve.spool())
            elif self._link.away:
                self._back(store)
            elif self._leftovers:
                self._lost = self._leftovers.drain_some(store) or self._lost
            else:
                self._reserve.make_room()
        except Exception as error:  # the writer must live; the state says what is the matter
            self._give_up(error)

    def fold(self) -> None:
        """In a quiet moment, so that no caller waits for it."""
        self.unfolded = False
        failure = self._link.fold()
        with self._turn:
            self._reserve.wipe()
            if failure is not None:
                self._give_up(failure)

    def close(self) -> None:
        """Drain while the database takes it, and close. What stays in the spool is drained by the
        next process of this machine."""
        with self._turn:
            self.front.scribes.close()
            with suppress(Exception):  # what stays is in the spool
                store = (self._link.store or self._reach()) if self.spooled else None
                while store is not None and self.spooled:
                    self._drain(store, self._reserve.spool())
            self._leftovers.close()
            self._reserve.close()
            self._link.close()

    def _reach(self) -> AuditStore:
        """Open the database. One that was put back to an older state lacks records of ours: to go
        on in the same chain would hide that."""
        store = self._link.open()
        if (store.head(self._chain.name) or (0, b""))[0] < self._in_database:
            self._gap, self._lost = True, LOST
            log.error("records missing", reason=LOST)
        return store

    def _to_database(self, batch: Batch) -> Exception | None:
        """None where it is there, after all that lay ahead. What failed may be there too."""
        assert self._link.store is not None  # noqa: S101 - not away
        try:
            while self.spooled:
                self._drain(self._link.store, self._reserve.spool())
            self._link.store.add(batch)
        except Exception as error:  # whatever it is, the spool must have it
            self._give_up(error)
            return error
        self.unfolded = True
        self._note(batch.head)
        return None

    def _note(self, head: Head | None) -> None:
        """So far the records are where they will be looked for."""
        if head is None:
            return
        self.head = head
        if not self._link.away and head[0] == self._chain.name:
            self._in_database = head[1]

    def _to_spool(self, batch: Batch, failure: Exception | None) -> None:
        """`failure` is why the database did not take it just now; None where nobody asked it."""
        if self._reserve.put(packed(batch)):
            self._note(batch.head)
            return
        self.keeping = False
        if batch.records and (failure is not None or not self._reserve.usable):
            self._abandon()
        raise StoreError(self._link.public)

    def _abandon(self) -> None:
        """The database, or a spool that broke, may have taken records before it failed: nothing
        else may ever be given their places."""
        self._chain.begin_anew()
        self._in_database = 0

    def _drain(self, store: AuditStore, spool: Spool) -> None:
        self._ahead.clear()
        frames, taken = drain(store, spool)
        if taken:
            set_aside(self._place, taken)
            self._lost = STRANGE
            log.error("records set aside", records=len(taken), reason=self._lost)
        spool.drop(frames)
        self.unfolded, self._reserve.trouble = True, ""
        if not spool.waiting and not self._link.away:
            self._in_database = self._chain.seq
            self.head = self._chain.head

    def _back(self, store: AuditStore) -> None:
        """Nothing waits any more: the chain goes on in the database."""
        if self._gap:
            self._chain.begin_anew()
        self._chain.resume(store.head(self._chain.name))
        self._in_database, self._gap = self._chain.seq, False
        self._link.use()
        self.keeping = True
        self._leftovers.look()

    def _give_up(self, error: Exception) -> None:
        """What lies in the spool is read from there once the database is back."""
        self._link.give_up(error)
        self._leftovers.close()
        self._ahead.clear()
