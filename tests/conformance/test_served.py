"""The command `cds serve` as a client meets it: a process, a port, real rules."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.bodies import NOW, body

ROOT = Path(__file__).parents[2]
CALL = "/cds-services/electrolytes-order-select"
HOOKS = {
    "order-select": ("selections", "draftOrders"),
    "order-sign": ("draftOrders",),
    "patient-view": (),
    "encounter-discharge": (),
}


def environment(**settings: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CDS_")}
    return {**plain, **settings}


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cds", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment(CDS_SANDBOX="1", CDS_NOW=NOW.isoformat()),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", process.stderr.readline())
        assert found is not None
        yield int(found[1])
    finally:
        process.terminate()
        process.communicate(timeout=20)


def ask(port: int, method: str, path: str, content: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, content, {"Content-Type": "application/json"})
    reply = connection.getresponse()
    found = reply.status, reply.read()
    connection.close()
    return found


def test_the_observation_query_asks_for_the_codes_the_rules_read(port: int) -> None:
    status, found = ask(port, "GET", "/cds-services")
    queries = {entry["prefetch"]["observations"] for entry in json.loads(found)["services"]}
    assert status == 200
    (query,) = queries
    for loinc in ("19123-9", "2601-3", "2823-3", "2160-0", "17861-6", "29463-7"):
        assert f"http://loinc.org|{loinc}" in query
    assert "http://loinc.org|19124-7" not in query, "urine magnesium is never usable"


def test_a_served_call_gives_the_very_bytes_that_evaluate_prints(port: int, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_bytes(body("40k"))
    status, served = ask(port, "POST", CALL, body("40k"))
    printed = subprocess.run(
        [sys.executable, "-m", "cds", "evaluate", str(request), "--now", NOW.isoformat()],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        check=True,
    ).stdout
    assert status == 200
    assert json.loads(served)["cards"]
    assert printed == served + b"\n"


def call_of(hook: str) -> dict[str, Any]:
    call: dict[str, Any] = {**json.loads(body("40k")), "hook": hook}
    for member in {"selections", "draftOrders"} - set(HOOKS[hook]):
        del call["context"][member]
    return call


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.requirement("HTTP-09", "DISC-01", "DISC-07", "REQ-07")
def test_every_service_of_discovery_answers_its_hook(port: int, hook: str) -> None:
    _, discovered = ask(port, "GET", "/cds-services")
    services = json.loads(discovered)["services"]
    assert [entry["hook"] for entry in services] == list(HOOKS)
    (address,) = (f"/cds-services/{entry['id']}" for entry in services if entry["hook"] == hook)
    status, found = ask(port, "POST", address, json.dumps(call_of(hook)).encode())
    assert status == 200
    assert json.loads(found)["cards"]
    other = next(name for name in HOOKS if name != hook)
    status, found = ask(port, "POST", address, json.dumps(call_of(other)).encode())
    assert (status, json.loads(found)["issue"][0]["expression"]) == (400, ["hook"])


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.requirement("PRE-13", "RESP-05")
def test_missing_required_data_is_412_and_names_the_key(port: int, hook: str) -> None:
    call = call_of(hook)
    del call["prefetch"]["observations"]
    address = f"/cds-services/electrolytes-{hook}"
    status, found = ask(port, "POST", address, json.dumps(call).encode())
    assert status == 412
    assert "observations" in json.loads(found)["issue"][0]["diagnostics"]


def test_it_is_ready_and_names_the_rulebook(port: int) -> None:
    status, found = ask(port, "GET", "/health/ready")
    assert status == 200
    assert json.loads(found)["rulebook"].startswith("sha256:")
