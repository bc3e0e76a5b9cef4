"""The addresses of the service (CDS Hooks 2.0.1, plus health, metrics and documents)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from cds.bootstrap import Service, View
from cds.clients.model import Client
from cds.clients.profile import renamed
from cds.engine.decision import Decisions
from cds.errors import UnknownService
from cds.fhir.exchange import FhirCallNote
from cds.hooks.feedback import read_feedback
from cds.hooks.request import HookCall, read_call
from cds.hooks.response import encode, encode_cards, encode_discovery
from cds.hooks.services import ServiceEntry
from cds.settings import Settings
from cds.web.address import SANDBOX_FHIR, Address, Handler, both_ways
from cds.web.body import read_body
from cds.web.caller import Callers
from cds.web.contract import check_contract
from cds.web.health import health_routes
from cds.web.metrics import Metrics
from cds.web.nesting import check_call, check_entries
from cds.web.reload import reload_route
from cds.web.whylink import linking

log = structlog.get_logger("cds.web")

JSON = "application/json"
CALL = "/cds-services/{service_id}"
DECISION = "cds-decision"  # header of an answer: the id of the decision

Opened = Callable[[], Awaitable[object]]


async def _nothing_to_open() -> None:
    return None


class _Leaving(NamedTuple):
    """What is left of a call that was decided: its reply, and what is counted once that leaves."""

    service: str
    wire: bytes
    decision: str
    shown: tuple[str, ...]  # the indicators of its cards
    decisions: Decisions
    fetches: tuple[FhirCallNote, ...]


class _Reply(Response):
    """What it says is counted once it has left: its reader does not wait for that."""

    def __init__(self, leaving: _Leaving, metrics: Metrics) -> None:
        # An answer without a card has a reason too: the header names where it is kept.
        super().__init__(leaving.wire, 200, {DECISION: leaving.decision}, JSON)
        self._leaving, self._metrics = leaving, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:  # also where its reader hangs up or reads too slowly: a rule that broke must show
            self._count()

    def _count(self) -> None:
        said = self._leaving
        for broken in self._metrics.answered(said.service, said.shown, said.decisions):
            log.error("rule broke", rule=broken.rule.id, reason=broken.reason)
        self._metrics.fhir(said.fetches)


def addresses(
    service: Service, metrics: Metrics, opened: Opened = _nothing_to_open
) -> list[Address]:
    """All addresses but those of the sandbox and the documents. `opened` returns once the sandbox's
    own FHIR server can be asked."""
    callers = Callers(service, metrics)
    call = _call(service, callers, metrics, opened)
    feedback = _feedback(service, callers, metrics)
    found = [
        Address("GET", "/cds-services", _discovery(service, callers)),
        Address("POST", CALL, call),
        Address("POST", f"{CALL}/feedback", feedback),
    ]
    found += [Address("GET", path, handler) for path, handler in health_routes(service, metrics)]
    if service.reload is not None and service.settings.admin_token is not None:
        handler = reload_route(service, service.reload, service.settings.admin_token, metrics)
        found.append(Address("POST", "/admin/reload", handler))
    return both_ways(found)


def _discovery(service: Service, callers: Callers) -> Handler:
    def body(view: View, allowed: frozenset[str] | None) -> bytes:
        known = view.discovery["services"]
        listed = [item for item in known if allowed is None or item["id"] in allowed]
        return encode_discovery({"services": listed})

    async def discovery(request: Request) -> Response:
        """The services offered here, and the data each asks for. A client that says who it is
        sees those it may call; nobody has to."""
        allowed = None
        if "authorization" in request.headers:
            allowed = (await callers.identify(request)).services
        return Response(body(service.view(), allowed), media_type=JSON)

    return discovery


def _call(service: Service, callers: Callers, metrics: Metrics, opened: Opened) -> Handler:
    settings, linked = service.settings, linking(service)

    async def call(request: Request) -> Response:
        """Ask a service for advice."""
        leaving, on_disk = await decided(request)
        # While it waits for the disk a call holds its reply and nothing else: so the next one finds
        # the memory of this one free, and still in the processor's cache.
        await on_disk
        return _Reply(leaving, metrics)

    async def decided(request: Request) -> tuple[_Leaving, Awaitable[None]]:
        began = service.clock()
        entry = _entry(service, request)
        client = await callers.admit(request)
        body = await read_body(request, settings.max_body, None)
        asked = _read(entry, body, client, settings)
        own: tuple[str, ...] = ()
        if asked.fhir_server is not None:
            own, waits = _own(request), service.clock()
            await opened()
            began += service.clock() - waits  # the first call of a sandbox; no fault of the call's
        deadline = began + settings.deadline_ms / 1000
        fetched = await service.fetch(asked, entry.keys, client, own, deadline)
        # Deciding is about a millisecond of pure computing: a thread would cost more than it frees.
        answer = service.answer(asked, client, fetched, await service.earlier(asked, client))
        seconds = service.clock() - began
        wire = encode_cards(linked(answer.cards, answer.decision_id))
        if settings.sandbox:  # integrators must never build on an answer that breaks the contract
            check_contract(wire)
        shown = tuple([card["indicator"] for card in answer.cards])
        name, decisions = answer.decision_id, answer.decisions
        on_disk = await service.keep(asked, client, answer, fetched, seconds)
        return _Leaving(entry.id, wire, name, shown, decisions, fetched.calls), on_disk

    return call


def _read(entry: ServiceEntry, body: bytes, client: Client, settings: Settings) -> HookCall:
    """The call in our words: a client may have its own names for the prefetch keys."""
    call = read_call(entry, body)
    check_call(call, body, settings.max_depth)
    check_entries(call, body, settings.max_entries)
    if not client.profile.prefetch_aliases:
        return call
    return replace(call, prefetch=renamed(call.prefetch, client.profile))


def _own(request: Request) -> tuple[str, ...]:
    """The addresses of the sandbox's own FHIR server: on this machine, at the port called."""
    server = request.scope.get("server")
    if server is None or server[1] is None:
        return ()
    return tuple(
        f"http://{host}:{server[1]}{SANDBOX_FHIR}" for host in ("127.0.0.1", "localhost", "[::1]")
    )


def _feedback(service: Service, callers: Callers, metrics: Metrics) -> Handler:
    settings = service.settings

    async def feedback(request: Request) -> Response:
        """What became of cards: accepted or overridden, one or many, at once or hours later."""
        entry = _entry(service, request)
        client = await callers.admit(request)
        body = await read_body(request, settings.max_body, settings.max_depth)
        items = read_feedback(body)
        await service.feedback(entry.id, client, items)
        for item in items:
            metrics.feedback(entry.id, item.outcome)
            log.info("feedback", service=entry.id, client=client.name, outcome=item.outcome)
        return Response(encode({"status": "ok"}), media_type=JSON)

    return feedback


def _entry(service: Service, request: Request) -> ServiceEntry:
    entry = service.services.get(request.path_params["service_id"])
    if entry is None:
        raise UnknownService("no service has this id; GET /cds-services lists them")
    return entry
