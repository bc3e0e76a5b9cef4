"""CDS Hooks 2.0.1 from the outside: one test per requirement, named by its id.

The application is the real one; only the pipeline behind it is a stand-in, so that what is checked
here are the wire shapes and not the advice.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cds.bootstrap import Service
from cds.web.app import create_app

CALL = "/cds-services/electrolytes-order-select"
Body = Callable[..., dict[str, Any]]

TOKENS = {"context.userId", "context.patientId", "context.encounterId"}


@pytest.fixture
def client(make_service: Callable[..., Service], client_of: Any) -> Any:
    return client_of(create_app(make_service()))


@pytest.fixture
def entries(client: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/cds-services").json()["services"]
    return found


@pytest.fixture
def queries(entries: list[dict[str, Any]]) -> list[str]:
    return [query for entry in entries for query in entry["prefetch"].values()]


@pytest.fixture
def replies(client: Any, hook_body: Body) -> dict[str, Any]:
    """One reply of every kind the application gives."""
    return {
        "discovery": client.get("/cds-services"),
        "cards": client.post(CALL, json=hook_body()),
        "bad body": client.post(CALL, content=b"{"),
        "bad field": client.post(CALL, json=hook_body(patientId=None)),
        "no such service": client.post("/cds-services/none", json=hook_body()),
        "no such page": client.get("/none"),
        "wrong method": client.get(CALL),
        "too large": client.post(CALL, content=b" " * 6_000_000),
    }


def nodes(value: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, item in value.items():
            yield from nodes(item, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, f"{path}[{index}]")


def strictly(text: str) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_http_01_every_body_is_json_and_says_so(replies: dict[str, Any]) -> None:
    for kind, reply in replies.items():
        assert reply.headers["content-type"] in ("application/json", "application/fhir+json"), kind
        strictly(reply.text)


def test_http_02_03_04_nothing_is_null_or_empty(replies: dict[str, Any]) -> None:
    found = [
        (kind, path)
        for kind, reply in replies.items()
        for path, value in nodes(reply.json())
        if value in (None, "", [], {}) and path not in ("$.cards", "$.services")
    ]
    assert found == []


def test_http_07_11_whatever_is_malformed_is_4xx_with_an_operation_outcome(
    replies: dict[str, Any],
) -> None:
    refused = {kind: r for kind, r in replies.items() if kind not in ("discovery", "cards")}
    assert {kind: reply.status_code for kind, reply in refused.items()} == {
        "bad body": 400,
        "bad field": 400,
        "no such service": 404,
        "no such page": 404,
        "wrong method": 405,
        "too large": 413,
    }
    for reply in refused.values():
        body = reply.json()
        assert body["resourceType"] == "OperationOutcome"
        assert body["issue"][0]["severity"] == "error"
        assert body["issue"][0]["code"]
        assert "cards" not in body


def test_http_09_10_services_answer_at_their_discovery_id_and_nowhere_else(
    client: Any, entries: list[dict[str, Any]], hook_body: Body
) -> None:
    for entry in entries:
        assert client.post(f"/cds-services/{entry['id']}", json=hook_body()).status_code == 200
        assert client.get(f"/cds-services/{entry['id']}").status_code == 405
    assert client.post("/cds-services/does-not-exist", json=hook_body()).status_code == 404


def test_disc_01_02_03_discovery_is_200_without_redirect(client: Any) -> None:
    reply = client.get("/cds-services", headers={"Accept": "application/json"})
    assert reply.status_code == 200
    assert isinstance(reply.json()["services"], list)


def test_disc_04_no_services_is_an_empty_list(
    make_service: Callable[..., Service], client_of: Any
) -> None:
    from dataclasses import replace

    empty = replace(make_service(), services={}, discovery={"services": []})
    reply = client_of(create_app(empty)).get("/cds-services")
    assert (reply.status_code, reply.json()) == (200, {"services": []})


@pytest.mark.parametrize("member", ["hook", "description", "id", "title", "usageRequirements"])
def test_disc_05_06_07_08_10_entries_have_their_texts(
    entries: list[dict[str, Any]], member: str
) -> None:
    assert entries
    for entry in entries:
        assert isinstance(entry[member], str)
        assert entry[member].strip()


def test_disc_07_ids_fit_into_a_path(entries: list[dict[str, Any]]) -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+", entry["id"]) for entry in entries)


def test_disc_09_prefetch_is_a_non_empty_object_of_texts(entries: list[dict[str, Any]]) -> None:
    for entry in entries:
        assert entry["prefetch"]
        assert all(key and isinstance(query, str) for key, query in entry["prefetch"].items())


def test_disc_11_12_13_versions_are_named_and_ids_unique(entries: list[dict[str, Any]]) -> None:
    assert {entry["version"] for entry in entries} == {"2.0.1"}
    assert {entry["hookVersion"] for entry in entries} == {"1.0"}
    ids = [entry["id"] for entry in entries]
    assert len(ids) == len(set(ids))


def test_pre_02_templates_are_relative_reads_and_searches(queries: list[str]) -> None:
    for query in queries:
        assert re.match(r"^[A-Z][A-Za-z]+(/|\?)", query), query
        assert "$" not in query
        assert "_history" not in query


def test_pre_03_04_05_06_tokens_are_context_fields_of_the_hook(queries: list[str]) -> None:
    for query in queries:
        assert set(re.findall(r"{{(.*?)}}", query)) <= TOKENS, query
        assert not re.search(r"[{}]", re.sub(r"{{.*?}}", "", query)), query


def test_pre_08_user_ids_are_never_given_a_type_twice(queries: list[str]) -> None:
    assert not any("context.userId" in query for query in queries)


def test_pre_10_11_queries_use_widely_supported_features_only(queries: list[str]) -> None:
    for query in queries:
        _, _, parameters = query.partition("?")
        for pair in filter(None, parameters.split("&")):
            name, _, value = pair.partition("=")
            assert name in {"patient", "code", "_sort", "_count"}, pair
            assert not value.startswith(("ne", "sa", "eb", "ap")), pair
        assert "_count=" in query or not parameters


def test_hook_order_select_10_no_order_is_a_token(queries: list[str]) -> None:
    assert not any("selections" in query or "draftOrders" in query for query in queries)


@pytest.mark.parametrize(
    ("requirement", "change"),
    [
        ("REQ-01", lambda body: body.pop("hook")),
        ("REQ-01", lambda body: body.update(hook=123)),
        ("REQ-02", lambda body: body.pop("hookInstance")),
        ("REQ-02", lambda body: body.update(hookInstance=5)),
        ("REQ-03", lambda body: body.pop("context")),
        ("REQ-03", lambda body: body.update(context=[])),
        ("REQ-03", lambda body: body.update(context="x")),
        ("REQ-04", lambda body: body.update(fhirAuthorization={"access_token": "t"})),
        ("REQ-07", lambda body: body.update(hook="patient-view")),
        ("HOOK-ORDER-SELECT-01", lambda body: body["context"].pop("userId")),
        ("HOOK-ORDER-SELECT-01", lambda body: body["context"].update(userId="prac-1")),
        ("HOOK-ORDER-SELECT-02", lambda body: body["context"].pop("patientId")),
        ("HOOK-ORDER-SELECT-02", lambda body: body["context"].update(patientId="Patient/1")),
        ("HOOK-ORDER-SELECT-04", lambda body: body["context"].pop("selections")),
        ("HOOK-ORDER-SELECT-04", lambda body: body["context"].update(selections=[])),
        ("HOOK-ORDER-SELECT-04", lambda body: body["context"].update(selections="x")),
        ("HOOK-ORDER-SELECT-04", lambda body: body["context"].update(selections=[123])),
        ("HOOK-ORDER-SELECT-05", lambda body: body["context"].update(selections=["A/b"])),
        ("HOOK-ORDER-SELECT-06", lambda body: body["context"].pop("draftOrders")),
        ("HOOK-ORDER-SELECT-06", lambda body: body["context"].update(draftOrders={"a": 1})),
    ],
)
def test_what_a_client_must_send_is_demanded(
    client: Any, hook_body: Body, requirement: str, change: Callable[[Any], Any], pipeline: Any
) -> None:
    body = hook_body()
    change(body)
    reply = client.post(CALL, json=body)
    assert reply.status_code == 400, requirement
    assert reply.json()["resourceType"] == "OperationOutcome"
    assert pipeline.calls == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff\xfe", b'{"hook": NaN}'])
def test_req_08_a_body_that_is_no_json_object_is_400(client: Any, content: bytes) -> None:
    assert client.post(CALL, content=content).status_code == 400


@pytest.mark.parametrize(
    "instance", [str(uuid.uuid1()), str(uuid.uuid4()), str(uuid.uuid4()).upper()]
)
def test_req_02_any_kind_of_uuid_is_an_instance(
    client: Any, hook_body: Body, instance: str
) -> None:
    assert client.post(CALL, json={**hook_body(), "hookInstance": instance}).status_code == 200


def test_req_06_an_absent_prefetch_is_not_malformed(
    client: Any, hook_body: Body, pipeline: Any
) -> None:
    body = hook_body()
    del body["prefetch"]
    assert client.post(CALL, json=body).status_code == 200
    assert pipeline.calls[0].prefetch == {}


def test_req_09_unknown_members_change_nothing(client: Any, hook_body: Body) -> None:
    plain = client.post(CALL, json=hook_body()).json()
    body = {**hook_body(fooBar=1), "extension": {"com.example.x": 1}, "user": "x"}
    assert client.post(CALL, json=body).json() == plain


@pytest.mark.parametrize("key", ["patient", "observations", "a key nobody asked for"])
def test_pre_15_21_null_and_unasked_keys_are_accepted(
    client: Any, hook_body: Body, key: str, pipeline: Any
) -> None:
    body = hook_body()
    body["prefetch"][key] = None
    assert client.post(CALL, json=body).status_code == 200
    assert bytes(pipeline.calls[0].prefetch[key]) == b"null"


def test_hook_order_select_03_an_encounter_is_optional(client: Any, hook_body: Body) -> None:
    body = hook_body()
    del body["context"]["encounterId"]
    assert client.post(CALL, json=body).status_code == 200


def test_hook_order_select_06_a_bundle_without_type_is_accepted(
    client: Any, hook_body: Body
) -> None:
    body = hook_body()
    del body["context"]["draftOrders"]["type"]
    assert client.post(CALL, json=body).status_code == 200


def test_hook_order_select_09_orders_of_other_types_are_tolerated(
    client: Any, hook_body: Body
) -> None:
    body = hook_body(selections=["MedicationRequest/draft-1", "NutritionOrder/n-1"])
    body["context"]["draftOrders"]["entry"].append(
        {"resource": {"resourceType": "NutritionOrder", "id": "n-1"}}
    )
    assert client.post(CALL, json=body).status_code == 200


def test_resp_01_02_03_07_an_answer_is_cards_and_nothing_else(replies: dict[str, Any]) -> None:
    reply = replies["cards"]
    assert reply.status_code == 200
    assert set(reply.json()) == {"cards"}


def test_resp_04_nothing_to_say_is_an_empty_list(
    client: Any, hook_body: Body, pipeline: Any
) -> None:
    pipeline.cards = ()
    reply = client.post(CALL, json=hook_body())
    assert (reply.status_code, reply.json()) == (200, {"cards": []})


def test_cors_01_02_a_preflight_passes_without_credentials(client: Any) -> None:
    for path in ("/cds-services", CALL, f"{CALL}/feedback"):
        reply = client.options(
            path,
            headers={
                "Origin": "https://sandbox.cds-hooks.org",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type",
            },
        )
        assert reply.is_success
        assert reply.headers["access-control-allow-origin"] == "*"


def test_cors_03_errors_carry_the_headers_too(client: Any, hook_body: Body, pipeline: Any) -> None:
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    statuses = []
    for content in (b"{", b" " * 6_000_000, json.dumps(hook_body()).encode()):
        pipeline.error = ValueError("unexpected")
        reply = client.post(CALL, content=content, headers=origin)
        assert reply.headers["access-control-allow-origin"] == "*"
        statuses.append(reply.status_code)
    assert statuses == [400, 413, 500]
    assert client.get("/none", headers=origin).headers["access-control-allow-origin"] == "*"
