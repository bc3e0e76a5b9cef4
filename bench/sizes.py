"""How much is measured: in earnest, or just enough to see that every part of it works."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from bench.bodies import OBSERVATIONS
from bench.rounds import Pace


@dataclass(frozen=True, slots=True)
class Sizes:
    """One run: the bodies by name, the connections, how long each figure is measured, and the rows
    of the scaling tables. `fresh`: with rows of edits, and of calls that are each about
    another patient."""

    bodies: tuple[str, ...]
    connections: tuple[int, ...]
    pace: Pace
    fresh: bool
    rules: tuple[int, ...] = (10, 100, 1000)
    observations: tuple[int, ...] = (10, 100, 1000)
    workers: tuple[int, ...] = (1, 2)
    repeats: int = 40  # of a stage
    starts: int = 5  # of a process, to see what its pieces cost
    together: bool = False  # all servers start at once


def chosen(words: argparse.Namespace) -> Sizes:
    """The sizes the command line asks for."""
    if words.quick:
        pace = Pace(1, 0.02)
        return Sizes(("5k",), (1,), pace, True, (10,), (10, 20), (1,), 2, 1, together=True)
    pace = Pace(words.rounds, words.seconds)
    return Sizes(tuple(words.body), tuple(words.connections), pace, words.fresh)


def command_line() -> argparse.ArgumentParser:
    """The options of `python -m bench`."""
    words = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    words.add_argument("--body", choices=list(OBSERVATIONS), nargs="+", default=list(OBSERVATIONS))
    words.add_argument("--connections", type=int, nargs="+", default=[1, 8])
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--seconds", type=float, default=1.0, help="per series and round")
    words.add_argument(
        "--fresh",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also rows of edits, and rows where every call is about another patient",
    )
    words.add_argument(
        "--only", nargs="+", default=[], metavar="TARGET", help="these targets, and no other table"
    )
    words.add_argument(
        "--quick", action="store_true", help="every row once, no figure worth a look"
    )
    words.add_argument("--out", help="folder for the results; bench/results if all is measured")
    return words
