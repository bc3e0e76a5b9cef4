"""The first tables: all targets with the same bodies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.bodies import OBSERVATIONS, edited, patients, renamed
from bench.rounds import Row, Series, rows, show
from bench.server import Server
from bench.sizes import Sizes
from bench.targets import FLOOR

FIRST, EDIT = ", first call", ", edit"


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
        if sizes.fresh and target.three_ways:
            edits = server.calls((target.body(body, server.place),), edited)
            yield Series(f"{target.name}{EDIT}", edits, server, FLOOR.name, about)
            fresh = server.calls(patients(OBSERVATIONS[body]), renamed)
            yield Series(f"{target.name}{FIRST}", fresh, server, FLOOR.name, about)
