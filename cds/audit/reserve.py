"""The spool of one writer: opened anew where it broke, reserved later where there was no room."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from cds.audit.spool import Spool, SpoolError
from cds.audit.spoolfile import Place
from cds.audit.spoolplace import SpoolPlace

ROOM_TRY = 30.0  # seconds between attempts to reserve a spool where there was no room for one
MEND_TRY = 1.0  # seconds until one that broke is opened anew


class Reserve:
    """For use in one thread at a time; only `waiting` and `trouble` may be read from any."""

    def __init__(self, place: SpoolPlace, clock: Callable[[], float]) -> None:
        self._place, self._clock = place, clock
        self._spool: Spool | None = None
        self._next_room = 0.0
        self.trouble = ""  # why it cannot be used, in words; empty where it can

    @property
    def there(self) -> bool:
        """Whether there is a file at all."""
        return self._spool is not None

    @property
    def usable(self) -> bool:
        """False where there is none, or where nobody can tell what a failure left in it."""
        return self._spool is not None and self._spool.usable

    @property
    def broken(self) -> bool:
        """Whether there is one that is not usable."""
        return self.there and not self.usable

    @property
    def file(self) -> tuple[Path, int] | None:
        """Its path and the number of the file, where there is one that is usable."""
        return self._spool.file if self._spool is not None and self.usable else None

    @property
    def filling(self) -> bool:
        """Whether half of it has been used since it was last empty: only an empty one begins at its
        beginning again."""
        return self._spool is not None and self._spool.used > self._place.reserve // 2

    @property
    def waiting(self) -> int:
        """Groups that wait for the database."""
        return self._spool.waiting if self._spool else 0

    def due(self) -> float | None:
        """Seconds until `make_room` has something to do; None where it has not."""
        return None if self.usable else max(0.0, self._next_room - self._clock())

    def make_room(self) -> None:
        """A disk that had no room for the spool may have some now."""
        self._next_room = self._clock() + ROOM_TRY
        with suppress(OSError):
            self.spool()

    def spool(self) -> Spool:
        """The spool, opened where it is not. Raises OSError where there is no room to reserve."""
        if self._spool is not None and not self._spool.usable:
            self._spool.close()  # what waits in it is read again from the file
            self._spool = None
        if self._spool is None:
            try:
                self._spool = Spool.open(self._place.file, self._place.reserve)
            except OSError as error:
                self.trouble = _words(error)
                raise
            self.trouble = ""
        return self._spool

    def room_for(self, most: int) -> Place | None:
        """Where the next frame goes, if one of at most so many bytes can be put now."""
        return self._spool.room_for(most) if self._spool is not None and self.usable else None

    def took(self, place: Place) -> None:
        """Another process put a frame there for us."""
        assert self._spool is not None  # noqa: S101 - else there was no room
        self._spool.took(place)

    def broke(self, words: str) -> None:
        """Another process that wrote for us cannot tell what stands there now."""
        if self._spool is not None:
            self._fail(self._spool.broke(words))

    def places(self, most_bytes: int, most_frames: int) -> list[Place]:
        """Where the oldest frames stand, as many as fit, at least one where any waits."""
        return self._spool.places(most_bytes, most_frames) if self._spool is not None else []

    def read(self, place: Place) -> bytes:
        """The frame there; in any thread, as long as it waits. Raises SpoolError, also where the
        spool broke meanwhile: to open it anew is for whoever has the turn."""
        spool = self._spool
        if spool is None or not spool.usable:
            raise SpoolError(self.trouble or "the spool cannot be used")
        return spool.read(place)

    def put(self, frame: bytes) -> bool:
        """Whether it is on the disk."""
        try:
            self.spool().put(frame)
        except (OSError, SpoolError) as error:
            self._fail(error)
            return False
        return True

    def _fail(self, error: OSError | SpoolError) -> None:
        self.trouble = _words(error)
        self._next_room = min(self._next_room, self._clock() + MEND_TRY)

    def drop(self, frames: int) -> None:
        """The oldest are in the database. A spool that does not let go of them gives them once more
        later, which changes nothing."""
        if self._spool is not None and frames:
            try:
                self._spool.drop(frames)
            except SpoolError as error:
                self.trouble = _words(error)

    def wipe(self) -> None:
        """Let no byte stand of what the database has; for a moment when nobody waits."""
        if self._spool is not None and self._spool.usable:
            try:
                self._spool.wipe()
            except SpoolError as error:
                self.trouble = _words(error)

    def close(self) -> None:
        """Give the file back."""
        if self._spool is not None:
            with suppress(OSError):
                self._spool.close()


def _words(error: OSError | SpoolError) -> str:
    said = str(error) if isinstance(error, SpoolError) else error.strerror or str(error)
    return f"the spool cannot be used ({said})"
