"""The pages for people as applications of their own: the console below `/console`, and what signed
links open below `/why`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from cds.bootstrap import Service
from cds.errors import BadRequest
from cds.links import WHY
from cds.web.console import admin, decisions, rules, sandbox, signin, whatif, why
from cds.web.console.access import Access
from cds.web.console.frame import Frame
from cds.web.console.headers import PageHeaders
from cds.web.console.mishap import Mishaps
from cds.web.console.place import CONSOLE, Reload
from cds.web.console.static import static_route

Pages = Callable[[Service, Frame, Access], Iterable[BaseRoute]]


def application(service: Service, reload: Reload | None = None) -> Starlette:
    """All pages of the console. What they refuse is told as a page too."""
    access = Access(service)
    frame = Frame(service, access)
    found = _routes(service, frame, access)
    found += admin.routes(service, frame, access, reload)
    return _application(frame, found, referrer="same-origin")


def public(service: Service) -> Starlette:
    """The pages that need a signed link and nothing else; there is no way from them into the
    console."""
    access = Access(service)
    frame = Frame(service, access, base=WHY)
    found = [static_route(), *why.routes(service, frame, access)]
    return _application(frame, found, referrer="no-referrer")


def _application(frame: Frame, found: list[BaseRoute], *, referrer: str) -> Starlette:
    app = Starlette(
        routes=found,
        exception_handlers={BadRequest: frame.refused, HTTPException: frame.not_answered},
        middleware=[Middleware(PageHeaders, referrer=referrer), Middleware(Mishaps, frame=frame)],
    )
    app.router.redirect_slashes = False
    return app


def _routes(service: Service, frame: Frame, access: Access) -> list[BaseRoute]:
    """Each module of pages brings its own."""
    modules: tuple[Pages, ...] = (
        signin.routes,
        sandbox.routes,
        rules.routes,
        whatif.routes,
        decisions.routes,
    )
    found: list[BaseRoute] = [Route("/", _front), static_route()]
    return [*found, *(route for pages in modules for route in pages(service, frame, access))]


async def _front(_: Request) -> Response:
    """The first page is the one everybody may see."""
    return RedirectResponse(f"{CONSOLE}/rules", 303)
