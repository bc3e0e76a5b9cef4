"""A look back at the decisions that are kept, for the console: read-only, beside the service.

What is asked here is answered in threads of its own (`cds/audit/readers.py`); the event loop and
hook calls wait for none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from cds.audit.batch import Sealed
from cds.audit.books import Books
from cds.audit.browse import Filter
from cds.audit.chain import key_of
from cds.audit.codec import CodecError
from cds.audit.explain import restored, told_as_kept
from cds.audit.readers import Latest, Reader
from cds.audit.rerun import Difference, readable, remarks, rerun
from cds.audit.rulebooks import ArchiveError
from cds.audit.sheet import Sheet, sheet
from cds.audit.store import AuditStore, StoreError, ToldCard
from cds.audit.tied import Standing, standing
from cds.audit.waiting import waiting
from cds.audit.whole import DecidedOtherwise, whole
from cds.engine.decision import Decisions
from cds.errors import BadRequest, CdsError, RulebookError
from cds.keeping import database_of, spool_of
from cds.rulebook.model import Rulebook
from cds.settings import Settings

PAGE = 50  # decisions
COUNTED = timedelta(days=30)  # that `numbers` looks back
COUNTS_LAST = 60.0  # seconds before numbers are counted anew
_READERS = 2
_PATIENCE = 5.0  # seconds a lock or the server is waited for
_NOT_NOW = "the records of decisions cannot be read now"

Numbers = Mapping[str, Mapping[str, int]]
T = TypeVar("T")


class NoDecision(BadRequest):
    """No decision has this id (404)."""

    status = 404
    code = "not-found"


class CannotLook(BadRequest):
    """The records cannot be read now (503)."""

    status = 503
    code = "transient"


@dataclass(frozen=True, slots=True)
class Kept:
    """A record with its body as a tree. `waiting`: it is in the spool, not in the database yet.
    `unread` says why its body cannot be read ("" = it can)."""

    sealed: Sealed
    body: Mapping[str, Any]
    waiting: bool = False
    unread: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a record tells: the decisions (None: it cannot be read), and a remark on them. `whole`:
    with what rules asked that were ruled out."""

    decisions: Decisions | None
    remark: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """A decision made once more: what is different (nothing = identical), what to know before
    believing it, or why it could not be made (`failure`)."""

    differences: tuple[Difference, ...] = ()
    remarks: tuple[str, ...] = ()
    failure: str = ""

    @property
    def identical(self) -> bool:
        """Whether the same came out."""
        return not self.differences and not self.failure


class Desk:
    """Every method raises CannotLook where the database does not answer."""

    def __init__(
        self,
        open_store: Callable[[], AuditStore],
        key: bytes,
        spool: Path,
        current: Callable[[], Rulebook],
        wall: Callable[[], datetime],
        clock: Callable[[], float],
    ) -> None:
        """`open_store` opens the database for reading, `key` is what records are sealed with,
        `spool` the folder where they wait, `current` gives the rules in force, `wall` the real time
        (aware), `clock` seconds."""
        self._key, self._spool, self._wall = key, spool, wall
        self._books = Books(current)
        self._readers = [Reader(open_store, f"desk-{number}") for number in range(_READERS)]
        self._counter = Reader(open_store, "desk-count")  # to count takes longer than to look
        self._numbers: Latest[Numbers] = Latest(self._count, clock, COUNTS_LAST)

    async def page(self, wanted: Filter, cursor: str = "") -> Sheet:
        """Up to `PAGE` decisions. Raises BadRequest for a filter or cursor nobody can look for."""
        return await self._ask(lambda store: sheet(store, wanted, cursor, PAGE))

    async def numbers(self) -> Numbers:
        """Rule -> outcome (`cds.audit.marks.MARKED`) -> in how many decisions of the last 30 days;
        a minute old, or as old as counting takes."""
        return await _answer(self._numbers.get())

    async def clients(self) -> tuple[str, ...]:
        """The names of all clients there are decisions for."""
        return await self._ask(lambda store: store.browse.clients())

    async def decision(self, decision: str) -> tuple[Kept, ...]:
        """Its records, the oldest first: several where the same call came more than once. Raises
        NoDecision."""

        def kept(store: AuditStore) -> tuple[Kept, ...]:
            return tuple(_kept(item) for item in store.get(decision))

        def look(store: AuditStore) -> tuple[Kept, ...]:
            # It may have gone from the spool to the database between the first two looks.
            return kept(store) or self._spooled(decision) or kept(store)

        found = await self._ask(look, lambda: self._spooled(decision))
        if not found:
            raise NoDecision("no decision of this id is kept here; it may have been purged")
        return found

    async def feedback(self, decision: str) -> tuple[ToldCard, ...]:
        """What became of its cards, by time."""
        return await self._ask(lambda store: store.browse.feedback_of(decision))

    async def whole(self, kept: Kept) -> Told:
        """The decisions with the reasoning of every rule, where this program still decides so; else
        as far as they are in the record."""
        return await self._ask(
            lambda store: self._told(store, kept), lambda: self._told(None, kept)
        )

    async def as_kept(self, kept: Kept) -> Told:
        """The decisions as far as they are in the record, which asks no database."""
        return await asyncio.to_thread(_as_kept, kept)

    async def rerun(self, kept: Kept) -> Again:
        """The decision made once more with the rules of that time."""
        return await self._ask(
            lambda store: self._again(store, kept), lambda: self._again(None, kept)
        )

    async def book(self, kept: Kept) -> Rulebook | None:
        """The rules of that time; None where they are not kept, or cannot be loaded any more."""
        return await self._ask(lambda store: self._book(store, kept))

    async def chain(self, kept: Kept) -> Standing:
        """Whether the record is as it was sealed, and tied to its neighbours."""

        def look(store: AuditStore | None) -> Standing:
            spooled = waiting(self._spool).records if kept.waiting else {}
            return standing(store, self._key, kept.sealed, spooled)

        return await self._ask(look, lambda: look(None) if kept.waiting else None)

    def close(self) -> None:
        """End the threads, close the database."""
        for reader in (*self._readers, self._counter):
            reader.close()

    async def _ask(
        self,
        work: Callable[[AuditStore], T],
        otherwise: Callable[[], T | None] = lambda: None,
    ) -> T:
        """In the thread that has least to do; `otherwise` where the database does not answer."""
        reader = min(self._readers, key=lambda one: one.waiting)
        try:
            return await _answer(reader.submit(work))
        except CannotLook:
            found = await asyncio.to_thread(otherwise)
            if found:
                return found
            raise

    def _count(self) -> Future[Numbers]:
        since = self._wall() - COUNTED
        return self._counter.submit(lambda store: store.browse.numbers(since))

    def _spooled(self, decision: str) -> tuple[Kept, ...]:
        found = waiting(self._spool).records.values()
        return tuple(_kept(item, waits=True) for item in found if item.entry.id == decision)

    def _book(self, store: AuditStore, kept: Kept) -> Rulebook | None:
        with suppress(ArchiveError, RulebookError):
            return self._books.of(store, kept.sealed)
        return None

    def _told(self, store: AuditStore | None, kept: Kept) -> Told:
        try:
            found, remark = whole(kept.sealed, self._books.of(store, kept.sealed))
            return Told(found, remark, whole=True)
        except (DecidedOtherwise, ArchiveError, RulebookError, CodecError) as error:
            remark = _words(error)
        return _as_kept(kept, remark)

    def _again(self, store: AuditStore | None, kept: Kept) -> Again:
        try:
            book = self._books.of(store, kept.sealed)
            return Again(rerun(kept.sealed, book), remarks(kept.sealed, book))
        except (ArchiveError, RulebookError, CodecError) as error:
            return Again(failure=_words(error))


def desk_of(
    settings: Settings,
    current: Callable[[], Rulebook],
    wall: Callable[[], datetime],
    clock: Callable[[], float],
) -> Desk:
    """Over the database of these settings; the rest as for `Desk`."""
    place, key = database_of(settings), key_of(settings.audit_key)
    return Desk(
        lambda: AuditStore.read_only(place, _PATIENCE),
        key,
        spool_of(settings),
        current,
        wall,
        clock,
    )


async def _answer(asked: Future[T]) -> T:
    """In words for who looks at a page: those of a database that cannot be opened name a place on
    this machine."""
    try:
        # Who no longer waits takes the answer from nobody else.
        return await asyncio.shield(asyncio.wrap_future(asked))
    except BadRequest:
        raise
    except StoreError as error:
        raise CannotLook(f"{_NOT_NOW}: {error}") from None
    except CdsError:
        raise CannotLook(f"{_NOT_NOW}: the database cannot be opened") from None
    except ValueError as error:  # of a filter or a cursor
        raise BadRequest(str(error)) from None


def _as_kept(kept: Kept, remark: str = "") -> Told:
    try:
        with told_as_kept():
            return Told(restored(readable(kept.sealed)), remark)
    except CodecError as error:
        return Told(None, str(error))


def _words(error: CdsError) -> str:
    """A rulebook that does not load tells a line for each finding, with the place of its files."""
    if isinstance(error, RulebookError):
        return "this version of the service cannot load the rules of that time"
    return str(error)


def _kept(sealed: Sealed, *, waits: bool = False) -> Kept:
    try:
        return Kept(sealed, readable(sealed), waits)
    except CodecError as error:
        return Kept(sealed, {}, waits, str(error))
