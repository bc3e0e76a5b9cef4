"""What resources and whole lists said before, so that the same bytes are not read twice.

An EHR sends the same laboratory results with every edit of an order. What was read of a resource
is therefore kept for a while, under the SHA-256 of its bytes: the very same bytes say the very
same thing, whoever sends them, so nothing can pass from one patient to another. What depends on
anything else (the moment, the patient of the call, other resources) is never kept with a resource
but applied afterwards, every time.

What was read of a whole list is kept in the same way, under the SHA-256 of its bytes, the prefetch
key and the patient of the call; its readings say themselves what else they rest on (see
`chart.clock`).

Both memories are bounded, whatever is sent: by a number of resources and of lists, which hold the
text of orders, doses and drugs at most, and by the bytes that all this may take; what is longer
than `LONGEST` or `LONGEST_LIST` is read every time. They live in the process, are never written
anywhere and die with the process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

MOST = 8192  # resources
MOST_BYTES = 16_000_000  # by `weight_of`: about 5,000 laboratory results
LONGEST = 16_384  # bytes of one resource
MOST_LISTS = 4096
MOST_LIST_BYTES = 12_000_000  # by `weight_of_list`: about 150 charts with 40 laboratory results
LONGEST_LIST = 4_000_000  # bytes of one list


class Known(msgspec.Struct, eq=False):
    """What some bytes say: their type, id, owner, and what each reader made of them.

    `readings` holds, by reader, what it read and with which terminology: see `chart.reading.once`.
    """

    type: str
    id: str
    owner: str
    readings: dict[object, tuple[object, object]] = {}


class KnownList:
    """What each reader made of some list, for one patient: see `chart.clock.kept`."""

    __slots__ = ("readings",)

    def __init__(self) -> None:
        self.readings: dict[object, object] = {}


class Memory(Generic[T]):
    """What is known, by the digest of the bytes; what is not asked for any longer is forgotten.

    Two generations instead of an exact order of use: what is asked for moves to the young one, and
    when that holds half of what may be kept, the old one is dropped as a whole. Looking up needs no
    lock; two threads that read the same thing at once only do the same work twice.
    """

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most // 2
        self._most_bytes = most_bytes // 2
        self._young: dict[Hashable, tuple[T, int]] = {}
        self._old: dict[Hashable, tuple[T, int]] = {}
        self._bytes = 0
        self._turning = Lock()

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def recalled(self, name: Hashable) -> T | None:
        """What is known under this name, if anything."""
        found = self._young.get(name)
        if found is not None:
            return found[0]
        found = self._old.get(name)
        if found is None:
            return None
        self.keep(name, *found)
        return found[0]

    def keep(self, name: Hashable, known: T, weight: int) -> None:
        """Remember something that takes about `weight` bytes."""
        with self._turning:
            if len(self._young) >= self._most or self._bytes + weight > self._most_bytes:
                self._young, self._old, self._bytes = {}, self._young, 0
            self._young[name] = known, weight
            self._bytes += weight


def digest_of(raw: bytes | msgspec.Raw) -> bytes:
    """The name under which bytes are remembered: 32 bytes that nothing else has."""
    return hashlib.sha256(raw).digest()


def weight_of(raw: bytes) -> int:
    """About how many bytes are taken by what is read of a resource, rather too many: every comma
    may stand between two objects, and the smallest takes much more room than its two brackets."""
    return len(raw) + 100 * raw.count(b",")


def weight_of_list(raw: bytes | msgspec.Raw, entries: int) -> int:
    """About how many bytes are taken by what is read of a list with so many entries: the texts it
    is shown with, and a record for each."""
    return 1000 + len(raw) + 600 * entries
