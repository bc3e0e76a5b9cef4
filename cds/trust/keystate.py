"""How the keys of clients stand, for whoever watches the service. Loads nothing: most processes
that show it have no client with keys."""

from __future__ import annotations

from dataclasses import dataclass

STALE = 24 * 3600.0  # seconds the last good answer of a key address counts while it fails


@dataclass(frozen=True, slots=True)
class KeyState:
    """How a client's keys stand. `age` in seconds since they were fetched, None if never or given
    in the trust file; `outcome` of the last try, in words."""

    age: float | None
    outcome: str
    keys: int
