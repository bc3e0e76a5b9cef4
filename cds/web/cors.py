"""CORS for browser-based clients (CDS Hooks 2.0.1, Cross-Origin Resource Sharing).

Own middleware, because every reply here is JSON and the usual one answers preflights in plain text.
It stands outside everything else, so that errors of every kind carry the headers too. No
credentials are ever allowed: tokens travel in a header, not in cookies.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.web.errors import refused

ALLOWED = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Accept, Authorization, Content-Type, X-Requested-With",
    "access-control-max-age": "600",
}


class Cors:
    """Lets the origins named in `CDS_CORS_ORIGINS` read the replies; `*` lets every one."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self.app = app
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight; add the headers to every other reply."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        granted = self._granted(headers.get("origin", ""))
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await _preflight(granted)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(granted)
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _granted(self, origin: str) -> dict[str, str]:
        """The headers for this origin; the answer differs by origin, so caches must know."""
        if "*" in self.origins:
            return {"access-control-allow-origin": "*"}
        vary = {"vary": "Origin"}
        if origin and origin in self.origins:
            return {"access-control-allow-origin": origin, **vary}
        return vary


def _preflight(granted: dict[str, str]) -> Response:
    if "access-control-allow-origin" not in granted:
        return refused(403, "forbidden", "this origin is not in CDS_CORS_ORIGINS", granted)
    return Response(status_code=204, headers={**granted, **ALLOWED})
