"""The spool: where batches wait while the database is away, locked or full.

What `put` returns from is on the disk. The space is taken when the file is made, so a disk that
others fill later has room. One process has one spool; what a process that is gone left in its own
is found by `left_behind`. Batches are bytes here, called frames.
"""

from __future__ import annotations

import os
import stat
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

from cds.audit import spoolfile
from cds.audit.files import own
from cds.audit.spoolfile import BLOCK, Place, Scan
from cds.errors import CdsError

SUFFIX = ".spool"

_FULL = "no room is left where decisions wait for the database"
_GONE = "the file where decisions wait for the database was moved or removed"
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
            path.rename(_free(path, SUFFIX))
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

    def has_room(self, frame: int) -> bool:
        """Whether a frame of so many bytes can be put."""
        return self._end + spoolfile.room(frame) <= self._size

    @property
    def used(self) -> int:
        """Bytes up to where the next frame goes; they are given anew once nothing waits."""
        return self._end

    def put(self, frame: bytes) -> None:
        """Return when the frame is on the disk. Raises SpoolError; then it is not there."""
        self._check()
        if not spoolfile.is_at(self._handle, self._path):
            raise self._break(_GONE)
        if not self.has_room(len(frame)):
            raise SpoolError(_FULL)
        place = Place(self._generation, self._index, self._end, len(frame))
        self._write(place, spoolfile.framed(place.generation, place.index, frame))
        self._waiting.append(place)
        self._bytes += place.length
        self._index, self._end = place.index + 1, place.end
        self._dirty = max(self._dirty, self._end)

    def first(self, most_bytes: int, most_frames: int) -> list[bytes]:
        """The oldest frames, as many as fit, at least one where any waits. Raises SpoolError."""
        self._check()
        frames: list[bytes] = []
        room = most_bytes
        for place in islice(self._waiting, max(most_frames, 1)):
            room -= place.length
            if frames and room < 0:
                break
            frames.append(self._read(place))
        return frames

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
                raise self._break(_failed(error)) from None
            self._index, self._end = 0, BLOCK

    def wipe(self) -> None:
        """Let no byte stand of what the database has, where nothing waits. Raises SpoolError."""
        self._check()
        if self._waiting or self._dirty <= BLOCK:
            return
        try:
            spoolfile.wipe(self._handle, self._dirty)
        except OSError as error:
            raise self._break(_failed(error)) from None
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

    def _break(self, words: str) -> SpoolError:
        self._broken = words
        return SpoolError(words)

    def _write(self, place: Place, parts: tuple[bytes, ...]) -> None:
        written = False
        try:
            spoolfile.write_frame(self._handle, parts, place.offset)
            written = True
            os.fdatasync(self._handle)
        except OSError as error:
            words = _failed(error)
            erased = self._erased(place)
            # After a failed sync the system may call these pages clean: no later one is proof.
            if written or not erased:
                raise self._break(words) from None
            raise SpoolError(words) from None

    def _erased(self, place: Place) -> bool:
        """All of a frame may stand there but the zeros at its end."""
        try:
            spoolfile.erase(self._handle, place.offset)
        except OSError:
            return False
        return True

    def _read(self, place: Place) -> bytes:
        frame = None
        with suppress(OSError):
            frame = spoolfile.read(self._handle, place)
        if frame is None:
            raise self._break(_CHANGED)
        return frame


class Leftover:
    """The spool of a process that is gone, locked until it is removed, set aside or closed."""

    def __init__(self, path: Path, handle: int) -> None:
        """Use `left_behind`."""
        self._path, self._handle = path, handle
        found = spoolfile.scan(handle)
        self._places = found.places
        self.name, self.waiting, self.damaged = path.name, len(found.places), found.damaged

    def frames(self) -> Iterator[bytes]:
        """All that can be read, oldest first, one in memory. After the last `damaged` is final."""
        for place in self._places:
            frame = None
            with suppress(OSError):
                frame = spoolfile.read(self._handle, place)
            if frame is None:
                self.damaged = True
            else:
                yield frame

    def remove(self) -> None:
        """All of it is in the database. Raises OSError; then it is drained again."""
        self._path.unlink()
        self.close()

    def set_aside(self) -> str:
        """Keep the file for a person to look at, and drain it no more; its new name. Raises
        OSError."""
        aside = _free(self._path, SUFFIX + ".damaged")
        self._path.rename(aside)
        self.close()
        return aside.name

    def close(self) -> None:
        """Leave it for the next who looks."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)


def left_behind(folder: Path) -> Iterator[Leftover]:
    """The spools whose process is gone, each locked while it is looked at.

    Raises OSError after all others where one cannot be opened.
    """
    trouble: OSError | None = None
    for path in sorted(folder.glob("*" + SUFFIX)):
        try:
            found = path.lstat()
            if stat.S_ISREG(found.st_mode) and not found.st_size:
                continue  # it is being made this moment: its lock is not ours to take
            leftover = Leftover(path, spoolfile.take(path, os.O_RDONLY))
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError as error:
            trouble = error
            continue
        try:
            yield leftover
        finally:
            leftover.close()
    if trouble is not None:
        raise trouble


def _free(path: Path, suffix: str) -> Path:
    """A name beside this one that nothing has."""
    names = (path.with_name(f"{path.stem}.{number}{suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _failed(error: OSError) -> str:
    """In words without the name of the file, which an OSError would tell."""
    why = error.strerror or error
    return f"the file where decisions wait for the database cannot be written ({why})"
