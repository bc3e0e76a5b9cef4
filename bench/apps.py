"""What the targets run, each in a process of its own that loads no more than it needs."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from fastapi import FastAPI

    from cds.bootstrap import Service

EHR = "BENCH_EHR"  # the address of the FHIR server that the client of `fetching` may name


def floor() -> Starlette:
    """Decode the body, encode it again: HTTP and JSON at their cheapest."""

    async def echo(request: Request) -> Response:
        document = msgspec.json.decode(await request.body())
        return Response(msgspec.json.encode(document), media_type="application/json")

    return Starlette(routes=[Route("/echo", echo, methods=["POST"])])


def fastapi_echo() -> FastAPI:
    """The same, as FastAPI's introduction writes it."""
    from fastapi import FastAPI

    app = FastAPI()

    @app.post("/echo")
    async def echo(body: dict[str, Any]) -> dict[str, Any]:
        return body

    return app


def ours() -> Starlette:
    """This service without its audit: what deciding costs."""
    from cds.web.app import serving

    return serving(_built())


def fetching() -> Starlette:
    """The same for a client that may name the FHIR server of `ehr`."""
    from cds.clients.model import Client
    from cds.web.app import serving

    client = Client("bench", fhir_servers=(os.environ[EHR],))

    async def admit(_authorization: str | None, _url: str) -> Client:
        return client

    return serving(replace(_built(), admit=admit))


def _built() -> Service:
    from cds.bootstrap import build
    from cds.settings import Settings

    return build(Settings.from_environment())
