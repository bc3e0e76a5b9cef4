"""How fast an answer is, and what a body that is far too much does: it is refused and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.web.app import create_app

BUDGET_SECONDS = 0.5
Body = Callable[..., dict[str, Any]]


@pytest.mark.requirement("HTTP-08")
def test_a_call_with_everything_in_it_takes_less_than_half_a_second(post: Any, hook: str) -> None:
    seconds = []
    for _ in range(13):
        started = perf_counter()
        assert post(hook).status_code == 200
        seconds.append(perf_counter() - started)
    assert median(seconds[1:]) < BUDGET_SECONDS


def nested(levels: int) -> bytes:
    return b'{"more":' + b"[" * levels + b"]" * levels + b"}"


TOO_MUCH = {
    "20 MB": b" " * 20_000_000 + b"{}",
    "10000 levels": nested(10_000),
    "a million levels": nested(1_000_000),
    "open brackets": b"[" * 1_000_000,
    "open objects": b'{"a":' * 100_000,
}


@pytest.mark.requirement("SEC-22")
@pytest.mark.parametrize("kind", TOO_MUCH)
def test_too_much_is_4xx_and_the_next_call_is_answered(
    client: Any, address: str, hook: str, body_of: Body, kind: str
) -> None:
    assert 400 <= client.post(address, content=TOO_MUCH[kind]).status_code < 500
    whole = json.dumps(body_of(hook)).encode()
    deep = whole[:-1] + b"," + nested(10_000)[1:]
    assert 400 <= client.post(address, content=deep).status_code < 500
    assert client.post(address, content=whole).status_code == 200


EVIL = {"Origin": "https://evil.example"}
EHR = {"Origin": "https://ehr.example.org"}


@pytest.mark.requirement("CORS-04")
def test_in_production_only_the_origins_of_the_setting_may_read(
    make_service: Callable[..., Service], client_of: Any
) -> None:
    listed = client_of(create_app(make_service(sandbox=False, cors_origins=(EHR["Origin"],))))
    allowed = "access-control-allow-origin"
    assert listed.get("/cds-services", headers=EHR).headers[allowed] == EHR["Origin"]
    assert allowed not in listed.get("/cds-services", headers=EVIL).headers
    preflight = {"Access-Control-Request-Method": "POST"}
    refused = listed.options("/cds-services", headers={**EVIL, **preflight})
    assert (refused.status_code, allowed in refused.headers) == (403, False)


@pytest.mark.requirement("CORS-04")
def test_in_production_no_origin_is_allowed_unless_it_is_named_and_never_with_credentials(
    make_service: Callable[..., Service], client_of: Any
) -> None:
    bare = client_of(create_app(make_service(sandbox=False)))
    for headers in (EVIL, EHR):
        reply = bare.get("/cds-services", headers=headers)
        assert not [name for name in reply.headers if name.startswith("access-control-allow")]
