"""The way of decisions to a scribe: who comes while one load is on its way goes with the next."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import accumulate
from typing import Protocol

from cds.audit.kept import Entry
from cds.audit.scribe import Scribe
from cds.audit.turn import PATIENCE
from cds.audit.waiter import Waiter

MOST_BYTES = 512 * 1024  # of a load, as the event loop has it
MOST = 64  # decisions of a load
MOST_WAITING = 256  # decisions that wait for the next loads; more go to the thread
AGAIN = 0.001  # seconds until the next try, where the thread has the turn
ENOUGH = 0.02  # seconds of such tries

HandOver = Callable[[list[Waiter]], None]
Took = Callable[[float], None]


class Launching(Protocol):
    """What a ferry needs of the spool (`Front`)."""

    @property
    def scribe(self) -> Scribe | None: ...
    def launch(self, entries: Sequence[Entry]) -> bool | None: ...
    def landed(self, scribe: Scribe) -> bool | None: ...


class Ferry:
    """For one event loop, which never waits here."""

    def __init__(
        self, front: Launching, hand_over: HandOver, took: Took, loop: AbstractEventLoop
    ) -> None:
        """`hand_over` gives what could not be launched to the thread; `took` hears how many seconds
        each load took that landed."""
        self._front, self._hand_over, self._took, self._loop = front, hand_over, took, loop
        self._launched_at = 0.0
        self._scribe: Scribe | None = None
        self._watched = -1
        self._waiting: list[Waiter] = []
        self._load: list[Waiter] | None = None
        self._late: TimerHandle | None = None
        self._stuck = False
        self._refused_at: float | None = None  # since when the thread has had the turn

    @property
    def idle(self) -> bool:
        """Whether nothing is on its way, and nobody waits."""
        return self._load is None and not self._waiting

    def ready(self) -> bool:
        """Whether it takes what comes."""
        if self._load is not None:
            return not self._stuck
        scribe = self._front.scribe
        if scribe is not self._scribe:
            self._watch(scribe)
        return self._scribe is not None

    def takes(self, waiter: Waiter) -> bool:
        """Whether it goes this way, with the next load."""
        if len(self._waiting) >= MOST_WAITING or waiter.size > MOST_BYTES:
            return False
        self._waiting.append(waiter)
        return True

    def depart(self) -> None:
        """With those that wait, as many as one load holds, unless one is on its way."""
        if self._load is not None or not self._waiting:
            return
        if not self.ready():
            self._leave()
            return
        sizes = accumulate(one.size for one in self._waiting[:MOST])
        fits = max(1, sum(size <= MOST_BYTES for size in sizes))
        try:
            launched = self._front.launch(entries_of(self._waiting[:fits]))
        except Exception:  # whatever it is: the thread tries, and tells the callers what hinders
            launched = False
        if launched:
            self._launched_at = self._loop.time()
            self._load, self._waiting = self._waiting[:fits], self._waiting[fits:]
            self._late, self._refused_at = self._loop.call_later(PATIENCE, self._give_up), None
        elif launched is not None or not self._tries_again():
            self._leave()

    def _tries_again(self) -> bool:
        """As a rule the thread has the turn for no longer than a moment."""
        now = self._loop.time()
        if self._refused_at is None:
            self._refused_at = now
        if now - self._refused_at > ENOUGH:
            return False
        self._loop.call_later(AGAIN, self.depart)
        return True

    def close(self) -> None:
        """The event loop has ended."""
        with suppress(OSError, RuntimeError, ValueError):
            self._watch(None)

    def _arrived(self) -> None:
        """There is something to hear of the scribe: what came of the load, or that it ended."""
        assert self._scribe is not None  # noqa: S101 - it is watched
        # It is asked also where we have given it nothing: an event loop that has ended may have,
        # and a scribe that has ended says so only then.
        kept = self._front.landed(self._scribe)
        if kept is not None and self._load is not None:
            self._settle(kept=kept)
        if self._scribe.gone and self._load is None:  # else there is one more thing to hear
            self._watch(None)
        self.depart()

    def _settle(self, *, kept: bool) -> None:
        load, self._load, self._stuck = self._load or [], None, False
        if self._late is not None:
            self._late.cancel()
        if not kept:
            self._to_thread(load)
            return
        self._took(self._loop.time() - self._launched_at)
        for waiter in load:
            waiter.settle("")

    def _give_up(self) -> None:
        """It does not answer, and who waits behind it would wait for nothing."""
        self._stuck = True
        if self._scribe is not None:
            self._scribe.end()
        for waiter in self._load or []:
            waiter.give_up()
        self._leave()

    def _leave(self) -> None:
        """There is no way here for those that wait."""
        left, self._waiting, self._refused_at = self._waiting, [], None
        self._to_thread(left)

    def _to_thread(self, group: list[Waiter]) -> None:
        left = [one for one in group if not one.done.done()]  # else its caller has gone
        if left:
            self._hand_over(left)

    def _watch(self, scribe: Scribe | None) -> None:
        if self._watched >= 0:
            self._loop.remove_reader(self._watched)
            os.close(self._watched)
            self._watched = -1
        self._scribe = None
        if scribe is not None:
            with suppress(OSError):  # the thread may dismiss it at any moment
                self._watched = scribe.watched()
                self._loop.add_reader(self._watched, self._arrived)
                self._scribe = scribe


def entries_of(group: Iterable[Waiter]) -> list[Entry]:
    """What they brought, which are decisions."""
    return [one.item for one in group if isinstance(one.item, Entry)]
