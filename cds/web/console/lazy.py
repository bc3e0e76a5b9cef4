"""The door to the console: made when somebody first asks for it.

Its templates and pages take a while to load and hook calls need none of them, so a start must not
wait for them.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from cds.bootstrap import Service
from cds.web.console.place import Reload


class Lazy:
    """An ASGI application that is made by its first request, in a thread: hook calls go on being
    answered meanwhile."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._made: ASGIApp | None = None
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request on."""
        made = self._made
        if made is None:
            made = await asyncio.to_thread(self._once)
        await made(scope, receive, send)

    def _once(self) -> ASGIApp:
        with self._lock:
            made = self._made
            if made is None:
                made = self._made = self._make()
            return made


def console(service: Service, reload: Reload | None = None) -> Lazy:
    """The console of a service, to be mounted at `CONSOLE`. `reload` puts the rule files in force
    as they stand now, as `Service.reload` does; None = not offered."""

    def make() -> ASGIApp:
        from cds.web.console.app import application

        return application(service, reload)

    return Lazy(make)


def why(service: Service) -> Lazy:
    """The pages that signed links open, to be mounted at `cds.links.WHY`."""

    def make() -> ASGIApp:
        from cds.web.console.app import public

        return public(service)

    return Lazy(make)
