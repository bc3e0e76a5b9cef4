"""The sandbox's FHIR server on a socket of this machine, and readers of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from cds.fhir.store import Store
from cds.web.address import routes
from cds.web.errors import http_error
from cds.web.sandbox import Opened, addresses
from loopback import serving

__all__ = ["NOW", "alone", "bearer", "more", "serving"]

# A year after the fixtures, in the middle of a minute: dates have to move.
NOW = datetime(2027, 11, 21, 9, 17, 31, tzinfo=UTC)


def alone(store: Store, public_url: str | None = None) -> Starlette:
    """The routes of the FHIR server and nothing else."""
    found = routes(addresses(Opened(lambda: store), public_url))
    app = Starlette(routes=found, exception_handlers={HTTPException: http_error})
    app.router.redirect_slashes = False
    return app


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def more(bundle: Any) -> bool:
    """Whether a Bundle is not the last page."""
    return any(link["relation"] == "next" for link in (bundle or {}).get("link", ()))
