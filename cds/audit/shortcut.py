"""The short way to the disk: the event loop writes itself, as long as the disk is quick.

To hand a record to a thread and to be woken again takes longer than the write and its sync, and
two threads that want the interpreter hold each other up. But an event loop that waits for a disk
answers nobody. So the loop trusts only a disk that has just been quick: after a slow write and
while the thread is at work, the thread writes. Where many come together a scribe does (`ferry.py`).
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop
from collections.abc import Callable, Sequence
from typing import Protocol

from cds.audit.ferry import MOST_BYTES, Ferry, HandOver, Launching, entries_of
from cds.audit.kept import Entry
from cds.audit.waiter import Waiter

QUICK = 0.003  # seconds a write may take
FRESH = 1.0  # seconds for which it is known that the disk is quick
LONG = 64 * 1024  # bytes of JSON from which to close and seal one holds the loop up too long
CALM = 16  # turns in a row that bring one decision each: more at a time are not to be expected
COMPANY = 8  # turns that brought several, since it was calm: more of them are to be expected


class Front(Launching, Protocol):
    """What the short way needs of the spool."""

    def keep(self, entries: Sequence[Entry]) -> bool: ...
    def want_scribe(self) -> None: ...


class Shortcut:
    """Decisions that came in one turn of an event loop are written with one sync at its end. While
    they come one by one, each is written at once: the end of a turn is two rounds of the loop away.

    It serves one event loop, the first that asks, until that is closed; the thread serves others.
    """

    def __init__(self, front: Front, hand_over: HandOver, clock: Callable[[], float]) -> None:
        """`front` puts decisions on the disk, at once or not at all, or has a scribe do it;
        `hand_over` gives what it did not take to the thread. `clock` counts seconds."""
        self._front, self._hand_over, self._clock = front, hand_over, clock
        self._quick_at = float("-inf")
        self._binding = threading.Lock()
        self._loop: AbstractEventLoop | None = None
        self._ferry: Ferry | None = None
        self._gathered: list[Waiter] = []
        self._bytes = 0
        self._came = 0  # in this turn
        self._single = 0  # turns in a row that brought one
        self._company = 0  # turns that brought several, since it was calm

    def takes(self, waiter: Waiter) -> bool:
        """Whether it goes this way; then its caller hears of it like any other."""
        if not isinstance(waiter.item, Entry):
            return False
        ferry = self._ferry if waiter.loop is self._loop else self._bound(waiter.loop)
        if ferry is None:
            return False
        self._came += 1
        if self._came == 1:
            waiter.loop.call_soon(self._end_turn)
        calm = self._single >= CALM
        fit = waiter.size < LONG and self._clock() - self._quick_at <= FRESH
        if ferry.ready() and not (fit and calm and ferry.idle):
            return ferry.takes(waiter)
        if not fit or self._bytes + waiter.size > MOST_BYTES:
            return False
        if calm and self._came == 1:
            self._write([waiter])
            return True
        self._gathered.append(waiter)
        self._bytes += waiter.size
        return True

    def took(self, seconds: float) -> None:
        """So long a write took, whoever wrote."""
        self._quick_at = self._clock() if seconds <= QUICK else float("-inf")

    def _bound(self, loop: AbstractEventLoop) -> Ferry | None:
        with self._binding:
            if self._loop is not None and not self._loop.is_closed():
                return None
            if self._ferry is not None:
                self._ferry.close()
            self._loop, self._gathered, self._bytes, self._came = loop, [], 0, 0
            self._ferry = Ferry(self._front, self._hand_over, self.took, loop)
        return self._ferry

    def _end_turn(self) -> None:
        group, self._gathered, self._bytes = self._gathered, [], 0
        came, self._came = self._came, 0
        self._single = self._single + 1 if came == 1 else 0
        if self._single >= CALM:
            self._company = 0
        elif came > 1:
            self._company += 1
            if self._company == COMPANY:
                self._front.want_scribe()
        if group:
            self._write(group)
        if self._ferry is not None:
            self._ferry.depart()

    def _write(self, group: list[Waiter]) -> None:
        began = self._clock()
        try:
            kept = self._front.keep(entries_of(group))
        except Exception:  # whatever it is: the thread tries, and tells the callers what hinders
            kept = False
        if not kept:
            self._hand_over(group)
            return
        self.took(self._clock() - began)
        for waiter in group:
            waiter.settle("")
