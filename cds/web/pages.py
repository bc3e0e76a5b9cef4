"""`/openapi.json` and `/docs`: the service described, made when somebody first looks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from cds.web.address import Address, both_ways


def pages(addresses: Iterable[Address]) -> list[Address]:
    """The addresses of the documents about these."""
    told = tuple(addresses)

    @cache
    def described() -> dict[str, Any]:
        from cds.web.described import document  # loads FastAPI, which nothing else needs

        return document(told)

    async def openapi(_: Request) -> Response:
        """The OpenAPI document."""
        return JSONResponse(await asyncio.to_thread(described))

    async def docs(_: Request) -> Response:
        """The OpenAPI document as a page."""
        found = await asyncio.to_thread(described)
        from cds.web.documents import page  # loaded by now

        return HTMLResponse(page(found))

    found = both_ways([Address("GET", "/docs", docs)])
    return [Address("GET", "/openapi.json", openapi, shown=False), *found]
