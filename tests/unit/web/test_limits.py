"""How much one client, and all of them together, may ask for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cds.errors import Overloaded, TooMany
from cds.web.limits import RateLimits, Room


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def admitted(limits: RateLimits, client: str, a_minute: int, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            limits.admit(client, a_minute)
        except TooMany:
            break
        count += 1
    return count


def test_zero_is_no_limit() -> None:
    assert admitted(RateLimits(Clock()), "ehr", 0, 10_000) == 10_000


@pytest.mark.parametrize(("a_minute", "at_once"), [(1, 5), (60, 6), (600, 60)])
def test_a_tenth_of_the_minute_may_come_at_once(a_minute: int, at_once: int) -> None:
    assert admitted(RateLimits(Clock()), "ehr", a_minute, 1000) == at_once


def test_after_a_burst_calls_pass_at_the_rate_of_the_minute() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    admitted(limits, "ehr", 60, 1000)
    clock.now += 10
    assert admitted(limits, "ehr", 60, 1000) == 6, "the bucket holds no more than a burst"
    passed = 0
    for _ in range(600):
        clock.now += 0.5
        passed += admitted(limits, "ehr", 60, 1)
    assert passed == 300


def test_the_refusal_says_after_how_many_seconds_there_is_a_place() -> None:
    clock = Clock()
    limits = RateLimits(clock)
    admitted(limits, "ehr", 6, 1000)
    with pytest.raises(TooMany) as refused:
        limits.admit("ehr", 6)
    assert refused.value.retry_after == 10
    clock.now += refused.value.retry_after
    limits.admit("ehr", 6)


def test_one_client_takes_nothing_from_another() -> None:
    limits = RateLimits(Clock())
    admitted(limits, "loud", 60, 1000)
    assert admitted(limits, "quiet", 60, 1) == 1


def test_a_room_has_its_places_and_gives_them_back() -> None:
    room = Room(2)
    with room.place(), room.place():
        assert (room.taken, room.free) == (2, False)
        with pytest.raises(Overloaded), room.place():
            raise AssertionError("there was no place")
    assert (room.taken, room.free) == (0, True)


def test_a_call_that_fails_gives_its_place_back() -> None:
    room = Room(1)
    with pytest.raises(ZeroDivisionError), room.place():
        raise ZeroDivisionError
    assert room.free
