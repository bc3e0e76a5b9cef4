"""One thread that writes all records of a worker, in groups that share one fsync.

A caller waits until its record is on the disk. Where the database cannot be written, each caller
is told so (503) and nothing leaves unrecorded: there is no second place yet where records could
wait for the database.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from cds.audit.chain import Chain, digest
from cds.audit.entry import Entry
from cds.audit.heads import GROUP_RECORDS, HeadWriter
from cds.audit.store import AuditStore, StoreError
from cds.errors import CdsError, Overloaded, SettingsError

GROUP_BYTES = 2 * 1024 * 1024
MOST_WAITING = 4096  # records; each is a caller that waits
LARGEST = 64 * 1024 * 1024  # bytes of one record
QUIET = 0.25  # seconds without a record after which the log is folded into the database
PATIENCE = 5.0  # seconds a caller waits for a disk that hangs

_KEPT = "every decision is recorded"
_CLOSED = "the audit is closed: the service is stopping"
_ENDED = "the audit has stopped: restart the service"


@dataclass(frozen=True, slots=True)
class _Waiter:
    entry: Entry
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class AuditWriter:
    """The only way a record gets into the database. `start` it once, `close` it once."""

    def __init__(
        self,
        open_store: Callable[[], AuditStore],
        chain: Chain,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`open_store` is called in the writer's thread, again after each failure."""
        self._open_store, self._chain, self._clock = open_store, chain, clock
        self._wake = threading.Condition()
        self._waiting: deque[_Waiter] = deque()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._opened = threading.Event()
        self._refused: SettingsError | None = None
        self._store: AuditStore | None = None
        self._heads: HeadWriter | None = None
        self._unfolded = False
        self._noted = 0  # the last record the head file knows
        self._trouble = "the audit is not started"
        self._heads_trouble = self._lost = ""

    def start(self) -> None:
        """Open the database and begin. Raises SettingsError where a person has to mend it first;
        where it is only locked, the service starts and the next record tries again."""
        self._thread.start()
        self._opened.wait()
        if self._refused is not None:
            self.close()
            raise self._refused

    async def write(self, entry: Entry) -> None:
        """Return when the record is on the disk. Raises Overloaded (503) where it cannot be kept.

        A caller that is cancelled, or told 503 because the disk hangs, may still find its record
        kept: a record too many, never one too few.
        """
        _check(entry)
        loop = asyncio.get_running_loop()
        waiter = _Waiter(entry, loop, loop.create_future())
        with self._wake:
            if self._closing or not self._thread.is_alive():
                raise Overloaded(_CLOSED if self._closing else self._trouble or _ENDED)
            if len(self._waiting) >= MOST_WAITING:
                raise Overloaded("too many decisions wait to be recorded; try again")
            self._waiting.append(waiter)
            self._wake.notify()
        try:
            async with asyncio.timeout(PATIENCE):
                await waiter.done
        except TimeoutError:
            raise Overloaded("the decision was not recorded in time; try again") from None

    def state(self) -> tuple[bool, str, int]:
        """Whether records are kept and their chain is guarded, that in words, and how many wait."""
        ended = "" if self._trouble or self._thread.is_alive() else _ENDED
        told = (self._trouble, ended, self._heads_trouble, self._lost)
        troubles = [words for words in told if words]
        return not troubles, "; ".join(troubles) or _KEPT, len(self._waiting)

    def close(self) -> None:
        """Write what waits, close the files, end the thread."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread.ident is not None:
            self._thread.join()
        self._trouble = _CLOSED

    def _run(self) -> None:
        try:
            self._ready()
        except SettingsError as error:
            self._refused = error
        except CdsError as error:
            self._trouble = str(error)
        finally:
            self._opened.set()
        ending = self._refused is not None
        while not ending:
            group, closing = self._next()
            if group:
                self._keep(group)
            elif not closing:
                self._fold()
            self._sync()
            ending = closing and not group
        self._end()

    def _next(self) -> tuple[list[_Waiter], bool]:
        """What waits, up to a group; empty where the head file is due, or all is done."""
        group: list[_Waiter] = []
        size = 0
        with self._wake:
            if not self._waiting and not self._closing:
                due = self._heads.due() if self._heads else None
                self._wake.wait(QUIET if self._unfolded else due)
            while self._waiting and len(group) < GROUP_RECORDS and size < GROUP_BYTES:
                group.append(self._waiting.popleft())
                size += len(group[-1].entry.body)
            return group, self._closing

    def _keep(self, group: list[_Waiter]) -> None:
        failure = ""
        try:
            store = self._ready()
            items = self._chain.sealed(waiter.entry for waiter in group)
            store.append(items)
            self._chain.advance(items[-1])
            self._unfolded = True
        except Exception as error:  # whatever it is, the callers must hear of it
            self._give_up()
            self._trouble = str(error) if isinstance(error, CdsError) else type(error).__name__
            failure = _public(error)
        else:
            self._trouble = ""
            self._note()
        _tell(group, failure)

    def _fold(self) -> None:
        """In a quiet moment, so that no caller waits for it."""
        if self._unfolded and self._store is not None:
            try:
                self._store.fold()
            except StoreError:  # the next record will tell what is the matter
                self._give_up()
        self._unfolded = False

    def _ready(self) -> AuditStore:
        """The open database, the chain at the place where it ends. Raises CdsError."""
        if self._store is None:
            store = self._open_store()
            try:
                if not self._chain.resume(store.head(self._chain.name)):
                    self._noted = 0
                    self._lost = "records that were kept are missing: run `cds audit verify`"
            except CdsError:
                store.close()
                raise
            self._store, self._trouble = store, ""
        return self._store

    def _give_up(self) -> None:
        """Nothing is known of a database that failed; the next group opens it anew."""
        store, self._store = self._store, None
        if store is not None:
            with suppress(sqlite3.Error):
                store.close()

    def _note(self, *, final: bool = False) -> None:
        """One line in the head file. Records are kept without it; then the state says so."""
        try:
            if self._heads is None:
                self._heads = HeadWriter(self._chain.heads, self._chain.key, self._clock)
            chain = self._chain
            self._heads.note(chain.name, self._noted + 1, chain.seq, chain.mac, final=final)
            self._noted, self._heads_trouble = chain.seq, ""
        except OSError as error:
            self._drop_heads(error)

    def _sync(self) -> None:
        if self._heads is None or self._heads.due() != 0.0:
            return
        try:
            self._heads.sync()
        except OSError as error:
            self._drop_heads(error)

    def _drop_heads(self, error: OSError) -> None:
        """The next line opens it anew, and says this one's part too."""
        self._heads_trouble = f"the head file cannot be written ({error.strerror or error})"
        heads, self._heads = self._heads, None
        if heads is not None:
            with suppress(OSError):
                heads.close()

    def _end(self) -> None:
        if self._chain.seq and self._refused is None:
            self._note(final=True)
        with suppress(OSError):  # the next start writes on; `cds audit verify` tells what lacks
            if self._heads is not None:
                self._heads.close()
        self._give_up()


def _check(entry: Entry) -> None:
    """One record that cannot be kept must not take down those it would share a group with."""
    try:
        digest(entry)
    except ValueError:
        raise Overloaded("the decision cannot be recorded: it holds text that is none") from None
    if len(entry.body) > LARGEST:
        raise Overloaded("the decision cannot be recorded: it is too large")


def _public(error: Exception) -> str:
    """Clients are told why, not where: only a StoreError is written without paths."""
    return str(error) if isinstance(error, StoreError) else "the audit database cannot be opened"


def _tell(group: Iterable[_Waiter], failure: str) -> None:
    """Wake the callers, each in its own event loop, one call a loop."""
    loops: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in group:
        loops.setdefault(waiter.loop, []).append(waiter.done)
    for loop, futures in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, futures, failure)
        except RuntimeError:  # that loop is closed, nobody waits there any more
            continue


def _settle(futures: list[asyncio.Future[None]], failure: str) -> None:
    for future in futures:
        if future.done():  # its caller was cancelled
            continue
        if failure:
            future.set_exception(Overloaded(f"the decision was not recorded: {failure}"))
        else:
            future.set_result(None)
