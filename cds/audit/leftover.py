"""The spools of processes that are gone: read, and then removed or set aside."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from cds.audit import spoolfile
from cds.audit.spool import SUFFIX
from cds.audit.spoolfile import free_name


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
        aside = free_name(self._path, SUFFIX + ".damaged")
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
