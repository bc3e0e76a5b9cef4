"""The real application, asked about one point of the clinical pack at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "journeys"))

import hospital
import pack_kit

from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app

RULES = Path(__file__).parents[3] / "rules"


@cache
def _app(now: datetime) -> Any:
    return create_app(bootstrap.build(Settings(rules=RULES, sandbox=True), now))


@pytest.fixture(scope="session")
def ask() -> Callable[..., list[dict[str, Any]]]:
    """The cards of a request, which names its own hook: `ask(request, now=NOW)`."""

    def asked(request: dict[str, Any], now: datetime = pack_kit.NOW) -> list[dict[str, Any]]:
        reply = asyncio.run(_post(_app(now), request))
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.json()["cards"]
        return found

    return asked


async def _post(app: Any, request: dict[str, Any]) -> httpx.Response:
    service = f"electrolytes-{request['hook']}"
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(f"/cds-services/{service}", content=hospital.body(request))
