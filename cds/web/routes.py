"""The addresses of the service (CDS Hooks 2.0.1, plus health, metrics and documents)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cds.bootstrap import Service, View
from cds.clients.model import Client
from cds.clients.profile import renamed
from cds.engine.decision import Outcome
from cds.errors import UnknownService
from cds.hooks.feedback import read_feedback
from cds.hooks.openapi import Cards
from cds.hooks.request import HookCall, read_call
from cds.hooks.response import encode, encode_cards, encode_discovery
from cds.hooks.services import ServiceEntry
from cds.web.body import read_body
from cds.web.caller import Callers
from cds.web.documents import CALL, DISCOVERY, FEEDBACK, page
from cds.web.health import health_routes
from cds.web.metrics import Metrics
from cds.web.nesting import check_entries
from cds.web.reload import reload_route
from cds.web.sandbox import PATH as SANDBOX_FHIR

log = structlog.get_logger("cds.web")

JSON = "application/json"

Handler = Callable[[Request], Awaitable[Response]]


def routes(service: Service, metrics: Metrics) -> APIRouter:
    """All routes, each with and without a slash at its end: a redirect would lose the body of a
    POST with some clients and is not JSON."""
    router = APIRouter(redirect_slashes=False)
    callers = Callers(service, metrics)

    def add(method: str, path: str, handler: Handler, **more: Any) -> None:
        router.add_api_route(path, handler, methods=[method], response_model=None, **more)
        router.add_api_route(
            f"{path}/", handler, methods=[method], response_model=None, include_in_schema=False
        )

    call = _call(service, callers, metrics)
    if not service.settings.telemetry:
        # A call is taken here, without what FastAPI does for handlers with typed arguments: this
        # one has none. The route below stands for it in the documents, and in spans.
        router.routes.append(Route("/cds-services/{service_id}", call, methods=["POST"]))
    add("GET", "/cds-services", _discovery(service, callers), openapi_extra=DISCOVERY)
    add("POST", "/cds-services/{service_id}", call, openapi_extra=CALL)
    add(
        "POST",
        "/cds-services/{service_id}/feedback",
        _feedback(service, callers, metrics),
        openapi_extra=FEEDBACK,
    )
    for path, handler in health_routes(service, metrics):
        add("GET", path, handler)
    add("GET", "/docs", _docs, include_in_schema=False)
    if service.reload is not None and service.settings.admin_token is not None:
        handler = reload_route(service, service.reload, service.settings.admin_token, metrics)
        add("POST", "/admin/reload", handler)
    return router


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


def _call(service: Service, callers: Callers, metrics: Metrics) -> Handler:
    settings = service.settings

    async def call(request: Request) -> Response:
        """Ask a service for advice."""
        began = service.clock()
        deadline = began + settings.deadline_ms / 1000
        entry = _entry(service, request)
        client = await callers.admit(request)
        body = await read_body(request, settings.max_body, settings.max_depth)
        asked = _read(entry, body, client, settings.max_entries)
        fetched = await service.fetch(asked, entry.keys, client, _own(request), deadline)
        # Deciding is about a millisecond of pure computing: a thread would cost more than it frees.
        answer = service.answer(asked, client, fetched, await service.earlier(asked, client))
        await service.keep(asked, client, answer, fetched, service.clock() - began)
        metrics.answered(entry.id, answer, fetched.calls)
        for broken in (d for d in answer.decisions.items if d.outcome is Outcome.ERROR):
            log.error("rule broke", rule=broken.rule.id, reason=broken.reason)
        wire = encode_cards(answer.cards)
        if settings.sandbox:  # integrators must never build on an answer that breaks the contract
            Cards.model_validate_json(wire)
        return Response(wire, media_type=JSON)

    return call


def _read(entry: ServiceEntry, body: bytes, client: Client, most: int) -> HookCall:
    """The call in our words: a client may have its own names for the prefetch keys."""
    call = read_call(entry, body)
    check_entries(call, body, most)
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


async def _docs(request: Request) -> Response:
    """The OpenAPI document as a page."""
    return HTMLResponse(page(request.app.openapi()))
