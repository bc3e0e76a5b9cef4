"""Whole decisions that wait in the spool, for who looks for one that the database does not have.

Read beside the processes that write there, as `cds/audit/spooled.py` does.
"""

from __future__ import annotations

from pathlib import Path

from cds.audit.batch import BatchError, Sealed, unpacked
from cds.audit.spool import SUFFIX
from cds.audit.spooled import peek

_MOST = 64 * 1024 * 1024  # bytes of frames that are opened; a search must end


def waiting(folder: Path) -> dict[tuple[str, int], Sealed]:
    """By chain and number, as far as it can be read: a file that cannot is for `cds audit verify`
    to tell of. None where there is no such folder."""
    found: dict[tuple[str, int], Sealed] = {}
    room = _MOST
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        for frame in _frames(path):
            room -= len(frame)
            if room < 0:
                return found
            found |= {(item.chain, item.seq): item for item in _records(frame)}
    return found


def _frames(path: Path) -> list[bytes]:
    try:
        return peek(path)[0]
    except OSError:  # drained and removed, or another's
        return []


def _records(frame: bytes) -> tuple[Sealed, ...]:
    try:
        return unpacked(frame).records
    except (BatchError, ValueError):
        return ()
