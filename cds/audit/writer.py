"""One thread that writes all a worker keeps, in groups that share one fsync.

A caller waits until what it brought is on a disk: in the database, or while that is away in the
spool. Where neither takes it the caller is told so (503), and nothing leaves unrecorded.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from cds.audit.ahead import MANY
from cds.audit.batch import Archive, Told
from cds.audit.chain import Chain
from cds.audit.durable import Durable
from cds.audit.headnotes import HeadNotes
from cds.audit.heads import GROUP_RECORDS
from cds.audit.kept import Entry
from cds.audit.link import OpenStore
from cds.audit.scribes import Hire
from cds.audit.shortcut import Shortcut
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import StoreError
from cds.audit.turn import PATIENCE
from cds.audit.waiter import Item, Waiter, tell
from cds.errors import SettingsError

MOST_RECORDS = GROUP_RECORDS - MANY  # of a group: with what lies ahead of it one line of heads
GROUP_BYTES = 2 * 1024 * 1024
MOST_WAITING = 4096  # each is a caller that waits
QUIET = 0.25  # seconds without a record after which the log is folded into the database

_KEPT = "every decision is recorded"
_STARTING = "the audit is not started"
_CLOSED = "the audit is closed: the service is stopping"
_ENDED = "the audit has stopped: restart the service"


@dataclass(frozen=True, slots=True)
class AuditState:
    """`ok`: what comes is kept; `degraded`: but not as it should be. `waiting` callers wait now,
    `spooled` groups wait for the database."""

    ok: bool
    degraded: bool
    words: str
    waiting: int
    spooled: int


class AuditWriter:
    """The only way anything gets into the database. `start` it once, `close` it once."""

    def __init__(
        self,
        open_store: OpenStore,
        chain: Chain,
        spool: SpoolPlace,
        clock: Callable[[], float] = time.monotonic,
        hire: Hire | None = None,
    ) -> None:
        """`open_store` is called in the writer's thread, again after each failure; `hire` starts a
        process that helps where many come together (None: there is none)."""
        self._wake = threading.Condition()
        self._clock = clock
        self._ahead = spool.ahead
        self._durable = Durable(open_store, chain, spool, clock, self._notify, hire)
        self._shortcut = Shortcut(self._durable.front, self._hand_over, clock)
        self._heads = HeadNotes(chain, clock)
        self._waiting: deque[Waiter] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._opened = threading.Event()
        self._refused: SettingsError | None = None

    def start(self) -> None:
        """Reserve the spool, open the database and begin. Raises SettingsError where a person has
        to mend the database first; where it is only away, the service starts with the spool."""
        self._thread.start()
        self._opened.wait()
        if self._refused is not None:
            self.close()
            raise self._refused

    async def write(self, item: Item) -> None:
        """Return when it is on a disk. Raises as what `put` returns."""
        await self.put(item)

    def put(self, item: Item) -> asyncio.Future[None]:
        """Done when it is on a disk; in the event loop of its caller. It raises Overloaded (503)
        where it cannot be kept, as this does where it is nothing that can be.

        A caller that is cancelled, or told 503 because the disk hangs, may still find its record
        kept: a record too many, never one too few.
        """
        waiter = Waiter.of(item)
        if not (self._ahead and not self._closing and self._shortcut.takes(waiter)):
            self._hand_over([waiter])
        return waiter.done

    def state(self) -> AuditState:
        """How things stand, for whoever watches."""
        durable = self._durable
        ended = "" if self._thread.is_alive() and not self._closing else self._stopped()
        words = "; ".join(text for text in (ended, durable.words, self._heads.trouble) if text)
        ok = durable.keeping and not ended
        degraded = durable.degraded or bool(self._heads.trouble)
        return AuditState(ok, degraded, words or _KEPT, len(self._waiting), durable.spooled)

    def close(self) -> None:
        """Write what waits, drain what the database takes, close the files, end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def _hand_over(self, group: list[Waiter]) -> None:
        """To the thread; in the event loop of the callers, who hear of what fails."""
        with self._wake:
            refused = ""
            if self._closing or not self._thread.is_alive():
                refused = self._stopped()
            elif len(self._waiting) + len(group) > MOST_WAITING:
                refused = "too many decisions wait to be recorded; try again"
            else:
                self._waiting.extend(group)
                self._wake.notify()
        for waiter in group:
            if refused:
                waiter.refuse(refused)
            else:
                patience = waiter.loop.call_later(PATIENCE, waiter.give_up)
                waiter.done.add_done_callback(_without(patience))

    def _notify(self) -> None:
        with self._wake:
            self._wake.notify()

    def _stopped(self) -> str:
        if self._closing:
            return _CLOSED
        return _STARTING if self._thread.ident is None else _ENDED

    def _run(self) -> None:
        try:
            self._durable.open()
            self._heads.open()
        except SettingsError as error:
            self._refused = error
            self._durable.close()
            return
        finally:
            self._opened.set()
        ending = False
        while not ending:
            group, closing = self._next()
            if group:
                self._keep(group)
            elif not closing and self._quiet() == 0.0:
                self._durable.fold()
            self._durable.tend()
            self._heads.note(self._durable.head)
            self._heads.sync()
            ending = closing and not group
        self._durable.close()
        self._heads.close()

    def _next(self) -> tuple[list[Waiter], bool]:
        """What waits, up to a group; empty where something else is due, or all is done."""
        group: list[Waiter] = []
        size = 0
        with self._wake:
            if not self._waiting and not self._closing:
                dues = (self._quiet(), self._heads.due(), self._durable.due())
                self._wake.wait(min((due for due in dues if due is not None), default=None))
            while self._waiting and len(group) < MOST_RECORDS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].size
            return group, self._closing

    def _quiet(self) -> float | None:
        """Seconds until the log may be folded; None where it need not be."""
        if not self._durable.unfolded:
            return None
        return max(0.0, self._durable.front.busy_at + QUIET - self._clock())

    def _keep(self, group: list[Waiter]) -> None:
        items = [waiter.item for waiter in group]
        failure = ""
        entries = [item for item in items if isinstance(item, Entry)]
        archives = [item for item in items if isinstance(item, Archive)]
        began = self._clock()
        try:
            self._durable.keep(entries, archives, [i for i in items if isinstance(i, Told)])
        except Exception as error:  # whatever it is, the callers must hear of it
            failure = str(error) if isinstance(error, StoreError) else "it cannot be written"
        else:
            self._heads.note(self._durable.head)
        self._shortcut.took(self._clock() - began)
        tell(group, failure)


def _without(patience: asyncio.TimerHandle) -> Callable[[asyncio.Future[None]], None]:
    """Once a caller has its answer, nothing need end its wait."""
    return lambda _: patience.cancel()
