"""The HTTP edge: an ASGI application around one `Service`."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route

from cds.bootstrap import Service, service
from cds.errors import BadRequest
from cds.links import WHY
from cds.serving import settle
from cds.web.address import Address, routes
from cds.web.console.lazy import console, why
from cds.web.console.place import CONSOLE, Reload
from cds.web.cors import Cors
from cds.web.errors import bad_request, http_error
from cds.web.guard import Guard
from cds.web.headers import SecureHeaders
from cds.web.log import configure
from cds.web.metrics import Metrics
from cds.web.pages import pages
from cds.web.reload import lifespan, reloaded
from cds.web.routes import Opened, addresses
from cds.web.straight import Straight


def create_app(service: Service) -> Starlette:
    """The application. Outermost headers and CORS, then the guard, then routing and its error
    replies; calls of our own services skip routing."""
    metrics = Metrics(service.view().about)
    opened, theirs = _sandbox(service)
    ours = addresses(service, metrics, *opened)
    app = _application(service, [*ours, *pages(ours), *theirs], metrics)
    app.router.routes += _people(service, metrics)
    if not service.settings.telemetry:  # spans begin with the route
        app.add_middleware(Straight, addresses=ours, services=service.services)
    app.add_middleware(Guard, service=service, metrics=metrics)
    app.add_middleware(Cors, origins=_origins(service))
    app.add_middleware(SecureHeaders, https=_https(service))
    return app


def application() -> Starlette:
    """The application of this process, from the environment: what a server is pointed at.

    Raises SettingsError and RulebookError; `cds serve` has shown both before it comes to this.
    """
    return serving(service())


def serving(built: Service) -> Starlette:
    """The application of a process that does nothing else: its log lines have their form, and what
    was made so far stays."""
    configure(built.settings.log_level, built.wall)
    app = create_app(built)
    settle()
    return app


def _application(service: Service, found: list[Address], metrics: Metrics) -> Starlette:
    """Plain Starlette, unless FastAPI is wanted for its spans: handlers here have no typed
    arguments, for which it would be needed."""
    more: dict[str, Any] = {
        "lifespan": lifespan(service, metrics),
        "exception_handlers": {BadRequest: bad_request, HTTPException: http_error},
    }
    if service.settings.telemetry:
        from cds.web.described import described, spans

        return described(found, telemetry=spans(), **more)
    app = Starlette(routes=routes(found), **more)
    app.router.redirect_slashes = False
    return app


def _sandbox(service: Service) -> tuple[list[Opened], list[Address]]:
    """What opens the sandbox's FHIR server, and its addresses; nothing where patients are real."""
    if not service.settings.sandbox:
        return [], []
    from cds.web import sandbox

    store = sandbox.Opened(lambda: sandbox.store(service.clinical_clock))
    return [store.here], sandbox.addresses(store, service.settings.public_url)


def _people(service: Service, metrics: Metrics) -> list[BaseRoute]:
    """What browsers of people open: the console, and where signed links lead."""
    found: list[BaseRoute] = []
    if service.settings.console_on:
        found += [
            Route(CONSOLE, _front, methods=["GET"]),
            Mount(CONSOLE, console(service, _reloading(service, metrics))),
        ]
    if service.links is not None:
        found.append(Mount(WHY, why(service)))
    return found


async def _front(_: Request) -> Response:
    return RedirectResponse(f"{CONSOLE}/", 303)


def _reloading(service: Service, metrics: Metrics) -> Reload | None:
    reload = service.reload
    return None if reload is None else lambda: reloaded(service, reload, metrics)


def _origins(service: Service) -> tuple[str, ...]:
    """A sandbox is for browser clients of any origin, unless the setting names some."""
    named = service.settings.cors_origins
    return named or (("*",) if service.settings.sandbox else ())


def _https(service: Service) -> bool:
    return (service.settings.public_url or "").startswith("https://")
