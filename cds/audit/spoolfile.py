"""The bytes of a spool file: what stands where, and what is read from a file that was harmed.

Block 0 holds one line, `cds spool 1 GENERATION SIZE CHECK`; frames begin at the next blocks. A file
that was drained starts anew with another generation in its line, so that frames of before, which
still lie there, are not read again. Each frame begins at a block of its own: a write that power
loss cuts short then cannot harm the frame before it, which was acknowledged.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import stat
import struct
from dataclasses import dataclass
from itertools import count
from pathlib import Path

BLOCK = 4096  # bytes; what disks and page caches write as one
_HEAD = struct.Struct(">4s8sQI32s")  # magic, generation, index, length, SHA-256
_NUMBERS = struct.Struct(">8sQI")
_MAGIC = b"\xc5cds"
_LINE = re.compile(rb"(cds spool 1 ([0-9a-f]{16}) ([0-9]{15})) ([0-9a-f]{32})\n")
_LINE_BYTES = 78
_ZEROS = bytes(1 << 20)


@dataclass(frozen=True, slots=True)
class Place:
    """Where frame `index` of `generation` stands. `offset` and `length` (of what was put) in
    bytes."""

    generation: bytes
    index: int
    offset: int
    length: int

    @property
    def end(self) -> int:
        """Where the next frame begins."""
        return self.offset + room(self.length)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a file holds. `generation` is empty where its line says none.

    `damaged`: something that was written is not there any more. The last frame alone may lack
    without this: it cannot be told from one that was cut short before it was acknowledged.
    """

    generation: bytes
    places: tuple[Place, ...]
    damaged: bool


def room(length: int) -> int:
    """The bytes a frame takes in the file."""
    return -(-(_HEAD.size + length) // BLOCK) * BLOCK


def take(path: Path, access: int) -> int:
    """The file, opened and locked for this process alone, until it is closed.

    Raises BlockingIOError where it is in use, FileNotFoundError, and other OSError.
    """
    handle = os.open(path, access | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not a plain file")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(errno.EAGAIN, "another process uses it") from None
        if not is_at(handle, path):  # who had it removed it before it let go of the lock
            raise FileNotFoundError(errno.ENOENT, "it was removed")
    except BaseException:
        os.close(handle)
        raise
    return handle


def is_at(handle: int, path: Path | str) -> bool:
    """Whether the open file still has this name: what is put into a file without one is lost."""
    try:
        mine, there = os.fstat(handle), os.lstat(path)
    except OSError:
        return False
    return mine.st_ino == there.st_ino and mine.st_dev == there.st_dev


def reserve(handle: int, size: int) -> int:
    """Have the disk keep room for `size` bytes; the bytes there are. Raises OSError."""
    try:
        os.posix_fallocate(handle, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        end = os.fstat(handle).st_size  # this file system promises no room, so take it
        while end < size:
            end += os.pwrite(handle, _ZEROS[: size - end], end)
    os.fsync(handle)
    return os.fstat(handle).st_size


def start_anew(handle: int, size: int) -> bytes:
    """Begin a generation: from here on the file holds no frame. Its name; raises OSError.

    Its line is on the disk before any frame of it can be, so no crash leaves two of them mixed.
    """
    generation = secrets.token_bytes(8)
    said = f"cds spool 1 {generation.hex()} {size:015d}".encode()
    write_all(handle, said + b" " + _check(said) + b"\n", 0)
    os.fdatasync(handle)
    return generation


def framed(generation: bytes, index: int, payload: bytes) -> tuple[bytes, bytes, bytes]:
    """A frame as it stands in the file, up to the end of its last block, in parts: it may be long,
    and is not copied."""
    numbers = (generation, index, len(payload))
    head = _HEAD.pack(_MAGIC, *numbers, _digest(numbers, payload))
    return head, payload, bytes(room(len(payload)) - len(head) - len(payload))


def write_frame(handle: int, parts: tuple[bytes, ...], offset: int) -> None:
    """Raises OSError, also where the disk takes only a part."""
    written = os.pwritev(handle, parts, offset)
    if written < sum(map(len, parts)):
        write_all(handle, b"".join(parts)[written:], offset + written)


def write_all(handle: int, raw: bytes, offset: int) -> None:
    """Raises OSError, also where the disk takes only a part."""
    rest = memoryview(raw)
    while rest:
        written = os.pwrite(handle, rest, offset)
        rest, offset = rest[written:], offset + written


def wipe(handle: int, end: int) -> None:
    """Let nothing stand of the frames before this offset. Raises OSError."""
    offset = BLOCK
    while offset < end:
        offset += os.pwrite(handle, _ZEROS[: end - offset], offset)
    os.fdatasync(handle)


def erase(handle: int, offset: int) -> None:
    """Make a frame that was written none. Raises OSError."""
    write_all(handle, bytes(_HEAD.size), offset)
    os.fdatasync(handle)


def read(handle: int, place: Place) -> bytes | None:
    """What was put there; None where it is there no more. Raises OSError."""
    size = place.offset + _HEAD.size + place.length
    found = _frame(handle, place.offset, size, place.generation, place.index)
    return found[1] if found is not None and found[0] == place else None


def scan(handle: int) -> Scan:
    """Every frame that stands as it was put, in order, whatever lies before or between them."""
    size = os.fstat(handle).st_size
    generation, damaged = _line(handle, size)
    said = generation
    places: list[Place] = []
    offset, least = BLOCK, 0
    while offset < size:
        try:
            found = _frame(handle, offset, size, said, least)
        except OSError:  # the disk does not give it back
            found, damaged = None, True
        if found is None:
            offset += BLOCK
            continue
        place = found[0]
        # Where the line does not tell it, the first frame does: those of this generation lie
        # before all that is left of others.
        said = place.generation
        damaged = damaged or not generation or place.index != least
        places.append(place)
        offset, least = place.end, place.index + 1
    return Scan(generation, tuple(places), damaged)


def generation(handle: int) -> bytes:
    """The one that runs; empty where the line says none. Raises OSError."""
    return _line(handle, os.fstat(handle).st_size)[0]


def free_name(path: Path, suffix: str) -> Path:
    """A name beside this one that nothing has."""
    names = (path.with_name(f"{path.stem}.{number}{suffix}") for number in count(1))
    return next(name for name in names if not os.path.lexists(name))


def _line(handle: int, size: int) -> tuple[bytes, bool]:
    """The generation, and whether this is no line. A file without any was never written to."""
    try:
        raw = os.pread(handle, _LINE_BYTES, 0)
    except OSError:
        return b"", True
    match = _LINE.fullmatch(raw)
    if match is None or _check(match[1]) != match[4]:
        return b"", bool(raw.strip(b"\0"))
    return bytes.fromhex(match[2].decode()), size < int(match[3])


def _frame(
    handle: int, offset: int, size: int, generation: bytes, least: int
) -> tuple[Place, bytes] | None:
    """The frame at this place, if it is one, of this generation (any where empty), and not below
    the index `least`."""
    head = os.pread(handle, _HEAD.size, offset)
    if len(head) < _HEAD.size or not head.startswith(_MAGIC + generation):
        return None
    _, its, index, length, digest = _HEAD.unpack(head)
    if index < least or length > size - offset - _HEAD.size:
        return None
    payload = os.pread(handle, length, offset + _HEAD.size)
    if len(payload) != length or _digest((its, index, length), payload) != digest:
        return None
    return Place(its, index, offset, length), payload


def _digest(numbers: tuple[bytes, int, int], payload: bytes) -> bytes:
    made = hashlib.sha256(_NUMBERS.pack(*numbers))
    made.update(payload)
    return made.digest()


def _check(said: bytes) -> bytes:
    return hashlib.sha256(said).hexdigest()[:32].encode()
