"""Headers that every answer carries, so that no browser makes more of it than it is.

It stands outside everything else: preflights, refusals and the 500 get them too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Header = tuple[bytes, bytes]

_NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

ALWAYS: Mapping[str, str] = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",  # what CORS grants is not touched by it
    # Answers are about a patient, and the others are about this moment.
    "cache-control": "no-store",
    "content-security-policy": _NOTHING,
}
# Our pages are HTML and nothing else; pictures and styles may come from here, never from elsewhere.
PAGE = f"{_NOTHING}; img-src 'self'; style-src 'self'"
YEAR = "max-age=31536000"


class SecureHeaders:
    """Adds what is not there yet: a page that needs more may bring its own policy.

    `https`: clients reach the service by https only (`CDS_PUBLIC_URL`), so browsers may insist.
    """

    def __init__(self, app: ASGIApp, https: bool) -> None:
        self.app = app
        always = {**ALWAYS, "strict-transport-security": YEAR} if https else ALWAYS
        self.always = _raw(always)
        self.page = _raw({**always, "content-security-policy": PAGE})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._completed(message["headers"])
            await send(message)

        await self.app(scope, receive, with_headers)

    def _completed(self, given: Iterable[Header]) -> list[Header]:
        there = dict(given)
        html = there.get(b"content-type", b"").startswith(b"text/html")
        wanted = self.page if html else self.always
        return [*given, *[item for item in wanted if item[0] not in there]]


def _raw(headers: Mapping[str, str]) -> list[Header]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
