"""Keeping decisions: from an answer to a record on the disk, before the answer leaves.

The edges know two words of it, `keep` and `feedback`. What is kept, how it is sealed and what a
failing disk means stands in `cds/audit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import structlog

from cds.audit.chain import Chain, chain_name, key_of
from cds.audit.entry import Identity, entry_of
from cds.audit.feedback import keep_feedback
from cds.audit.rulebooks import ArchiveError, archive_of
from cds.audit.store import AuditStore, StoreError
from cds.audit.writer import AuditWriter
from cds.clients.model import Client
from cds.errors import CdsError, Overloaded
from cds.fhir.access import Fetched
from cds.hooks.feedback import Feedback
from cds.hooks.request import HookCall
from cds.pipeline import Answer
from cds.rulebook.model import Rulebook
from cds.settings import Settings

log = structlog.get_logger("cds.audit")

FILE = "audit.sqlite3"
HEADS = "audit-heads.log"
_SQLITE = "sqlite:///"
_PATIENCE = 5.0  # seconds a client waits for its feedback where the disk hangs


def database_of(settings: Settings) -> Path:
    """The file of the decisions (`CDS_DATABASE_URL`, else in `CDS_STATE`)."""
    if settings.database_url is None:
        return settings.state / FILE
    return Path(settings.database_url.removeprefix(_SQLITE))


def heads_of(settings: Settings) -> Path:
    """The second file, which tells where each chain ends; beside the database."""
    return database_of(settings).with_name(HEADS)


class Keeper:
    """Keeps the decisions of one process.

    `wall` tells the real time (aware), never the clinical clock; `host` and `process` name the
    chain.
    """

    def __init__(
        self, settings: Settings, wall: Callable[[], datetime], host: str, process: int
    ) -> None:
        self._settings = settings
        self._wall = wall
        self._path = database_of(settings)
        key = key_of(settings.audit_key)
        self._identity = Identity(key, plain=settings.audit_identity == "plain")
        chain = Chain(chain_name(host, process, wall(), key), key, heads_of(settings))
        self._writer = AuditWriter(lambda: AuditStore.open(self._path), chain)
        self._rulebooks: set[str] = set()
        # One at a time: many at once would hold up the decisions, which somebody waits for.
        self._feedback = ThreadPoolExecutor(1, "feedback")
        self._closing = False

    def open(self) -> None:
        """Open the database. Raises SettingsError where a person has to mend it first."""
        if self._settings.audit_key is None:
            log.warning("CDS_AUDIT_KEY is not set: anybody can seal changed records anew")
        self._writer.start()

    async def keep(
        self, call: HookCall, client: Client, answer: Answer, fetched: Fetched, seconds: float
    ) -> None:
        """Return when the decision is on the disk. Raises Overloaded (503) where it cannot be."""
        if answer.book.digest not in self._rulebooks:
            await asyncio.to_thread(self._keep_rulebook, answer.book)
        entry = entry_of(
            call,
            client,
            answer,
            answer.book,
            answer.now,
            self._wall(),
            self._identity,
            seconds,
            fetched,
        )
        await self._writer.write(entry)

    async def feedback(self, service: str, client: Client, items: tuple[Feedback, ...]) -> None:
        """Return when all of it is on the disk. Raises Overloaded (503) where it cannot be kept.

        A client that is told 503 because the disk hangs may still find it kept; sent again, it
        changes nothing.
        """
        if not items:
            return
        if self._closing:
            raise Overloaded("the feedback was not kept: the service is stopping")
        keeping = self._feedback.submit(
            keep_feedback, self._path, client.name, service, items, self._wall()
        )
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.wrap_future(keeping)
        except CdsError as error:
            log.error("feedback not kept", reason=str(error))
            # only a StoreError is written without paths
            public = error if isinstance(error, StoreError) else "its database cannot be opened"
            raise Overloaded(f"the feedback was not kept: {public}") from None
        except TimeoutError:
            raise Overloaded("the feedback was not kept in time; send it again") from None

    def state(self) -> tuple[bool, str, int]:
        """Whether decisions are kept, that in words, and how many wait."""
        return self._writer.state()

    def close(self) -> None:
        """Write what waits and close the files."""
        self._closing = True
        self._feedback.shutdown()
        self._writer.close()

    def _keep_rulebook(self, book: Rulebook) -> None:
        """Once for each rulebook. A decision counts without it; only its re-run needs it."""
        try:
            packed = archive_of(book, self._settings.rules)
            store = AuditStore.open(self._path)
            try:
                store.keep_rulebook(book.digest, packed)
            finally:
                store.close()
        except StoreError as error:  # the writer will say so too; the next call tries again
            log.error("rulebook not kept", reason=str(error))
            return
        except (ArchiveError, OSError) as error:
            words = str(error) if isinstance(error, ArchiveError) else type(error).__name__
            log.error("rulebook not kept", reason=words)
        self._rulebooks.add(book.digest)
