"""The public keys of clients: given in the trust file, or fetched from the one address it names.

A key address is asked rarely: while its answer is fresh, not at all; for a key id it did not have,
once in `COOLDOWN` seconds, whatever callers send. While it fails, the keys it gave last still count
for a day, so that an outage at the client's does not silence the advice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import httpx
import structlog

from cds.clients.keys import PublicKey, public_key
from cds.clients.model import Client
from cds.errors import Overloaded
from cds.trust.keyset import FRESH, fetch_keys, trouble
from cds.trust.keystate import STALE, KeyState

__all__ = ["COOLDOWN", "STALE", "JwksCache", "KeySource", "KeyState"]

log = structlog.get_logger("cds.trust")

COOLDOWN = 30.0  # seconds between two requests to one address


class KeySource(Protocol):
    """Where the gate finds keys."""

    async def find(self, client: Client, kid: str, algorithm: str) -> PublicKey | None:
        """The client's key of that name for that algorithm. Raises Overloaded (503) where its keys
        are out of reach."""


@dataclass(slots=True)
class _Kept:
    keys: tuple[PublicKey, ...] = ()
    fetched: float | None = None
    tried: float | None = None
    fresh_for: float = FRESH
    failing: bool = False
    outcome: str = "never fetched"
    flight: asyncio.Task[None] | None = None

    def age(self, now: float) -> float | None:
        return None if self.fetched is None else now - self.fetched

    def counts(self, now: float, seconds: float) -> bool:
        age = self.age(now)
        return age is not None and age < seconds

    def under_way(self) -> asyncio.Task[None] | None:
        return None if self.flight is None or self.flight.done() else self.flight


class JwksCache:
    """The keys of all clients, for one event loop. `http` must be guarded against addresses in the
    service's own network; `clock` counts seconds and never goes back."""

    def __init__(
        self, http: httpx.AsyncClient, clients: Iterable[Client], clock: Callable[[], float]
    ) -> None:
        self._http = http
        self._clock = clock
        self._clients = {client.name: client for client in clients}
        self._given = {
            client.name: tuple(public_key(key) for key in client.keys)
            for client in self._clients.values()
            if not client.jku
        }
        self._kept = {client.name: _Kept() for client in self._clients.values() if client.jku}

    async def find(self, client: Client, kid: str, algorithm: str) -> PublicKey | None:
        """The key, if the client has it; asks the key address where that may help."""
        if client.name in self._given:
            return _pick(self._given[client.name], kid, algorithm)
        kept = self._kept[client.name]
        now = self._clock()
        found = _pick(kept.keys, kid, algorithm) if kept.counts(now, STALE) else None
        if found and kept.counts(now, kept.fresh_for):
            return found
        self._refresh(client, kept, now)
        if found and kept.failing:
            return found  # while the address fails, calls do not wait for it
        if flight := kept.under_way():
            await asyncio.shield(flight)  # one caller who leaves must not spoil it for others
        if not kept.counts(self._clock(), STALE):
            raise Overloaded(
                "the keys of this client cannot be fetched at the moment; try again",
                retry_after=int(COOLDOWN),
            )
        return _pick(kept.keys, kid, algorithm)

    async def warm(self) -> None:
        """Ask every key address once, so that the first call need not wait. Never fails."""
        for name, kept in self._kept.items():
            self._refresh(self._clients[name], kept, self._clock())
        await asyncio.gather(*self._flights())

    def state(self) -> Mapping[str, KeyState]:
        """How the keys of each client stand, by its name: for the health page."""
        now = self._clock()
        given = {
            name: KeyState(None, "given in the trust file", len(keys))
            for name, keys in self._given.items()
        }
        fetched = {
            name: KeyState(kept.age(now), kept.outcome, len(kept.keys))
            for name, kept in self._kept.items()
        }
        return {**given, **fetched}

    async def close(self) -> None:
        """Stop what is under way; the http client is its owner's to close."""
        flights = self._flights()
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flights(self) -> list[asyncio.Task[None]]:
        return [flight for kept in self._kept.values() if (flight := kept.under_way())]

    def _refresh(self, client: Client, kept: _Kept, now: float) -> None:
        """Start to ask the key address, unless that is under way or was done just now."""
        if kept.under_way() or (kept.tried is not None and now - kept.tried < COOLDOWN):
            return
        kept.tried = now
        kept.flight = asyncio.create_task(self._fetch(client, kept, now))

    async def _fetch(self, client: Client, kept: _Kept, now: float) -> None:
        """Renew the keys. Never raises: whatever goes wrong, the last good keys stay."""
        try:
            found = await fetch_keys(self._http, client.jku)
        except Exception as error:
            kept.failing, kept.outcome = True, trouble(error)
            log.warning("keys not fetched", client=client.name, outcome=kept.outcome)
            return
        kept.keys, kept.fresh_for, kept.fetched = found.keys, found.fresh_for, now
        kept.failing, kept.outcome = False, "fetched"
        log.info("keys fetched", client=client.name, keys=len(found.keys))


def _pick(keys: Iterable[PublicKey], kid: str, algorithm: str) -> PublicKey | None:
    return next((key for key in keys if key.kid == kid and key.algorithm == algorithm), None)
