"""What resources said before, so that the same bytes are not read twice.

An EHR sends the same laboratory results with every edit of an order. What was read of a resource
is therefore kept for a while, under the SHA-256 of its bytes: the very same bytes say the very
same thing, whoever sends them, so nothing can pass from one patient to another. What depends on
anything else (the moment, the patient of the call, other resources) is never kept here but applied
afterwards, every time.

The memory is bounded, whatever is sent: by `MOST` resources, of which the text itself is not kept,
and by `MOST_BYTES` that what was read of them may take; a resource longer than `LONGEST` is read
every time. It lives in the process, is never written anywhere and dies with the process.
"""

from __future__ import annotations

import hashlib
from threading import Lock

MOST = 8192  # resources
MOST_BYTES = 20_000_000  # by `weight_of`: about 6,000 laboratory results
LONGEST = 16_384  # bytes of one resource


class Known:
    """What some bytes say: their type, id, owner, and what each reader made of them.

    `readings` holds, by reader, what it read and with which terminology: see `chart.reading.once`.
    """

    __slots__ = ("id", "owner", "readings", "type")

    def __init__(self, kind: str, name: str, owner: str) -> None:
        self.type = kind
        self.id = name
        self.owner = owner
        self.readings: dict[object, tuple[object, object]] = {}


class Memory:
    """Resources by the digest of their bytes; those not asked for any longer are forgotten.

    Two generations instead of an exact order of use: what is asked for moves to the young one, and
    when that holds half of what may be kept, the old one is dropped as a whole. Looking up needs no
    lock; two threads that read the same resource at once only do the same work twice.
    """

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most = most // 2
        self._most_bytes = most_bytes // 2
        self._young: dict[bytes, tuple[Known, int]] = {}
        self._old: dict[bytes, tuple[Known, int]] = {}
        self._bytes = 0
        self._turning = Lock()

    def __len__(self) -> int:
        return len(self._young.keys() | self._old.keys())

    def recalled(self, digest: bytes) -> Known | None:
        """What is known of the bytes with this digest, if anything."""
        found = self._young.get(digest)
        if found is not None:
            return found[0]
        found = self._old.get(digest)
        if found is None:
            return None
        self.keep(digest, *found)
        return found[0]

    def keep(self, digest: bytes, known: Known, weight: int) -> None:
        """Remember something that takes about `weight` bytes."""
        with self._turning:
            if len(self._young) >= self._most or self._bytes + weight > self._most_bytes:
                self._young, self._old, self._bytes = {}, self._young, 0
            self._young[digest] = known, weight
            self._bytes += weight


def digest_of(raw: bytes) -> bytes:
    """The name under which bytes are remembered: 32 bytes that nothing else has."""
    return hashlib.sha256(raw).digest()


def weight_of(raw: bytes) -> int:
    """About how many bytes are taken by what is read of a resource, rather too many: every comma
    may stand between two objects, and the smallest takes much more room than its two brackets."""
    return len(raw) + 100 * raw.count(b",")
