"""The short way for hook calls: from the exact address to its handler.

Routing compares an address with one pattern after the other, and each layer on the way takes its
time of every call. What is not one of these few addresses goes the long way, as does everything
with telemetry on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from cds.web.address import Address, Handler
from cds.web.routes import CALL


class Straight:
    """Stands inside the guard, which makes replies of what a handler raises."""

    def __init__(
        self, app: ASGIApp, addresses: Iterable[Address], services: Collection[str]
    ) -> None:
        self.app = app
        calls = [item.handler for item in addresses if (item.method, item.path) == ("POST", CALL)]
        self._handlers: dict[str, tuple[Handler, dict[str, Any]]] = {
            CALL.format(service_id=name): (handler, {"service_id": name})
            for handler in calls
            for name in services
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a hook call; hand anything else on."""
        found = self._handlers.get(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "POST" or scope.get("root_path"):
            await self.app(scope, receive, send)
            return
        handler, named = found
        scope["path_params"] = dict(named)
        response = await handler(Request(scope, receive, send))
        await response(scope, receive, send)
