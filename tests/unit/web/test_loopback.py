"""The same application over real HTTP on this machine: what a client on a socket sees."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from cds.bootstrap import Service
from cds.web.app import create_app
from loopback import silent_logs

CALL = "/cds-services/electrolytes-order-select"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def port(make_service: Callable[..., Service]) -> Iterator[int]:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(make_service()), log_config=None, access_log=False, ws="none", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    with silent_logs():
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)
            listening.close()
            assert not thread.is_alive()


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, dict[str, Any]]:
    connection.request("POST", CALL, body, JSON)
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def test_a_refused_call_leaves_the_connection_good_for_the_next(
    port: int, hook_body: Callable[..., dict[str, Any]]
) -> None:
    good = json.dumps(hook_body()).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    assert ask(connection, good)[0] == 200
    first_socket = connection.sock
    for bad in (b"", b"{", b"[]", b"\xff" * 100, b"[" * 100_000):
        status, body = ask(connection, bad)
        assert (status, body["resourceType"]) == (400, "OperationOutcome")
    status, body = ask(connection, good)
    assert (status, len(body["cards"])) == (200, 1)
    assert connection.sock is first_socket
    connection.close()


def test_a_body_of_ten_megabytes_is_413_and_the_next_call_is_answered(
    port: int, hook_body: Callable[..., dict[str, Any]]
) -> None:
    good = json.dumps(hook_body()).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    status, body = ask(connection, b" " * 10_000_000)
    assert (status, body["issue"][0]["code"]) == (413, "too-long")
    assert ask(connection, good)[0] == 200
    connection.close()


def test_a_chunked_body_without_a_length_is_413_once_it_is_too_much(
    port: int, hook_body: Callable[..., dict[str, Any]]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    chunks = (b" " * 100_000 for _ in range(80))
    connection.request("POST", CALL, chunks, JSON, encode_chunked=True)
    reply = connection.getresponse()
    assert reply.status == 413
    assert json.loads(reply.read())["resourceType"] == "OperationOutcome"
    assert ask(connection, json.dumps(hook_body()).encode())[0] == 200
    connection.close()


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(
    port: int, hook_body: Callable[..., dict[str, Any]]
) -> None:
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(f"POST {CALL} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{{".encode())
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    assert ask(connection, json.dumps(hook_body()).encode())[0] == 200
    connection.close()
