"""One thread that writes all a worker keeps, in groups that share one fsync.

A caller waits until what it brought is on a disk: in the database, or while that is away in the
spool. Where neither takes it the caller is told so (503), and nothing leaves unrecorded.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cds.audit.batch import Archive, Told
from cds.audit.chain import Chain
from cds.audit.durable import Durable, OpenStore
from cds.audit.entry import Entry
from cds.audit.headnotes import HeadNotes
from cds.audit.heads import GROUP_RECORDS
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import StoreError, stamp
from cds.audit.stored import LARGEST
from cds.errors import Overloaded, SettingsError

GROUP_BYTES = 2 * 1024 * 1024
MOST_WAITING = 4096  # each is a caller that waits
LONGEST = 600  # characters of a text that an index holds
QUIET = 0.25  # seconds without a record after which the log is folded into the database
PATIENCE = 5.0  # seconds a caller waits for a disk that hangs

_KEPT = "every decision is recorded"
_STARTING = "the audit is not started"
_CLOSED = "the audit is closed: the service is stopping"
_ENDED = "the audit has stopped: restart the service"

Item = Entry | Archive | Told
_NAMES = {Entry: "the decision", Archive: "the rulebook", Told: "the feedback"}


@dataclass(frozen=True, slots=True)
class AuditState:
    """`ok`: what comes is kept; `degraded`: but not as it should be. `waiting` callers wait now,
    `spooled` groups wait for the database."""

    ok: bool
    degraded: bool
    words: str
    waiting: int
    spooled: int


@dataclass(frozen=True, slots=True)
class _Waiter:
    item: Item
    size: int
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]

    def settle(self, failure: str) -> None:
        """In its own event loop."""
        if failure:
            self._refuse(f"was not recorded: {failure}")
        elif not self.done.done():
            self.done.set_result(None)

    def give_up(self) -> None:
        """In its own event loop: it has waited for long enough."""
        self._refuse("was not recorded in time; try again")

    def _refuse(self, why: str) -> None:
        if not self.done.done():  # else its caller was cancelled, or has its answer
            self.done.set_exception(Overloaded(f"{_NAMES[type(self.item)]} {why}"))


class AuditWriter:
    """The only way anything gets into the database. `start` it once, `close` it once."""

    def __init__(
        self,
        open_store: OpenStore,
        chain: Chain,
        spool: SpoolPlace,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_store` is called in the writer's thread, again after each failure."""
        self._wake = threading.Condition()
        self._durable = Durable(open_store, chain, spool, clock, self._notify)
        self._heads = HeadNotes(chain, clock)
        self._waiting: deque[_Waiter] = deque()
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
        """Return when it is on a disk. Raises Overloaded (503) where it cannot be kept.

        A caller that is cancelled, or told 503 because the disk hangs, may still find its record
        kept: a record too many, never one too few.
        """
        size = _checked(item)
        loop = asyncio.get_running_loop()
        waiter = _Waiter(item, size, loop, loop.create_future())
        with self._wake:
            if self._closing or not self._thread.is_alive():
                raise Overloaded(self._stopped())
            if len(self._waiting) >= MOST_WAITING:
                raise Overloaded("too many decisions wait to be recorded; try again")
            self._waiting.append(waiter)
            self._wake.notify()
        patience = loop.call_later(PATIENCE, waiter.give_up)
        try:
            await waiter.done
        finally:
            patience.cancel()

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
            elif not closing and self._durable.unfolded:
                self._durable.fold()
            self._durable.tend()
            self._heads.sync()
            ending = closing and not group
        self._durable.close()
        self._heads.close()

    def _next(self) -> tuple[list[_Waiter], bool]:
        """What waits, up to a group; empty where something else is due, or all is done."""
        group: list[_Waiter] = []
        size = 0
        with self._wake:
            if not self._waiting and not self._closing:
                quiet = QUIET if self._durable.unfolded else None
                dues = (quiet, self._heads.due(), self._durable.due())
                self._wake.wait(min((due for due in dues if due is not None), default=None))
            while self._waiting and len(group) < GROUP_RECORDS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += group[-1].size
            return group, self._closing

    def _keep(self, group: list[_Waiter]) -> None:
        items = [waiter.item for waiter in group]
        failure = ""
        try:
            entries = [item for item in items if isinstance(item, Entry)]
            archives = [item for item in items if isinstance(item, Archive)]
            self._durable.keep(entries, archives, [i for i in items if isinstance(i, Told)])
        except Exception as error:  # whatever it is, the callers must hear of it
            failure = str(error) if isinstance(error, StoreError) else "it cannot be written"
        else:
            if entries:
                self._heads.note()
        _tell(group, failure)


def _checked(item: Item) -> int:
    """About how many bytes it has. What cannot be kept must not take down those it would share a
    group with, nor wait for a database that will never take it."""
    if isinstance(item, Archive):
        return len(item.packed)
    rows = item.rows if isinstance(item, Told) else (_texts(item),)
    try:
        text = "".join(text for row in rows for text in row)
        size = len(text.encode())
        if "\0" in text:
            raise ValueError
        if isinstance(item, Entry):
            if max(map(len, (item.id, item.client, item.patient))) > LONGEST:
                raise ValueError
            stamp(item.at)  # raises where its offset is missing
            size += len(item.body)
    except ValueError:
        what = _NAMES[type(item)]
        raise Overloaded(f"{what} cannot be recorded: it holds text that is none") from None
    if size > LARGEST:
        raise Overloaded(f"{_NAMES[type(item)]} cannot be recorded: it is too large")
    return size


def _texts(entry: Entry) -> tuple[str, ...]:
    own = (entry.id, entry.client, entry.service, entry.hook, entry.patient, entry.rulebook)
    shown = (text for card in entry.shown for text in (card.card, card.rule, card.row, card.band))
    return (*own, entry.site, entry.engine, *shown)


def _tell(group: Iterable[_Waiter], failure: str) -> None:
    """Wake the callers, each in its own event loop, one call a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[_Waiter]] = {}
    for waiter in group:
        loops.setdefault(waiter.loop, []).append(waiter)
    for loop, waiters in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, waiters, failure)
        except RuntimeError:  # that loop is closed, nobody waits there any more
            continue


def _settle(waiters: list[_Waiter], failure: str) -> None:
    for waiter in waiters:
        waiter.settle(failure)
