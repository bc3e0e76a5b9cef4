"""Interleaved rounds: every round measures all series, and a ratio is the median over the rounds of
that round's figure divided by the floor's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.calls import Calls
from bench.client import Sample, measure
from bench.server import Server

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long to measure: so many rounds, so many seconds for each series in each of them."""

    rounds: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Series:
    """One row of a table: what it is called, its calls, and the server they go to. `floor` is the
    name of the series it is compared with; `about` stands in the row too."""

    name: str
    calls: Calls
    server: Server
    floor: str
    about: Row


def rows(series: Sequence[Series], connections: int, pace: Pace) -> list[Row]:
    """What was measured, in the order given."""
    samples: dict[str, list[Sample]] = {item.name: [] for item in series}
    for _ in range(pace.rounds):
        for item in series:
            samples[item.name].append(measure(item.calls, connections, pace.seconds))
    return [
        {
            "target": item.name,
            **item.about,
            "connections": connections,
            **_summary(samples[item.name], samples[item.floor]),
            "rss_mib": item.server.memory_mib(),
            "ready_s": item.server.ready_s,
        }
        for item in series
    ]


def _summary(found: list[Sample], floor: list[Sample]) -> dict[str, float]:
    pairs = list(zip(found, floor, strict=True))
    return {
        "p50_ms": round(median(sample.p50_ms for sample in found), 3),
        "p99_ms": round(median(sample.p99_ms for sample in found), 3),
        "rps": round(median(sample.rps for sample in found), 1),
        "ratio_p50": round(median(ours.p50_ms / base.p50_ms for ours, base in pairs), 2),
        "ratio_rps": round(median(ours.rps / base.rps for ours, base in pairs), 3),
    }


def show(found: Sequence[Row]) -> None:
    """Print them as a table."""
    columns = ("p50_ms", "p99_ms", "rps", "ratio_p50", "ratio_rps", "rss_mib", "ready_s")
    print(f"{'target':<40}" + "".join(f"{name:>11}" for name in columns), flush=True)
    for row in found:
        figures = "".join(f"{'-' if row[name] is None else row[name]:>11}" for name in columns)
        print(f"{row['target']:<40}{figures}", flush=True)
