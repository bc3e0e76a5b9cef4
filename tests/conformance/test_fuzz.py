"""Whatever is sent: an answer or a stated refusal, soon; never a 5xx, never a broken rule.

`CDS_FUZZ=100000` makes the run long; counts by status are printed at its end (`-s` shows them).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from mutations import spoilt

from cds import bootstrap
from cds.hooks.openapi import Cards, OperationOutcome
from cds.hooks.services import SERVICES
from cds.sample import samples
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMES = int(os.environ.get("CDS_FUZZ", "400"))
BATCH = 20  # calls of one seed: choosing a seed takes longer than a call
LONGEST = 1.0  # seconds of computing for one answer; most take milliseconds
HANG = 60

STATED = {200, 400, 412, 413}


def calls() -> dict[str, str]:
    """Every synthetic patient's call, by name; and the examples of the protocol where they are."""
    found = {item.name: json.dumps(item.at(NOW)) for item in samples(ROOT / "fhir_fixtures")}
    examples = ROOT.parent / "shared" / "spec" / "example_requests"
    for path in sorted(examples.glob("*.json")):
        found[path.stem] = json.dumps(json.loads(path.read_text()))
    return found


CALLS = calls()
NAMES = sorted(CALLS)


def address(call: str) -> str:
    """The service of the call's hook; one that answers no such hook gets it all the same."""
    named = f"electrolytes-{json.loads(call).get('hook')}"
    return f"/cds-services/{named if named in SERVICES else 'electrolytes-order-select'}"


ADDRESSES = {name: address(call) for name, call in CALLS.items()}


class Direct:
    """The application without a server, one event loop for all calls."""

    def __init__(self) -> None:
        built = bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), NOW)
        self.app = create_app(built)
        self.runner = asyncio.Runner()
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        return self.runner.run(self._request(method, path, body))

    async def _request(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        sent: list[Any] = []
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "root_path": "",
            "query_string": b"", "headers": [(b"content-type", b"application/json")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000), "state": {},
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def every_emitted_resource_is_valid() -> None:
    """Not here: an update keeps what was wrong with the draft."""


@pytest.fixture(scope="module")
def direct() -> Iterator[Direct]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    direct = Direct()
    yield direct
    direct.runner.close()
    structlog.reset_defaults()
    counts = ", ".join(f"{status}: {count}" for status, count in sorted(direct.statuses.items()))
    sys.stdout.write(
        f"\nfuzz: {sum(direct.statuses.values())} calls; {counts}; slowest "
        f"{direct.slowest * 1000:.0f} ms\n"
    )


@pytest.fixture
def no_hang() -> Iterator[None]:
    """An answer that does not come at all ends the run, with the place where it hangs."""

    def hangs(*_: Any) -> None:
        raise AssertionError(f"no answer within {HANG} s")

    before = signal.signal(signal.SIGALRM, hangs)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("no_hang")
@settings(
    max_examples=max(1, TIMES // BATCH),
    deadline=None,
    derandomize=TIMES <= 1000,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),  # to explain, it would trace every line
)
@given(seed=st.integers(0, 2**63), steps=st.integers(1, 5))
def test_a_spoilt_call_is_answered_or_refused_in_words(
    direct: Direct, seed: int, steps: int
) -> None:
    for number in range(BATCH):
        much = random.Random(f"{seed} {steps} {number}")
        name, donor = much.choice(NAMES), much.choice(NAMES)
        body = spoilt(CALLS[name], CALLS[donor], much, steps)
        signal.setitimer(signal.ITIMER_REAL, HANG)
        started = process_time()
        status, reply = direct.request("POST", ADDRESSES[name], body)
        seconds = process_time() - started
        direct.statuses[status] += 1
        direct.slowest = max(direct.slowest, seconds)
        assert status in STATED, (number, name, donor, reply)
        (Cards if status == 200 else OperationOutcome).model_validate_json(reply)
        assert seconds < LONGEST, (number, name, donor)


def test_no_rule_broke_on_the_way(direct: Direct) -> None:
    assert sum(direct.statuses.values()) >= TIMES, "it stands behind the calls it is about"
    _, text = direct.request("GET", "/metrics")
    broken = [line for line in text.decode().splitlines() if 'outcome="error"' in line]
    assert broken == []


def test_most_spoilt_calls_still_reach_the_rules(direct: Direct) -> None:
    assert direct.statuses[200] > sum(direct.statuses.values()) / 4
