"""The connection of one writer to the database: in use, or away and asked for again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog

from cds.audit.probe import Probe
from cds.audit.store import AuditStore, StoreError
from cds.errors import CdsError

log = structlog.get_logger("cds.audit")

FIRST_TRY, LAST_TRY = 0.25, 5.0  # seconds between attempts to reach a database that is away

OpenStore = Callable[[], AuditStore]


class Link:
    """For use in one thread; only `away` and `public` may be read from any.

    `away`: the database is not used, though it may be open again; `public` says why, without any
    path.
    """

    def __init__(
        self, open_store: OpenStore, clock: Callable[[], float], wake: Callable[[], None]
    ) -> None:
        """`wake` is called, in any thread, when there is something to do of a sudden."""
        self._open_store, self._clock = open_store, clock
        self._probe = Probe(open_store, wake)
        self._pause, self._next_try = FIRST_TRY, 0.0
        self._trouble = ""
        self.store: AuditStore | None = None
        self.away, self.public = True, ""

    def open(self) -> AuditStore:
        """Raises CdsError."""
        self.store = self._open_store()
        return self.store

    def due(self) -> float | None:
        """Seconds until one that is away is to be looked at; None while an answer is waited for."""
        if self.store is not None or self._probe.answer:
            return 0.0
        return None if self._probe.asking else max(0.0, self._next_try - self._clock())

    def found(self) -> bool:
        """Whether one that is away can be reached again; asks where nobody has asked. Raises what
        hinders."""
        if self.store is not None:
            return True
        if not self._probe.asking:
            self._probe.ask()
        if not self._probe.answer:
            return False
        error = self._probe.look()
        if error is not None:
            raise error
        return True

    def fold(self) -> StoreError | None:
        """Move what its log holds into the database; why that failed."""
        try:
            if self.store is not None:
                self.store.fold()
        except StoreError as error:
            return error
        return None

    def use(self) -> None:
        """It takes what comes from now on."""
        if self._trouble:
            log.info("audit database in use again")
        self.away, self._trouble, self._pause = False, "", FIRST_TRY

    def give_up(self, error: Exception) -> None:
        """Nothing is known of a database that failed; it is opened anew after a while."""
        said = str(error) if isinstance(error, CdsError) else type(error).__name__
        if said != self._trouble:
            log.error("audit database not used", reason=said)
        # Clients are told why, not where: only a StoreError is written without paths.
        public = isinstance(error, StoreError)
        self.public = said if public else "the audit database cannot be opened"
        self._trouble, self.away = said, True
        self._next_try = self._clock() + self._pause
        self._pause = min(self._pause * 2, LAST_TRY)
        self._drop()

    def close(self) -> None:
        """For good; no answer is waited for."""
        self._probe.close()
        self._drop()

    def _drop(self) -> None:
        store, self.store = self.store, None
        if store is not None:
            with suppress(Exception):  # it may have failed in any way
                store.close()
