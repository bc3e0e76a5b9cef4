"""Sessions of the console: all of one stands in its cookie, sealed; the service keeps nothing.

A session belongs to a role and to the token that role has now. Where the token is changed, its
sessions are over.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cds.links import derived

IDLE = timedelta(minutes=30)  # without a request a session ends
LONGEST = timedelta(hours=8)  # a session ends, whatever is done in it
RENEWED = timedelta(minutes=1)  # how old a cookie gets before it is replaced

_COOKIE = re.compile(r"([a-z]+)\.([0-9a-f]{32})\.([0-9]{1,12})\.([0-9]{1,12})\.([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Session:
    """`begun` and `last` (its last request) are seconds since 1970."""

    role: str
    id: str
    begun: int
    last: int


class Sessions:
    """Begins, seals and reads sessions. `secret` is one of the service; `tokens` are those of the
    roles; `wall` tells the real time."""

    def __init__(
        self, secret: bytes, tokens: Mapping[str, str], wall: Callable[[], datetime]
    ) -> None:
        own = derived(secret, "sessions")
        self._keys = {role: derived(own, f"{role} {token}") for role, token in tokens.items()}
        self._wall = wall

    def begin(self, role: str) -> Session:
        """A new session of a role that has a token."""
        now = self._now()
        return Session(role, secrets.token_hex(16), now, now)

    def renewed(self, session: Session) -> Session | None:
        """The session with this request as its last; None = its cookie is new enough."""
        now = self._now()
        if now - session.last < RENEWED.total_seconds():
            return None
        return replace(session, last=now)

    def sealed(self, session: Session) -> str:
        """What stands in the cookie."""
        told = f"{session.role}.{session.id}.{session.begun}.{session.last}"
        return f"{told}.{self._mac(session.role, told)}"

    def read(self, cookie: str) -> Session | None:
        """The session of a cookie; None where it is over, or is none of ours."""
        found = _COOKIE.fullmatch(cookie)
        if found is None or found[1] not in self._keys:
            return None
        told, _, seal = cookie.rpartition(".")
        if not hmac.compare_digest(seal, self._mac(found[1], told)):
            return None
        session = Session(found[1], found[2], int(found[3]), int(found[4]))
        return session if self._lasts(session) else None

    def csrf(self, session: Session) -> str:
        """What every form of this session must carry, and nobody else can know."""
        return self._mac(session.role, f"csrf {session.id}")

    def _lasts(self, session: Session) -> bool:
        now = self._now()
        idle, whole = now - session.last, now - session.begun
        # One from the future is none of this clock's.
        return -1 <= idle < IDLE.total_seconds() and -1 <= whole < LONGEST.total_seconds()

    def _mac(self, role: str, told: str) -> str:
        return hmac.digest(self._keys[role], told.encode(), "sha256").hex()

    def _now(self) -> int:
        return int(self._wall().timestamp())
