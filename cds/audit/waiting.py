"""What waits in the spool for the database, whole, for whoever looks for a decision.

Read beside the processes that write there, as `cds/audit/spooled.py` does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from cds.audit.batch import Batch, BatchError, Sealed, unpacked
from cds.audit.spool import SUFFIX
from cds.audit.spooled import peek

_MOST = 64 * 1024 * 1024  # bytes of frames that are opened; a search must end
_NONE = ("", 1)


@dataclass(slots=True)
class Waits:
    """Decisions by chain and number, the files of rulebooks by digest. `cut`: of each file where
    more lies than was opened, the oldest decision that was."""

    records: dict[tuple[str, int], Sealed] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    cut: list[tuple[str, int]] = field(default_factory=list)

    def read(self, path: Path, room: int) -> None:
        """The newest of a file first: in normal service the database has most of what is older."""
        oldest = _NONE
        for frame in reversed(_frames(path)):
            room -= len(frame)
            if room < 0:
                self.cut.append(oldest)
                return
            batch = _unpacked(frame)
            for item in batch.records:
                self.records.setdefault((item.chain, item.seq), item)
            self.archives |= {item.digest: item.packed for item in batch.archives}
            oldest = next(((item.chain, item.seq) for item in batch.records), oldest)


def waiting(folder: Path) -> Waits:
    """As far as it can be read: a file that cannot is for `cds audit verify` to tell of. Nothing
    where there is no such folder."""
    found = Waits()
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    for path in paths:
        found.read(path, _MOST // len(paths))
    return found


def _frames(path: Path) -> list[bytes]:
    try:
        return peek(path)[0]
    except OSError:  # drained and removed, or another's
        return []


def _unpacked(frame: bytes) -> Batch:
    try:
        return unpacked(frame)
    except (BatchError, ValueError):
        return Batch()
