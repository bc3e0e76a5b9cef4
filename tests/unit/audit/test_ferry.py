"""Decisions go to a scribe in loads, and whatever becomes of a load, no caller is left alone."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, repeat
from pathlib import Path

import pytest
import uvloop

from audit_kit import entry
from cds.audit.ferry import ENOUGH, MOST, MOST_BYTES, MOST_WAITING, Ferry
from cds.audit.kept import Entry
from cds.audit.scribe import Scribe
from cds.audit.waiter import Waiter

SOON, LONG = 0.05, 5.0  # seconds
PATIENCE = "cds.audit.ferry.PATIENCE"
HALF = MOST_BYTES // 2


class Helper(Scribe):
    """A scribe that is no process: it says something when the test has it."""

    gone = False

    def __init__(self) -> None:
        self.ear, self.mouth = socket.socketpair()
        self.given: list[int] = []  # what was told to be watched
        self.ends = 0  # how often it was told to end

    def landed(self) -> None:
        self.gone = not self.ear.recv(1)

    def watched(self) -> int:
        self.given.append(os.dup(self.ear.fileno()))
        return self.given[-1]

    def end(self) -> None:
        self.ends += 1

    @property
    def open(self) -> list[int]:
        """What is not closed of that."""
        there = [number for number in self.given if Path(f"/proc/self/fd/{number}").exists()]
        return [number for number in there if os.path.sameopenfile(number, self.ear.fileno())]


class Port:
    """A ferry with its event loop, a spool that answers as the test has it, and the callers."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.run, self.loop = runner.run, runner.get_loop()
        self.helpers = [Helper(), Helper()]
        self.scribe: Scribe | None = self.helpers[0]
        self.answers: Iterator[bool | None] = repeat(True)  # of `launch`; it fails without one
        self.asked = 0
        self.kept: bool | None = None  # what `landed` tells
        self.loads: list[list[int]] = []
        self.handed: list[int] = []
        self.callers: dict[int, asyncio.Future[None]] = {}
        self.took: list[float] = []
        self.ferry = Ferry(self, self._hand_over, self.took.append, self.loop)

    def launch(self, entries: Sequence[Entry]) -> bool | None:
        self.asked += 1
        answer = next(self.answers)
        if answer:
            self.loads.append([int(one.id[9:]) for one in entries])
        return answer

    def landed(self, scribe: Scribe) -> bool | None:
        scribe.landed()
        return self.kept

    def _hand_over(self, group: list[Waiter]) -> None:
        self.handed += [int(one.item.id[9:]) for one in group if isinstance(one.item, Entry)]

    def takes(self, number: int, size: int = 1) -> bool:
        self.callers[number] = self.loop.create_future()
        return self.ferry.takes(Waiter(entry(number), size, self.loop, self.callers[number]))

    def bring(self, *numbers: int) -> None:
        """These come in one turn of the loop."""
        assert self.ferry.ready()
        assert all(self.takes(number) for number in numbers)
        self.ferry.depart()

    def land(self, kept: bool | None, helper: int = 0) -> None:
        """This is heard of the load that is on its way."""
        self.kept = kept
        self.helpers[helper].mouth.send(b"x")
        self.run(turns())

    def until(self, true: Callable[[], object]) -> None:
        end = self.loop.time() + LONG
        while not true() and self.loop.time() < end:
            self.run(asyncio.sleep(0.001))
        assert true(), "it never came"

    def told(self, *numbers: int) -> list[str]:
        return [
            str(one.exception() or "kept") if one.done() and not one.cancelled() else "-"
            for one in (self.callers[number] for number in numbers)
        ]

    def idle(self) -> bool:
        return self.ferry.idle and self.ferry.ready() is (self.scribe is not None)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def port(request: pytest.FixtureRequest) -> Iterator[Port]:
    with asyncio.Runner(loop_factory=request.param) as runner:
        made = Port(runner)
        yield made
        made.ferry.close()
    for helper in made.helpers:
        with helper.ear, helper.mouth:
            for number in helper.open:
                os.close(number)


def test_without_a_scribe_it_is_not_ready_and_without_callers_nothing_departs(port: Port) -> None:
    port.helpers[0].ear.close()
    assert (port.ferry.ready(), port.ferry.ready()) == (False, False), "it cannot be watched"
    port.scribe = None
    assert not port.ferry.ready()
    port.ferry.depart()
    assert (port.asked, port.idle()) == (0, True)


def test_a_load_that_landed_settles_its_callers_but_those_who_have_gone(port: Port) -> None:
    port.bring(1, 2, 3)
    assert (port.loads, port.told(1, 2, 3), port.idle()) == ([[1, 2, 3]], ["-"] * 3, False)
    port.callers[2].cancel()
    port.land(kept=True)
    assert (port.told(1, 2, 3), port.handed, port.idle()) == (["kept", "-", "kept"], [], True)


def test_who_comes_while_a_load_is_on_its_way_goes_with_the_next_one(port: Port) -> None:
    port.bring(1)
    port.bring(2, 3)
    port.land(kept=None)
    port.bring(4)
    assert (port.loads, port.told(1)) == ([[1]], ["-"]), "it has not landed"
    port.land(kept=True)
    assert (port.loads, port.told(1, 2, 3, 4)) == ([[1], [2, 3, 4]], ["kept", "-", "-", "-"])


SIZES = {
    "as many as fit": ([1] * MOST, [MOST]),
    "more": ([1] * (2 * MOST + 1), [MOST, MOST, 1]),
    "as long as fit": ([HALF, HALF, HALF + 1, HALF], [2, 1, 1]),
    "one fills a load": ([1, MOST_BYTES, 1, 1], [1, 1, 2]),
}


@pytest.mark.parametrize(("sizes", "loads"), SIZES.values(), ids=SIZES)
def test_loads_have_bounds_and_lose_nothing(port: Port, sizes: list[int], loads: list[int]) -> None:
    assert port.ferry.ready()
    assert all(port.takes(number, size) for number, size in enumerate(sizes))
    port.ferry.depart()
    for _ in loads:
        port.land(kept=True)
    assert [len(load) for load in port.loads] == loads
    assert list(chain(*port.loads)) == list(range(len(sizes))), "in the order they came"
    assert (set(port.told(*port.callers)), port.idle()) == ({"kept"}, True)


def test_no_more_are_taken_than_may_wait_and_none_that_is_too_long(port: Port) -> None:
    port.bring(0)
    assert not port.takes(1, MOST_BYTES + 1)
    assert all(port.takes(number) for number in range(1, MOST_WAITING + 1))
    assert not port.takes(MOST_WAITING + 1)
    port.land(kept=True)
    assert port.takes(MOST_WAITING + 1), "some have gone"


def test_a_lost_load_goes_to_the_thread_without_callers_who_have_gone(port: Port) -> None:
    port.bring(1, 2, 3)
    port.bring(4)
    port.callers[2].cancel()
    port.land(kept=False)
    assert (port.handed, port.told(1, 2, 3)) == ([1, 3], ["-"] * 3), "the thread tells them"
    assert port.loads == [[1, 2, 3], [4]], "the scribe goes on"


def test_while_the_thread_has_the_turn_a_load_is_tried_again_and_again(port: Port) -> None:
    port.answers = iter([None, None, None, True])
    port.bring(1)
    assert (port.takes(2), port.ferry.idle) == (True, False)
    port.until(lambda: port.loads or port.handed)
    assert (port.asked, port.loads, port.handed) == (4, [[1, 2]], [])


def test_where_the_thread_keeps_the_turn_it_is_given_what_waits(port: Port) -> None:
    port.answers = repeat(None)
    port.bring(1)
    began = port.loop.time()
    port.until(lambda: port.handed)
    assert port.loop.time() - began >= ENOUGH
    assert (port.loads, port.handed, port.asked > 2) == ([], [1], True)
    port.answers = iter([None, True])
    port.bring(2)
    port.until(lambda: port.loads)
    assert port.loads == [[2]], "the next one is tried for as long again"


def test_what_waits_goes_to_the_scribe_that_is_there_when_the_turn_is_free(port: Port) -> None:
    port.answers = iter([None, True])
    port.bring(1)
    port.scribe = port.helpers[1]
    port.until(lambda: port.loads)
    assert (port.helpers[0].open, len(port.helpers[1].open)) == ([], 1), "and that is watched"
    port.land(kept=True, helper=1)
    assert port.told(1) == ["kept"]


@pytest.mark.parametrize("answers", [[False], []], ids=["refused", "it fails"])
def test_what_cannot_be_launched_goes_to_the_thread(port: Port, answers: list[bool]) -> None:
    waiting = range(1, MOST + 10)
    port.bring(0)
    port.bring(*waiting)
    port.answers = iter(answers)
    port.land(kept=True)
    assert (port.loads, port.handed, port.idle()) == ([[0]], list(waiting), True)
    port.answers = repeat(True)
    port.bring(MOST + 10)
    assert port.loads[1:] == [[MOST + 10]], "the next one is tried"


def test_a_scribe_that_ends_while_nothing_is_under_way_is_watched_no_more(port: Port) -> None:
    assert (port.ferry.ready(), port.ferry.ready()) == (True, True)
    (number,) = port.helpers[0].given
    port.helpers[0].mouth.close()
    port.scribe = None
    port.run(turns())
    assert (port.helpers[0].open, bool(port.loop.remove_reader(number))) == ([], False)
    assert (port.handed, port.idle()) == ([], True)


def test_a_scribe_that_ends_under_way_leaves_all_to_the_thread(port: Port) -> None:
    port.bring(1, 2)
    port.bring(3)
    port.scribe, port.kept, port.answers = None, False, iter([False])
    port.helpers[0].mouth.close()
    port.run(turns())
    assert (port.handed, port.helpers[0].open, port.idle()) == ([1, 2, 3], [], True)


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "lost"])
def test_who_waits_too_long_for_a_load_is_refused_and_nobody_waits_behind_it_until_it_is_heard_of(
    port: Port, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr(PATIENCE, SOON)
    port.bring(1, 2)
    port.bring(3)
    port.callers[2].cancel()
    port.until(port.callers[1].done)
    refused = "the decision was not recorded in time; try again"
    ends = port.helpers[0].ends
    assert (port.told(1, 2, 3), port.handed, ends) == ([refused, "-", "-"], [3], 1)
    port.land(kept=None)
    assert (port.ferry.ready(), port.ferry.idle) == (False, False)
    port.land(kept)
    assert (port.told(1), port.handed, port.idle()) == ([refused], [3], True)
    monkeypatch.setattr(PATIENCE, LONG)
    port.bring(4)
    port.bring(5)
    port.land(kept=True)
    assert (port.loads, port.told(4)) == ([[1, 2], [4], [5]], ["kept"])


def test_a_load_that_landed_in_time_takes_no_time_from_the_next(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PATIENCE, SOON)
    port.bring(1)
    port.land(kept=True)
    monkeypatch.setattr(PATIENCE, LONG)
    port.bring(2)
    port.run(asyncio.sleep(SOON * 2))
    assert (port.told(1, 2), port.helpers[0].ends) == (["kept", "-"], 0)


def test_a_new_scribe_is_watched_as_soon_as_nothing_is_under_way(port: Port) -> None:
    old, new = port.helpers
    port.bring(1)
    port.scribe = new
    assert (port.ferry.ready(), len(old.open), new.open) == (True, 1, [])
    port.land(kept=True)
    port.bring(2)
    assert (port.ferry.ready(), old.open, len(new.given)) == (True, [], 1)
    port.land(kept=True, helper=1)
    assert port.told(1, 2) == ["kept"] * 2


@pytest.mark.parametrize("order", [1, -1], ids=["before", "after"])
def test_it_can_be_closed_before_its_event_loop_and_after(port: Port, order: int) -> None:
    loop = type(port.loop)()
    ferry = Ferry(port, lambda _: None, lambda _: None, loop)
    assert ferry.ready()
    for close in (ferry.close, loop.close)[::order]:
        close()
    assert (len(port.helpers[0].given), port.helpers[0].open) == (1, [])


def test_one_that_the_thread_has_ended_is_watched_until_its_load_is_settled(
    port: Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.bring(1)
    helper = port.helpers[0]
    monkeypatch.setattr(helper, "landed", lambda: helper.ear.recv(1))
    helper.gone, port.scribe = True, None  # known before it can be heard
    port.land(kept=None)
    assert (len(helper.open), port.handed) == (1, [])
    port.land(kept=False)
    assert (helper.open, port.handed) == ([], [1])


@pytest.mark.parametrize("kept", [True, False])
def test_how_long_a_load_took_is_told_if_it_landed(port: Port, kept: bool) -> None:
    port.bring(1)
    port.run(asyncio.sleep(0.02))
    assert port.took == []
    port.land(kept=kept)
    assert [seconds for seconds in port.took if 0.02 <= seconds < LONG] == port.took
    assert len(port.took) == int(kept)
