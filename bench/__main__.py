"""`make bench`: this service against a bare echo and an idiomatic one, in one interleaved run.

Trust the ratios: every round measures all targets, and a ratio is the median over the rounds of
that round's figure divided by the floor's. Absolute figures hold for one machine and moment.
"""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from bench.bodies import OBSERVATIONS, body
from bench.client import Sample, client_name, measure
from bench.disk import fsync_ms
from bench.server import KEPT_IN, Server
from bench.targets import FLOOR, TARGETS

RESULTS = Path(__file__).parent / "results" / "latest.json"


def main() -> None:
    """Measure, print the table, write the results."""
    words = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    words.add_argument("--body", choices=list(OBSERVATIONS), default="40k")
    words.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--seconds", type=float, default=1.5, help="per target and round")
    chosen = words.parse_args()
    payload = body(chosen.body)
    RESULTS.parent.mkdir(exist_ok=True)
    fsync = fsync_ms(KEPT_IN)
    print(f"client: {client_name()}")
    print(f"body: {chosen.body} ({len(payload)} bytes), one fsync of 4 KiB: {fsync} ms")
    found = []
    for connections in chosen.connections:
        print(
            f"\n{connections} connections, {chosen.rounds} interleaved rounds of "
            f"{chosen.seconds} s\n"
        )
        rows = _run(payload, connections, chosen)
        _table(rows)
        found += [{**row, "fsync_ms": fsync} for row in rows]
    print("\nratios: to `floor` (decode and encode the same body); p50 lower, rps higher is better")
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


def _run(payload: bytes, connections: int, chosen: argparse.Namespace) -> list[dict[str, Any]]:
    samples: dict[str, list[Sample]] = {target.name: [] for target in TARGETS}
    with ExitStack() as stack:
        servers = [stack.enter_context(Server(target, payload)) for target in TARGETS]
        for _ in range(chosen.rounds):
            for server in servers:
                found = measure(
                    server.port, server.target.path, payload, connections, chosen.seconds
                )
                samples[server.target.name].append(found)
        memory = {server.target.name: server.memory_mib() for server in servers}
    return [
        {
            "target": name,
            "body": chosen.body,
            "connections": connections,
            **_summary(found, samples[FLOOR.name]),
            "rss_mib": memory[name],
        }
        for name, found in samples.items()
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


def _table(rows: list[dict[str, Any]]) -> None:
    columns = ("target", "p50_ms", "p99_ms", "rps", "rss_mib", "ratio_p50", "ratio_rps")
    print("".join(f"{name:>14}" for name in columns))
    for row in rows:
        print("".join(f"{row[name] if row[name] is not None else '-':>14}" for name in columns))


if __name__ == "__main__":
    main()
