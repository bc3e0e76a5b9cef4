"""From the spool into the database, oldest first; what is there already is not doubled.

A process that is killed while it drains begins at the first frame again: each record has one place
in its chain, and a place is given once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import structlog

from cds.audit.batch import Batch, BatchError, Sealed, joined, packed, unpacked
from cds.audit.files import own
from cds.audit.leftover import Leftover, left_behind
from cds.audit.spool import Spool
from cds.audit.spoolplace import SpoolPlace
from cds.audit.store import AuditStore

log = structlog.get_logger("cds.audit")

# What one step may take: some 50 ms, for which a caller may have to wait. More than one group of
# the writer, so that what waits gets less however many ask.
BYTES = 1024 * 1024
FRAMES = 128

STRANGE = "records of another hand stand in the place of ours: run `cds audit verify`"
DAMAGED = "a spool file is damaged and was set aside: run `cds audit verify`"


def drain(store: AuditStore, spool: Spool) -> tuple[int, tuple[Sealed, ...]]:
    """Put the oldest frames into the database: how many, and the records whose places are taken by
    others. Raises StoreError; then none of them may be dropped."""
    frames = spool.first(BYTES, FRAMES)
    return len(frames), store.drain(joined(unpacked(frame) for frame in frames))


def set_aside(place: SpoolPlace, records: tuple[Sealed, ...]) -> None:
    """Keep records that the database has no place for in a file of their own."""
    path = place.folder / f"{place.chain}.{records[0].seq}.aside"
    own(path)
    path.write_bytes(packed(Batch(records)))


class Leftovers:
    """The spool files of processes that have ended."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: Iterator[Leftover] | None = None
        self._file: Leftover | None = None
        self._frames: Iterator[bytes] = iter(())
        self._strange = False

    def __bool__(self) -> bool:
        """Whether there may be something to drain."""
        return self._files is not None

    def look(self) -> None:
        """Look for them (again)."""
        self.close()
        self._files = iter(left_behind(self._folder))

    def drain_some(self, store: AuditStore) -> str:
        """A step: what is wrong with the file it ended, in words; else empty.

        Raises StoreError, and OSError where a drained file cannot be removed: it is drained again.
        """
        if self._file is None and not self._next():
            return ""
        assert self._file is not None  # noqa: S101 - _next has found one
        frames = list(islice(self._frames, FRAMES))
        try:
            self._strange |= bool(store.drain(joined(unpacked(frame) for frame in frames)))
        except BatchError as error:
            return self._end(self._file, str(error))
        if len(frames) == FRAMES:
            return ""
        damaged = DAMAGED if self._file.damaged else ""
        return self._end(self._file, STRANGE if self._strange else damaged)

    def close(self) -> None:
        """Let go of them, as they are."""
        if self._file is not None:
            self._file.close()
        self._files = self._file = None

    def _next(self) -> bool:
        with suppress(OSError):  # a folder that cannot be read holds nothing we could drain
            self._file = next(self._files or iter(()), None)
        if self._file is None:
            self._files = None
            return False
        self._frames, self._strange = self._file.frames(), False
        return True

    def _end(self, file: Leftover, trouble: str) -> str:
        if trouble:
            file.set_aside()
            log.error("spool file set aside", reason=trouble)
        else:
            if file.waiting:
                log.info("spool of an ended process drained", groups=file.waiting)
            file.remove()
        file.close()
        self._file = None
        return trouble
