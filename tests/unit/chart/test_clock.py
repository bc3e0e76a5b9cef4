from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cds.chart.clock import Clock, kept
from cds.fhir.bundle import Supplied
from cds.fhir.memo import KnownList

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MOMENTS = [NOW + HOUR * step for step in range(-3, 4)]


def known() -> Supplied:
    return Supplied("problems", known=KnownList())


def asked(read: Any, *moments: datetime, given: tuple[object, ...] = ()) -> list[object]:
    """What is read of one list at some moments, one after the other."""
    supplied = known()
    return [kept(supplied, "reader", given, now, read) for now in moments]


@pytest.mark.parametrize("question", ["reached", "passed"])
@pytest.mark.parametrize("at", MOMENTS)
@pytest.mark.parametrize("first", MOMENTS)
def test_whatever_was_kept_is_what_would_be_read_now(
    question: str, at: datetime, first: datetime
) -> None:
    def read(clock: Clock) -> list[bool]:
        return [getattr(clock, question)(at), getattr(clock, question)(NOW)]

    for second in MOMENTS:
        assert asked(read, first, second)[1] == read(Clock(second))


def test_a_moment_that_is_now_has_come_and_is_not_over() -> None:
    moments = (NOW - HOUR, NOW, NOW + HOUR)
    assert [Clock(NOW).reached(at) for at in moments] == [True, True, False]
    assert [Clock(NOW).passed(at) for at in moments] == [True, False, False]


def test_the_same_object_is_handed_on_while_no_moment_was_passed() -> None:
    def read(clock: Clock) -> list[bool]:
        return [clock.reached(NOW), clock.passed(NOW + 2 * HOUR)]

    before, first, again, after = asked(
        read, NOW - HOUR, NOW + HOUR, NOW + HOUR / 2, NOW + 3 * HOUR
    )
    assert again is first
    assert before is not first
    assert after is not first
    assert (before, first, after) == ([False, False], [True, False], [True, True])


def test_what_is_made_of_the_moment_itself_is_made_again() -> None:
    found = asked(lambda clock: [clock.exactly()], NOW, NOW, NOW + HOUR)
    assert found == [[NOW], [NOW], [NOW + HOUR]]
    assert found[0] is not found[1]


def test_what_rests_on_something_that_is_not_noted_is_made_again() -> None:
    first, again = asked(lambda clock: [clock.elsewhere()], NOW, NOW)
    assert first is not again


def test_a_list_that_nobody_remembers_is_read_every_time() -> None:
    supplied = Supplied("problems")
    first, again = (kept(supplied, "reader", (), NOW, lambda _: []) for _ in range(2))
    assert first is not again


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        (("e1",), ("".join("e1"),), True),
        (("e1",), ("e2",), False),
        ((None,), (None,), True),
        ((None,), ("e1",), False),
        (([1],), ([1],), False),
        ((), ("e1",), False),
    ],
)
def test_texts_are_compared_and_everything_else_must_be_the_very_same(
    before: tuple[object, ...], now: tuple[object, ...], same: bool
) -> None:
    supplied = known()
    first = kept(supplied, "reader", before, NOW, lambda _: [])
    assert (kept(supplied, "reader", now, NOW, lambda _: []) is first) is same


def test_each_reader_has_its_own() -> None:
    supplied = known()
    assert [kept(supplied, name, (), NOW, lambda _, n=name: n) for name in ("a", "b", "a")] == [
        "a",
        "b",
        "a",
    ]
