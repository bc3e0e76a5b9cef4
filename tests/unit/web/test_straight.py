"""The short way for hook calls answers as the long one does; nothing but hook calls takes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.errors import Precondition
from cds.web import app as edge
from cds.web.app import create_app

CALL = "/cds-services/electrolytes-order-select"


class LongWay:
    """Stands where the short way was."""

    def __init__(self, app: Any, **_: Any) -> None:
        self.app = app

    async def __call__(self, *given: Any) -> None:
        await self.app(*given)


@pytest.mark.parametrize("error", [None, Precondition("no", where="prefetch"), ValueError("x")])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", CALL),
        ("POST", f"{CALL}/"),
        ("GET", CALL),
        ("POST", "/cds-services/nobody"),
        ("POST", f"{CALL}/feedback"),
    ],
)
def test_both_ways_answer_alike(
    make_service: Callable[..., Service],
    client_of: Any,
    hook_body: Callable[..., dict[str, Any]],
    pipeline: Any,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
    method: str,
    path: str,
) -> None:
    pipeline.error = error
    monkeypatch.setattr("uuid.uuid4", lambda: type("Incident", (), {"hex": "0" * 12}))
    short = client_of(create_app(make_service()))
    monkeypatch.setattr(edge, "Straight", LongWay)
    long = client_of(create_app(make_service()))
    one, other = (client.request(method, path, json=hook_body()) for client in (short, long))
    assert (one.status_code, one.content) == (other.status_code, other.content)
    assert sorted(one.headers.items()) == sorted(other.headers.items())
    lines = [
        [line for line in client.get("/metrics").text.splitlines() if "requests_total{" in line]
        for client in (short, long)
    ]
    assert lines[0] == lines[1] != []
