"""`POST /admin/reload` and SIGHUP: new rules for a service that goes on answering."""

from __future__ import annotations

import asyncio
import hmac
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response

from cds.bootstrap import Service
from cds.errors import CdsError, Unauthorized
from cds.hooks.response import encode
from cds.reload import NotReplaced
from cds.web.errors import FHIR_JSON
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")

Reload = Callable[[], Awaitable[bool]]


def reload_route(
    service: Service, reload: Reload, token: str, metrics: Metrics
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of `POST /admin/reload`, for whoever holds `CDS_ADMIN_TOKEN`."""

    async def reload_rules(request: Request) -> Response:
        """Put the rule files as they stand now in force, if they load, hold and are proved."""
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Unauthorized("this address needs the token of CDS_ADMIN_TOKEN as Bearer")
        try:
            changed = await reloaded(service, reload, metrics)
        except CdsError as error:
            return Response(encode(_refusal(error)), 409, None, FHIR_JSON)
        status = "replaced" if changed else "unchanged"
        return Response(
            encode({"status": status, **service.view().about}), media_type="application/json"
        )

    return reload_rules


async def reloaded(service: Service, reload: Reload, metrics: Metrics) -> bool:
    """`Service.reload`, counted and logged; whether other rules are in force now."""
    try:
        changed = await reload()
    except CdsError as error:
        metrics.reloaded("refused")
        log.error("rules not replaced", reason=str(error))
        raise
    metrics.reloaded("replaced" if changed else "unchanged")
    metrics.rulebook(service.view().about)
    log.warning("rules reloaded", changed=changed, rulebook=service.view().about.get("rulebook"))
    return changed


def _refusal(error: CdsError) -> dict[str, Any]:
    """One issue for every finding."""
    findings = error.findings if isinstance(error, NotReplaced) else (str(error),)
    issues = [
        {"severity": "error", "code": "business-rule", "diagnostics": finding}
        for finding in findings
    ]
    return {"resourceType": "OperationOutcome", "issue": issues}


def lifespan(service: Service, metrics: Metrics) -> Callable[[Any], Any]:
    """What lasts as long as the server: connections, and the ear for SIGHUP."""

    @asynccontextmanager
    async def lasting(_: Any) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        listening = service.reload is not None and _in_main_thread()
        tasks: set[asyncio.Task[None]] = set()
        if service.reload is not None and listening:
            reload = service.reload
            loop.add_signal_handler(
                signal.SIGHUP, lambda: tasks.add(loop.create_task(_heard(service, reload, metrics)))
            )
        opening = loop.create_task(_opened(service))
        yield
        if listening:
            loop.remove_signal_handler(signal.SIGHUP)
        for task in (opening, *tasks):
            task.cancel()
        await asyncio.gather(opening, *tasks, return_exceptions=True)
        await service.close()

    return lasting


async def _opened(service: Service) -> None:
    """Hook calls are answered meanwhile; `/health/ready` says whether they can be kept."""
    began = service.clock()
    await service.open()
    pieces = {**service.took, "opening": round(service.clock() - began, 2)}
    rules = service.view().about.get("rules", 0)
    log.info("ready", rules=rules, seconds=pieces)


async def _heard(service: Service, reload: Reload, metrics: Metrics) -> None:
    try:
        await reloaded(service, reload, metrics)
    except CdsError:
        return  # said in the log and in the metrics


def _in_main_thread() -> bool:
    """Signals reach the main thread only, and some systems have no SIGHUP."""
    return threading.current_thread() is threading.main_thread() and hasattr(signal, "SIGHUP")
