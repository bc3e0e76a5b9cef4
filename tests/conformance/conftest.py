"""One application, its four services, and a valid call for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.web.app import create_app

# The members of each context (CDS Hooks Library 1.0.1), written down a second time on purpose.
CONTEXTS = {
    "order-select": {"userId", "patientId", "encounterId", "selections", "draftOrders"},
    "order-sign": {"userId", "patientId", "encounterId", "draftOrders"},
    "patient-view": {"userId", "patientId", "encounterId"},
    "encounter-discharge": {"userId", "patientId", "encounterId"},
}


@pytest.fixture
def client(make_service: Callable[..., Service], client_of: Any) -> Any:
    """The real application; only the pipeline behind it is a stand-in."""
    return client_of(create_app(make_service()))


@pytest.fixture
def entries(client: Any) -> list[dict[str, Any]]:
    """The services of discovery."""
    found: list[dict[str, Any]] = client.get("/cds-services").json()["services"]
    return found


@pytest.fixture(params=CONTEXTS)
def hook(request: Any) -> str:
    """Each hook in turn."""
    found: str = request.param
    return found


@pytest.fixture
def address(hook: str, entries: list[dict[str, Any]]) -> str:
    """Where the service of the hook is, by discovery."""
    (found,) = (entry["id"] for entry in entries if entry["hook"] == hook)
    return f"/cds-services/{found}"


@pytest.fixture
def body_of(hook_body: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """A valid body for a hook; keyword arguments replace members of the context."""

    def make(hook: str, **context: Any) -> dict[str, Any]:
        body = {**hook_body(), "hook": hook}
        body["context"] = {
            name: value for name, value in body["context"].items() if name in CONTEXTS[hook]
        }
        body["context"] |= context
        return body

    return make
