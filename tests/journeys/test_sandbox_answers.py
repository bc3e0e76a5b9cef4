"""A client that fetches from the sandbox's FHIR server gets the answer of a full prefetch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import fixtures
import httpx
import pytest
from sandbox_server import NOW, alone, bearer, more, serving

from cds.bootstrap import build
from cds.fhir.store import Store
from cds.hooks.discovery import templates
from cds.rulebook.load import load_rulebook
from cds.sample import Sample, records, sample_request
from cds.settings import Settings
from cds.web.address import SANDBOX_FHIR as PATH
from cds.web.app import create_app

# A server cannot say these things: it serves what is there, and an empty search means "none".
NOT_THE_SAME = {
    "magnesium-as-a-word": "its unreadable result is not valid R4 and is not served",
    "one-unreadable-observation": "its unreadable result is not valid R4 and is not served",
    "problems-query-failed": "a search that failed cannot be served; here it finds none",
    "truncated-results": "its `next` link leads to another server; here the first page is all",
    "keys-left-out": "keys not supplied cannot be told from keys nobody asked for",
    "observations-left-out": "keys not supplied cannot be told from keys nobody asked for",
    "patient-is-another": "all of it is another patient's",
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving(alone(Store(records(), lambda: NOW))) as origin:
        yield f"{origin}{PATH}"


@pytest.fixture(scope="module")
def client(base: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base}/", timeout=20) as made:
        yield made


@pytest.fixture(scope="module")
def prefetch_templates() -> dict[str, str]:
    """The templates of discovery, their codes from the rules."""
    labs = load_rulebook(fixtures.FOLDER.parent / "rules").terminology.labs
    usable = [f"{code.system}|{code.code}" for code, lab in labs.items() if lab.refused is None]
    return dict(templates(usable))


def fetched(client: httpx.Client, wanted: dict[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """The prefetch that a client would fetch for a call, key by key."""
    context, access = body["context"], body["fhirAuthorization"]
    found: dict[str, Any] = {}
    for key, template in wanted.items():
        query = template.replace("{{context.patientId}}", context["patientId"])
        if "{{context.encounterId}}" in query and "encounterId" not in context:
            found[key] = None
            continue
        query = query.replace("{{context.encounterId}}", context.get("encounterId", ""))
        reply = client.get(query, headers=bearer(access["access_token"]))
        if reply.status_code == 404:
            found[key] = None
            continue
        assert reply.status_code == 200, (key, reply.text)
        found[key] = reply.json()
    return found


ALIKE = [item for item in fixtures.ALL if item.name not in NOT_THE_SAME]


def without_ids(reply: httpx.Response, patient: str) -> tuple[int, str]:
    """An answer, its ids of this call and the server's prefix of ids taken out."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID", reply.text)
    return reply.status_code, text.replace(f"{patient}.", "")


def full_prefetch(item: Sample) -> bytes:
    """The call as its fixture has it, the orders newest first as their template asks for them: a
    card names drugs in the order in which they came."""
    call = item.at(NOW)
    entry = (call["prefetch"].get("medications") or {}).get("entry", [])
    entry.sort(key=lambda e: datetime.fromisoformat(e["resource"]["authoredOn"]), reverse=True)
    return json.dumps(call).encode()


Answers = Callable[[Sample], tuple[tuple[int, str], tuple[int, str]]]


@pytest.fixture(scope="module")
def answers(
    client: httpx.Client, base: str, prefetch_templates: dict[str, str], post: Any
) -> Answers:
    """What a patient's call gets from fetched data, and from the prefetch of its fixture."""

    def both(item: Sample) -> tuple[tuple[int, str], tuple[int, str]]:
        call = sample_request(NOW, item.name, base)
        call["prefetch"] = fetched(client, prefetch_templates, call)
        assert all(not more(value) for value in call["prefetch"].values())
        del call["fhirServer"], call["fhirAuthorization"]
        service, patient = fixtures.service(item), call["context"]["patientId"]
        from_server = post(json.dumps(call).encode(), NOW, service)
        from_prefetch = post(full_prefetch(item), NOW, service)
        return without_ids(from_server, patient), without_ids(from_prefetch, patient)

    return both


@pytest.mark.parametrize("item", ALIKE, ids=[f"{item.folder}/{item.name}" for item in ALIKE])
def test_an_answer_from_fetched_data_is_the_answer_from_a_full_prefetch(
    item: Sample, answers: Answers
) -> None:
    from_server, from_prefetch = answers(item)
    assert from_server == from_prefetch


@pytest.mark.parametrize("name", NOT_THE_SAME)
def test_what_a_server_cannot_say_is_answered_otherwise(name: str, answers: Answers) -> None:
    (item,) = (item for item in fixtures.ALL if item.name == name)
    from_server, from_prefetch = answers(item)
    assert from_server != from_prefetch, "an excuse nobody needs"


@pytest.mark.parametrize("name", ["first-card", "torsades-on-dialysis", "going-home"])
def test_the_service_itself_fetches_from_its_own_sandbox(name: str) -> None:
    settings = Settings(rules=fixtures.FOLDER.parent / "rules", sandbox=True, deadline_ms=10_000)
    (item,) = (item for item in fixtures.ALL if item.name == name)
    patient, path = item.request["context"]["patientId"], f"/cds-services/{fixtures.service(item)}"
    with (
        serving(create_app(build(settings, NOW))) as origin,
        httpx.Client(base_url=origin, timeout=20) as client,
    ):
        fetching = client.post(path, json=sample_request(NOW, name, f"{origin}{PATH}"))
        brought = client.post(path, content=full_prefetch(item))
    assert without_ids(fetching, patient) == without_ids(brought, patient)
    assert fetching.status_code == 200


def test_what_is_left_out_is_among_what_a_server_cannot_say() -> None:
    assert {line.partition(":")[0] for line in records().left_out} <= set(NOT_THE_SAME)
