"""Browsers of people, in front of an application in this process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from cds.bootstrap import Service
from cds.links import Links
from cds.web.app import create_app
from cds.web.console import app as console

SAME = {"sec-fetch-site": "same-origin"}


class Browser:
    """Keeps cookies from one request to the next, as a browser does; follows nothing by itself."""

    def __init__(self, service: Service) -> None:
        self.app = create_app(service)
        self.cookies = httpx.Cookies()

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://test", cookies=self.cookies
            ) as client:
                reply = await client.request(method, path, **more)
                self.cookies = client.cookies
                return reply

        return asyncio.run(ask())

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **{"headers": SAME, **more})

    def sign_in(self, token: str, **more: Any) -> httpx.Response:
        return self.post("/console/signin", data={"token": token, **more})

    def csrf(self) -> str:
        """The word its pages carry."""
        found = re.search(r'<meta name="csrf" content="(\w*)">', self.get("/console/nowhere").text)
        assert found
        return found[1]


class Wall:
    """A clock on the wall that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def people(make_service: Callable[..., Service], wall: Wall) -> Callable[..., Service]:
    """A service with pages; keyword arguments are settings."""

    def make(**settings: Any) -> Service:
        return replace(make_service(**settings), wall=wall, links=Links(b"secret"))

    return make


@pytest.fixture
def browser(people: Callable[..., Service]) -> Callable[..., Browser]:
    """A browser in front of a service with these settings."""
    return lambda **settings: Browser(people(**settings))


@pytest.fixture
def with_pages(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Put pages of a test beside those of the console: path, method, role and handler of each."""

    def add(*pages: tuple[str, str, Any, Any]) -> None:
        real = console._routes

        def routes(service: Any, frame: Any, access: Any) -> list[Any]:
            own = [
                Route(path, access.needs(role, handler), methods=[method])
                for path, method, role, handler in pages
            ]
            return [*own, *real(service, frame, access)]

        monkeypatch.setattr(console, "_routes", routes)

    return add
