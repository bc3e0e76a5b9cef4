"""What the parts of a call are known by."""

from __future__ import annotations

import hashlib

import msgspec


class Digests:
    """SHA-256 of the parts of one call. A long list takes a while, and several look for it: each is
    worked out once."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # With the part itself, so that its identity is not given to another.
        self._known: dict[int, tuple[msgspec.Raw, bytes]] = {}

    def of(self, part: msgspec.Raw) -> bytes:
        """32 bytes that no other text has."""
        known = self._known.get(id(part))
        if known is None:
            known = self._known[id(part)] = (part, hashlib.sha256(part).digest())
        return known[1]
