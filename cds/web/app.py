"""The HTTP edge: a FastAPI application around one `Service`."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from cds.bootstrap import Service, service
from cds.errors import BadRequest
from cds.fhir.store import Store
from cds.sample import records
from cds.web.cors import Cors
from cds.web.documents import complete
from cds.web.errors import bad_request, http_error
from cds.web.guard import Guard
from cds.web.headers import SecureHeaders
from cds.web.log import configure
from cds.web.metrics import Metrics
from cds.web.reload import lifespan
from cds.web.routes import routes
from cds.web.sandbox import routes as sandbox_routes


def create_app(service: Service) -> FastAPI:
    """The application. Outermost CORS, then the guard, then routing and its error replies."""
    metrics = Metrics(service.view().about)
    app = FastAPI(
        title="Electrolyte CDS",
        description="CDS Hooks 2.0.1 service: low magnesium, refractory hypokalemia, renal doses.",
        version=version("electrolyte-cds"),
        docs_url=None,  # the usual page loads its scripts from a third party; see documents.py
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        lifespan=lifespan(service, metrics),
        telemetry=_telemetry(service),
        exception_handlers={BadRequest: bad_request, HTTPException: http_error},
    )
    app.include_router(routes(service, metrics))
    if service.settings.sandbox:
        store = Store(records(), service.clinical_clock)
        app.include_router(sandbox_routes(store, service.settings.public_url))
    app.add_middleware(Guard, service=service, metrics=metrics)
    app.add_middleware(Cors, origins=_origins(service))
    app.add_middleware(SecureHeaders, https=_https(service))
    _document(app)
    return app


def application() -> FastAPI:
    """The application of this process, from the environment: what a server is pointed at.

    Raises SettingsError and RulebookError; `cds serve` has shown both before it comes to this.
    """
    built = service()
    configure(built.settings.log_level)
    return create_app(built)


def _origins(service: Service) -> tuple[str, ...]:
    """A sandbox is for browser clients of any origin, unless the setting names some."""
    named = service.settings.cors_origins
    return named or (("*",) if service.settings.sandbox else ())


def _telemetry(service: Service) -> TelemetryConfig:
    """FastAPI's own OpenTelemetry, off unless asked for. Never its log events, which would carry
    the message of an exception; and only hook calls, whose addresses hold nothing of a patient."""
    wanted = service.settings.telemetry
    return {
        "tracing": wanted,
        "metrics": wanted,
        "logs": False,
        "exclude": lambda scope: not scope["path"].startswith("/cds-services"),
    }


def _https(service: Service) -> bool:
    return (service.settings.public_url or "").startswith("https://")


def _document(app: FastAPI) -> None:
    """Have the OpenAPI document carry the wire shapes, which no route declares by type."""
    plain: Callable[[], dict[str, Any]] = app.openapi
    setattr(app, "openapi", lambda: complete(plain()))  # noqa: B010  FastAPI's own hook
