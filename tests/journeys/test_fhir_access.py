"""Data that is fetched gives the answer that the same data gives as prefetch."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import fixtures
import httpx
import pytest

from cds.bootstrap import build
from cds.clients.model import Client
from cds.fhir.access import Fetched, FhirAccess
from cds.fhir.network import guarded_http
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES
from cds.pipeline import answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.sample import Sample
from cds.settings import Settings

ROOT = Path(__file__).parents[2]
BASE = "https://ehr.example.org/fhir"
TOKEN = {
    "access_token": "token-of-the-call",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "cds-service",
}
KEYS = {
    "Observation": "observations",
    "MedicationRequest": "medications",
    "MedicationAdministration": "administrations",
    "Condition": "problems",
    "AllergyIntolerance": "allergies",
    "ServiceRequest": "lab_orders",
    "Procedure": "procedures",
}
PATIENTS = fixtures.of_folder("firing", "boundary", "well")
named = pytest.mark.parametrize("item", PATIENTS, ids=[f"{i.folder}/{i.name}" for i in PATIENTS])
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Server(httpx.AsyncBaseTransport):
    """The patient of one call as a FHIR server. Pages hold `size` entries; Medications are not
    included, so that they have to be read."""

    def __init__(self, prefetch: Mapping[str, Any], size: int = 1000) -> None:
        self._prefetch = prefetch
        self._size = size
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/fhir/")
        self.asked.append(path)
        found = self._found(path, request.url)
        status = 404 if found is None else 200
        body = httpx.ByteStream(json.dumps(found or {}).encode())
        headers = {"content-type": "application/fhir+json"}
        return httpx.Response(status, headers=headers, stream=body, request=request)

    def _found(self, path: str, url: httpx.URL) -> Any:
        kind, _, name = path.partition("/")
        if not name:
            return self._page(kind, int(dict(url.params).get("_page", "0")))
        if kind == "Medication":
            entries = self._prefetch["medications"]["entry"]
            return next((e["resource"] for e in entries if e["resource"]["id"] == name), None)
        return self._prefetch[kind.lower()]

    def _page(self, kind: str, number: int) -> Any:
        entries = (self._prefetch[KEYS[kind]] or {}).get("entry", [])
        entries = [entry for entry in entries if entry["resource"]["resourceType"] == kind]
        start, end = number * self._size, (number + 1) * self._size
        link = [{"relation": "next", "url": f"{BASE}/{kind}?_page={number + 1}"}]
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
        return {**bundle, "entry": entries[start:end], "link": link if end < len(entries) else []}


@cache
def book() -> Rulebook:
    return load_rulebook(ROOT / "rules")


@cache
def templates() -> Mapping[str, str]:
    return build(Settings(rules=ROOT / "rules", sandbox=True)).view().templates


async def fetched(request: dict[str, Any], service: str, server: Server) -> Fetched:
    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return ["8.8.8.8"]

    call = read_call(SERVICES[service], json.dumps(request).encode())
    clock = asyncio.get_running_loop().time
    async with guarded_http(resolver=resolver, verify=False, inner=lambda: server) as http:
        access = FhirAccess(http, templates(), clock)
        return await access.fetch(call, SERVICES[service].keys, [BASE], clock() + 20)


def cards(request: dict[str, Any], service: str, now: datetime, got: Fetched) -> list[Any]:
    """The cards without their ids, or the refusal."""
    call = read_call(SERVICES[service], json.dumps(request).encode())
    found = answer(call, book(), now, Client("test"), got).cards
    plain = json.loads(_UUID.sub("id", json.dumps(found, default=str)))
    assert isinstance(plain, list)
    return plain


def without_prefetch(item: Sample, *kept: str) -> dict[str, Any]:
    request = copy.deepcopy(item.request)
    request["prefetch"] = {key: request["prefetch"][key] for key in kept}
    return {**request, "fhirServer": BASE, "fhirAuthorization": TOKEN}


@named
@pytest.mark.requirement("PRE-20", "REQ-06")
def test_fetched_or_prefetched_the_answer_is_the_same(item: Sample) -> None:
    service = fixtures.service(item)
    server = Server(item.request["prefetch"])
    got = asyncio.run(fetched(without_prefetch(item), service, server))
    prefetched = cards(item.request, service, item.now, Fetched())
    assert cards(without_prefetch(item), service, item.now, got) == prefetched
    assert {note.outcome for note in got.calls} == {"ok"}


PAGED = [
    item for item in PATIENTS if item.name in ("child-with-severe-low-magnesium", "first-card")
]


@pytest.mark.parametrize("item", PAGED, ids=[item.name for item in PAGED])
@pytest.mark.requirement("PRE-19")
def test_in_pages_the_answer_is_the_same(item: Sample) -> None:
    service = fixtures.service(item)
    entries = len(item.request["prefetch"]["observations"]["entry"])
    size = -(-entries // 9)
    server = Server(item.request["prefetch"], size)
    got = asyncio.run(fetched(without_prefetch(item), service, server))
    assert server.asked.count("Observation") == -(-entries // size) > 1
    prefetched = cards(item.request, service, item.now, Fetched())
    assert cards(without_prefetch(item), service, item.now, got) == prefetched


@pytest.mark.parametrize("item", PAGED, ids=[item.name for item in PAGED])
@pytest.mark.requirement("PRE-19")
def test_a_first_page_in_prefetch_is_continued_to_the_same_answer(item: Sample) -> None:
    service = fixtures.service(item)
    request = {**item.request, "fhirServer": BASE, "fhirAuthorization": TOKEN}
    entries = item.request["prefetch"]["observations"]["entry"]
    server = Server(item.request["prefetch"], size=-(-len(entries) // 2))
    first = server._page("Observation", 0)
    request["prefetch"] = {**request["prefetch"], "observations": first}
    got = asyncio.run(fetched(request, service, server))
    assert server.asked == ["Observation"]
    assert cards(request, service, item.now, got) == cards(
        item.request, service, item.now, Fetched()
    )


def test_every_question_of_discovery_is_one_the_server_was_asked() -> None:
    item = PAGED[0]
    server = Server(item.request["prefetch"])
    asyncio.run(fetched(without_prefetch(item), fixtures.service(item), server))
    wanted = {urlsplit(template).path.partition("/")[0] for template in templates().values()}
    assert {path.partition("/")[0] for path in server.asked} == wanted
    query = parse_qs(urlsplit(templates()["observations"]).query)
    assert query["_sort"] == ["-date"]
