"""How much one client, and all of them together, may ask of this process.

Everything here is pure or counts: the clock (seconds, monotonic) is handed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cds.errors import Overloaded, TooMany

# A bucket holds what may come at once: a tenth of the minute's calls, so that opening a busy ward's
# list is not refused, and never less than five.
_BURST_SHARE, _LEAST_BURST = 10, 5


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled: float  # when, on the clock


class RateLimits:
    """Token buckets, one per client. Clients are the trust file's, so the table stays small."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, client: str, a_minute: int) -> None:
        """Take a token of the client's bucket, which `a_minute` fill in a minute; 0 = not limited.

        Raises TooMany with the seconds after which there is one again.
        """
        if a_minute <= 0:
            return
        now, rate = self._clock(), a_minute / 60
        most = float(max(_LEAST_BURST, a_minute // _BURST_SHARE))
        bucket = self._buckets.setdefault(client, _Bucket(most, now))
        bucket.tokens = min(most, bucket.tokens + (now - bucket.filled) * rate)
        bucket.filled = now
        if bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / rate))
            raise TooMany(
                f"this client may send {a_minute} calls a minute; try again in {wait} s",
                retry_after=wait,
            )
        bucket.tokens -= 1


class Room:
    """How many calls may be in work at once (`CDS_MAX_CONCURRENT`)."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    @property
    def free(self) -> bool:
        """Whether there is a place left."""
        return self.taken < self._most

    def place(self) -> Room:
        """`with room.place():` is a place for one call. Raises Overloaded at once when there is
        none: a call that waits in a line comes too late for the clinician anyway."""
        if not self.free:
            raise Overloaded("too many calls are in work; try again in a second", retry_after=1)
        return self

    def __enter__(self) -> None:
        self.taken += 1

    def __exit__(self, *_: object) -> None:
        self.taken -= 1
