"""The real application, asked in process."""

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

sys.path.insert(0, str(Path(__file__).parent))

from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]


ORDER_SELECT = "electrolytes-order-select"


@pytest.fixture(scope="session")
def post() -> Callable[..., httpx.Response]:
    """Post a body to a service at a clinical moment: `post(body, now, service)`."""

    @cache
    def app(now: datetime) -> Any:
        return create_app(bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), now))

    def send(body: bytes, now: datetime, service: str = ORDER_SELECT) -> httpx.Response:
        return asyncio.run(_post(app(now), body, service))

    return send


@pytest.fixture(scope="session")
def ask(post: Callable[..., httpx.Response]) -> Callable[..., dict[str, Any]]:
    """The answer of a service, which must be 200: `ask(body, now)` asks order-select."""

    def asked(body: bytes, now: datetime, service: str = ORDER_SELECT) -> dict[str, Any]:
        reply = post(body, now, service)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()
        return found

    return asked


async def _post(app: Any, body: bytes, service: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.post(f"/cds-services/{service}", content=body)
