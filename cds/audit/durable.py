"""Where what is kept lies: in the database, or in the spool until the database has it.

Where both are on one disk, decisions go to the spool first and to the database a moment later, many
at once; else they go to the spool only while the database is away. What is sealed goes there under
the very seal it will have in the database, so it comes into the chain in its place whoever drains
it: this process, or the next one after a crash.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

import structlog

from cds.audit.ahead import Ahead
from cds.audit.batch import Archive, Batch, Told, joined, packed
from cds.audit.chain import Chain
from cds.audit.drain import STRANGE, Leftovers, drain, set_aside
from cds.audit.kept import Entry
from cds.audit.link import Link, OpenStore
from cds.audit.reserve import Reserve
from cds.audit.spool import Spool
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore, StoreError
from cds.audit.stored import closed
from cds.errors import CdsError, SettingsError

log = structlog.get_logger("cds.audit")

LOST = "records that were kept are missing: run `cds audit verify`"


class Durable:
    """The database and the spool of one writer. Used by the writer's thread alone, but for
    `keep_ahead` and for what is only told: `degraded`, `words`, `keeping` and `spooled`."""

    def __init__(
        self,
        open_store: OpenStore,
        chain: Chain,
        place: SpoolPlace,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called, in any thread, when `tend` has something to do of a sudden."""
        self._turn = threading.Lock()  # whoever seals records and puts them somewhere has it
        self._link = Link(open_store, clock, wake)
        self._chain, self._place, self._clock, self._wake = chain, place, clock, wake
        self._reserve = Reserve(place, clock)
        self._ahead = Ahead(clock)
        self._leftovers = Leftovers(place.folder)
        self._gap = False
        self._in_database = 0  # the last record of our chain known to be there
        self._lost = ""
        # the last record that is where it will be looked for: its chain, number and seal
        self.head: tuple[str, int, bytes] | None = None
        self.unfolded = False  # whether `fold` has something to do
        self.busy_at = 0.0  # when something came last
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
        small = [_small(entry) for entry in entries]
        with self._turn:
            self.busy_at = self._clock()
            batch = Batch(self._chain.sealed(small), tuple(kept), tuple(told))
            if not self._put_ahead(batch):
                failure = None if self._link.away else self._to_database(batch)
                if self._link.away:
                    self._to_spool(batch, failure)
            if batch.records:
                self._chain.advance(batch.records[-1])
            self.keeping = True

    def keep_ahead(self, entries: Sequence[Entry]) -> bool:
        """Whether they lie in the spool now, and the database has them in a moment; else they are
        nowhere. In any thread: it waits for no other, and touches no database."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            if self._link.away or not self._place.ahead or not self._reserve.usable:
                return False
            self.busy_at = self._clock()
            batch = Batch(self._chain.sealed(map(_small, entries)))
            first = not self._ahead
            if self._put_ahead(batch):
                self._chain.advance(batch.records[-1])
                if first:
                    self._wake()
                return True
            if self._reserve.broken:
                self._abandon()
            return False
        finally:
            self._turn.release()

    def due(self) -> float | None:
        """Seconds until `tend` has something to do; None where it has not."""
        if self._link.away:
            return self._link.due()
        if self._leftovers:
            return 0.0
        if self.spooled and self._reserve.usable:
            return self._ahead.due() if self._ahead else 0.0
        return self._reserve.due()

    def tend(self) -> None:
        """A little of what there is to do between groups: reach for the database, drain."""
        with self._turn:
            store, lying = self._link.store, self._lying()
            if store is None or not lying:
                self._tend()
                return
        try:
            store.add(joined(lying))  # more may be put into the spool meanwhile
            failure = None
        except Exception as error:  # the spool has them; the state says what is the matter
            failure = error
        with self._turn:
            if failure is None:
                self._landed(lying)
            else:
                self._give_up(failure)

    def _tend(self) -> None:
        if self.due() != 0.0:
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

    def _put_ahead(self, batch: Batch) -> bool:
        """Whether it lies in the spool, for the database to have in a moment. Rules and feedback
        do not: whoever brought them may ask for them at once."""
        if self._link.away or not self._place.ahead or batch.archives or batch.told:
            return False
        frame = packed(batch)
        room = self._ahead.has_room(len(batch.records)) and self._reserve.has_room(frame)
        if not room or not self._reserve.put(frame):
            return False
        self._ahead.put(batch)
        return True

    def _to_database(self, batch: Batch) -> Exception | None:
        """None where it is there, with all that lay ahead. What failed may be there too."""
        assert self._link.store is not None  # noqa: S101 - not away
        try:
            self._link.store.add(self._ahead.together(batch))
        except Exception as error:  # whatever it is, the spool must have it
            self._give_up(error)
            return error
        self._landed(self._ahead.batches)
        self._note(batch)
        return None

    def _lying(self) -> tuple[Batch, ...]:
        """What lies ahead and is due, where its frames may stay in the spool for a moment more."""
        ahead = self._ahead
        odd = len(ahead) != self.spooled or self._reserve.filling
        return () if odd or not ahead or ahead.due() else ahead.batches

    def _landed(self, batches: Sequence[Batch]) -> None:
        """The database has these, which lay ahead of all others."""
        self.unfolded = True
        self._ahead.drop(len(batches))
        self._reserve.drop(len(batches))
        for batch in batches[-1:]:
            self._note(batch)

    def _note(self, batch: Batch) -> None:
        """The last of these is the last that is where it will be looked for."""
        for last in batch.records[-1:]:
            self.head = (last.chain, last.seq, last.mac)
            if not self._link.away and last.chain == self._chain.name:
                self._in_database = last.seq

    def _to_spool(self, batch: Batch, failure: Exception | None) -> None:
        """`failure` is why the database did not take it just now; None where nobody asked it."""
        if self._reserve.put(packed(batch)):
            self._note(batch)
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
            self.head = (self._chain.name, self._chain.seq, self._chain.mac)

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


def _small(entry: Entry) -> Entry:
    body = closed(entry.body)
    return entry if body is entry.body else replace(entry, body=body)
