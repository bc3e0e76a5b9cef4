"""Who may seal: the event loop keeps the turn for what it has launched, and nobody waits for ever
for what does not land."""

from __future__ import annotations

import threading

import pytest

from cds.audit.turn import Turn

SHORT = 0.05  # seconds of patience
LONG = 5.0  # seconds in which whatever is to happen has happened


class Given:
    """How often what was launched was given up, and whether whoever did it had the turn."""

    def __init__(self, patience: float) -> None:
        self.up: list[bool] = []
        self.turn = Turn(self._give_up, patience)

    def _give_up(self) -> None:
        self.up.append(not self.turn.take())

    def launched(self) -> Turn:
        assert self.turn.take()
        self.turn.lend()
        return self.turn


class Other:
    """A thread that waits for the turn, has it until it may go on, and gives it."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._has, self._may_go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._wait, daemon=True)

    def _wait(self) -> None:
        with self._turn:
            self._has.set()
            self._may_go.wait(LONG)

    def __enter__(self) -> Other:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._may_go.set()
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def has_it(self, seconds: float = LONG) -> bool:
        """Whether it has the turn within so many seconds."""
        return self._has.wait(seconds)


def test_one_has_the_turn_until_it_is_given() -> None:
    turn = Given(LONG).turn
    assert turn.take()
    assert not turn.take()
    turn.give()
    assert turn.take()


def test_what_has_landed_gives_the_turn_back_once_to_whoever_launched_it() -> None:
    turn = Given(LONG).launched()
    assert not turn.take(), "what was launched has it"
    assert turn.back()
    assert not turn.back()
    assert not turn.take(), "it is ours again"
    turn.give()
    assert turn.take()


def test_a_turn_that_was_not_lent_does_not_come_back() -> None:
    turn = Given(LONG).turn
    assert turn.take()
    assert not turn.back()


def test_who_has_the_turn_shares_it_with_nobody_and_gives_it_at_the_end() -> None:
    turn = Given(LONG).turn
    with turn:
        assert not turn.take()
        assert not turn.back()
    assert turn.take()


def test_an_exception_gives_the_turn_too_and_goes_on() -> None:
    turn = Given(LONG).turn
    with pytest.raises(ZeroDivisionError), turn:
        raise ZeroDivisionError
    assert turn.take()


def test_who_waits_for_what_was_launched_has_the_turn_when_that_has_landed() -> None:
    given = Given(LONG)
    turn = given.launched()
    with Other(turn) as other:
        assert not other.has_it(SHORT)
        assert turn.back()
        assert not other.has_it(SHORT), "not before it is given"
        turn.give()
        assert other.has_it()
        assert not turn.take()
    assert given.up == []
    assert turn.take(), "nobody waits any more"


def test_who_waits_is_the_next_however_soon_another_would_take_it() -> None:
    turn = Given(LONG).launched()
    with Other(turn) as other:
        assert not other.has_it(SHORT)
        assert turn.back()
        turn.give()
        assert not turn.take()
        assert other.has_it()


def test_what_does_not_land_in_time_is_given_up_by_who_waits_and_has_the_turn_then() -> None:
    given = Given(SHORT)
    turn = given.launched()
    with turn:
        assert given.up == [True]
        assert not turn.take()
        assert not turn.back(), "it has landed too late"
    assert not turn.back()
    assert given.up == [True], "once"
    assert turn.take()


def test_after_that_the_next_can_be_launched_and_land() -> None:
    given = Given(SHORT)
    with given.launched():
        pass
    turn = given.launched()
    assert turn.back()
    turn.give()
    assert given.up == [True]


def test_nobody_who_only_has_the_turn_is_given_up_however_long_it_takes() -> None:
    given = Given(SHORT / 5)
    assert given.turn.take()
    with Other(given.turn) as other:
        assert not other.has_it(SHORT * 2)
        assert given.up == []
        given.turn.give()
        assert other.has_it()
    assert given.up == []


def test_what_is_launched_while_somebody_waits_is_given_up_too() -> None:
    given = Given(SHORT / 5)
    assert given.turn.take()
    with Other(given.turn) as other:
        assert not other.has_it(SHORT)
        given.turn.lend()
        assert other.has_it()
    assert given.up == [True]


def test_where_giving_up_fails_the_turn_is_free_for_the_next() -> None:
    def fails() -> None:
        raise RuntimeError

    turn = Turn(fails, patience=0.05)
    assert turn.take()
    turn.lend()
    with pytest.raises(RuntimeError), turn:
        pytest.fail("nobody has it")
    assert turn.take()
