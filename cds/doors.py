"""The two doors of the service: who may come in, and where it goes out to fetch data.

What settings and trust file say becomes one `Doors`; the edges ask it and know no client, key or
address themselves.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cds.cards.adapt import unknown_orders
from cds.clients.model import Client
from cds.errors import SettingsError, Unauthorized
from cds.fhir.access import Fetched, FetchLimits, FhirAccess
from cds.hooks.request import HookCall
from cds.hooks.services import SERVICES
from cds.rulebook.model import OrderTemplate
from cds.settings import Settings

# Clients with keys and fetching take a quarter of a second to load, and a sandbox has neither.
if TYPE_CHECKING:
    import httpx

    from cds.clients.trustfile import Trust
    from cds.trust.gate import Gate
    from cds.trust.jwks import JwksCache
    from cds.trust.keystate import KeyState
    from cds.trust.replay import SqliteReplay

# The one client of a sandbox without a trust file. Web and command line name the same one, so that
# a call from a file gives the very bytes it gives over HTTP (law 7).
SANDBOX = Client("sandbox")
SPENT_TOKENS = "spent-tokens.sqlite3"
_LOOPBACK = ("127.0.0.0/8", "::1/128")
_LIMITS = FetchLimits()

Network = IPv4Network | IPv6Network


@dataclass(slots=True)
class Doors:
    """`wall` counts real seconds since 1970, `monotonic` seconds from anywhere. Objects that hold
    connections are made when they are first needed, inside the event loop that uses them."""

    settings: Settings
    trust: Trust | None
    wall: Callable[[], float]
    monotonic: Callable[[], float]
    _http: httpx.AsyncClient | None = field(default=None, init=False)
    _keys: JwksCache | None = field(default=None, init=False)
    _gate: Gate | None = field(default=None, init=False)
    _replay: SqliteReplay | None = field(default=None, init=False)

    async def admit(self, authorization: str | None, url: str) -> Client:
        """The client that calls `url`. Raises Unauthorized, Forbidden, Overloaded."""
        if self.trust is None:
            if self.settings.sandbox:
                return SANDBOX
            raise Unauthorized("no client is trusted here; CDS_TRUST names the file of clients")
        return await self._the_gate(self.trust).admit(authorization, url)

    async def fetch(
        self,
        call: HookCall,
        keys: Sequence[str],
        client: Client,
        templates: Mapping[str, str],
        own: Sequence[str],
        deadline: float,
    ) -> Fetched:
        """What the call left out, from the FHIR server it names, if the client may name it.

        `own`: the base addresses of this service's own sandbox server; `deadline` is on
        `monotonic`. Never raises for what the other side does.
        """
        if call.fhir_server is None:
            return Fetched()
        allowed = (*client.fhir_servers, *(own if self.settings.sandbox else ()))
        access = FhirAccess(self._the_http(), templates, self.monotonic, _LIMITS)
        return await access.fetch(call, keys, allowed, deadline)

    async def open(self) -> None:
        """Fetch the keys of all clients, so that the first call need not wait. Never fails."""
        if self.trust is not None:
            self._the_gate(self.trust)
            if self._keys is not None:
                await self._keys.warm()

    async def close(self) -> None:
        """Close what was opened."""
        if self._keys is not None:
            await self._keys.close()
        if self._replay is not None:
            self._replay.close()
        if self._http is not None:
            await self._http.aclose()
        self._keys = self._gate = self._replay = self._http = None

    def refuse_unknown_orders(self, templates: Mapping[str, OrderTemplate]) -> None:
        """Raises SettingsError where a client maps an order that no rule can offer: a misspelt one
        would stay a sentence for ever."""
        for client in self.trust.clients.values() if self.trust else ():
            if unknown := unknown_orders(client.profile, templates):
                raise SettingsError(
                    f"CDS_TRUST client {client.name}: `order_codes` names {unknown[0]}, which is "
                    "no order of the rules; docs/CLIENTS.md says how orders are named"
                )

    def key_state(self) -> Mapping[str, KeyState]:
        """How the keys of each client stand, for the health page."""
        return {} if self._keys is None else self._keys.state()

    def _the_gate(self, trust: Trust) -> Gate:
        if self._gate is None:
            from cds.trust.gate import Gate
            from cds.trust.jwks import JwksCache
            from cds.trust.replay import SqliteReplay

            self._keys = JwksCache(self._the_http(), trust.clients.values(), self.monotonic)
            self._replay = SqliteReplay(self.settings.state / SPENT_TOKENS)
            self._gate = Gate(trust, self._keys, self._replay, self.wall, self.settings.public_url)
        return self._gate

    def _the_http(self) -> httpx.AsyncClient:
        if self._http is None:
            from cds.fhir.network import guarded_http

            self._http = guarded_http(
                self._networks(), allow_http=self.settings.sandbox, verify=self._authorities()
            )
        return self._http

    def _authorities(self) -> ssl.SSLContext | bool:
        """Whose certificates count: the public authorities, or a hospital's own as well."""
        if self.settings.ca_file is None:
            return True
        import httpx

        context = httpx.create_ssl_context(trust_env=False)
        context.load_verify_locations(cafile=self.settings.ca_file)
        return context

    def _networks(self) -> Callable[[str], Sequence[Network]]:
        """The private networks in which a host may stand: those of the clients that name it."""
        found: dict[str, list[Network]] = {}
        for client in self.trust.clients.values() if self.trust else ():
            for address in (*client.fhir_servers, client.jku):
                host = urlsplit(address).hostname or ""
                found.setdefault(host, []).extend(ip_network(text) for text in client.networks)
        loopback = [ip_network(text) for text in _LOOPBACK] if self.settings.sandbox else []
        return lambda host: [*found.get(host, ()), *loopback]


def doors(settings: Settings, wall: Callable[[], float], monotonic: Callable[[], float]) -> Doors:
    """The doors as the settings have them. Raises SettingsError for the trust file."""
    trust = None
    if settings.trust is not None:
        from cds.clients.trustfile import load_trust, refuse_unknown_services
        from cds.trust.replay import SqliteReplay

        trust = load_trust(settings.trust, sandbox=settings.sandbox)
        refuse_unknown_services(trust, SERVICES)
        _refuse_unknown_address(settings, trust)
        SqliteReplay(settings.state / SPENT_TOKENS).close()  # said now, not at the first call
    return Doors(settings, trust, wall, monotonic)


def _refuse_unknown_address(settings: Settings, trust: Trust) -> None:
    """A token is made for one address. Behind a proxy nobody but the setting knows it, and what a
    request says of its host is never believed."""
    if settings.sandbox or settings.public_url is not None:
        return
    for client in trust.clients.values():
        if not client.audiences:
            raise SettingsError(
                "CDS_PUBLIC_URL: set the address by which clients reach this service, for example "
                "CDS_PUBLIC_URL=https://cds.example.org; tokens are made for it (or give client "
                f"{client.name} its `audiences` in the trust file)"
            )
