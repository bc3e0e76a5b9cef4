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
    keeps: bool = False  # it needs a folder for what it keeps


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


def ours() -> FastAPI:
    """This service without its audit: what deciding costs."""
    # Here, so that the floor does not carry it in its memory.
    from cds.bootstrap import build
    from cds.settings import Settings
    from cds.web.app import create_app

    return create_app(build(Settings.from_environment()))


_SANDBOX = {"CDS_SANDBOX": "1", "CDS_NOW": NOW.isoformat()}
_ASKED = "/cds-services/electrolytes-order-select"

FLOOR = Target("floor", "bench.targets:floor", "/echo", ("--factory",))
TARGETS = (
    FLOOR,
    Target("fastapi-echo", "bench.targets:fastapi_echo", "/echo", ("--factory",)),
    Target("ours", "bench.targets:ours", _ASKED, ("--factory",), _SANDBOX),
    Target(
        "ours+audit",
        "cds.web.app:application",
        _ASKED,
        ("--factory",),
        {**_SANDBOX, "CDS_AUDIT_KEY": "a key for measuring, of no other use"},
        keeps=True,
    ),
)
