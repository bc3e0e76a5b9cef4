"""How quick this Python is: how it was compiled decides a third of every figure, and no name of a
version tells it."""

from __future__ import annotations

from time import perf_counter

_TIMES = 20
_STEPS = 20_000


class _Pair:
    __slots__ = ("first", "second")

    def __init__(self, first: int, second: str) -> None:
        self.first, self.second = first, second


def loop_ms() -> float:
    """The least milliseconds that 20,000 rounds of plain Python take: objects, a dictionary, text.
    One that was compiled with profiles (PGO) takes about two thirds of one that was not."""
    return round(min(_timed() for _ in range(_TIMES)) * 1000, 2)


def _timed() -> float:
    began = perf_counter()
    found: dict[str, int] = {}
    for number in range(_STEPS):
        pair = _Pair(number, str(number))
        found[pair.second] = pair.first + len((pair.first, pair.second))
    return perf_counter() - began
