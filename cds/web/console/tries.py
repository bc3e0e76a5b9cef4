"""How often a wrong token may be tried."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from cds.errors import TooMany

MOST = 10  # wrong tries in a process, whoever tries
SPAN = 60.0  # seconds


class Tries:
    """Counts wrong tokens. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: deque[float] = deque(maxlen=MOST)

    def check(self) -> None:
        """Raises TooMany where the last minute has seen too many: also for a right token, else
        the limit would slow nobody down."""
        if len(self._wrong) < MOST:
            return
        wait = self._wrong[0] + SPAN - self._clock()
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooMany(f"too many wrong tokens; try again in {seconds} s", retry_after=seconds)

    def wrong(self) -> None:
        """One more."""
        self._wrong.append(self._clock())
