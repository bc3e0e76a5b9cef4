"""The addresses as FastAPI knows them: it writes their OpenAPI document, and its spans where
telemetry is on. Loading it takes longer than the whole edge, so that only who asks waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from cds.web.address import Address
from cds.web.documents import MORE, complete


def described(addresses: Iterable[Address], **more: Any) -> FastAPI:
    """The application of these addresses; `more` is what FastAPI is told beside them."""
    app = FastAPI(
        title="Electrolyte CDS",
        description="CDS Hooks 2.0.1 service: low magnesium, refractory hypokalemia, renal doses.",
        version=version("electrolyte-cds"),
        docs_url=None,  # the usual page loads its scripts from a third party; see documents.py
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        **more,
    )
    for item in addresses:
        app.router.add_api_route(
            item.path,
            item.handler,
            methods=[item.method],
            response_model=None,
            include_in_schema=item.shown,
            openapi_extra=MORE.get((item.path, item.method)),
        )
    return app


def document(addresses: Iterable[Address]) -> dict[str, Any]:
    """The OpenAPI document, with the wire shapes, which no handler declares by type."""
    return complete(described(addresses).openapi())


def spans() -> TelemetryConfig:
    """FastAPI's own OpenTelemetry. Never its log events, which would carry the message of an
    exception; and only hook calls, whose addresses hold nothing of a patient."""
    return {
        "tracing": True,
        "metrics": True,
        "logs": False,
        "exclude": lambda scope: not scope["path"].startswith("/cds-services"),
    }
