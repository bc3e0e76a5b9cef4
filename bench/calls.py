"""What a client sends: the same call again and again, or each time another one; with or without a
token."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

Other = Callable[[bytes, int], bytes]

# Numbers of patients and calls, never used twice in one run: no server may have seen them.
_numbers = count(1)
_FIRST_GUESS = 200
_MARGIN = 1.3
# Requests made for one round of wrk, which takes them in turn: bodies that come round again are
# long forgotten by then, a token must never come again.
_IN_TURN = 600
_TOKENS_A_SECOND = 1500


@dataclass(slots=True)
class Calls:
    """Requests to one address of the server at `port`.

    `bodies`: one = the same call every time; with `other` every request is a call of its own, which
    that makes from one of them in turn and a number. `token` makes a token for each request.
    """

    port: int
    path: str
    bodies: tuple[bytes, ...]
    other: Other | None = None
    token: Callable[[], str] | None = None
    _ready: deque[bytes] = field(default_factory=deque, init=False)
    _taken: int = field(default=0, init=False)
    _same: bytes = field(default=b"", init=False)

    def next(self) -> bytes:
        """One request."""
        self._taken += 1
        return self._ready.popleft() if self._ready else self._made()

    def prepare(self) -> None:
        """Make as many requests as the last round took, and some more. What is left of that round
        is thrown away: its tokens have grown old."""
        wanted = int(self._taken * _MARGIN) or _FIRST_GUESS
        self._taken = 0
        self._ready.clear()
        if not self._constant:
            self._ready.extend(self._made() for _ in range(wanted))

    def many(self, connections: int, seconds: float) -> list[bytes]:
        """Requests for a client that takes them in turn."""
        if self.token is not None:
            wanted = int(_TOKENS_A_SECOND * seconds) + connections
        else:
            wanted = 1 if self._constant else _IN_TURN
        return [self._made() for _ in range(wanted)]

    @property
    def _constant(self) -> bool:
        return self.other is None and self.token is None

    def _made(self) -> bytes:
        if self._constant:
            self._same = self._same or self._request(self.bodies[0])
            return self._same
        number = next(_numbers)
        body = self.bodies[number % len(self.bodies)]
        return self._request(self.other(body, number) if self.other is not None else body)

    def _request(self, body: bytes) -> bytes:
        bearer = f"Authorization: Bearer {self.token()}\r\n" if self.token is not None else ""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\n{bearer}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body
