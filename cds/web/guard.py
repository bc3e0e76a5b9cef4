"""Around every request: time it, count it, end it in time, and let no exception out as anything
but a stated answer."""

from __future__ import annotations

import asyncio
import traceback
import uuid
from contextlib import AbstractContextManager, nullcontext
from time import perf_counter

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.bootstrap import Service
from cds.errors import BadRequest, Overloaded
from cds.web.errors import TimedOut, refused, refusing
from cds.web.limits import Room
from cds.web.metrics import Metrics

log = structlog.get_logger("cds.web")

# Only these take a place: whoever watches the service must see it when it has too much to do.
CALLS = "/cds-services/"

# New rules are checked and proved before the reply: that takes seconds.
SLOW = ("/admin/", "/console/admin/")

_ANYWHERE = nullcontext()


class BrokenOff(Exception):
    """Half a reply has left when its rest failed: only cutting the connection tells the truth.
    Stands for an exception whose message might repeat patient data."""


class Guard:
    """Stands inside CORS, so that a 500 can be read by a browser client too."""

    def __init__(self, app: ASGIApp, service: Service, metrics: Metrics) -> None:
        self.app = app
        self.service = service
        self.metrics = metrics
        self.room = Room(service.settings.max_concurrent)
        metrics.watch_room(lambda: self.room.taken)
        self.patience = service.settings.request_timeout_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = perf_counter()
        exchange = Exchange(receive, send)
        try:
            await self._answer(scope, exchange)
        except ClientDisconnect:
            return
        except Exception as error:
            reply = refusing(error) if isinstance(error, BadRequest) else _unexpected(error)
            if exchange.status:
                raise BrokenOff from None
            await reply(scope, exchange.receive, exchange.send)
        self._note(scope, exchange.status, perf_counter() - started)

    async def _answer(self, scope: Scope, exchange: Exchange) -> None:
        with self._place(scope["path"]):
            try:
                async with asyncio.timeout(self._patience(scope["path"])) as bound:
                    await self.app(scope, exchange.receive, exchange.send)
            except TimeoutError:
                if not bound.expired():  # somebody else's: unexpected
                    raise
                raise _too_slow(exchange) from None

    def _patience(self, path: str) -> float | None:
        return None if path.startswith(SLOW) else self.patience

    def _place(self, path: str) -> AbstractContextManager[None]:
        if not path.startswith(CALLS):
            return _ANYWHERE
        if not self.room.free:
            self.metrics.shed()
        return self.room.place()

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        named = scope.get("path_params", {}).get("service_id", "")
        # A path is free text of the client's: only ids we know may become a label or a log line.
        service = named if named in self.service.services else ""
        client = scope.get("state", {}).get("client", "")
        self.metrics.request(service, status, seconds)
        who = {"client": client} if client else {}
        log.info("request", service=service, status=status, ms=round(seconds * 1000, 2), **who)


class Exchange:
    """What has come and gone of one request: whether its body is complete, and the status sent."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.complete = False
        self.status = 0

    async def receive(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        self.complete = self.complete or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """The next part of the reply."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)


def _too_slow(exchange: Exchange) -> BadRequest:
    if exchange.complete:
        return Overloaded("the call could not be answered in time; try again", retry_after=1)
    return TimedOut("the request did not arrive in time; CDS_REQUEST_TIMEOUT_MS sets the limit")


def _unexpected(error: Exception) -> ASGIApp:
    return refused(500, "exception", unexpected(error))


def unexpected(error: Exception) -> str:
    """What a 500 says. The log gets the kind of error and the places, not its message: that may
    hold values of a patient."""
    incident = uuid.uuid4().hex[:12]
    log.error(
        "unexpected error", incident=incident, kind=type(error).__name__, places=places(error)
    )
    return f"an unexpected error; the service's log has more under incident {incident}"


def places(error: BaseException) -> list[str]:
    """The innermost lines of code an exception came through."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)[-6:]
    ]
