"""The event loop writes itself while the disk is quick, and never waits for one that is not."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence

import pytest

from audit_kit import entry
from cds.audit import shortcut
from cds.audit.batch import Archive
from cds.audit.ferry import MOST_BYTES
from cds.audit.kept import Entry
from cds.audit.scribe import Scribe
from cds.audit.shortcut import CALM, COMPANY, FRESH, LONG, QUICK, Shortcut
from cds.audit.waiter import Waiter


class Helper(Scribe):
    """A scribe that is no process: what it is given lands at once, unless it is told to wait."""

    gone = False

    def __init__(self) -> None:
        self.open = [os.eventfd(0)]  # and what is watched in its place
        self.loads: list[list[str]] = []
        self.waits = False

    def watched(self) -> int:
        self.open.append(os.dup(self.open[0]))
        return self.open[-1]


class Disk:
    """What the loop wrote and what was handed to the thread, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.takes, self.lasts = 100.0, True, 0.0
        self.written: list[list[str]] = []
        self.handed: list[str] = []
        self.scribe: Scribe | None = None
        self.wanted = 0
        self.way = Shortcut(self, self.hand_over, lambda: self.now)

    def keep(self, entries: Sequence[Entry]) -> bool:
        if self.takes:
            self.now += self.lasts
            self.written.append([one.id for one in entries])
        return self.takes

    def want_scribe(self) -> None:
        self.wanted += 1

    def launch(self, entries: Sequence[Entry]) -> bool | None:
        assert isinstance(self.scribe, Helper)
        self.scribe.loads.append([one.id for one in entries])
        if not self.scribe.waits:
            os.eventfd_write(self.scribe.open[0], 1)
        return True

    def landed(self, scribe: Scribe) -> bool | None:
        assert isinstance(scribe, Helper)
        return os.eventfd_read(scribe.open[0]) > 0

    def hand_over(self, group: list[Waiter]) -> None:
        self.handed += [one.item.id for one in group if isinstance(one.item, Entry)]
        for one in group:
            one.settle("")

    async def write(self, *numbers: int, body: bytes = b"{}") -> None:
        """These come in one turn of the loop."""
        waiters = await asyncio.gather(*(self._one(number, body) for number in numbers))
        await asyncio.gather(*(one.done for one in waiters))

    async def turns(self, *turns: Sequence[int]) -> None:
        """These come in one turn of the loop each."""
        for numbers in turns:
            await self.write(*numbers)
            await asyncio.sleep(0)

    async def _one(self, number: int, body: bytes) -> Waiter:
        waiter = Waiter.of(entry(number, body=body))
        if not self.way.takes(waiter):
            self.hand_over([waiter])
        return waiter


@pytest.fixture
def disk() -> Disk:
    made = Disk()
    made.way.took(QUICK)
    return made


@pytest.fixture
def scribe(disk: Disk) -> Iterator[Helper]:
    """That is ready."""
    disk.scribe = made = Helper()
    yield made
    for number in made.open:
        os.close(number)


def test_what_comes_in_one_turn_is_written_with_one_sync(disk: Disk) -> None:
    asyncio.run(disk.write(1, 2, 3))
    assert (disk.written, disk.handed) == ([["decision-1", "decision-2", "decision-3"]], [])


def test_while_they_come_one_by_one_each_is_written_at_once(disk: Disk) -> None:
    async def one_by_one() -> list[bool]:
        found = []
        for number in range(CALM + 2):
            waiter = await disk._one(number, b"{}")
            found.append(waiter.done.done())
            await waiter.done
            await asyncio.sleep(0)  # its turn ends
        return found

    assert asyncio.run(one_by_one()) == [False] * CALM + [True, True]
    assert disk.written == [[f"decision-{number}"] for number in range(CALM + 2)]


def test_when_more_come_again_they_share_a_sync_from_the_second_on(disk: Disk) -> None:
    asyncio.run(disk.turns(*[(1,)] * CALM, (2, 3, 4), (5, 6), (7,), (8, 9)))
    written = ["".join(name[-1] for name in group) for group in disk.written[CALM:]]
    assert written == ["2", "34", "56", "7", "89"]


def test_one_that_cannot_be_written_at_once_goes_to_the_thread(disk: Disk) -> None:
    async def at_last() -> None:
        await disk.turns(*[(1,)] * CALM)
        disk.takes = False
        await disk.write(2)

    asyncio.run(at_last())
    assert (disk.written, disk.handed) == ([["decision-1"]] * CALM, ["decision-2"])


def test_a_disk_nobody_has_tried_is_left_to_the_thread() -> None:
    disk = Disk()
    asyncio.run(disk.write(1))
    assert (disk.written, disk.handed) == ([], ["decision-1"])


@pytest.mark.parametrize(
    ("later", "writes"), [(FRESH, True), (FRESH + 0.001, False)], ids=["still", "no longer"]
)
def test_a_disk_is_known_to_be_quick_for_a_second(disk: Disk, later: float, writes: bool) -> None:
    disk.now += later
    asyncio.run(disk.write(1))
    assert (len(disk.written), len(disk.handed)) == ((1, 0) if writes else (0, 1))


def test_every_quick_write_makes_the_second_begin_anew(disk: Disk) -> None:
    for number in range(3):
        disk.now += FRESH
        asyncio.run(disk.write(number))
    assert len(disk.written) == 3


def test_after_one_slow_write_the_thread_writes_until_the_disk_is_quick_again(disk: Disk) -> None:
    disk.lasts = QUICK * 2
    asyncio.run(disk.write(1))
    asyncio.run(disk.write(2))
    assert (disk.written, disk.handed) == ([["decision-1"]], ["decision-2"])
    disk.way.took(QUICK)  # as the thread tells
    asyncio.run(disk.write(3))
    assert disk.written[1:] == [["decision-3"]]


def test_what_cannot_be_written_at_once_goes_to_the_thread_and_its_callers_hear(disk: Disk) -> None:
    disk.takes = False
    asyncio.run(disk.write(1, 2))
    assert (disk.written, disk.handed) == ([], ["decision-1", "decision-2"])


def test_whatever_goes_wrong_the_thread_tries_and_the_callers_hear(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Sequence[Entry]) -> bool:
        raise RuntimeError

    monkeypatch.setattr(disk, "keep", fails)
    asyncio.run(disk.write(1, 2))
    assert (disk.written, disk.handed) == ([], ["decision-1", "decision-2"])


def test_a_long_record_goes_to_the_thread_however_small_it_is_stored(disk: Disk) -> None:
    asyncio.run(disk.write(1, body=b" " * LONG))
    assert (disk.written, disk.handed) == ([], ["decision-1"])


def test_one_write_has_a_bound(disk: Disk) -> None:
    many = MOST_BYTES // 60_000 + 2
    asyncio.run(disk.write(*range(many), body=b" " * 60_000))
    assert len(disk.written) == 1
    assert len(disk.written[0]) + len(disk.handed) == many
    assert disk.handed


def test_rules_and_feedback_go_to_the_thread(disk: Disk) -> None:
    async def rules() -> bool:
        return disk.way.takes(Waiter.of(Archive("digest", b"tar")))

    assert not asyncio.run(rules())


def test_a_second_event_loop_is_served_by_the_thread_while_the_first_lives(disk: Disk) -> None:
    other = asyncio.new_event_loop()
    other.run_until_complete(disk.write(1))
    asyncio.run(disk.write(2))
    assert (disk.written, disk.handed) == ([["decision-1"]], ["decision-2"])
    other.close()
    asyncio.run(disk.write(3))
    assert disk.written[1:] == [["decision-3"]]


def test_a_loop_that_ended_with_records_on_their_way_spoils_nothing(disk: Disk) -> None:
    async def leaves() -> None:
        disk.way.takes(Waiter.of(entry(1)))

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leaves())  # ends before the end of its turn
    loop.close()
    asyncio.run(disk.write(2))
    assert disk.written[-1] == ["decision-2"]


def test_a_caller_that_gave_up_spoils_nothing_for_the_others(disk: Disk) -> None:
    async def one_gives_up() -> Callable[[], bool]:
        first, second = Waiter.of(entry(1)), Waiter.of(entry(2))
        assert disk.way.takes(first)
        assert disk.way.takes(second)
        first.done.cancel()
        await second.done
        return first.done.cancelled

    assert asyncio.run(one_gives_up())()
    assert disk.written == [["decision-1", "decision-2"]]


ONE, MANY = (1,), (1, 2)
TURNS = {
    "not yet": ([MANY] * (COMPANY - 1), 0),
    "once": ([MANY] * COMPANY * 3, 1),
    "one by one": ([ONE] * CALM * COMPANY, 0),
    "some alone": ([MANY, *[ONE] * (CALM - 1)] * COMPANY, 1),
    "too few anew": ([*[MANY] * (COMPANY - 1), *[ONE] * CALM, *[MANY] * (COMPANY - 1)], 0),
    "anew": ([*[MANY] * (COMPANY - 1), *[ONE] * CALM, *[MANY] * COMPANY], 1),
    "once more": ([*[MANY] * COMPANY, *[ONE] * CALM, *[MANY] * COMPANY], 2),
}


@pytest.mark.parametrize(("turns", "wanted"), TURNS.values(), ids=TURNS)
def test_a_scribe_is_wanted_when_several_have_come_together_again_and_again_since_it_was_calm(
    disk: Disk, turns: list[tuple[int, ...]], wanted: int
) -> None:
    asyncio.run(disk.turns(*turns))
    assert disk.wanted == wanted


@pytest.mark.parametrize("seconds", [QUICK, QUICK * 2], ids=["quick", "slow"])
@pytest.mark.parametrize(
    ("size", "loads"), [(2, 1), (LONG, 1), (MOST_BYTES - 1000, 2), (MOST_BYTES, 0)]
)
def test_what_comes_together_goes_to_a_scribe_long_or_not_and_whatever_the_disk_was_like(
    disk: Disk, scribe: Helper, size: int, loads: int, seconds: float
) -> None:
    disk.way.took(seconds)
    disk.now += FRESH * 2
    asyncio.run(disk.write(1, 2, body=b" " * size))
    both, went = ["decision-1", "decision-2"], [name for load in scribe.loads for name in load]
    assert (went, disk.handed) == ((both, []) if loads else ([], both)), "the thread has the rest"
    assert (len(scribe.loads), disk.written) == (loads, [])


def test_while_it_is_calm_the_loop_writes_whoever_is_ready(disk: Disk, scribe: Helper) -> None:
    asyncio.run(disk.turns(*[(1,)] * CALM, (2,), (3, 4, 5), (6, 7)))
    assert scribe.loads == [["decision-1"]] * CALM + [["decision-6", "decision-7"]]
    assert [[name[-1] for name in group] for group in disk.written] == [["2"], ["3"], ["4", "5"]]
    assert disk.handed == []


@pytest.mark.parametrize("quick", [True, False])
def test_a_scribe_that_is_quick_shows_that_the_disk_is(
    disk: Disk, scribe: Helper, monkeypatch: pytest.MonkeyPatch, quick: bool
) -> None:
    """Else nothing would lead back from the scribe to the loop, which needs less time for one."""
    monkeypatch.setattr(shortcut, "QUICK", 0.2)  # seconds that no machine needs for nothing
    disk.now += FRESH * 2

    async def one_by_one() -> None:
        scribe.waits = True
        for number in range(CALM + 1):
            waiter = await disk._one(number, b"{}")
            last_but_one = number == CALM - 1
            await asyncio.sleep(0 if quick or not last_but_one else 0.3)
            if scribe.loads[-1] == [f"decision-{number}"]:
                os.eventfd_write(scribe.open[0], 1)
            await waiter.done

    asyncio.run(one_by_one())
    assert len(scribe.loads) == (CALM if quick else CALM + 1)
    assert disk.written == ([[f"decision-{CALM}"]] if quick else [])


def test_while_a_load_is_under_way_the_loop_writes_nothing(disk: Disk, scribe: Helper) -> None:
    async def behind_one() -> None:
        scribe.waits = True
        waiters = []
        for number in range(CALM + 2):
            waiters.append(await disk._one(number, b"{}"))
            await asyncio.sleep(0)
        scribe.waits = False
        os.eventfd_write(scribe.open[0], 1)
        await asyncio.gather(*(one.done for one in waiters))
        await disk.write(CALM + 2)

    asyncio.run(behind_one())
    assert scribe.loads == [["decision-0"], [f"decision-{n}" for n in range(1, CALM + 2)]]
    assert (disk.written, disk.handed) == ([[f"decision-{CALM + 2}"]], [])
