"""The HTTP edge around a stand-in pipeline: statuses, bodies, headers, limits, logs, metrics."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from starlette.responses import Response
from structlog.testing import capture_logs

from cds.bootstrap import Service
from cds.errors import Precondition
from cds.hooks.services import HOOKS, SERVICES
from cds.web.app import create_app
from cds.web.metrics import Metrics

CALL = "/cds-services/electrolytes-order-select"
ORIGIN = {"Origin": "https://sandbox.cds-hooks.org"}

Body = Callable[..., dict[str, Any]]
Make = Callable[..., Service]


@pytest.fixture
def serve(make_service: Make, client_of: Any) -> Any:
    """A client of the application with these settings."""
    return lambda **settings: client_of(create_app(make_service(**settings)))


@pytest.fixture
def client(serve: Any) -> Any:
    return serve()


def outcome(reply: Any, status: int) -> dict[str, Any]:
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("application/fhir+json")
    body = reply.json()
    assert body["resourceType"] == "OperationOutcome"
    issue: dict[str, Any] = body["issue"][0]
    assert issue["severity"] == "error"
    assert issue["code"]
    return issue


def test_a_call_is_answered_with_the_cards_of_the_pipeline(
    client: Any, hook_body: Body, pipeline: Any
) -> None:
    reply = client.post(CALL, json=hook_body())
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["cards"][0]["summary"] == "Severe low magnesium 1.0 mg/dL"
    assert pipeline.calls[0].patient_id == "pat-1"


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/"])
def test_discovery_is_there_with_and_without_a_slash(client: Any, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 200
    assert [entry["id"] for entry in reply.json()["services"]] == list(SERVICES)


def test_each_service_is_asked_at_its_own_address_and_counted_by_its_name(
    client: Any, hook_body: Body, pipeline: Any
) -> None:
    for service in SERVICES.values():
        body = {**hook_body(), "hook": service.hook}
        assert client.post(f"/cds-services/{service.id}", json=body).status_code == 200
    assert [call.service for call in pipeline.calls] == list(SERVICES)
    text = client.get("/metrics").text
    for name in SERVICES:
        assert f'cds_requests_total{{service="{name}",status="200"}} 1.0' in text


def test_a_call_with_a_slash_at_its_end_is_answered_too(client: Any, hook_body: Body) -> None:
    assert client.post(f"{CALL}/", json=hook_body()).status_code == 200


def test_an_unknown_service_is_404_before_its_body_is_looked_at(client: Any) -> None:
    issue = outcome(client.post("/cds-services/nobody", content=b"{"), 404)
    assert issue["code"] == "not-found"
    assert "nobody" not in issue["diagnostics"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/cds-services/a/b/c", "/health"])
def test_an_unknown_address_is_404(client: Any, path: str) -> None:
    outcome(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", CALL, "POST"),
        ("DELETE", CALL, "POST"),
        ("PUT", CALL, "POST"),
        ("POST", "/cds-services", "GET"),
        ("POST", "/health/live", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_names_the_right_one(
    client: Any, method: str, path: str, allowed: str
) -> None:
    reply = client.request(method, path)
    outcome(reply, 405)
    assert reply.headers["allow"] == allowed


def test_a_bad_body_is_400_and_names_the_field(client: Any, hook_body: Body) -> None:
    issue = outcome(client.post(CALL, json=hook_body(patientId="Patient/very-secret")), 400)
    assert issue["expression"] == ["context.patientId"]
    assert "very-secret" not in json.dumps(issue)


def test_missing_required_data_is_412(client: Any, hook_body: Body, pipeline: Any) -> None:
    pipeline.error = Precondition("`observations` was not supplied", where="prefetch.observations")
    issue = outcome(client.post(CALL, json=hook_body()), 412)
    assert issue["expression"] == ["prefetch.observations"]


def test_an_unexpected_error_is_500_and_neither_reply_nor_log_repeats_its_message(
    client: Any, hook_body: Body, pipeline: Any
) -> None:
    pipeline.error = ZeroDivisionError("Mrs Okonjo has potassium 2.1")
    with capture_logs() as logs:
        reply = client.post(CALL, json=hook_body(), headers=ORIGIN)
    issue = outcome(reply, 500)
    assert reply.headers["access-control-allow-origin"] == "*"
    error = next(line for line in logs if line["log_level"] == "error")
    assert error["kind"] == "ZeroDivisionError"
    assert error["incident"] in issue["diagnostics"]
    assert "Okonjo" not in reply.text + repr(logs)
    pipeline.error = None
    assert client.post(CALL, json=hook_body()).status_code == 200


def test_logs_carry_the_service_and_the_status_and_no_patient(client: Any, hook_body: Body) -> None:
    with capture_logs() as logs:
        client.post(CALL, json=hook_body())
        client.post("/cds-services/pat-1-secret", json=hook_body())
    assert [(line["service"], line["status"]) for line in logs] == [
        ("electrolytes-order-select", 200),
        ("", 404),
    ]
    assert "pat-1" not in repr(logs)


def test_metrics_count_requests_and_cards_and_know_no_patient(client: Any, hook_body: Body) -> None:
    client.post(CALL, json=hook_body())
    client.post("/cds-services/pat-1-secret", json=hook_body())
    text = client.get("/metrics").text
    service = 'service="electrolytes-order-select"'
    assert f'cds_requests_total{{{service},status="200"}} 1.0' in text
    assert f'cds_cards_total{{indicator="critical",{service}}} 1.0' in text
    assert "pat-1" not in text


def test_an_answer_is_counted_once_it_has_left(
    serve: Any, hook_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    count, leave = Metrics.answered, Response.__call__

    async def leaves(self: Response, *given: Any) -> None:
        await leave(self, *given)
        happened.append("left")

    def counts(self: Metrics, *given: Any) -> Any:
        happened.append("counted")
        return count(self, *given)

    monkeypatch.setattr(Response, "__call__", leaves)
    monkeypatch.setattr(Metrics, "answered", counts)
    assert serve().post(CALL, json=hook_body()).status_code == 200
    assert happened == ["left", "counted"]


def test_an_answer_that_did_not_leave_whole_is_counted_too(
    serve: Any, hook_body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was decided and is kept, and a rule that broke in it must show."""
    client, leave = serve(), Response.__call__

    async def fails(self: Response, *given: Any) -> None:
        if self.media_type == "application/json":
            raise OSError
        await leave(self, *given)

    monkeypatch.setattr(Response, "__call__", fails)
    assert client.post(CALL, json=hook_body()).status_code == 500
    monkeypatch.undo()
    assert "cds_cards_total{" in client.get("/metrics").text


def test_a_call_that_is_refused_counts_no_card(client: Any, hook_body: Body, pipeline: Any) -> None:
    pipeline.error = Precondition("no", where="prefetch")
    assert client.post(CALL, json=hook_body()).status_code == 412
    assert "cds_cards_total{" not in client.get("/metrics").text


def test_health_names_the_rulebook(client: Any) -> None:
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {
        "status": "ready",
        "rulebook": "0123456789ab",
        "rules": 3,
        "checks": {"rules": {"ok": True}, "keys": {"ok": True}},
    }


def test_a_body_over_the_limit_is_413_with_cors(serve: Any, hook_body: Body) -> None:
    client = serve(max_body=2048)
    assert client.post(CALL, json=hook_body()).status_code == 200
    reply = client.post(CALL, content=b" " * 2049, headers=ORIGIN)
    assert outcome(reply, 413)["code"] == "too-long"
    assert reply.headers["access-control-allow-origin"] == "*"


def test_a_body_over_the_limit_is_413_without_an_announced_length(serve: Any) -> None:
    client = serve(max_body=2048)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 100

    reply = client.post(CALL, content=chunks())
    assert "content-length" not in reply.request.headers
    outcome(reply, 413)


def test_a_body_at_the_limit_is_read(serve: Any, hook_body: Body) -> None:
    body = json.dumps(hook_body()).encode().ljust(2048)
    client = serve(max_body=2048)
    assert client.post(CALL, content=body).status_code == 200


PREFLIGHT = {
    **ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


@pytest.mark.parametrize("path", [CALL, "/cds-services"])
def test_a_preflight_passes_in_the_sandbox(client: Any, path: str) -> None:
    reply = client.options(path, headers=PREFLIGHT)
    assert reply.status_code == 204
    assert reply.headers["access-control-allow-origin"] == "*"
    assert {"GET", "POST", "OPTIONS"} <= set(
        reply.headers["access-control-allow-methods"].split(", ")
    )
    allowed = reply.headers["access-control-allow-headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed


def test_only_named_origins_may_read_outside_the_sandbox(serve: Any, hook_body: Body) -> None:
    client = serve(sandbox=False, cors_origins=("https://ehr.example.org",))
    good, evil = {"Origin": "https://ehr.example.org"}, {"Origin": "https://evil.example"}
    reply = client.post(CALL, json=hook_body(), headers=good)
    assert reply.headers["access-control-allow-origin"] == "https://ehr.example.org"
    assert reply.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in reply.headers
    reply = client.post(CALL, json=hook_body(), headers=evil)
    assert "access-control-allow-origin" not in reply.headers
    assert client.options(CALL, headers=PREFLIGHT | good).status_code == 204
    refused = client.options(CALL, headers=PREFLIGHT | evil)
    outcome(refused, 403)
    assert "access-control-allow-origin" not in refused.headers


def test_without_sandbox_and_named_origins_no_browser_client_may_read(
    serve: Any,
) -> None:
    client = serve(sandbox=False)
    reply = client.get("/cds-services", headers=ORIGIN)
    assert "access-control-allow-origin" not in reply.headers


def test_the_documents_describe_requests_answers_and_errors(client: Any) -> None:
    document = client.get("/openapi.json").json()
    call = document["paths"]["/cds-services/{service_id}"]["post"]
    refusals = {400, 401, 403, 404, 405, 408, 412, 413, 415, 429, 500, 503}
    assert set(call["responses"]) == {str(status) for status in {200} | refusals}
    (service,) = call["parameters"]
    assert (service["name"], service["schema"]["enum"]) == ("service_id", list(SERVICES))
    text = json.dumps(document)
    shapes = document["components"]["schemas"]
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in shapes, reference
    assert {"HookRequest", "Card", "Suggestion", "Discovery", "OperationOutcome"} <= set(shapes)
    hooks = shapes["HookRequest"]["discriminator"]["mapping"]
    assert set(hooks) == set(HOOKS)
    page = client.get("/docs")
    assert all(f"<code>{name}</code>" in page.text for name in SERVICES)
    assert all(f'id="{shape.rpartition("/")[2]}"' in page.text for shape in hooks.values())
    assert page.headers["content-type"].startswith("text/html")
    assert "POST /cds-services/{service_id}" in page.text
    assert "<script" not in page.text


def test_the_log_level_is_what_the_setting_says(capsys: pytest.CaptureFixture[str]) -> None:
    from cds.web.log import configure

    try:
        configure("warning", lambda: datetime.now(UTC))
        log = structlog.get_logger("test")
        log.info("not this")
        log.warning("this", n=1)
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["level"], line["n"]) == ("this", "warning", 1)
