"""What clinicians said about earlier cards for a patient, asked while a call waits.

It is only ever used to be quieter (`repeat` in a rule), so whatever goes wrong here means: nothing
is known of earlier cards, and everything is told. Nor does feedback count whose seal does not hold:
nobody shall silence a card by writing into the database.

An order is edited many times in a few seconds, and each edit is a call: what was found for a
patient counts for that long. Feedback told to this process counts at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from cds.audit.chain import told_holds
from cds.audit.store import AuditStore
from cds.errors import CdsError
from cds.facts.record import Overridden

log = structlog.get_logger("cds.audit")

PATIENCE = 0.1  # seconds a call may wait for it
FRESH = 2.0  # seconds for which an answer counts
_MOST = 256  # answers that are kept
_PAUSE = 5.0  # seconds before a database that failed is asked again


@dataclass(frozen=True, slots=True)
class _Answer:
    """All that was overridden from `since` on, asked at `at` of the clock."""

    at: float
    since: datetime
    found: tuple[Overridden, ...]


class History:
    """Reads the feedback on cards, in a thread of its own over a connection of its own."""

    def __init__(
        self, open_store: Callable[[], AuditStore], clock: Callable[[], float], key: bytes
    ) -> None:
        """`open_store` opens the database for reading; `key` is what feedback is sealed with."""
        self._open_store, self._clock, self._key = open_store, clock, key
        self._store: AuditStore | None = None
        self._next_try = 0.0
        self._known: dict[tuple[str, str], _Answer] = {}
        self._thread = ThreadPoolExecutor(1, "history")

    async def overridden(
        self, client: str, patient: str, since: datetime
    ) -> tuple[Overridden, ...]:
        """Cards this client was shown for this patient and overrode with a coded reason since then;
        none where the database cannot be asked in time."""
        now = self._clock()
        known = self._known.get((client, patient))
        if known is not None and now - known.at < FRESH and known.since <= since:
            return tuple(one for one in known.found if one.at >= since)
        if now < self._next_try:
            return ()
        known_then = self._known
        found = await self._found(client, patient, since)
        if found is None:
            return ()
        if known_then is self._known:  # else feedback came meanwhile
            if len(known_then) >= _MOST:
                known_then.clear()
            known_then[client, patient] = _Answer(now, since, found)
        return found

    def told(self) -> None:
        """Feedback was kept: what was found before may lack it."""
        self._known = {}

    async def _found(
        self, client: str, patient: str, since: datetime
    ) -> tuple[Overridden, ...] | None:
        asked = self._thread.submit(self._ask, client, patient, since)
        try:
            async with asyncio.timeout(PATIENCE):
                return await asyncio.wrap_future(asked)
        except TimeoutError:
            self._pause("it did not answer in time")
        return None

    def close(self) -> None:
        """End the thread, close the database."""
        self._thread.submit(self._drop)
        self._thread.shutdown()

    def _ask(self, client: str, patient: str, since: datetime) -> tuple[Overridden, ...] | None:
        try:
            if self._store is None:
                self._store = self._open_store()
            found = self._store.overridden(client, patient, since)
        except CdsError as error:
            self._drop()
            self._pause(str(error))
            return None
        return tuple(
            Overridden(one.rule, one.row, one.indicator, one.code, one.at)
            for one in found
            if told_holds(self._key, one.told)
        )

    def _pause(self, reason: str) -> None:
        self._next_try = self._clock() + _PAUSE
        log.warning("earlier cards not known, so nothing is held back", reason=reason)

    def _drop(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            with suppress(Exception):  # it may have failed in any way
                store.close()
