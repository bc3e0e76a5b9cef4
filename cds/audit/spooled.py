"""What waits in the spool files of this machine, read beside the processes that have them.

Nothing is locked and nothing changed. A file that is written to, drained or removed meanwhile is
looked at again; what has left it is in the database by then.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cds.audit import spoolfile
from cds.audit.batch import BatchError, Sealed, unpacked
from cds.audit.chain import digest
from cds.audit.findings import SPOOL, Finding
from cds.audit.spool import SUFFIX

_LOOKS = 4  # a file that is never the same twice in so many looks is taken as it is
# What `cds/audit/drain.py` and `spool.py` put out of the way.
_ASIDE = {
    ".damaged": "is damaged and was set aside",
    ".aside": "holds records whose places in the database are taken by others",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A record in the spool: the seal before it, its own, and the digest of what it says."""

    previous: bytes
    mac: bytes
    said: bytes


@dataclass(slots=True)
class Spooled:
    """The records of each chain by their numbers, and what is wrong with the files."""

    chains: dict[str, dict[int, Waiting]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def of(self, chain: str) -> dict[int, Waiting]:
        """The records of one chain."""
        return self.chains.get(chain, {})


def read_spool(folder: Path | None) -> Spooled:
    """All that waits. Raises OSError where the folder cannot be read; one that is not there, or
    None, holds nothing."""
    done = Spooled()
    seen: set[str] = set()
    # A file that was put out of the way while we read has another name now.
    while new := sorted(set(_names(folder)) - seen):
        seen.update(new)
        for name in new:
            assert folder is not None  # noqa: S101 - it has names
            _read(folder / name, done)
    return done


def peek(path: Path) -> tuple[list[bytes], bool]:
    """The frames of a spool file, oldest first, and whether it is damaged. Raises OSError."""
    frames: list[bytes] = []
    for _ in range(_LOOKS):
        found, whole = _look(path)
        if whole:
            return found, False
        frames = found
    return frames, True


def _names(folder: Path | None) -> list[str]:
    try:
        return os.listdir(folder) if folder is not None else []  # noqa: PTH208 - raises at once
    except FileNotFoundError:
        return []


def _read(path: Path, done: Spooled) -> None:
    if path.suffix in _ASIDE:
        words = f"the spool file {path.name} {_ASIDE[path.suffix]}; look into it, then move it away"
        done.findings.append(_finding(words))
    if path.suffix != SUFFIX:
        return
    try:
        frames, damaged = peek(path)
        for frame in frames:
            _take(unpacked(frame).records, done)
    except FileNotFoundError:  # drained and removed
        return
    except (OSError, BatchError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it was changed"
        done.findings.append(_finding(f"the spool file {path.name} cannot be read: {reason}"))
        return
    if damaged:
        words = f"the spool file {path.name} is damaged: what waits in it is not all there"
        done.findings.append(_finding(words))


def _take(records: Sequence[Sealed], done: Spooled) -> None:
    for record in records:
        item = Waiting(record.previous, record.mac, digest(record.entry))
        there = done.chains.setdefault(record.chain, {}).setdefault(record.seq, item)
        if there != item:
            words = f"two different records {record.seq} wait in the spool"
            done.findings.append(Finding(record.chain, record.seq, SPOOL, words))


def _look(path: Path) -> tuple[list[bytes], bool]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        found = spoolfile.scan(handle)
        frames = [spoolfile.read(handle, place) for place in found.places]
        # Begun anew meanwhile: what lacks of before was in the database by then.
        drained = spoolfile.generation(handle) != found.generation
    finally:
        os.close(handle)
    there = [frame for frame in frames if frame is not None]
    return there, drained or (not found.damaged and len(there) == len(frames))


def _finding(words: str) -> Finding:
    return Finding("", None, SPOOL, words)
