"""CDS Hooks 2.0.1 from the outside, at all four services.

The application is the real one; only the pipeline behind it is a stand-in, so that what is checked
here are the wire shapes and not the advice.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from wire_checks import empties, strictly

Body = Callable[..., dict[str, Any]]


@pytest.fixture
def body(hook: str, body_of: Body) -> dict[str, Any]:
    """A valid body for the hook of this round."""
    return body_of(hook)


@pytest.fixture
def replies(client: Any, address: str, body: dict[str, Any]) -> dict[str, Any]:
    """One reply of every kind the application gives."""
    bad = {**body, "context": {**body["context"], "patientId": None}}
    return {
        "discovery": client.get("/cds-services"),
        "cards": client.post(address, json=body),
        "bad body": client.post(address, content=b"{"),
        "bad field": client.post(address, json=bad),
        "no such service": client.post("/cds-services/none", json=body),
        "no such page": client.get("/none"),
        "wrong method": client.get(address),
        "too large": client.post(address, content=b" " * 6_000_000),
    }


@pytest.mark.requirement("HTTP-01", "HTTP-05")
def test_every_body_is_json_and_says_so(replies: dict[str, Any]) -> None:
    for kind, reply in replies.items():
        assert reply.headers["content-type"] in ("application/json", "application/fhir+json"), kind
        strictly(reply.text)


@pytest.mark.requirement("HTTP-02", "HTTP-03", "HTTP-04")
def test_nothing_is_null_or_empty(replies: dict[str, Any]) -> None:
    found = {kind: empties(strictly(reply.text)) for kind, reply in replies.items()}
    assert not any(found.values()), found


@pytest.mark.requirement("HTTP-11", "HTTP-07")
def test_whatever_is_malformed_is_4xx_with_an_operation_outcome(
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


@pytest.mark.requirement("HTTP-09", "DISC-07")
def test_a_service_answers_posts_at_its_discovery_id(
    client: Any, address: str, body: dict[str, Any]
) -> None:
    assert client.post(address, json=body).status_code == 200
    assert client.get(address).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "{hook}",
        "Electrolytes-{hook}",
        "electrolytes-{hook}-2",
        "electrolytes-",
        "electrolytes_{hook}",
    ],
)
@pytest.mark.requirement("HTTP-10")
def test_an_id_that_is_not_in_discovery_is_404(
    client: Any, hook: str, body: dict[str, Any], pipeline: Any, name: str
) -> None:
    reply = client.post(f"/cds-services/{name.format(hook=hook)}", json=body)
    assert (reply.status_code, reply.json()["issue"][0]["code"]) == (404, "not-found")
    assert pipeline.calls == []


REFUSED: list[tuple[str, str, Callable[[dict[str, Any]], Any]]] = [
    ("REQ-01", "hook", lambda body: body.pop("hook")),
    ("REQ-01", "hook", lambda body: body.update(hook=123)),
    ("REQ-02", "hookInstance", lambda body: body.pop("hookInstance")),
    ("REQ-02", "hookInstance", lambda body: body.update(hookInstance=5)),
    ("REQ-03", "context", lambda body: body.pop("context")),
    ("REQ-03", "context", lambda body: body.update(context=[])),
    ("REQ-03", "context", lambda body: body.update(context="x")),
    ("REQ-04", "fhirServer", lambda body: body.update(fhirAuthorization={"access_token": "t"})),
]


@pytest.mark.parametrize(("requirement", "field", "change"), REFUSED)
@pytest.mark.requirement("REQ-01", "REQ-02", "REQ-03", "REQ-04")
def test_what_a_client_must_send_is_demanded(
    client: Any, address: str, body: dict[str, Any], pipeline: Any,
    requirement: str, field: str, change: Callable[[Any], Any],
) -> None:  # fmt: skip
    change(body)
    reply = client.post(address, json=body)
    assert reply.status_code == 400, requirement
    assert reply.json()["resourceType"] == "OperationOutcome"
    assert reply.json()["issue"][0]["expression"] == [field]
    assert pipeline.calls == []


@pytest.mark.parametrize(
    "other",
    ["order-select", "order-sign", "patient-view", "encounter-discharge", "encounter-start",
     "medication-prescribe", "ORDER-SELECT", "order-select "],
)  # fmt: skip
@pytest.mark.requirement("REQ-07")
def test_a_body_of_another_hook_is_not_answered(
    client: Any, hook: str, address: str, body: dict[str, Any], pipeline: Any, other: str
) -> None:
    reply = client.post(address, json={**body, "hook": other})
    if other == hook:
        assert reply.status_code == 200
        return
    issue = reply.json()["issue"][0]
    assert (reply.status_code, issue["expression"]) == (400, ["hook"])
    assert f"`{hook}`" in issue["diagnostics"]
    assert pipeline.calls == []


@pytest.mark.parametrize("content", [b"{", b"[]", b"", b"\xff\xfe", b'{"hook": NaN}'])
@pytest.mark.requirement("REQ-08")
def test_a_body_that_is_no_json_object_is_400(client: Any, address: str, content: bytes) -> None:
    assert client.post(address, content=content).status_code == 400


@pytest.mark.parametrize(
    "instance",
    [str(uuid.uuid1()), str(uuid.uuid4()), str(uuid.uuid4()).upper()],
    ids=["by time", "random", "in capitals"],
)
@pytest.mark.requirement("REQ-02")
def test_any_kind_of_uuid_is_an_instance(
    client: Any, address: str, body: dict[str, Any], instance: str
) -> None:
    assert client.post(address, json={**body, "hookInstance": instance}).status_code == 200


@pytest.mark.requirement("REQ-06")
def test_an_absent_prefetch_is_not_malformed(
    client: Any, address: str, body: dict[str, Any], pipeline: Any
) -> None:
    del body["prefetch"]
    assert client.post(address, json=body).status_code == 200
    assert pipeline.calls[0].prefetch == {}


@pytest.mark.requirement("EXT-04", "REQ-09", "EXT-03", "VER-03")
def test_unknown_members_change_nothing(client: Any, address: str, body: dict[str, Any]) -> None:
    plain = client.post(address, json=body).json()
    more = {**body, "extension": {"com.example.x": 1}, "user": "x"}
    more["context"] = {**body["context"], "fooBar": 1, "extension": {"com.example.y": []}}
    assert client.post(address, json=more).json() == plain


@pytest.mark.parametrize("key", ["patient", "observations", "a key nobody asked for"])
@pytest.mark.requirement("PRE-15", "PRE-21")
def test_null_and_unasked_keys_are_accepted(
    client: Any, address: str, body: dict[str, Any], key: str, pipeline: Any
) -> None:
    body["prefetch"][key] = None
    assert client.post(address, json=body).status_code == 200
    assert bytes(pipeline.calls[0].prefetch[key]) == b"null"


@pytest.mark.requirement("RESP-01", "RESP-02", "RESP-03", "RESP-07", "SYS-02", "SYS-04")
def test_an_answer_is_cards_and_nothing_else(replies: dict[str, Any]) -> None:
    reply = replies["cards"]
    assert reply.status_code == 200
    assert set(reply.json()) == {"cards"}


@pytest.mark.requirement("RESP-02", "RESP-04")
def test_nothing_to_say_is_an_empty_list(
    client: Any, address: str, body: dict[str, Any], pipeline: Any
) -> None:
    pipeline.cards = ()
    reply = client.post(address, json=body)
    assert (reply.status_code, reply.json()) == (200, {"cards": []})


@pytest.mark.requirement("CORS-01", "CORS-02")
def test_a_preflight_passes_without_credentials(client: Any, address: str) -> None:
    for path in ("/cds-services", address, f"{address}/feedback"):
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


@pytest.mark.requirement("CORS-01", "CORS-03")
def test_errors_carry_the_headers_of_cors_too(
    client: Any, address: str, body: dict[str, Any], pipeline: Any
) -> None:
    origin = {"Origin": "https://sandbox.cds-hooks.org"}
    statuses = []
    for content in (b"{", b" " * 6_000_000, json.dumps(body).encode()):
        pipeline.error = ValueError("unexpected")
        reply = client.post(address, content=content, headers=origin)
        assert reply.headers["access-control-allow-origin"] == "*"
        statuses.append(reply.status_code)
    assert statuses == [400, 413, 500]
    assert client.get("/none", headers=origin).headers["access-control-allow-origin"] == "*"


LINK = {"label": "Guideline", "url": "https://guideline.example/mg", "type": "absolute"}


@pytest.mark.requirement("HTTP-04", "CARD-18", "CARD-23")
@pytest.mark.parametrize("links", [[], [LINK]])
def test_a_list_on_a_card_has_something_in_it_or_is_not_there(
    client: Any, address: str, body: dict[str, Any], pipeline: Any, links: list[dict[str, str]]
) -> None:
    (card,) = pipeline.cards
    pipeline.cards = ({**card, "links": links, "suggestions": [], "detail": ""},)
    (sent,) = client.post(address, json=body).json()["cards"]
    assert sent.get("links", []) == links
    assert ("links" in sent) is bool(links)
    assert not {"suggestions", "detail"} & set(sent)
