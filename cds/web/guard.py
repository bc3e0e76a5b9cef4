"""Around every request: time it, count it, and let no exception out as anything but a 500."""

from __future__ import annotations

import traceback
import uuid
from time import perf_counter

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.bootstrap import Service
from cds.web.errors import refused
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")


class Guard:
    """Stands inside CORS, so that a 500 can be read by a browser client too."""

    def __init__(self, app: ASGIApp, service: Service, metrics: Metrics) -> None:
        self.app = app
        self.service = service
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            return
        except Exception as error:
            if status:  # half a reply has left: only cutting the connection tells the truth
                raise
            await _unexpected(error)(scope, receive, watched)
        self._note(scope, status, perf_counter() - started)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        named = scope.get("path_params", {}).get("service_id", "")
        # A path is free text of the client's: only ids we know may become a label or a log line.
        service = named if named in self.service.services else ""
        self.metrics.request(service, status, seconds)
        log.info("request", service=service, status=status, ms=round(seconds * 1000, 2))


def _unexpected(error: Exception) -> ASGIApp:
    """A 500. The log gets the kind of error and the places, not its message: that may hold values
    of a patient."""
    incident = uuid.uuid4().hex[:12]
    places = [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-6:]
    ]
    log.error("unexpected error", incident=incident, kind=type(error).__name__, places=places)
    return refused(
        500,
        "exception",
        f"an unexpected error; the service's log has more under incident {incident}",
    )
