"""What is measured: this service, between the least a Python service can do and the usual way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.bodies import NOW


@dataclass(frozen=True, slots=True)
class Target:
    """An application to start with uvicorn, and the path its calls go to."""

    name: str
    app: str
    path: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def floor() -> Starlette:
    """Decode the body, encode it again: HTTP and JSON at their cheapest."""

    async def echo(request: Request) -> Response:
        document = msgspec.json.decode(await request.body())
        return Response(msgspec.json.encode(document), media_type="application/json")

    return Starlette(routes=[Route("/echo", echo, methods=["POST"])])


def fastapi_echo() -> FastAPI:
    """The same, as FastAPI's introduction writes it."""
    app = FastAPI()

    @app.post("/echo")
    async def echo(body: dict[str, Any]) -> dict[str, Any]:
        return body

    return app


FLOOR = Target("floor", "bench.targets:floor", "/echo", ("--factory",))
TARGETS = (
    FLOOR,
    Target("fastapi-echo", "bench.targets:fastapi_echo", "/echo", ("--factory",)),
    Target(
        "ours",
        "cds.web.app:application",
        "/cds-services/electrolytes-order-select",
        ("--factory",),
        {"CDS_SANDBOX": "1", "CDS_NOW": NOW.isoformat()},
    ),
)
