"""The scribe of a writer: when there is one, and when another one is started."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from cds.audit.scribe import Scribe
from cds.audit.scribewords import Work

log = structlog.get_logger("cds.audit")

PAUSE = 30.0  # seconds from one scribe to the next, where one has ended by itself
SOON = 1.0  # seconds until there may be work for one

Hire = Callable[[Work], Scribe]


class Scribes:
    """For the writer's thread, but for `want` and `ready`."""

    def __init__(self, hire: Hire | None, clock: Callable[[], float]) -> None:
        """`hire`: None where there are none."""
        self._hire, self._clock = hire, clock
        self._wanted = False
        self._next_try = 0.0
        self._now: Scribe | None = None

    def want(self) -> bool:
        """There is company to be expected. Whether this is news."""
        news = not self._wanted and self._hire is not None
        self._wanted = self._wanted or news
        return news

    @property
    def ready(self) -> Scribe | None:
        """The one that can be given something now."""
        scribe = self._now
        return scribe if scribe is not None and scribe.ready else None

    def due(self) -> float | None:
        """Seconds until `tend` has something to do; None where it has not."""
        if not self._wanted or (self._now is not None and not self._now.gone):
            return None
        return max(0.0, self._next_try - self._clock())

    def tend(self, work: Work | None) -> None:
        """See that there is one for this work, if one is wanted. None: for the moment there is
        none."""
        now = self._now
        if now is not None and now.gone:
            log.warning("the process that writes decisions has ended: the service does it")
            self.dismiss()
        elif now is not None and work not in (None, now.work):
            self.dismiss()
        if self._hire is None or self.due() != 0.0:
            return
        self._next_try = self._clock() + (SOON if work is None else PAUSE)
        if work is None:
            return
        try:
            self._now = self._hire(work)
            log.info("a process writes decisions where many come together", pid=self._now.pid)
        except OSError as error:
            log.warning("no process can be started to write decisions", reason=error.strerror)

    def dismiss(self) -> None:
        """There is none from here on, and it does nothing more."""
        now, self._now = self._now, None
        if now is not None:
            now.kill()

    def close(self) -> None:
        """Let it end."""
        if self._now is not None:
            self._now.close()
