"""One application, its services, a valid call for each, and an eye on every reply."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp
from structlog.testing import capture_logs

sys.path.insert(0, str(Path(__file__).parent))

from orders import BENCH
from wire_checks import check

from bench.bodies import NOW
from cds import bootstrap
from cds.bootstrap import Service
from cds.sample import Sample, samples
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]

# The members of each context (CDS Hooks Library 1.0.1), written down a second time on purpose.
CONTEXTS = {
    "order-select": {"userId", "patientId", "encounterId", "selections", "draftOrders"},
    "order-sign": {"userId", "patientId", "encounterId", "draftOrders"},
    "patient-view": {"userId", "patientId", "encounterId"},
    "encounter-discharge": {"userId", "patientId", "encounterId"},
}


class CheckedClient:
    """A client of an application that holds every reply against its model on the wire."""

    def __init__(self, plain: Any) -> None:
        self._plain = plain

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return check(method, path, self._plain.request(method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def options(self, path: str, **more: Any) -> httpx.Response:
        return self.request("OPTIONS", path, **more)


@pytest.fixture
def client_of(client_of: Callable[[ASGIApp], Any]) -> Callable[[ASGIApp], CheckedClient]:
    """A client for an application, in process; every reply is checked."""
    return lambda app: CheckedClient(client_of(app))


@pytest.fixture
def client(make_service: Callable[..., Service], client_of: Any) -> Any:
    """The real application, for a browser of any origin; only the pipeline is a stand-in. It goes
    without the sandbox, whose FHIR server takes a second to fill."""
    return client_of(create_app(make_service(sandbox=False, cors_origins=("*",))))


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


@dataclass(frozen=True)
class Answered:
    """The call of a synthetic patient and what the real service with the real rules replied."""

    sample: Sample
    cards: list[dict[str, Any]]

    @property
    def drafts(self) -> dict[str, dict[str, Any]]:
        """The draft orders of the call by Type/id."""
        entries = self.sample.request["context"].get("draftOrders", {}).get("entry", ())
        found = (entry["resource"] for entry in entries)
        return {f"{item['resourceType']}/{item.get('id')}": item for item in found}


@pytest.fixture(scope="session")
def answered() -> list[Answered]:
    """Every synthetic patient whose call is answered, each reply checked."""

    @cache
    def app(now: Any) -> ASGIApp:
        return create_app(bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), now))

    async def ask(item: Sample) -> httpx.Response:
        path = f"/cds-services/electrolytes-{item.request['hook']}"
        transport = httpx.ASGITransport(app=app(item.now))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return check("POST", path, await client.post(path, content=json.dumps(item.request)))

    replies = [(item, asyncio.run(ask(item))) for item in samples(ROOT / "fhir_fixtures")]
    # What is refused is data as it should not be; a call that breaks the service must not pass by.
    assert {r.status_code for item, r in replies if item.folder != "broken"} == {200}
    assert {r.status_code for _, r in replies} == {200, 400, 412}
    return [Answered(item, r.json()["cards"]) for item, r in replies if r.status_code == 200]


@pytest.fixture(scope="session")
def real() -> ASGIApp:
    """The application with the real rules, at the moment of the patient in `orders.py`."""
    return create_app(bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), NOW))


@pytest.fixture
def post(real: ASGIApp, client_of: Any, body_of: Callable[..., Any]) -> Callable[..., Any]:
    """Ask the service of a hook about that patient; keyword arguments replace context members."""
    client = client_of(real)

    def ask(hook: str, *, prefetch: dict[str, Any] | None = None, **context: Any) -> Any:
        members = {name: BENCH["context"][name] for name in body_of(hook)["context"]}
        instance = context.pop("instance", BENCH["hookInstance"])
        body = {
            "hook": hook,
            "hookInstance": instance,
            "context": {**members, **context},
            "prefetch": BENCH["prefetch"] if prefetch is None else prefetch,
        }
        return client.post(f"/cds-services/electrolytes-{hook}", json=body)

    return ask


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[int], str]]:
    """Everything logged so far, once that many requests are noted: a reply leaves before its line
    is written."""
    caplog.set_level(logging.DEBUG)

    with capture_logs() as events:

        def text(requests: int) -> str:
            until = time.monotonic() + 10
            while sum(item["event"] == "request" for item in list(events)) < requests:
                assert time.monotonic() < until, "no line for the request"
                time.sleep(0.01)
            return repr(list(events)) + caplog.text

        yield text
