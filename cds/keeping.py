"""Keeping decisions: from an answer to a record on the disk, before the answer leaves.

The edges know three words of it: `keep`, `feedback` and `earlier`. What is kept, how it is sealed
and what a failing disk means stands in `cds/audit`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import structlog

from cds.audit.batch import Archive
from cds.audit.chain import Chain, chain_name, key_of
from cds.audit.entry import Identity, entry_of
from cds.audit.feedback import told_of
from cds.audit.history import History
from cds.audit.rulebooks import ArchiveError, archive_of
from cds.audit.scribe import Scribe
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore
from cds.audit.writer import AuditState, AuditWriter
from cds.clients.model import Client
from cds.errors import Overloaded
from cds.facts.record import Overridden
from cds.fhir.access import Fetched
from cds.hooks.feedback import Feedback
from cds.hooks.request import HookCall
from cds.pipeline import Answer
from cds.rulebook.model import Rulebook
from cds.settings import Settings

log = structlog.get_logger("cds.audit")

FILE = "audit.sqlite3"
HEADS = "audit-heads.log"
SPOOL = "spool"
_SQLITE = "sqlite:///"
_MIB = 1024 * 1024


def database_of(settings: Settings) -> Path | str:
    """Where the decisions are (`CDS_DATABASE_URL`, else a file in `CDS_STATE`): the path of an
    SQLite file, or the URL of a PostgreSQL database."""
    url = settings.database_url
    if url is None:
        return settings.state / FILE
    return Path(url.removeprefix(_SQLITE)) if url.startswith(_SQLITE) else url


def heads_of(settings: Settings) -> Path:
    """The second file, which tells where each chain of this machine ends: beside the database, or
    in `CDS_STATE` where that is on another machine."""
    place = database_of(settings)
    return place.with_name(HEADS) if isinstance(place, Path) else settings.state / HEADS


def spool_of(settings: Settings) -> Path:
    """The folder where records wait while the database is away."""
    return settings.state / SPOOL


def on_one_disk(place: Path | str, folder: Path) -> bool:
    """Whether the database is a file on the disk of this folder. Neither need be there yet."""
    return isinstance(place, Path) and _disk_of(place) == _disk_of(folder)


def _disk_of(path: Path) -> int | None:
    for one in (path, *path.absolute().parents):
        with suppress(OSError):
            return one.stat().st_dev
    return None


class Keeper:
    """Keeps the decisions of one process.

    `wall` tells the real time (aware), never the clinical clock; `clock` counts seconds; `host`
    and `process` name the chain.
    """

    def __init__(
        self,
        settings: Settings,
        wall: Callable[[], datetime],
        clock: Callable[[], float],
        host: str,
        process: int,
    ) -> None:
        self._settings = settings
        self._wall = wall
        self._key = key = key_of(settings.audit_key)
        self._identity = Identity(key, plain=settings.audit_identity == "plain")
        chain = Chain(chain_name(host, process, wall(), key), key, heads_of(settings))
        place = database_of(settings)
        folder, room = spool_of(settings), settings.spool_mb * _MIB
        spool = SpoolPlace(folder, chain.name, room, ahead=on_one_disk(place, folder))
        self._writer = AuditWriter(lambda: AuditStore.open(place), chain, spool, clock, Scribe)
        self._history = History(lambda: AuditStore.read_only(place, wait=1.0), clock, key)
        self._rulebooks: set[str] = set()
        self._keeping: dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Task[None]] = {}

    def open(self) -> None:
        """Open the database. Raises SettingsError where a person has to mend it first."""
        if self._settings.audit_key is None:
            log.warning("CDS_AUDIT_KEY is not set: anybody can seal changed records anew")
        self._writer.start()

    async def keep(
        self, call: HookCall, client: Client, answer: Answer, fetched: Fetched, seconds: float
    ) -> Awaitable[None]:
        """Bring the decision on its way to the disk. What is returned ends when it is there; it
        raises Overloaded (503) where it cannot be, and needs nothing of what is given here."""
        await self.know(answer.book)
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
        return self._writer.put(entry)

    async def know(self, book: Rulebook) -> None:
        """Keep the files of a rulebook, once, however many calls want it at the same time. A
        decision counts without them; only its re-run needs them."""
        if book.digest in self._rulebooks:
            return
        wanted = (asyncio.get_running_loop(), book.digest)
        task = self._keeping.get(wanted)
        if task is None:
            task = self._keeping[wanted] = asyncio.create_task(self._keep_rulebook(book))
            task.add_done_callback(lambda _: self._keeping.pop(wanted))
        await asyncio.shield(task)

    async def feedback(self, service: str, client: Client, items: tuple[Feedback, ...]) -> None:
        """Return when all of it is on the disk. Raises Overloaded (503) where it cannot be kept.

        A client that is told 503 because the disk hangs may still find it kept; sent again, it
        changes nothing.
        """
        if items:
            told = told_of(client.name, service, items, self._wall(), self._key)
            await self._writer.write(told)
            self._history.told()

    async def earlier(
        self, call: HookCall, client: Client, since: datetime
    ) -> tuple[Overridden, ...]:
        """Cards for this patient that were overridden with a reason at or after `since` (aware), as
        far as that is known."""
        patient = self._identity.patient(client.name, call.patient_id)
        return await self._history.overridden(client.name, patient, since)

    def state(self) -> AuditState:
        """Whether decisions are kept, and where."""
        return self._writer.state()

    def close(self) -> None:
        """Write what waits and close the files."""
        self._history.close()
        self._writer.close()

    async def _keep_rulebook(self, book: Rulebook) -> None:
        """Never raises: what hinders is told in the log, and where the database is away, again with
        the next call."""
        try:
            packed = await asyncio.to_thread(archive_of, book, self._settings.rules)
            await self._writer.write(Archive(book.digest, packed))
        except Overloaded as error:  # the decision will hear so too; the next call tries again
            log.error("rulebook not kept", reason=str(error))
            return
        except (ArchiveError, OSError) as error:
            words = str(error) if isinstance(error, ArchiveError) else type(error).__name__
            log.error("rulebook not kept", reason=words)
        self._rulebooks.add(book.digest)
