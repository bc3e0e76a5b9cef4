"""The addresses of the service (CDS Hooks 2.0.1, plus health, metrics and documents)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cds.bootstrap import SANDBOX_CLIENT, Service
from cds.engine.decision import Outcome
from cds.errors import UnknownService
from cds.hooks.request import read_call
from cds.hooks.response import encode, encode_cards, encode_discovery
from cds.web.body import read_body
from cds.web.documents import CALL, DISCOVERY, page
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")

JSON = "application/json"

Handler = Callable[[Request], Awaitable[Response]]


def routes(service: Service, metrics: Metrics) -> APIRouter:
    """All routes, each with and without a slash at its end: a redirect would lose the body of a
    POST with some clients and is not JSON."""
    router = APIRouter(redirect_slashes=False)

    def add(method: str, path: str, handler: Handler, **more: Any) -> None:
        router.add_api_route(path, handler, methods=[method], response_model=None, **more)
        router.add_api_route(
            f"{path}/", handler, methods=[method], response_model=None, include_in_schema=False
        )

    add("GET", "/cds-services", _discovery(service), openapi_extra=DISCOVERY)
    add("POST", "/cds-services/{service_id}", _call(service, metrics), openapi_extra=CALL)
    add("GET", "/health/live", _fixed(encode({"status": "live"})))
    add("GET", "/health/ready", _fixed(encode({"status": "ready", **service.about})))
    add("GET", "/metrics", _metrics(metrics))
    add("GET", "/docs", _docs, include_in_schema=False)
    return router


def _fixed(body: bytes) -> Handler:
    async def health(_: Request) -> Response:
        """Whether the process is up."""
        return Response(body, media_type=JSON)

    return health


def _discovery(service: Service) -> Handler:
    body = encode_discovery(service.discovery)

    async def discovery(_: Request) -> Response:
        """The services offered here, and the data each asks for."""
        return Response(body, media_type=JSON)

    return discovery


def _call(service: Service, metrics: Metrics) -> Handler:
    limit = service.settings.max_body

    async def call(request: Request) -> Response:
        """Ask a service for advice."""
        entry = service.services.get(request.path_params["service_id"])
        if entry is None:
            raise UnknownService("no service has this id; GET /cds-services lists them")
        hook_call = read_call(entry, await read_body(request, limit))
        # Deciding is about a millisecond of pure computing: a thread would cost more than it frees.
        answer = service.answer(hook_call, SANDBOX_CLIENT)
        metrics.cards(entry.id, answer.cards)
        metrics.outcomes(answer.decisions)
        for broken in (d for d in answer.decisions.items if d.outcome is Outcome.ERROR):
            log.error("rule broke", rule=broken.rule.id, reason=broken.reason)
        return Response(encode_cards(answer.cards), media_type=JSON)

    return call


def _metrics(metrics: Metrics) -> Handler:
    async def exposition(_: Request) -> Response:
        """Counters and timings, for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return exposition


async def _docs(request: Request) -> Response:
    """The OpenAPI document as a page."""
    return HTMLResponse(page(request.app.openapi()))
