"""The gate: from an Authorization header to the client that is proved to be calling.

The order is the safety of it. Form first, then the issuer, which must be in the trust file before
anything is fetched; then key and signature; only then what the token says; last the replay table,
so that nobody but the holder of the key can fill it.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import structlog

from cds.clients.model import Client
from cds.clients.trustfile import Trust
from cds.errors import Forbidden
from cds.trust.claims import LEEWAY, Address, check_audience, check_times, read_jti
from cds.trust.jwks import KeySource
from cds.trust.refusal import Refused
from cds.trust.replay import ReplayTable
from cds.trust.tokens import Token, read_token

log = structlog.get_logger("cds.trust")


class Gate:
    """Admits the clients of a trust file (CDS Hooks 2.0.1, "Trusting CDS Clients")."""

    def __init__(
        self,
        trust: Trust,
        keys: KeySource,
        replay: ReplayTable,
        clock: Callable[[], float],
        public_url: str | None,
        leeway: float = LEEWAY,
    ) -> None:
        """`clock` gives wall seconds, the real time: a fixed clinical clock never judges a token.
        `public_url` is the address by which clients reach the service."""
        self._trust = trust
        self._keys = keys
        self._replay = replay
        self._clock = clock
        self._public_url = public_url
        self._leeway = leeway

    async def admit(self, authorization: str | None, url: str) -> Client:
        """The client that calls `url`, the address as the client sees it.

        Raises Refused (401) with the reason, Forbidden (403) where the service called is none of
        the client's, Overloaded (503) where keys or the replay table are out of reach.
        """
        try:
            client = await self._proved(authorization, url)
        except Refused as refused:
            log.warning("caller refused", reason=refused.reason)
            raise
        service = service_of(url)
        if service and not client.may_call(service):
            log.warning("service not allowed", client=client.name)
            raise Forbidden("this client may not call this service; its site decides which it may")
        return client

    async def _proved(self, authorization: str | None, url: str) -> Client:
        token = read_token(authorization)
        client = self._issuer(token)
        key = await self._keys.find(client, token.kid, token.algorithm)
        if key is None:
            raise Refused("key")
        if not key.verifies(token.signed, token.signature):
            raise Refused("signature")
        now = self._clock()
        until = check_times(token.claims, now, self._leeway)
        check_audience(token.claims, client, Address(url.partition("?")[0], self._public_url))
        if not self._replay.spend(client.issuer, read_jti(token.claims), until, now):
            raise Refused("replayed")
        return client

    def _issuer(self, token: Token) -> Client:
        issuer = token.claims.get("iss")
        client = self._trust.clients.get(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise Refused("iss")
        if token.jku is not None and token.jku != client.jku:
            raise Refused("jku")
        return client


def service_of(url: str) -> str:
    """The id of the service an address is of; "" for discovery."""
    return urlsplit(url).path.partition("/cds-services/")[2].partition("/")[0]
