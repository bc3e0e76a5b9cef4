"""What nobody foresaw, told as a page: the guard outside would tell it as JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds.errors import BadRequest
from cds.web.console.frame import Frame
from cds.web.console.words import sentence
from cds.web.guard import unexpected


class Mishaps:
    """Makes a page of an exception, as long as nothing has left."""

    def __init__(self, app: ASGIApp, frame: Frame) -> None:
        self.app, self._frame = app, frame

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except BadRequest:  # a handler of its own makes a page of it
            raise
        except Exception as error:
            if begun:
                raise
            page = self._frame.error(Request(scope), 500, sentence(unexpected(error)))
            await page(scope, receive, send)
