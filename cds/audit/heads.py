"""The head file: how far each chain has got, in a second file, so that a cut tail is found.

One line a group of records: `kept CHAIN FROM TO SEAL TAG`, and `closed CHAIN NEXT LAST SEAL TAG`
when a writer ends in order. SEAL is that of record TO; TAG authenticates the line with the key of
the chain. A line is written before the answers of its group leave, and is on the disk one second
later, or when the writer closes. So a process that is killed may leave the last group of its chain
without a line, and a machine that loses power the last second; a database that has *less* than the
head file says has lost records. Who can cut both files can cut them alike: ship this one elsewhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cds.audit.files import own

_LINE = re.compile(
    rb"(kept|closed) ([A-Za-z0-9.-]+) ([0-9]{1,15}) ([0-9]{1,15}) ([0-9a-f]{64}) ([0-9a-f]{64})"
)
# What a full disk or a lost machine leaves of a line: it stops short, and no sign in it is wrong.
_TORN = re.compile(
    rb"[a-z]{0,6}|(kept|closed) [A-Za-z0-9.-]*"
    rb"( [0-9]*( [0-9]*( [0-9a-f]{0,64}( [0-9a-f]{0,63})?)?)?)?"
)
SYNC_EVERY = 1.0  # seconds
GROUP_RECORDS = 256  # the most that share one line: what a killed process can leave without


@dataclass(frozen=True, slots=True)
class HeadLine:
    """What one line says: records `first` to `last` of `chain` are kept, `mac` seals the last.

    `good`: its tag holds under the key. `final`: the writer closed after this.
    """

    number: int
    chain: str
    first: int
    last: int
    mac: bytes
    final: bool
    good: bool


@dataclass(frozen=True, slots=True)
class HeadFile:
    """All lines that can be read; `bad`: numbers of those that cannot; `torn`: that stop short."""

    lines: tuple[HeadLine, ...]
    bad: tuple[int, ...]
    torn: tuple[int, ...]


class HeadWriter:
    """Appends to the head file; one for each chain, used in one thread."""

    def __init__(self, path: Path, key: bytes, clock: Callable[[], float]) -> None:
        """`clock`: monotonic seconds. Raises OSError where the file cannot be opened."""
        own(path)
        self._path = path
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._handle = os.open(path, flags)
        self._key, self._clock = key, clock
        self._synced, self._waiting = clock(), False
        found = os.fstat(self._handle)
        self._inode = found.st_ino
        # The last line may stop short; then begin on a line of our own.
        last = os.pread(self._handle, 1, found.st_size - 1) if found.st_size else b"\n"
        self._mend = last != b"\n"

    def note(self, chain: str, first: int, last: int, mac: bytes, *, final: bool = False) -> None:
        """Write one line. Raises OSError; the next line must then say this one's part too."""
        if os.stat(self._path).st_ino != self._inode:  # noqa: PTH116 - for every group
            raise OSError("it was moved or removed")
        said = f"{'closed' if final else 'kept'} {chain} {first} {last} {mac.hex()}".encode()
        line = said + b" " + tag(self._key, said) + b"\n"
        if self._mend:
            line = b"\n" + line
        self._mend = True
        if os.write(self._handle, line) != len(line):
            raise OSError("the disk is full")
        self._mend = False
        self._waiting = True

    def due(self) -> float | None:
        """Seconds until lines must be on the disk; None where all are."""
        return max(0.0, self._synced + SYNC_EVERY - self._clock()) if self._waiting else None

    def sync(self) -> None:
        """Put all lines on the disk. Raises OSError."""
        self._synced = self._clock()  # first: a disk that fails is asked again in a second
        if self._waiting:
            os.fsync(self._handle)
            self._waiting = False

    def close(self) -> None:
        """Give the file back, all lines on the disk. Raises OSError."""
        try:
            self.sync()
        finally:
            os.close(self._handle)


def tag(key: bytes, said: bytes) -> bytes:
    """What authenticates a line of the head file."""
    made = hmac.digest(key, b"cds audit head 1 " + hashlib.sha256(said).digest(), "sha256")
    return made.hex().encode()


def read_heads(path: Path, key: bytes) -> HeadFile | None:
    """The head file as it stands; None where there is none. Raises OSError."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    lines: list[HeadLine] = []
    bad: list[int] = []
    torn: list[int] = []
    for number, text in _texts(raw):
        match = _LINE.fullmatch(text)
        if match is None:
            (torn if _TORN.fullmatch(text) else bad).append(number)
            continue
        word, chain, first, last, mac, tagged = match.groups()
        said = text.rpartition(b" ")[0]
        good = hmac.compare_digest(tag(key, said), tagged)
        seal = bytes.fromhex(mac.decode())
        place = (number, chain.decode(), int(first), int(last), seal)
        lines.append(HeadLine(*place, final=word == b"closed", good=good))
    return HeadFile(tuple(lines), tuple(bad), tuple(torn))


def _texts(raw: bytes) -> Iterator[tuple[int, bytes]]:
    for number, text in enumerate(raw.split(b"\n"), 1):
        if text:
            yield number, text
