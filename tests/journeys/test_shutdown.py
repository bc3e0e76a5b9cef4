"""A service that is told to stop: the call in work is answered, no new one is taken, exit 0."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.bodies import NOW, body

ROOT = Path(__file__).parents[2]
CALL = "/cds-services/electrolytes-order-select"
LONGEST = 30


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "cds", "serve", "--port", "0"],
        cwd=ROOT,
        env={**plain, "CDS_SANDBOX": "1", "CDS_NOW": NOW.isoformat()},
        stderr=subprocess.PIPE,
        text=True,
    )
    yield started
    if started.poll() is None:
        started.kill()
    started.communicate(timeout=LONGEST)


def port_of(process: subprocess.Popen[str]) -> int:
    assert process.stderr is not None
    found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", process.stderr.readline())
    assert found is not None
    return int(found[1])


def ready(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as asking:
        asking.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in asking.recv(200)


def refused(port: int) -> bool:
    """Whether new connections are refused, within a while."""
    until = time.monotonic() + LONGEST
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            return True
        time.sleep(0.05)
    return False


def test_the_call_in_work_is_answered_and_no_new_one_is_taken(
    process: subprocess.Popen[str],
) -> None:
    port = port_of(process)
    ready(port)
    content = body("5k")
    head = f"POST {CALL} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(content)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as calling:
        calling.sendall(head + content[:1000])
        time.sleep(0.3)  # the server has begun to read it
        process.send_signal(signal.SIGTERM)
        assert refused(port)
        assert process.poll() is None, "it waits for the call in work"
        calling.sendall(content[1000:])
        reply = b""
        while part := calling.recv(65536):
            reply += part
    assert reply.startswith(b"HTTP/1.1 200 ")
    assert b'"cards"' in reply
    assert process.wait(LONGEST) == 0


def test_an_idle_service_stops_at_once(process: subprocess.Popen[str]) -> None:
    port = port_of(process)
    ready(port)
    started = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(LONGEST) == 0
    assert time.monotonic() - started < LONGEST / 2
