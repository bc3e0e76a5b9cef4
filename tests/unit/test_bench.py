"""The measuring stick itself: bodies a service would accept, and figures read correctly."""

from __future__ import annotations

import json

import pytest

from bench.bodies import OBSERVATIONS, body
from bench.client import parse_wrk
from cds.hooks.request import read_call
from cds.hooks.services import ORDER_SELECT, PREFETCH_KEYS


@pytest.mark.parametrize(
    ("name", "least", "most"), [("5k", 4, 8), ("40k", 36, 48), ("400k", 360, 440)]
)
def test_a_body_has_the_size_of_its_name_and_is_a_full_call(
    name: str, least: int, most: int
) -> None:
    payload = body(name)
    assert least * 1000 <= len(payload) <= most * 1000
    call = read_call(ORDER_SELECT, payload)
    assert set(call.prefetch) == set(PREFETCH_KEYS)
    observations = json.loads(bytes(call.prefetch["observations"]))["entry"]
    assert len(observations) == OBSERVATIONS[name]


def test_a_body_is_the_same_every_time() -> None:
    assert body("40k") == body("40k")


def test_what_wrk_prints_is_read_in_milliseconds() -> None:
    found = parse_wrk(
        "  Latency Distribution\n     50%  812.00us\n     75%    1.04ms\n     90%    1.60ms\n"
        "     99%    1.20s \n  1034 requests in 1.00s\nRequests/sec:   1031.97\n"
    )
    assert (found.p50_ms, found.p99_ms, found.rps) == (0.812, 1200.0, 1031.97)


def test_output_without_figures_is_refused() -> None:
    with pytest.raises(SystemExit, match="no 50% latency"):
        parse_wrk("Requests/sec: 1\n")
    with pytest.raises(SystemExit, match="no Requests/sec"):
        parse_wrk("50% 1.00ms\n99% 2.00ms\n")
