"""The spool: where batches wait while the database is away, locked or full.

What `put` returns from is on the disk. The space is taken when the file is made, so a disk that
others fill later has room. One process has one spool; what a process that is gone left in its own
is found by `left_behind`. Batches are bytes here, called frames.
"""

from __future__ import annotations

import os
from collections import deque
from contextlib import suppress
from itertools import islice
from pathlib import Path

from cds.audit import spoolfile
from cds.audit.files import own
from cds.audit.frameput import NotPut, failed, put_frame
from cds.audit.spoolfile import BLOCK, Place, Scan
from cds.errors import CdsError

SUFFIX = ".spool"

_FULL = "no room is left where decisions wait for the database"
_CHANGED = "what waits for the database was changed, or the disk does not give it back"
_OTHERS = "the file where decisions wait for the database belongs to another process"
_CLOSED = "the file where decisions wait for the database is closed"


class SpoolError(CdsError):
    """The spool did not do what it was asked; the text says why, without any path or value."""


class Spool:
    """Frames that wait, in a file of this process alone. For use in one thread; what is only
    told (`usable`, `waiting`, `size`) may be asked from any.

    A SpoolError after which `usable` is False cannot be mended here: close it and open it anew.
    """

    def __init__(self, path: Path, handle: int, size: int, found: Scan) -> None:
        """Use `open`."""
        self._path, self._handle, self._size = path, handle, size
        self._name = str(path)
        self._generation = found.generation
        self._waiting = deque(found.places)
        self._bytes = sum(place.length for place in found.places)
        self._index = found.places[-1].index + 1 if found.places else 0
        self._end = found.places[-1].end if found.places else BLOCK
        self._dirty = self._end  # bytes from the start that may hold what was put
        self._process = os.getpid()
        self._broken = ""

    @classmethod
    def open(cls, path: Path, reserve: int) -> Spool:
        """Make the file, or go on with the one there, and keep `reserve` bytes of the disk for it.

        `path` ends in `.spool`. A file that is damaged makes way: it gets another name under which
        `left_behind` finds it. Raises OSError, BlockingIOError where another process has it.
        """
        if path.suffix != SUFFIX:
            raise ValueError(f"nothing would find it again: its name must end in {SUFFIX}")
        own(path)
        handle = spoolfile.take(path, os.O_RDWR)
        try:
            found = spoolfile.scan(handle)
            if not found.damaged:
                return cls._opened(path, handle, reserve, found)
            path.rename(spoolfile.free_name(path, SUFFIX))
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)
        return cls.open(path, reserve)

    @classmethod
    def _opened(cls, path: Path, handle: int, reserve: int, found: Scan) -> Spool:
        try:
            size = spoolfile.reserve(handle, max(reserve, BLOCK))
            if not found.places:
                found = Scan(spoolfile.start_anew(handle, size), (), damaged=False)
        except OSError:
            if not found.places:  # leave nothing that takes up a disk that is full
                with suppress(OSError):
                    path.unlink()
            raise
        return cls(path, handle, size, found)

    @property
    def usable(self) -> bool:
        """False after a failure of which nobody can tell what it left in this file."""
        return not self._broken

    @property
    def waiting(self) -> int:
        """Frames that were put and not dropped."""
        return len(self._waiting)

    @property
    def size(self) -> int:
        """Bytes of the frames that wait."""
        return self._bytes

    @property
    def file(self) -> tuple[Path, int]:
        """Its path, and the number by which the disk knows the file (inode)."""
        return self._path, os.fstat(self._handle).st_ino

    def room_for(self, most: int) -> Place | None:
        """Where the next frame goes, if one of at most so many bytes can be put."""
        if self._end + spoolfile.room(most) > self._size:
            return None
        return Place(self._generation, self._index, self._end, most)

    @property
    def used(self) -> int:
        """Bytes up to where the next frame goes; they are given anew once nothing waits."""
        return self._end

    def put(self, frame: bytes) -> None:
        """Return when the frame is on the disk. Raises SpoolError; then it is not there."""
        self._check()
        place = self.room_for(len(frame))
        if place is None:
            raise SpoolError(_FULL)
        try:
            put_frame(self._handle, self._name, place, frame)
        except NotPut as error:
            raise (self.broke(str(error)) if error.broken else SpoolError(str(error))) from None
        self.took(place)

    def took(self, place: Place) -> None:
        """A frame was put there, by us or by another process for us: where `room_for` said."""
        self._waiting.append(place)
        self._bytes += place.length
        self._index, self._end = place.index + 1, place.end
        self._dirty = max(self._dirty, self._end)

    def broke(self, words: str) -> SpoolError:
        """Nobody can tell any more what stands in this file."""
        self._broken = words
        return SpoolError(words)

    def places(self, most_bytes: int, most_frames: int) -> list[Place]:
        """Where the oldest frames stand, as many as fit, at least one where any waits."""
        found: list[Place] = []
        room = most_bytes
        for place in islice(self._waiting, max(most_frames, 1)):
            room -= place.length
            if found and room < 0:
                break
            found.append(place)
        return found

    def first(self, most_bytes: int, most_frames: int) -> list[bytes]:
        """The frames of `places`. Raises SpoolError."""
        self._check()
        return [self.read(place) for place in self.places(most_bytes, most_frames)]

    def read(self, place: Place) -> bytes:
        """The frame there; in any thread, as long as it waits. Raises SpoolError."""
        frame = None
        with suppress(OSError):
            frame = spoolfile.read(self._handle, place)
        if frame is None:
            raise self.broke(_CHANGED)
        return frame

    def drop(self, frames: int) -> None:
        """The oldest `frames` are in the database now. Raises SpoolError.

        A process that ends before the last is dropped leaves them all: they are drained again.
        """
        self._check()
        if not 0 <= frames <= len(self._waiting):
            raise ValueError("more frames than wait")
        if not frames:
            return
        for _ in range(frames):
            self._bytes -= self._waiting.popleft().length
        if not self._waiting:
            try:
                self._generation = spoolfile.start_anew(self._handle, self._size)
            except OSError as error:
                raise self.broke(failed(error)) from None
            self._index, self._end = 0, BLOCK

    def wipe(self) -> None:
        """Let no byte stand of what the database has, where nothing waits. Raises SpoolError."""
        self._check()
        if self._waiting or self._dirty <= BLOCK:
            return
        try:
            spoolfile.wipe(self._handle, self._dirty)
        except OSError as error:
            raise self.broke(failed(error)) from None
        self._dirty = BLOCK

    def close(self) -> None:
        """Give the file back: removed where nothing waits, else kept for `left_behind`."""
        if self._handle < 0:
            return
        mine = self._process == os.getpid()
        if mine and not self._broken:
            with suppress(SpoolError):
                self.wipe()
        if mine and not self._waiting and spoolfile.is_at(self._handle, self._path):
            with suppress(OSError):
                self._path.unlink()
        handle, self._handle, self._broken = self._handle, -1, _CLOSED
        os.close(handle)

    def _check(self) -> None:
        if self._broken:
            raise SpoolError(self._broken)
        if self._process != os.getpid():  # a fork has the lock too, but not what we remember
            raise SpoolError(_OTHERS)
