"""Headers of every answer of the pages for people, refusals and redirects included."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Scripts, styles and requests from here only, and none written into a page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class PageHeaders:
    """Adds them. `referrer`: pages of the console tell each other where they come from, else a
    form could not say that it was sent from here; an address that is a secret tells nobody."""

    def __init__(self, app: ASGIApp, referrer: str) -> None:
        self.app = app
        told = {
            "content-security-policy": POLICY,
            "referrer-policy": referrer,
            "cross-origin-opener-policy": "same-origin",
            "x-robots-tag": "noindex, nofollow",
        }
        self._headers = [(name.encode(), value.encode()) for name, value in told.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name for name, _ in message["headers"]}
                added = [item for item in self._headers if item[0] not in there]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, with_headers)
