"""Whose turn it is to seal records and to put them somewhere."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType

PATIENCE = 5.0  # seconds that what was launched may take


class Turn:
    """A lock that the event loop may keep beyond its own turn: what it has launched goes on by
    itself, and nothing else may be sealed until that has landed.

    One thread may wait for it (`with turn:`); it gives up what does not land in time.
    """

    def __init__(self, give_up: Callable[[], None], patience: float = PATIENCE) -> None:
        """`give_up` makes sure that what was launched does no more."""
        self._give_up, self._patience = give_up, patience
        self._lock = threading.Lock()
        self._guard = threading.Lock()
        self._launched = False
        self._waiting = False  # only the writer's thread waits

    def take(self) -> bool:
        """Without waiting: whether it is ours now. Not where somebody waits for it: who comes
        again and again would never let him have it."""
        return not self._waiting and self._lock.acquire(blocking=False)

    def lend(self) -> None:
        """Whoever has it has launched something, which has it from now on."""
        self._launched = True

    def back(self) -> bool:
        """What was launched has landed: whether the turn is ours again. False where somebody has
        waited for too long, and has it."""
        with self._guard:
            launched, self._launched = self._launched, False
        return launched

    def give(self) -> None:
        """The next may have it."""
        self._lock.release()

    def __enter__(self) -> None:
        self._waiting = True
        try:
            while not self._lock.acquire(timeout=self._patience):
                if self.back():
                    self._take_over()
                    return
        finally:
            self._waiting = False

    def _take_over(self) -> None:
        try:
            self._give_up()
        except BaseException:
            self.give()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.give()
