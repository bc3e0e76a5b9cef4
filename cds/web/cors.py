"""CORS for browser-based clients (CDS Hooks 2.0.1, Cross-Origin Resource Sharing).

Own middleware, because every reply here is JSON and the usual one answers preflights in plain text.
It stands outside everything else, so that errors of every kind carry the headers too. No
credentials are ever allowed: tokens travel in a header, not in cookies. The pages for people do
have cookies, so they are for their own origin alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.links import WHY
from cds.web.console.place import CONSOLE
from cds.web.errors import refused
from cds.web.headers import Header
from cds.web.routes import DECISION

ALLOWED = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "Accept, Authorization, Content-Type, X-Requested-With",
    "access-control-max-age": "600",
}
# What a script may read of the headers of a reply, besides those that every script may.
_READABLE = {"access-control-expose-headers": f"{DECISION}, Retry-After"}
_PAGES = (f"{CONSOLE}/", f"{WHY}/")


class Cors:
    """Lets the origins named in `CDS_CORS_ORIGINS` read the replies; `*` lets every one."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self.app = app
        self.origins = frozenset(origins)
        self._ready: dict[str, list[Header]] = {}  # by origin of ours; "" for all others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight; add the headers to every other reply."""
        if scope["type"] != "http" or _is_page(scope["path"]):
            await self.app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "access-control-request-method" in headers:
                await _preflight(self._granted(headers.get("origin", "")))(scope, receive, send)
                return
        added = self._added(scope["headers"])

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _added(self, asked: Iterable[Header]) -> list[Header]:
        """The headers for who asked with these, as they go over the wire."""
        sent = next((value for name, value in asked if name == b"origin"), b"").decode("latin-1")
        origin = sent if sent in self.origins else ""
        ready = self._ready.get(origin)
        if ready is None:
            granted = self._granted(origin).items()
            ready = [(name.encode(), value.encode("latin-1")) for name, value in granted]
            self._ready[origin] = ready
        return ready

    def _granted(self, origin: str) -> dict[str, str]:
        """The headers for this origin; the answer differs by origin, so caches must know."""
        if "*" in self.origins:
            return {"access-control-allow-origin": "*", **_READABLE}
        vary = {"vary": "Origin"}
        if origin and origin in self.origins:
            return {"access-control-allow-origin": origin, **_READABLE, **vary}
        return vary


def _is_page(path: str) -> bool:
    return path.startswith(_PAGES) or path == CONSOLE


def _preflight(granted: dict[str, str]) -> Response:
    if "access-control-allow-origin" not in granted:
        return refused(403, "forbidden", "this origin is not in CDS_CORS_ORIGINS", granted)
    return Response(status_code=204, headers={**granted, **ALLOWED})
