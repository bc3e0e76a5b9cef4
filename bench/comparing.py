"""The first tables: all targets with the same bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.bodies import OBSERVATIONS, patients
from bench.rounds import Row, Series, rows, show
from bench.server import Server
from bench.sizes import Sizes
from bench.targets import FLOOR

FIRST = ", first call"


def compare(servers: Sequence[Server], sizes: Sizes) -> Iterator[Row]:
    """Measure and print; the rows in the order of printing."""
    for body in sizes.bodies:
        series = list(_series(servers, body, sizes))
        for connections in sizes.connections:
            print(f"\nbody {body}, {connections} connections\n")
            found = rows(series, connections, sizes.pace)
            show(found)
            yield from found


def _series(servers: Sequence[Server], body: str, sizes: Sizes) -> Iterator[Series]:
    about = {"body": body, "table": "targets"}
    for server in servers:
        target = server.target
        calls = server.calls((target.body(body, server.place),))
        yield Series(target.name, calls, server, FLOOR.name, about)
        if sizes.fresh and target.again_and_first:
            fresh = server.calls(patients(OBSERVATIONS[body]), fresh=True)
            yield Series(f"{target.name}{FIRST}", fresh, server, FLOOR.name, about)
