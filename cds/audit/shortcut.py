"""The short way to the disk: the event loop writes itself, as long as the disk is quick.

To hand a record to a thread and to be woken again takes longer than the write and its sync, and
two threads that want the interpreter hold each other up. But an event loop that waits for a disk
answers nobody. So the loop trusts only a disk that has just been quick: with few calls, after a
slow write and while the thread is at work, the thread writes.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence

from cds.audit.kept import Entry
from cds.audit.waiter import Waiter

QUICK = 0.003  # seconds a write may take
FRESH = 1.0  # seconds for which it is known that the disk is quick
LONG = 64 * 1024  # bytes of JSON from which to close and seal one holds the loop up too long
CALM = 16  # turns in a row that bring one decision each: more at a time are not to be expected
MOST_BYTES = 512 * 1024  # of what is written at once

Keep = Callable[[Sequence[Entry]], bool]
HandOver = Callable[[list[Waiter]], None]


class Shortcut:
    """Decisions that came in one turn of an event loop are written with one sync at its end. While
    they come one by one, each is written at once: the end of a turn is two rounds of the loop away.

    It serves one event loop, the first that asks, until that is closed; the thread serves others.
    """

    def __init__(self, keep: Keep, hand_over: HandOver, clock: Callable[[], float]) -> None:
        """`keep` puts decisions on the disk, at once or not at all (False); `hand_over` gives what
        it did not take to the thread. `clock` counts seconds."""
        self._keep, self._hand_over, self._clock = keep, hand_over, clock
        self._quick_at = float("-inf")
        self._binding = threading.Lock()
        self._loop: AbstractEventLoop | None = None
        self._gathered: list[Waiter] = []
        self._bytes = 0
        self._came = 0  # in this turn
        self._single = 0  # turns in a row that brought one

    def takes(self, waiter: Waiter) -> bool:
        """Whether it goes this way; then its caller hears of it like any other."""
        if not isinstance(waiter.item, Entry) or self._clock() - self._quick_at > FRESH:
            return False
        if waiter.size >= LONG or self._bytes + waiter.size > MOST_BYTES:
            return False
        if waiter.loop is not self._loop and not self._bound(waiter.loop):
            return False
        self._came += 1
        if self._came == 1:
            waiter.loop.call_soon(self._end_turn)
            if self._single >= CALM:
                self._write([waiter])
                return True
        self._gathered.append(waiter)
        self._bytes += waiter.size
        return True

    def took(self, seconds: float) -> None:
        """So long a write took, whoever wrote."""
        self._quick_at = self._clock() if seconds <= QUICK else float("-inf")

    def _bound(self, loop: AbstractEventLoop) -> bool:
        with self._binding:
            if self._loop is not None and not self._loop.is_closed():
                return False
            self._loop, self._gathered, self._bytes, self._came = loop, [], 0, 0
        return True

    def _end_turn(self) -> None:
        group, self._gathered, self._bytes = self._gathered, [], 0
        self._single = self._single + 1 if self._came == 1 else 0
        self._came = 0
        if group:
            self._write(group)

    def _write(self, group: list[Waiter]) -> None:
        began = self._clock()
        try:
            kept = self._keep([waiter.item for waiter in group if isinstance(waiter.item, Entry)])
        except Exception:  # whatever it is: the thread tries, and tells the callers what hinders
            kept = False
        if not kept:
            self._hand_over(group)
            return
        self.took(self._clock() - began)
        for waiter in group:
            waiter.settle("")
