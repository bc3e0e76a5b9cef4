"""`make bench`: this service against a bare echo, an idiomatic one and another package, in one
interleaved run; then what more rules, Observations and workers cost, a start, and each stage.

Trust the ratios: every round measures all series, and a ratio is the median over the rounds of
that round's figure divided by the floor's. Absolute figures hold for one machine and moment.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from bench import stages
from bench.client import client_name
from bench.comparing import compare
from bench.disk import fsync_ms
from bench.interpreter import loop_ms
from bench.rounds import Row
from bench.scaling import scale
from bench.server import KEPT_IN, Server, started
from bench.sizes import Sizes, chosen, command_line
from bench.start import starts
from bench.targets import FLOOR, STUB, Target, targets, without_healthchain

ROWS, ABOUT = "latest.json", "about.json"


def main() -> None:
    """Measure, print the tables, write the results."""
    parser = command_line()
    parser.description = __doc__
    words = parser.parse_args()
    sizes = chosen(words)
    KEPT_IN.mkdir(exist_ok=True)
    fsync = fsync_ms(KEPT_IN)
    print(f"client: {client_name()}; {os.cpu_count()} cores; one fsync of 4 KiB: {fsync} ms")
    print(f"Python {platform.python_version()}: {loop_ms()} ms for a loop of 20,000 plain rounds")
    print(without_healthchain() or "healthchain: measured too")
    print(f"{sizes.pace.rounds} interleaved rounds of {sizes.pace.seconds} s for each series")
    about: dict[str, Any] = {}
    with ExitStack() as stack:
        servers = _started(_wanted(words.only), sizes, stack)
        found = list(compare(servers, sizes))
        if not words.only:
            found += scale({server.target.name: server for server in servers}, sizes)
    if not words.only:
        about = _about(sizes, fsync)
    print("\nratios: to `floor` (decode and encode the same body); p50 lower, rps higher is better")
    print("edit: the same patient, each time another draft order; first call: another patient")
    if words.out or not (words.only or words.quick):
        _write(Path(words.out or KEPT_IN), found, about, fsync)


def _wanted(names: list[str]) -> tuple[Target, ...]:
    """The targets with these names, and the floor; no name = all."""
    known = targets()
    if unknown := set(names) - {target.name for target in known}:
        raise SystemExit(f"bench: no target is called {', '.join(sorted(unknown))}")
    return tuple(t for t in known if not names or t is FLOOR or t.name in names)


def _started(wanted: Sequence[Target], sizes: Sizes, stack: ExitStack) -> list[Server]:
    """One server for each target, for the whole run."""
    body = sizes.bodies[0]
    ehr = stack.enter_context(Server(STUB, body)).place.port
    makers = [partial(Server, target, body, ehr) for target in wanted]
    return started(stack, makers, together=sizes.together)


def _about(sizes: Sizes, fsync: float) -> dict[str, Any]:
    """What belongs to no row: the machine, the pieces of a start, the stages of a call."""
    begun = starts(sizes.starts, sizes.rules[1:])
    print("\nstart: seconds to import the service and to load the rules, MiB afterwards\n")
    for name, pieces in begun.items():
        print(f"{name:<16}" + "".join(f"{what:>12} {x:<8}" for what, x in pieces.items()))
    staged = {}
    for body in sizes.bodies:
        print(f"\nstages of one call, body {body}, in-process\n")
        staged[body] = stages.stages(body, sizes.repeats)
        stages.show(staged[body])
    return {
        "client": client_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "loop_ms": loop_ms(),
        "rounds": sizes.pace.rounds,
        "seconds": sizes.pace.seconds,
        "fsync_ms": fsync,
        "healthchain": without_healthchain() or "measured",
        "start": begun,
        "stages": staged,
    }


def _write(folder: Path, found: list[Row], about: dict[str, Any], fsync: float) -> None:
    folder.mkdir(exist_ok=True)
    rows = [{**row, "fsync_ms": fsync} for row in found]
    (folder / ROWS).write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    if about:
        (folder / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
