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


@pytest.fixture(scope="session")
def ask() -> Callable[[bytes, datetime], dict[str, Any]]:
    """Post a body to the order-select service at a clinical moment; the answer must be 200."""

    @cache
    def service(now: datetime) -> bootstrap.Service:
        return bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), now)

    def post(body: bytes, now: datetime) -> dict[str, Any]:
        return asyncio.run(_post(create_app(service(now)), body))

    return post


async def _post(app: Any, body: bytes) -> dict[str, Any]:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        reply = await client.post("/cds-services/electrolytes-order-select", content=body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()
    return found
