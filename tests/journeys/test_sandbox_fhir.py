"""The sandbox's FHIR server over real HTTP: R4 read and search, and nothing
without the token of the patient."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import fixtures
import httpx
import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from sandbox_server import NOW, alone, bearer, more, serving

from cds.fhir.store import EVERYONE, Store, build_store, token_of
from cds.fhir.store_kinds import KINDS
from cds.sample import Sample, records
from cds.web.address import SANDBOX_FHIR as PATH
from r4_checks import faults

FIRST = "fict-synthetic"


@pytest.fixture(scope="module")
def store() -> Store:
    return Store(records(), lambda: NOW)


@pytest.fixture(scope="module")
def base(store: Store) -> Iterator[str]:
    with serving(alone(store)) as origin:
        yield f"{origin}{PATH}"


@pytest.fixture(scope="module")
def client(base: str) -> Iterator[httpx.Client]:
    """A client with the token of the first patient; `Authorization` can be given per request."""
    with httpx.Client(base_url=f"{base}/", headers=bearer(token_of(FIRST)), timeout=20) as made:
        yield made


def ids(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in bundle.get("entry", ())]


def test_every_resource_served_is_valid_r4_and_none_is_excepted(store: Store) -> None:
    found = [
        json.loads(bytes(store.json(item)))
        for patient in store.records.patients
        for kind in KINDS
        for item in store.records.of(kind, patient)
    ]
    assert len(found) > 5000
    assert [(item["id"], faults(item)) for item in found if faults(item)] == []
    assert [
        item["id"] for item in found if not re.fullmatch(r"[A-Za-z0-9.-]{1,64}", item["id"])
    ] == []


def test_only_broken_data_is_left_out(store: Store) -> None:
    names = {line.partition(":")[0] for line in store.records.left_out}
    assert names == {
        "magnesium-as-a-word",
        "one-unreadable-observation",
        "patient-is-another",
        "problems-query-failed",
    }
    assert len(store.records.patients) == len(fixtures.ALL)


def test_a_record_is_as_fresh_as_on_the_day_of_its_fixture(client: httpx.Client) -> None:
    query = "Observation?patient=fict-synthetic&code=http://loinc.org|19123-9"
    (entry,) = client.get(query).json()["entry"]
    age = NOW - datetime.fromisoformat(entry["resource"]["effectiveDateTime"])
    assert age == timedelta(hours=3)


def test_a_search_is_sorted_newest_first(client: httpx.Client) -> None:
    found = client.get("Observation", params={"patient": FIRST, "_sort": "-date"}).json()
    moments = [datetime.fromisoformat(e["resource"]["effectiveDateTime"]) for e in found["entry"]]
    assert moments == sorted(moments, reverse=True)
    assert len(set(moments)) > 2


def test_the_pages_to_the_end_are_the_one_large_page(client: httpx.Client, base: str) -> None:
    everyone = bearer(EVERYONE)
    whole = client.get("Patient?_count=1000", headers=everyone).json()
    assert (len(whole["entry"]), more(whole)) == (whole["total"], False)
    found, url = [], f"{base}/Patient?_count=40"
    while url:
        reply = client.get(url, headers=everyone)
        Bundle.model_validate(reply.json())
        found.append(ids(reply.json()))
        url = next((x["url"] for x in reply.json()["link"] if x["relation"] == "next"), "")
        assert url.startswith(f"{base}/Patient?") or not url
    assert [key for page in found for key in page] == ids(whole)
    assert {len(page) for page in found[:-1]} == {40}
    assert len(found) > 3


def test_fifty_come_when_no_count_is_asked_for(client: httpx.Client) -> None:
    found = client.get("Patient", headers=bearer(EVERYONE)).json()
    assert (len(found["entry"]), more(found)) == (50, True)


def test_a_search_by_post_is_the_search_by_get(client: httpx.Client) -> None:
    asked = {"patient": f"Patient/{FIRST}", "code": "http://loinc.org|2823-3", "_count": "5"}
    by_get = client.get("Observation", params=asked)
    by_post = client.post("Observation/_search", data=asked)
    split = client.post(f"Observation/_search?patient={FIRST}", data={"_count": "1", "code": "x"})
    assert (by_post.status_code, by_post.json()) == (200, by_get.json())
    assert len(by_post.json()["entry"]) >= 1
    assert split.json()["total"] == 0, "both the address and the body count"


def test_the_first_bundle_is_valid_and_says_where_each_resource_is(client: httpx.Client) -> None:
    found = client.get(f"MedicationRequest?patient={FIRST}").json()
    Bundle.model_validate(found)
    for entry in found["entry"]:
        reply = client.get(entry["fullUrl"])
        assert reply.headers["content-type"] == "application/fhir+json"
        assert reply.json() == entry["resource"]


def test_include_brings_the_medication_over_http() -> None:
    drug = {"resourceType": "Medication", "id": "drug-1", "code": {"text": "Furosemide"}}
    order = {
        "resourceType": "MedicationRequest",
        "id": "order-1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/pat-a"},
        "medicationReference": {"reference": "Medication/drug-1"},
    }
    entry = [{"resource": drug}, {"resource": order}]
    request = {"context": {"patientId": "pat-a"}}
    request["prefetch"] = {"medications": {"resourceType": "Bundle", "entry": entry}}
    store = build_store([Sample("a", "firing", "", NOW, request, {})], lambda: NOW)
    with serving(alone(store)) as origin, httpx.Client(headers=bearer("sandbox.pat-a")) as client:
        query = "MedicationRequest?patient=pat-a&_include=MedicationRequest:medication"
        found = client.get(f"{origin}{PATH}/{query}").json()
    Bundle.model_validate(found)
    assert [entry["search"]["mode"] for entry in found["entry"]] == ["match", "include"]
    reference = found["entry"][0]["resource"]["medicationReference"]["reference"]
    assert found["entry"][1]["fullUrl"] == f"{origin}{PATH}/{reference}"


def test_metadata_needs_no_token_and_says_what_is_there(client: httpx.Client, base: str) -> None:
    reply = client.get("metadata", headers={"Authorization": ""})
    statement = reply.json()
    CapabilityStatement.model_validate(statement)
    (rest,) = statement["rest"]
    assert statement["implementation"]["url"] == base
    assert [item["type"] for item in rest["resource"]] == list(KINDS)
    assert "toy" in statement["description"]
    assert "sandbox.PATIENT-ID" in rest["security"]["description"]


def test_every_parameter_that_metadata_names_is_understood(client: httpx.Client) -> None:
    for item in client.get("metadata").json()["rest"][0]["resource"]:
        for parameter in item["searchParam"]:
            value = FIRST if parameter["type"] == "reference" else "any"
            asked = f"{item['type']}?{parameter['name']}={value}"
            reply = client.get(asked, headers={"Prefer": "handling=strict"})
            assert reply.status_code == 200, asked


FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOBODY = "fict-nobody-here"


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "code"),
    [
        ("GET", f"Patient/{FIRST}", {"Authorization": ""}, 401, "login"),
        ("GET", f"Patient/{FIRST}", bearer(f"sandbox.{NOBODY}"), 401, "login"),
        ("GET", f"Observation?patient={FIRST}", {"Authorization": ""}, 401, "login"),
        ("GET", "Nothing/1", {"Authorization": ""}, 401, "login"),
        ("POST", "Observation/_search", {**FORM, "Authorization": "Basic x"}, 401, "login"),
        ("GET", f"Patient/{fixtures.ALL[1].request['context']['patientId']}", {}, 403, "forbidden"),
        ("GET", f"Observation?patient={NOBODY}", {}, 403, "forbidden"),
        ("GET", "Observation/none", {}, 404, "not-found"),
        ("GET", "Observation/../../etc", {}, 404, "not-found"),
        ("GET", "Nothing/1", {}, 404, "not-found"),
        ("GET", "Nothing", {}, 404, "not-found"),
        ("POST", "Nothing/_search", FORM, 404, "not-found"),
        ("GET", "Observation/1/2", {}, 404, "not-found"),
        ("GET", "Observation?_count=many", {}, 400, "invalid"),
        ("GET", "Observation?_page=forged", {}, 400, "invalid"),
        ("GET", "Observation?_page=a&_count=5", {}, 400, "invalid"),
        ("GET", "Observation?" + "code=x&" * 60, {}, 400, "too-costly"),
        (
            "GET",
            "Observation?a=b",
            {"Prefer": "respond-async, handling=strict"},
            400,
            "not-supported",
        ),
        ("GET", "Observation?code=x", bearer(EVERYONE), 400, "too-costly"),
        ("POST", "Observation/_search", {**FORM, "X-Body": "\xff"}, 400, "structure"),
        ("POST", "Observation/_search", {**FORM, "X-Body": "a=" + "b" * 70_000}, 413, "too-long"),
        ("POST", "Observation/_search", {"Content-Type": "text/plain"}, 415, "not-supported"),
        ("GET", "Observation?_format=xml", {}, 406, "not-supported"),
        ("GET", f"Patient/{FIRST}?_format=xml", {}, 406, "not-supported"),
        ("PUT", f"Patient/{FIRST}", {}, 405, "not-supported"),
        ("DELETE", f"Patient/{FIRST}", {}, 405, "not-supported"),
        ("POST", "Patient", {}, 405, "not-supported"),
        ("GET", "Patient/_search", {}, 405, "not-supported"),
        ("POST", "metadata", {}, 405, "not-supported"),
    ],
)
def test_a_refusal_is_an_outcome_that_says_why_and_repeats_no_id(
    client: httpx.Client, method: str, path: str, more: dict[str, str], status: int, code: str
) -> None:
    headers = dict(more)
    content = headers.pop("X-Body", "").encode("latin-1")
    reply = client.request(method, path, headers=headers, content=content)
    (issue,) = reply.json()["issue"]
    assert (reply.status_code, issue["code"]) == (status, code)
    assert reply.headers["content-type"] == "application/fhir+json"
    assert "fict-" not in reply.text
    assert ("www-authenticate" in reply.headers) == (status == 401)
    assert ("allow" in reply.headers) == (status == 405)


@pytest.mark.parametrize("form", ["json", "application/fhir+json", "application/fhir%2Bjson"])
def test_json_may_be_asked_for_by_name(client: httpx.Client, form: str) -> None:
    assert client.get(f"Patient/{FIRST}?_format={form}").status_code == 200
    found = client.get(f"Patient?_format={form}").json()
    assert (ids(found), "_format" in found["link"][0]["url"]) == ([FIRST], False)


def test_a_lenient_client_is_told_what_was_ignored(client: httpx.Client) -> None:
    found = client.get(
        f"Condition?patient={FIRST}&onset-age=5", headers={"Prefer": "handling=lenient"}
    )
    assert found.json()["entry"][-1]["search"] == {"mode": "outcome"}


def test_links_begin_with_the_public_address_where_there_is_one(store: Store) -> None:
    app = alone(store, "https://cds.example.org/")
    with serving(app) as origin, httpx.Client() as client:
        found = client.get(f"{origin}{PATH}/Patient", headers=bearer(EVERYONE)).json()
    assert {link["url"].partition("?")[0] for link in found["link"]} == {
        f"https://cds.example.org{PATH}/Patient"
    }


def test_a_token_of_a_next_link_opens_nothing_for_another_patient(client: httpx.Client) -> None:
    found = client.get(f"Observation?patient={FIRST}&_count=1").json()
    (url,) = (link["url"] for link in found["link"] if link["relation"] == "next")
    other = fixtures.ALL[1].request["context"]["patientId"]
    assert client.get(url).status_code == 200
    assert client.get(url, headers=bearer(token_of(other))).status_code == 403
    assert client.get(url, headers={"Authorization": ""}).status_code == 401
