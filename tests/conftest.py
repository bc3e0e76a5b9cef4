"""What every test folder may use, and the promise that nothing skips in silence.

With `CDS_REQUIRE=all` a skip is a failure: a machine that lacks something must not look green.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

sys.path.insert(0, str(Path(__file__).parent))

import r4_checks
from cds.bootstrap import Service, View
from cds.cards import render
from cds.clients.model import Client
from cds.engine.decision import Decisions
from cds.fhir.access import Fetched
from cds.hooks.discovery import discovery, templates
from cds.hooks.request import HookCall
from cds.hooks.services import SERVICES
from cds.settings import Settings

REQUIRE_ALL = os.environ.get("CDS_REQUIRE") == "all"
REFUSED = "skipped, but CDS_REQUIRE=all lets nothing skip: "


def _fail_if_skipped(report: Any) -> Any:
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{REFUSED}{report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _fail_if_skipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    report = _fail_if_skipped((yield))
    if _LAST_FIRST and isinstance(collector, pytest.Directory):
        report.result = report.result[::-1]
    return report


# Each worker reads all test modules, which from a fresh clone takes half a minute, most of it to
# rewrite their asserts. What one has rewritten the others find on the disk; so every second worker
# begins at the other end, and each rewrites half.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
_LAST_FIRST = _WORKER[-1:] in {"1", "3", "5", "7", "9"}

# What takes longest comes first (`make test` lets no plugin sort by the number of tests): a module
# stays on one worker, and a long one at the end would leave the others with nothing to do.
_SLOW = (
    "tests/journeys/test_real_hospital.py",
    "tests/rules/test_mutation.py",
    "tests/journeys/",
    "tests/docs/",
    "tests/unit/test_rule_commands.py",
    "tests/unit/test_bench.py",
    "tests/conformance/",
    "tests/reference/",
    "tests/unit/prove/",
    "tests/unit/audit/",
    "tests/rules/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """On workers the same order for all of them, whichever end they began at."""
    if _WORKER:
        items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, str]:
    module = item.nodeid.partition("::")[0]
    slow = (number for number, place in enumerate(_SLOW) if module.startswith(place))
    return next(slow, len(_SLOW)), module


def pytest_collection_finish() -> None:
    """What has been read until now lasts as long as the process. The collector of cycles would go
    through all of it again and again, for up to a fifth of the time of a test."""
    gc.freeze()


@cache
def _r4_faults(resource: str) -> tuple[str, ...]:
    return r4_checks.faults(json.loads(resource))


@pytest.fixture(autouse=True)
def every_emitted_resource_is_valid(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Generator[None]:
    """Whatever a test is about: no suggestion may leave with a resource that is not valid R4.

    A test that sends a draft which is not valid itself is marked `invalid_draft`: an update keeps
    what it does not understand.
    """
    found: list[str] = []
    as_json = render.as_json

    def checked(draft: Any) -> dict[str, Any]:
        suggestion = as_json(draft)
        for action in suggestion["actions"]:
            if "resource" in action:
                found.extend(
                    _r4_faults(json.dumps(action["resource"], sort_keys=True, default=str))
                )
        return suggestion

    monkeypatch.setattr(render, "as_json", checked)
    yield
    assert found == [] or request.node.get_closest_marker("invalid_draft")


CARD: dict[str, Any] = {
    "uuid": "0b0f8f5e-6a0f-5a3e-9a55-0d4d5f1c2b3a",
    "summary": "Severe low magnesium 1.0 mg/dL",
    "detail": "",
    "indicator": "critical",
    "source": {
        "label": "Electrolyte CDS",
        "url": None,
        "topic": {"system": "urn:electrolyte-cds:family", "code": "hypomagnesemia"},
    },
    "suggestions": [],
    "links": [],
    "overrideReasons": [],
    "extension": {
        "decision": "d-1",
        "rule": "hypomagnesemia@1.0.0",
        "rulebook": "0123456789ab",
        "rows": ["A2"],
    },
}


@dataclass(frozen=True)
class FakeAnswer:
    cards: tuple[dict[str, Any], ...] = (CARD,)
    decision_id: str = "d-1"
    decisions: Decisions = field(default_factory=lambda: Decisions(()))


@dataclass
class FakePipeline:
    """Stands in for the pipeline, so that the edges are tested on their own."""

    cards: tuple[dict[str, Any], ...] = (CARD,)
    error: Exception | None = None
    calls: list[HookCall] = field(default_factory=list)

    def __call__(
        self, call: HookCall, _client: Client, _fetched: Fetched, _earlier: object
    ) -> FakeAnswer:
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        return FakeAnswer(self.cards)


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def make_service(pipeline: FakePipeline) -> Callable[..., Service]:
    """A Service around the fake pipeline; keyword arguments are settings."""

    def make(**settings: Any) -> Service:
        codes = [f"http://loinc.org|{code}" for code in ("19123-9", "2823-3", "2160-0")]
        about = {"rulebook": "0123456789ab", "rules": 3, "site": ""}
        view = View(discovery(SERVICES.values(), codes), about, templates(codes))
        plain = Service(answer=pipeline, view=lambda: view)
        return replace(plain, settings=Settings(**{"sandbox": True, **settings}))

    return make


class InProcessClient:
    """Requests to an application in this process, one event loop each."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.request(method, path, **more)

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)

    def options(self, path: str, **more: Any) -> httpx.Response:
        return self.request("OPTIONS", path, **more)


@pytest.fixture
def client_of() -> Callable[[ASGIApp], InProcessClient]:
    """A client for an ASGI application."""
    return InProcessClient


@pytest.fixture
def hook_body() -> Callable[..., dict[str, Any]]:
    """A valid order-select body; keyword arguments replace members of the context."""

    def make(**context: Any) -> dict[str, Any]:
        draft = {
            "resourceType": "MedicationRequest",
            "id": "draft-1",
            "status": "draft",
            "intent": "order",
            "subject": {"reference": "Patient/pat-1"},
        }
        return {
            "hook": "order-select",
            "hookInstance": "6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a01",
            "context": {
                "userId": "Practitioner/prac-1",
                "patientId": "pat-1",
                "encounterId": "enc-1",
                "selections": ["MedicationRequest/draft-1"],
                "draftOrders": {
                    "resourceType": "Bundle",
                    "type": "collection",
                    "entry": [{"resource": draft}],
                },
                **context,
            },
            "prefetch": {
                "patient": {"resourceType": "Patient", "id": "pat-1", "birthDate": "1951-08-09"},
                "observations": None,
            },
        }

    return make


@pytest.fixture
def as_bytes() -> Callable[[Any], bytes]:
    return lambda body: body if isinstance(body, bytes) else json.dumps(body).encode()
