"""What more of something costs: rules, Observations of one patient, workers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.bodies import call, encoded, patients, renamed
from bench.comparing import FIRST
from bench.rounds import Row, Series, rows, show
from bench.rules import write_rules
from bench.server import Server, started
from bench.sizes import Sizes
from bench.targets import AUDITED, FLOOR, OURS

_BODY = "40k"
_BUSY = 8  # connections for several workers: one alone keeps only one of them busy


def scale(servers: Mapping[str, Server], sizes: Sizes) -> Iterator[Row]:
    """Measure and print all three, beside the servers that run already; the rows in the order of
    printing."""
    with ExitStack() as stack:
        makers: list[Callable[[], Server]] = []
        for count in sizes.rules:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            write_rules(Path(folder), count)
            makers.append(partial(Server, OURS, _BODY, more={"CDS_RULES": folder}))
        several = [count for count in sizes.workers if count > 1]
        for count in several:
            makers.append(partial(Server, AUDITED, _BODY, more={"CDS_WORKERS": str(count)}))
        made = started(stack, makers, together=sizes.together)
        floor = servers[FLOOR.name]
        yield from _rules(sizes, floor, made[: len(sizes.rules)])
        yield from _observations(sizes, floor, servers[OURS.name])
        busy = {
            1: servers[AUDITED.name],
            **dict(zip(several, made[len(sizes.rules) :], strict=True)),
        }
        yield from _workers(sizes, floor, busy)


def _rules(sizes: Sizes, floor: Server, servers: list[Server]) -> list[Row]:
    print(f"\nrules (body {_BODY}, 1 connection)\n")
    series = [_usual(FLOOR.name, floor, "rules", 0)]
    for count, server in zip(sizes.rules, servers, strict=True):
        series.append(_usual(f"ours, {count} rules", server, "rules", count))
    return _measured(series, 1, sizes)


def _observations(sizes: Sizes, base: Server, server: Server) -> list[Row]:
    print("\nObservations of one patient (1 connection)\n")
    series = []
    for count in sizes.observations:
        name = f"{count} observations"
        about = {"body": name, "table": "observations", "size": count}
        same = (encoded(call(count)),)
        floor = f"floor, {name}"
        fresh = server.calls(patients(count), renamed)
        series += [
            Series(floor, base.calls(same), base, floor, about),
            Series(f"ours, {name}", server.calls(same), server, floor, about),
            Series(f"ours, {name}{FIRST}", fresh, server, floor, about),
        ]
    return _measured(series, 1, sizes)


def _workers(sizes: Sizes, floor: Server, servers: Mapping[int, Server]) -> list[Row]:
    cores = os.cpu_count()
    print(f"\nworkers (body {_BODY}, {_BUSY} connections, {cores} cores for them and the client)\n")
    series = [_usual(FLOOR.name, floor, "workers", 0)]
    for count in sizes.workers:
        name = f"ours+audit, {count} {'worker' if count == 1 else 'workers'}"
        series.append(_usual(name, servers[count], "workers", count))
    return _measured(series, _BUSY, sizes)


def _usual(name: str, server: Server, table: str, size: int) -> Series:
    calls = server.calls((server.target.body(_BODY, server.place),))
    about = {"body": _BODY, "table": table, "size": size}
    return Series(name, calls, server, FLOOR.name, about)


def _measured(series: list[Series], connections: int, sizes: Sizes) -> list[Row]:
    found = rows(series, connections, sizes.pace)
    show(found)
    return found
