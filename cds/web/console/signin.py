"""Signing in with a token, and signing out."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.errors import TooMany, Unauthorized
from cds.web.console.access import NOBODY, Access
from cds.web.console.forms import check_origin, form
from cds.web.console.frame import SIGN_IN, Frame
from cds.web.console.place import CONSOLE
from cds.web.console.words import sentence

# A page of the console and nothing that a browser could read as another place.
_WITHIN = re.compile(rf"{CONSOLE}/[A-Za-z0-9/_.~!$&'()*+,;=:@?%-]*")
_LONGEST = 2000  # characters
_ENDED = "Your session has ended. Sign in again to go on."


def routes(service: Service, frame: Frame, access: Access) -> Iterable[BaseRoute]:
    """`/signin` and `/signout`."""
    door = _Door(frame, access, service.settings.public_url)
    return (
        Route("/signin", door.page, methods=["GET"]),
        Route("/signin", door.sign_in, methods=["POST"]),
        Route("/signout", door.sign_out, methods=["POST"]),
    )


class _Door:
    def __init__(self, frame: Frame, access: Access, public_url: str | None) -> None:
        self._frame, self._access, self._public = frame, access, public_url

    async def page(self, request: Request) -> Response:
        """The page with the form."""
        onwards = within(request.query_params.get("next", ""))
        if self._access.seen(request) != NOBODY:
            return RedirectResponse(onwards, 303)
        words = _ENDED if self._access.has_cookie(request) else ""
        return self._form(request, 200, onwards, words)

    async def sign_in(self, request: Request) -> Response:
        """A token was sent: the session begins, or the form comes back with the reason."""
        check_origin(request, self._public)
        sent = await form(request)
        onwards = within(sent.get("next", ""))
        reply: Response = RedirectResponse(onwards, 303)
        try:
            self._access.sign_in(sent.get("token", "").strip(), reply)
        except (Unauthorized, TooMany) as error:
            reply = self._form(request, error.status, onwards, sentence(str(error)))
            if isinstance(error, TooMany):
                reply.headers["retry-after"] = str(error.retry_after)
        return reply

    async def sign_out(self, request: Request) -> Response:
        """The session of this browser ends."""
        visitor = self._access.seen(request)
        if visitor != NOBODY:
            await self._access.check_sent(request, visitor)
        reply = RedirectResponse(SIGN_IN, 303)
        self._access.sign_out(reply)
        return reply

    def _form(self, request: Request, status: int, onwards: str, words: str) -> Response:
        return self._frame.page(request, "signin.html", status, onwards=onwards, words=words)


def within(address: str) -> str:
    """The address, if it is a page of the console that a browser may be sent to, else the first
    page."""
    fits = len(address) <= _LONGEST and _WITHIN.fullmatch(address)
    # A path that goes up or begins a host anew is none of ours.
    if not fits or "//" in address or ".." in address:
        return f"{CONSOLE}/"
    return address
