"""The event loop writes itself while the disk is quick, and never waits for one that is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from audit_kit import entry
from cds.audit.batch import Archive
from cds.audit.kept import Entry
from cds.audit.shortcut import CALM, FRESH, LONG, MOST_BYTES, QUICK, Shortcut
from cds.audit.waiter import Waiter


class Disk:
    """What the loop wrote and what was handed to the thread, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.takes, self.lasts = 100.0, True, 0.0
        self.written: list[list[str]] = []
        self.handed: list[str] = []
        self.way = Shortcut(self.keep, self.hand_over, lambda: self.now)

    def keep(self, entries: Sequence[Entry]) -> bool:
        if self.takes:
            self.now += self.lasts
            self.written.append([one.id for one in entries])
        return self.takes

    def hand_over(self, group: list[Waiter]) -> None:
        self.handed += [one.item.id for one in group if isinstance(one.item, Entry)]
        for one in group:
            one.settle("")

    async def write(self, *numbers: int, body: bytes = b"{}") -> None:
        """These come in one turn of the loop."""
        waiters = await asyncio.gather(*(self._one(number, body) for number in numbers))
        await asyncio.gather(*(one.done for one in waiters))

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
    async def turns() -> None:
        for numbers in (*[(1,)] * CALM, (2, 3, 4), (5, 6), (7,), (8, 9)):
            await disk.write(*numbers)
            await asyncio.sleep(0)

    asyncio.run(turns())
    assert [[name[-1] for name in group] for group in disk.written[CALM:]] == [
        ["2"], ["3", "4"], ["5", "6"], ["7"], ["8", "9"],
    ]  # fmt: skip


def test_one_that_cannot_be_written_at_once_goes_to_the_thread(disk: Disk) -> None:
    async def at_last() -> None:
        for _ in range(CALM):
            await disk.write(1)
            await asyncio.sleep(0)
        disk.takes = False
        await disk.write(2)

    asyncio.run(at_last())
    assert (disk.written, disk.handed) == ([["decision-1"]] * CALM, ["decision-2"])


def test_a_disk_nobody_has_tried_is_left_to_the_thread() -> None:
    disk = Disk()
    asyncio.run(disk.write(1))
    assert (disk.written, disk.handed) == ([], ["decision-1"])


@pytest.mark.parametrize(
    ("later", "loop_writes"), [(FRESH, True), (FRESH + 0.001, False)], ids=["still", "no longer"]
)
def test_that_a_disk_is_quick_is_known_for_a_second(
    disk: Disk, later: float, loop_writes: bool
) -> None:
    disk.now += later
    asyncio.run(disk.write(1))
    assert bool(disk.written) is loop_writes
    assert bool(disk.handed) is not loop_writes


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

    monkeypatch.setattr(disk.way, "_keep", fails)
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


def test_a_second_event_loop_is_served_by_the_thread_as_long_as_the_first_lives(
    disk: Disk,
) -> None:
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
