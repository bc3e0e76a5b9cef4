"""One address of the service, and the routes that answer a set of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

SANDBOX_FHIR = "/sandbox/fhir"  # what stands below it belongs to the sandbox

Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Address:
    """`handler` answers `method` at `path`. `shown`: it stands in the OpenAPI document."""

    method: str
    path: str
    handler: Handler
    shown: bool = True


def both_ways(addresses: Iterable[Address]) -> list[Address]:
    """Each with and without a slash at its end: a redirect would lose the body of a POST with some
    clients and is not JSON."""
    return [
        item
        for one in addresses
        for item in (one, Address(one.method, f"{one.path}/", one.handler, shown=False))
    ]


def routes(addresses: Iterable[Address]) -> list[Route]:
    """What Starlette has to know of them."""
    found = []
    for item in addresses:
        route = Route(item.path, item.handler, methods=[item.method])
        route.methods = {item.method}  # HEAD is answered nowhere here, so that 405 says the truth
        found.append(route)
    return found
