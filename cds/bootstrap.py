"""The one place that reads the settings and the clocks and wires everything."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any, Protocol

from cds.audit.writer import AuditState
from cds.clients.model import Client
from cds.desk import Desk, desk_of
from cds.doors import SANDBOX, Doors, doors
from cds.engine.decision import Decisions
from cds.engine.repeat import longest
from cds.engine.select import prepare
from cds.facts.record import Overridden
from cds.fhir.access import Fetched
from cds.hooks.discovery import discovery, templates
from cds.hooks.feedback import Feedback
from cds.hooks.request import HookCall
from cds.hooks.services import SERVICES, ServiceEntry
from cds.keeping import Keeper
from cds.links import Links
from cds.pipeline import answer
from cds.reload import RulesInForce
from cds.rulebook.model import Rulebook
from cds.settings import Settings
from cds.trust.keystate import KeyState

Earlier = tuple[Overridden, ...]
Fetch = Callable[
    [HookCall, Sequence[str], Client, Sequence[str], float], Coroutine[Any, Any, Fetched]
]


class Answered(Protocol):
    """What the edges need of an answer."""

    @property
    def cards(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def decisions(self) -> Decisions: ...
    @property
    def decision_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class View:
    """What one rulebook shows of itself: the discovery document, what `/health/ready` tells, and
    the searches for its data by prefetch key. No patient data."""

    discovery: Mapping[str, Any] = field(default_factory=lambda: {"services": []})
    about: Mapping[str, str | int] = field(default_factory=dict)
    templates: Mapping[str, str] = field(default_factory=dict)


async def _sandbox(_authorization: str | None, _url: str) -> Client:
    return SANDBOX


async def _nothing_fetched(
    _call: HookCall, _keys: Sequence[str], _client: Client, _own: Sequence[str], _deadline: float
) -> Fetched:
    return Fetched()


async def _nothing() -> None:
    return None


async def _nothing_earlier(_call: HookCall, _client: Client) -> Earlier:
    return ()


async def _nothing_kept(
    _call: HookCall, _client: Client, _answer: Any, _fetched: Fetched, _seconds: float
) -> Awaitable[None]:
    return _nothing()


async def _no_feedback(_service: str, _client: Client, _items: tuple[Feedback, ...]) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """Everything an edge (web, command line) needs, and nothing it does not.

    `answer` takes a checked call, the client, what was fetched and what is known of earlier cards;
    it raises BadRequest when the call cannot be answered. `admit` turns the Authorization header
    and the address called into the client, or raises Unauthorized or Forbidden. `fetch` brings what
    a call left out, until a deadline on `clock`; `earlier` what clinicians said of earlier cards.
    `keep` brings a decision on its way to the disk, and what it returns ends when it is there;
    `feedback` returns when what became of cards of a service is; both raise Overloaded where it
    cannot be kept. `kept` says how that stands, `desk`
    looks back at it, None = nothing is kept here. `reload` puts the rule files in force as they
    stand now; None = not offered. `open` and `close` belong to the event loop of the server.
    `clock` counts seconds, `wall` tells the real time, `clinical_clock` the moment that is decided
    for. `rules`: those in force. `links` signs "Why this card?"; None = there are none. `took`:
    seconds that the pieces of its making took, by name.
    """

    answer: Callable[[HookCall, Client, Fetched, Earlier], Answered]
    services: Mapping[str, ServiceEntry] = field(default_factory=lambda: SERVICES)
    view: Callable[[], View] = View
    settings: Settings = field(default_factory=Settings)
    admit: Callable[[str | None, str], Coroutine[Any, Any, Client]] = _sandbox
    fetch: Fetch = _nothing_fetched
    earlier: Callable[[HookCall, Client], Coroutine[Any, Any, Earlier]] = _nothing_earlier
    keep: Callable[
        [HookCall, Client, Any, Fetched, float], Coroutine[Any, Any, Awaitable[None]]
    ] = _nothing_kept
    feedback: Callable[[str, Client, tuple[Feedback, ...]], Coroutine[Any, Any, None]] = (
        _no_feedback
    )
    kept: Callable[[], AuditState] | None = None
    desk: Desk | None = None
    reload: Callable[[], Coroutine[Any, Any, bool]] | None = None
    open: Callable[[], Coroutine[Any, Any, None]] = _nothing
    close: Callable[[], Coroutine[Any, Any, None]] = _nothing
    keys: Callable[[], Mapping[str, KeyState]] = dict
    clock: Callable[[], float] = time.monotonic
    clinical_clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    rules: Callable[[], Rulebook] | None = None
    links: Links | None = None
    took: Mapping[str, float] = field(default_factory=dict)


class Took:
    """How long the pieces of a start take, one after the other, in seconds. The first is all that
    came before, which is loading the program: nobody else can tell when the process began."""

    def __init__(self) -> None:
        self.seconds = {"imports": round(time.process_time(), 2)}
        self._since = time.monotonic()

    def note(self, piece: str) -> None:
        """This piece has just ended."""
        now = time.monotonic()
        self.seconds[piece] = round(now - self._since, 2)
        self._since = now


def build(
    settings: Settings, now: datetime | None = None, *, audited: bool = False, whole: bool = False
) -> Service:
    """The service as the settings describe it. `now` overrides the clinical clock; `audited` keeps
    every decision, as a service that serves must; `whole` judges every rule to its end, for who
    shows the trace of all of them.

    Raises RulebookError listing every problem of the rule files, SettingsError for the trust file.
    """
    took = Took()
    rules = RulesInForce(settings.rules, settings.site)
    prepare(rules.current)
    took.note("rules")
    ways = doors(settings, time.time, time.monotonic)
    ways.refuse_unknown_orders(rules.current.templates)
    clock = _clock(now or settings.now)
    view = _viewing(rules)
    plain = Service(
        answer=lambda call, client, got, earlier: answer(
            call, rules.current, clock(), client, got, earlier, whole=whole
        ),
        view=view,
        settings=settings,
        admit=ways.admit,
        fetch=_fetching(ways, view),
        reload=rules.reload,
        open=ways.open,
        close=ways.close,
        keys=ways.key_state,
        clinical_clock=clock,
        rules=lambda: rules.current,
        links=_links(settings),
        took=took.seconds,
    )
    if not audited:
        return plain
    keeper = _keeper(settings)
    took.note("audit")
    return _audited(plain, keeper, rules)


def _links(settings: Settings) -> Links | None:
    """Where patients are real they need a secret that somebody set: a link must outlive a restart,
    and open at every worker."""
    if settings.link_key is not None:
        return Links(settings.link_key.encode())
    return Links(secrets.token_bytes(32)) if settings.sandbox else None


def _fetching(ways: Doors, view: Callable[[], View]) -> Fetch:
    async def fetch(
        call: HookCall, keys: Sequence[str], client: Client, own: Sequence[str], deadline: float
    ) -> Fetched:
        return await ways.fetch(call, keys, client, view().templates, own, deadline)

    return fetch


def _audited(plain: Service, keeper: Keeper, rules: RulesInForce) -> Service:
    """The same service, which keeps what it answers and looks back at it."""

    async def earlier(call: HookCall, client: Client) -> Earlier:
        back = longest(rules.current)
        return await keeper.earlier(call, client, plain.clinical_clock() - back) if back else ()

    async def opened() -> None:
        await plain.open()
        await keeper.know(rules.current)  # here, so that no call has to wait for it

    async def reload() -> bool:
        replaced = await rules.reload()
        await keeper.know(rules.current)
        return replaced

    async def close() -> None:
        await plain.close()
        await asyncio.to_thread(desk.close)
        await asyncio.to_thread(keeper.close)

    desk = desk_of(plain.settings, lambda: rules.current, plain.wall, plain.clock)
    return replace(
        plain,
        keep=keeper.keep,
        feedback=keeper.feedback,
        kept=keeper.state,
        desk=desk,
        earlier=earlier,
        reload=reload,
        open=opened,
        close=close,
    )


@cache
def service() -> Service:
    """The service of this process, built on first use. Raises SettingsError, RulebookError."""
    return build(Settings.from_environment(), audited=True)


def _keeper(settings: Settings) -> Keeper:
    """Opened here and not with the event loop: a database that cannot be used stops the start."""
    host, process = socket.gethostname(), os.getpid()
    keeper = Keeper(settings, lambda: datetime.now(UTC), time.monotonic, host, process)
    keeper.open()
    return keeper


def real_now() -> datetime:
    """The moment (aware) by the clock of the machine, whatever `CDS_NOW` says."""
    return datetime.now(UTC)


def clinical_now(settings: Settings, now: datetime | None = None) -> datetime:
    """The clinical moment (aware): `now` if given, else `CDS_NOW`, else the time it is."""
    return _clock(now or settings.now)()


def _clock(fixed: datetime | None) -> Callable[[], datetime]:
    if fixed is None:
        return lambda: datetime.now(UTC)
    return lambda: fixed


def _viewing(rules: RulesInForce) -> Callable[[], View]:
    """What the rules in force show, worked out once for each of them."""
    kept: list[tuple[Rulebook, View]] = []

    def view() -> View:
        book = rules.current
        if not kept or kept[0][0] is not book:
            about: dict[str, str | int] = {"rulebook": book.digest, "rules": len(book.rules)}
            about["site"] = book.site
            codes = _codes(book)
            shown = View(discovery(SERVICES.values(), codes), about, templates(codes))
            kept[:] = [(book, shown)]
        return kept[0][1]

    return view


def _codes(book: Rulebook) -> tuple[str, ...]:
    """The codes a usable result can have, as `system|code`: LOINC and the site's own. Codes of
    refused specimens are not asked for."""
    return tuple(
        f"{coding.system}|{coding.code}"
        for coding, lab in book.terminology.labs.items()
        if lab.refused is None
    )
