"""Threads that read the database for people, so that no hook call waits for it.

A store is used in the thread that opened it; one that failed is opened anew by the next question.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Generic, TypeVar

from cds.audit.store import AuditStore
from cds.errors import CdsError

T = TypeVar("T")


class Reader:
    """One thread with a store of its own."""

    def __init__(self, open_store: Callable[[], AuditStore], name: str) -> None:
        """`open_store` opens the database for reading, once somebody asks."""
        self._open_store = open_store
        self._store: AuditStore | None = None
        self._thread = ThreadPoolExecutor(1, name)
        self.waiting = 0  # questions; only to choose by, so it may be off by one

    def submit(self, work: Callable[[AuditStore], T]) -> Future[T]:
        """Its answer, or what it raises: StoreError and SettingsError where the database cannot be
        opened or asked."""
        self.waiting += 1
        asked = self._thread.submit(self._done, work)
        asked.add_done_callback(lambda _: self._less())
        return asked

    def close(self) -> None:
        """End the thread once it has answered, close the database."""
        self._thread.submit(self._drop)
        self._thread.shutdown()

    def _less(self) -> None:
        self.waiting -= 1

    def _done(self, work: Callable[[AuditStore], T]) -> T:
        try:
            if self._store is None:
                self._store = self._open_store()
            return work(self._store)
        except CdsError:  # nothing is known of a connection after an error
            self._drop()
            raise

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):  # it may have failed in any way
                store.close()


class Latest(Generic[T]):
    """An answer that is shown while a newer one is worked out; nobody asks twice at a time."""

    def __init__(
        self, ask: Callable[[], Future[T]], clock: Callable[[], float], seconds: float
    ) -> None:
        """`seconds`: how old it may be before a newer one is asked for."""
        self._ask, self._clock, self._seconds = ask, clock, seconds
        self._good: Future[T] | None = None
        self._coming: Future[T] | None = None
        self._due = 0.0
        self._lock = Lock()

    def get(self) -> Future[T]:
        """The one there is, else the one that comes. What failed is asked for again."""
        with self._lock:
            now = self._clock()
            if self._coming is not None and self._coming.done():
                if self._coming.exception() is None:
                    self._good = self._coming
                elif self._good is None:
                    self._due = now
                self._coming = None
            if self._coming is None and (self._good is None or now >= self._due):
                self._coming, self._due = self._ask(), now + self._seconds
            found = self._good or self._coming
            assert found is not None  # noqa: S101 - one of them was just made
            return found
