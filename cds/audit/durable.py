"""Where what is kept lies: in the database, and while that is away in the spool.

What is sealed goes to the spool under the very seal it will have in the database, so it comes into
the chain in its place whoever drains it: this process, or the next one after a crash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

import structlog

from cds.audit.batch import Archive, Batch, Told, packed
from cds.audit.chain import Chain
from cds.audit.drain import STRANGE, Leftovers, drain, set_aside
from cds.audit.entry import Entry
from cds.audit.probe import Probe
from cds.audit.spool import Spool, SpoolError
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore, StoreError
from cds.audit.stored import closed
from cds.errors import CdsError, SettingsError

log = structlog.get_logger("cds.audit")

FIRST_TRY, LAST_TRY = 0.25, 5.0  # seconds between attempts to reach a database that is away
LOST = "records that were kept are missing: run `cds audit verify`"
ROOM_TRY = 30.0  # seconds between attempts to reserve a spool where there was no room for one

OpenStore = Callable[[], AuditStore]


class Durable:
    """The database and the spool of one writer. Used by the writer's thread alone; only `degraded`,
    `words`, `keeping` and `spooled` may be read from another one."""

    def __init__(
        self,
        open_store: OpenStore,
        chain: Chain,
        place: SpoolPlace,
        clock: Callable[[], float],
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called, in any thread, when `tend` has something to do of a sudden."""
        self._probe = Probe(open_store, wake)
        self._open_store, self._chain, self._place, self._clock = open_store, chain, place, clock
        self._store: AuditStore | None = None
        self._spool: Spool | None = None
        self._leftovers = Leftovers(place.folder)
        self._away, self._gap = True, False
        self._in_database = 0  # the last record of our chain known to be there
        self._pause, self._next_try, self._next_room = FIRST_TRY, 0.0, 0.0
        self._trouble = self._public = self._spool_trouble = self._lost = ""
        self.unfolded = False  # whether `fold` has something to do
        self.keeping = False  # whether there is a place that takes what comes

    @property
    def spooled(self) -> int:
        """How many groups wait in the spool for the database."""
        return self._spool.waiting if self._spool else 0

    @property
    def degraded(self) -> bool:
        """Whether the database is away, or there is no spool for when it will be."""
        return self._away or bool(self._spool_trouble or self._lost)

    @property
    def words(self) -> str:
        """What is the matter, without any path; empty where nothing is."""
        away = self._public if self._away else ""
        waits = f"{self.spooled} groups of records wait in the spool" if self.spooled else ""
        return "; ".join(text for text in (away, waits, self._spool_trouble, self._lost) if text)

    def open(self) -> None:
        """Reserve the spool, open the database. Raises SettingsError where a person has to mend it
        first; a database that is only away or locked does not keep the service down."""
        self._make_room()
        try:
            self._back(self._reach())
        except SettingsError:
            raise
        except CdsError as error:
            self._give_up(error)
            self.keeping = self._spool is not None

    def keep(self, entries: Iterable[Entry], kept: Iterable[Archive], told: Iterable[Told]) -> None:
        """All of it is on a disk on return. Raises CdsError where neither place takes it."""
        small = (replace(entry, body=closed(entry.body)) for entry in entries)
        records = self._chain.sealed(small)
        batch = Batch(records, tuple(kept), tuple(told))
        failure = None if self._away else self._to_database(batch)
        if self._away:
            self._to_spool(batch, failure)
        if batch.records:
            self._chain.advance(batch.records[-1])
        self.keeping = True

    def due(self) -> float | None:
        """Seconds until `tend` has something to do; None where it has not."""
        if self._away:
            return self._due_away()
        if self._leftovers:
            return 0.0
        return max(0.0, self._next_room - self._clock()) if self._roomless else None

    def tend(self) -> None:
        """A little of what there is to do between groups: reach for the database, drain."""
        if self.due() != 0.0:
            return
        if self._store is None and not self._found():
            return
        try:
            store = self._store or self._reach()
            if self.spooled:
                self._drain(store, self._own_spool())
            elif self._away:
                self._back(store)
            elif self._leftovers:
                self._lost = self._leftovers.drain_some(store) or self._lost
            else:
                self._make_room()
        except Exception as error:  # the writer must live; the state says what is the matter
            self._give_up(error)

    def fold(self) -> None:
        """In a quiet moment, so that no caller waits for it."""
        if self.unfolded and self._store is not None:
            try:
                self._store.fold()
            except StoreError as error:
                self._give_up(error)
        self.unfolded = False

    def close(self) -> None:
        """Drain while the database takes it, and close. What stays in the spool is drained by the
        next process of this machine."""
        self._probe.close()
        with suppress(Exception):  # what stays is in the spool
            store = (self._store or self._reach()) if self.spooled else None
            while store is not None and self.spooled:
                self._drain(store, self._own_spool())
        self._leftovers.close()
        if self._spool is not None:
            with suppress(OSError):
                self._spool.close()
        self._close_store()

    def _due_away(self) -> float | None:
        if self._store is not None or self._probe.answer:
            return 0.0
        return None if self._probe.asking else max(0.0, self._next_try - self._clock())

    def _found(self) -> bool:
        """Whether the database can be reached again; asks where nobody has asked."""
        if not self._probe.asking:
            self._probe.ask()
        if not self._probe.answer:
            return False
        error = self._probe.look()
        if error is not None:
            self._give_up(error)
        return error is None

    def _reach(self) -> AuditStore:
        """Open the database. One that was put back to an older state lacks records of ours: to go
        on in the same chain would hide that."""
        self._store = store = self._open_store()
        head = store.head(self._chain.name)
        if (head[0] if head else 0) < self._in_database:
            self._gap, self._lost = True, LOST
            log.error("records missing", reason=LOST)
        return store

    def _to_database(self, batch: Batch) -> Exception | None:
        """None where it is there now. What failed may be there all the same."""
        assert self._store is not None  # noqa: S101 - not away
        try:
            self._store.add(batch)
        except Exception as error:  # whatever it is, the spool must have it
            self._give_up(error)
            return error
        self.unfolded = True
        self._in_database = batch.records[-1].seq if batch.records else self._in_database
        return None

    def _to_spool(self, batch: Batch, failure: Exception | None) -> None:
        """`failure` is why the database did not take it just now; None where nobody asked it."""
        try:
            self._own_spool().put(packed(batch))
        except (OSError, SpoolError) as error:
            self._spool_trouble, self.keeping = _words(error), False
            if batch.records and (failure is not None or self._roomless):
                # The database, or a spool that broke, may have taken these before it failed:
                # nothing else may ever be given their places.
                self._chain.begin_anew()
                self._in_database = 0
            raise StoreError(self._public) from None

    @property
    def _roomless(self) -> bool:
        return self._spool is None or not self._spool.usable

    def _make_room(self) -> None:
        """A disk that had no room for the spool may have some now."""
        self._next_room = self._clock() + ROOM_TRY
        with suppress(OSError):
            self._own_spool()

    def _own_spool(self) -> Spool:
        """Raises OSError where there is no room to reserve."""
        if self._spool is not None and not self._spool.usable:
            self._spool.close()  # what waits in it is read again from the file
            self._spool = None
        if self._spool is None:
            try:
                self._spool = Spool.open(self._place.file, self._place.reserve)
            except OSError as error:
                self._spool_trouble = _words(error)
                raise
            self._spool_trouble = ""
        return self._spool

    def _drain(self, store: AuditStore, spool: Spool) -> None:
        frames, taken = drain(store, spool)
        if taken:
            set_aside(self._place, taken)
            self._lost = STRANGE
            log.error("records set aside", records=len(taken), reason=self._lost)
        spool.drop(frames)
        self._spool_trouble = ""

    def _back(self, store: AuditStore) -> None:
        """Nothing waits any more: the chain goes on in the database."""
        if self._gap:
            self._chain.begin_anew()
        self._chain.resume(store.head(self._chain.name))
        self._in_database, self._gap = self._chain.seq, False
        if self._trouble:
            log.info("audit database in use again")
        self._away, self._trouble, self._pause = False, "", FIRST_TRY
        self.keeping = True
        self._leftovers.look()

    def _give_up(self, error: Exception) -> None:
        """Nothing is known of a database that failed; it is opened anew after a while."""
        said = str(error) if isinstance(error, CdsError) else type(error).__name__
        if said != self._trouble:
            log.error("audit database not used", reason=said)
        # Clients are told why, not where: only a StoreError is written without paths.
        public = isinstance(error, StoreError)
        self._public = said if public else "the audit database cannot be opened"
        self._trouble, self._away = said, True
        self._next_try = self._clock() + self._pause
        self._pause = min(self._pause * 2, LAST_TRY)
        self._leftovers.close()
        self._close_store()

    def _close_store(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):  # it may have failed in any way
                store.close()


def _words(error: OSError | SpoolError) -> str:
    said = str(error) if isinstance(error, SpoolError) else error.strerror or str(error)
    return f"the spool cannot be used ({said})"
