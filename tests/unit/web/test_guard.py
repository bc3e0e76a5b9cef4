"""Around every request: too slow, too many, broken, half answered; the headers of every reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs

from cds.bootstrap import Service
from cds.errors import Overloaded, TooMany, Unauthorized
from cds.web.app import create_app
from cds.web.errors import refusing
from cds.web.guard import BrokenOff, Guard
from cds.web.headers import SecureHeaders
from cds.web.metrics import Metrics

CALL = "/cds-services/electrolytes-order-select"
SECRET = "Mrs Okonjo has potassium 2.1"

Make = Callable[..., Service]


def scope_of(path: str = CALL) -> Scope:
    return {"type": "http", "method": "POST", "path": path, "headers": [], "query_string": b""}


class Client:
    """Sends the parts of a body, then nothing more; keeps what comes back."""

    def __init__(self, *parts: bytes, complete: bool = True) -> None:
        self.parts = list(parts)
        self.complete = complete
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        if self.parts:
            body = self.parts.pop(0)
            more = bool(self.parts) or not self.complete
            return {"type": "http.request", "body": body, "more_body": more}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        found: int = self.sent[0]["status"]
        return found

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def issue(self) -> dict[str, Any]:
        body = json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))
        assert body["resourceType"] == "OperationOutcome"
        found: dict[str, Any] = body["issue"][0]
        return found


async def reads_all(_: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def reads_and_waits(_: Scope, receive: Receive, __: Send) -> None:
    await receive()
    await asyncio.Event().wait()


def guarded(make_service: Make, app: ASGIApp, **settings: Any) -> tuple[Guard, Metrics]:
    metrics = Metrics()
    return Guard(app, make_service(**settings), metrics), metrics


def ask(guard: ASGIApp, client: Client, path: str = CALL) -> Client:
    asyncio.run(guard(scope_of(path), client.receive, client.send))  # type: ignore[arg-type]
    return client


def test_a_body_that_stops_coming_is_408_and_closes_the_connection(make_service: Make) -> None:
    guard, metrics = guarded(make_service, reads_all, request_timeout_ms=100)
    client = ask(guard, Client(b"{", complete=False))
    assert (client.status, client.issue["code"]) == (408, "timeout")
    assert client.headers["connection"] == "close"
    assert 'status="408"' in metrics.text().decode()


def test_a_call_that_takes_too_long_in_here_is_503_and_not_the_clients_fault(
    make_service: Make,
) -> None:
    guard, _ = guarded(make_service, reads_and_waits, request_timeout_ms=100)
    client = ask(guard, Client(b"{}"))
    assert (client.status, client.issue["code"]) == (503, "throttled")
    assert client.headers["retry-after"] == "1"


def test_a_timeout_of_somebody_elses_is_unexpected(make_service: Make) -> None:
    async def times_out(_: Scope, __: Receive, ___: Send) -> None:
        raise TimeoutError(SECRET)

    guard, _ = guarded(make_service, times_out)
    assert ask(guard, Client(b"{}")).status == 500


def test_who_cancels_a_call_as_its_time_ends_is_heard(make_service: Make) -> None:
    async def cancels_itself(_: Scope, __: Receive, ___: Send) -> None:
        try:
            await asyncio.Event().wait()
        finally:  # between the end of its time and the reply
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

    guard, _ = guarded(make_service, cancels_itself, request_timeout_ms=100)
    with pytest.raises(asyncio.CancelledError):
        ask(guard, Client(b"{}"))


def test_one_call_too_many_is_503_at_once_and_counted(make_service: Make) -> None:
    guard, metrics = guarded(make_service, reads_all, max_concurrent=2)
    waiting = [Client(b"{", complete=False) for _ in range(2)]
    late, watcher, after = Client(b"{}"), Client(b"{}"), Client(b"{}")

    async def run() -> None:
        busy = [asyncio.create_task(_call(guard, client)) for client in waiting]
        await asyncio.sleep(0)
        assert "cds_in_work 2.0" in metrics.text().decode()
        await _call(guard, late)
        await _call(guard, watcher, "/health/ready")
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await _call(guard, after)

    asyncio.run(run())
    assert (late.status, late.issue["code"]) == (503, "throttled")
    assert late.headers["retry-after"] == "1"
    assert watcher.status == 200, "who watches is never turned away"
    assert after.status == 200, "a call that was cut off gives its place back"
    assert "cds_shed_total 1.0" in metrics.text().decode()


def _call(guard: ASGIApp, client: Client, path: str = CALL) -> Awaitable[None]:
    return guard(scope_of(path), client.receive, client.send)


@pytest.mark.parametrize("kind", [ValueError, KeyError, RecursionError, UnicodeDecodeError])
def test_a_handler_that_raises_shows_neither_trace_nor_message(
    make_service: Make, kind: type[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    async def raises(_: Scope, __: Receive, ___: Send) -> None:
        if kind is UnicodeDecodeError:
            SECRET.encode().decode("utf-16")
            b"\xff".decode()
        raise kind(SECRET)

    guard, _ = guarded(make_service, raises, log_level="debug")
    with capture_logs() as logs:
        client = ask(guard, Client(b"{}"))
    said = json.dumps(client.issue) + repr(logs) + "".join(capfd.readouterr())
    assert client.status == 500
    assert "Okonjo" not in said
    assert "Traceback" not in said
    assert "test_guard.py" not in json.dumps(client.issue)
    assert "test_guard.py" in repr(logs), "the log names the place"


def test_half_a_reply_is_cut_off_without_the_message_of_the_error(make_service: Make) -> None:
    async def breaks_off(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise ValueError(SECRET)

    guard, _ = guarded(make_service, breaks_off)
    client = Client(b"{}")
    with capture_logs() as logs, pytest.raises(BrokenOff) as broken:
        ask(guard, client)
    assert len(client.sent) == 1
    assert broken.value.__suppress_context__
    assert "Okonjo" not in repr(logs) + str(broken.value)
    assert [line["kind"] for line in logs if line["log_level"] == "error"] == ["ValueError"]


def test_what_a_refused_client_needs_stands_in_the_headers() -> None:
    assert refusing(TooMany("", retry_after=7)).headers["retry-after"] == "7"
    assert refusing(Overloaded("", retry_after=3)).headers["retry-after"] == "3"
    assert refusing(Unauthorized("")).headers["www-authenticate"].startswith("Bearer ")


EVERY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-frame-options": "DENY",
}
ORIGIN = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/cds-services", 200),
        ("POST", CALL, 400),
        ("GET", "/nowhere", 404),
        ("PUT", CALL, 405),
        ("GET", "/health/live", 200),
        ("GET", "/metrics", 200),
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("OPTIONS", CALL, 403),
    ],
)
def test_every_reply_carries_the_security_headers(
    make_service: Make, client_of: Any, method: str, path: str, status: int
) -> None:
    service = make_service(cors_origins=("https://ehr.example.org",))
    reply = client_of(create_app(service)).request(method, path, headers=ORIGIN)
    assert reply.status_code == status
    assert {name: reply.headers[name] for name in EVERY} == EVERY
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; frame-ancestors 'none'")
    assert ("style-src 'self'" in policy) == (path == "/docs")
    assert "script-src" not in policy
    assert "strict-transport-security" not in reply.headers
    assert "server" not in reply.headers


def test_a_500_carries_them_too(
    make_service: Make, client_of: Any, pipeline: Any, hook_body: Callable[..., dict[str, Any]]
) -> None:
    pipeline.error = ValueError(SECRET)
    reply = client_of(create_app(make_service())).post(CALL, json=hook_body())
    assert reply.status_code == 500
    assert reply.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("address", "expected"), [("https://cds.example.org", True), ("http://127.0.0.1", False)]
)
def test_browsers_are_held_to_https_where_clients_come_by_https(
    make_service: Make, client_of: Any, address: str, expected: bool
) -> None:
    reply = client_of(create_app(make_service(public_url=address))).get("/health/live")
    assert ("strict-transport-security" in reply.headers) == expected


def test_a_page_may_bring_its_own_policy() -> None:
    async def page(_: Scope, __: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/html"), (b"content-security-policy", b"mine")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    client = ask(SecureHeaders(page, https=False), Client())
    assert client.headers["content-security-policy"] == "mine"


def test_a_rate_above_the_clients_is_429_and_counted_by_its_name(
    make_service: Make, client_of: Any, hook_body: Callable[..., dict[str, Any]]
) -> None:
    service = replace(make_service(requests_a_minute=6), clock=lambda: 5.0)
    client = client_of(create_app(service))
    statuses = [client.post(CALL, json=hook_body()).status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    reply = client.post(CALL, json=hook_body())
    assert reply.headers["retry-after"] == "10"
    assert reply.json()["issue"][0]["code"] == "throttled"
    assert 'cds_throttled_total{client="sandbox"} 2.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    "encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x"]
)
def test_a_compressed_body_is_415_and_never_unpacked(
    make_service: Make, client_of: Any, encoding: str
) -> None:
    client = client_of(create_app(make_service()))
    reply = client.post(CALL, content=b"\x1f\x8b", headers={"Content-Encoding": encoding})
    assert (reply.status_code, reply.json()["issue"][0]["code"]) == (415, "not-supported")


def test_a_body_that_says_it_is_not_compressed_is_read(
    make_service: Make, client_of: Any, hook_body: Callable[..., dict[str, Any]]
) -> None:
    client = client_of(create_app(make_service()))
    reply = client.post(CALL, json=hook_body(), headers={"Content-Encoding": "identity"})
    assert reply.status_code == 200
