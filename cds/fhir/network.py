"""A door to FHIR servers that leads to checked network addresses only.

The name of a server is resolved here, every address it has is checked, and the connection goes to
a checked address: what the name resolves to a moment later changes nothing. Certificate and `Host`
header stay those of the name. Nothing is followed, remembered or read from the environment:
no redirects, no cookies, no proxies, no `.netrc` (design section 8; clinical data and tokens).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

Network = IPv4Network | IPv6Network
Allowed = Sequence[Network] | Callable[[str], Sequence[Network]]
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

REMEMBERED = 30.0  # seconds for which a name keeps its checked addresses
TIMEOUT = httpx.Timeout(connect=2.0, read=5.0, write=2.0, pool=2.0)
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=30)
_TRIED = 3
# Global by the registries, but each carries another address inside or reaches whoever is nearest.
_CARRYING = tuple(
    ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "fec0::/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
    )
)


class AddressRefused(httpx.TransportError):
    """The server stands where this service must not go. Names no address."""


async def resolve_name(host: str, port: int) -> Sequence[str]:
    """All network addresses of a host, as the system resolves it. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(item[4][0]) for item in found))


def is_reachable(text: str, allowed: Sequence[Network]) -> bool:
    """Whether a connection to this network address may be made: it is public, or lies in a network
    that was allowed by name."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if any(address in network for network in allowed):
        return True
    return _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    hidden = any(address in network for network in _CARRYING)
    return address.is_global and not special and not hidden


def guarded_http(
    allow_private: Allowed = (),
    allow_http: bool = False,
    resolver: Resolver = resolve_name,
    *,
    verify: ssl.SSLContext | bool = True,
    timeout: httpx.Timeout = TIMEOUT,
    clock: Callable[[], float] = time.monotonic,
    inner: Callable[[], httpx.AsyncBaseTransport] | None = None,
) -> httpx.AsyncClient:
    """A client for FHIR servers; whoever makes it closes it.

    `allow_private`: networks that may be entered although they are not public, for all hosts or by
    host. `allow_http`: plain http too (sandbox). `clock`: monotonic seconds. `inner` makes the
    transport of one host. A forbidden address raises `AddressRefused`.
    """
    # httpx writes each address it calls into its log, and addresses hold ids of patients.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    transport = _Guarded(allow_private, allow_http, resolver, clock, inner or _plain(verify))
    return httpx.AsyncClient(
        transport=transport,
        timeout=timeout,
        trust_env=False,
        follow_redirects=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": "electrolyte-cds"},
    )


def _plain(verify: ssl.SSLContext | bool) -> Callable[[], httpx.AsyncBaseTransport]:
    context = httpx.create_ssl_context(verify=verify, trust_env=False)
    return lambda: httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=LIMITS)


class _Guarded(httpx.AsyncBaseTransport):
    """One transport per host name: a connection whose certificate was checked for one name must
    not serve another name at the same address."""

    def __init__(
        self,
        allowed: Allowed,
        allow_http: bool,
        resolver: Resolver,
        clock: Callable[[], float],
        inner: Callable[[], httpx.AsyncBaseTransport],
    ) -> None:
        self._allowed = allowed
        self._schemes = ("https", "http") if allow_http else ("https",)
        self._resolver = resolver
        self._clock = clock
        self._inner = inner
        self._hosts: dict[str, httpx.AsyncBaseTransport] = {}
        self._known: dict[tuple[str, int], tuple[float, Sequence[str]]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme not in self._schemes:
            raise AddressRefused("only https is spoken to a FHIR server", request=request)
        host = _host(request)
        addresses = await self._checked(request, host)
        transport = self._hosts.get(host)
        if transport is None:
            transport = self._hosts[host] = self._inner()
        for address in addresses[:-1]:
            try:
                return await transport.handle_async_request(_pinned(request, address))
            except httpx.ConnectError:
                continue
        return await transport.handle_async_request(_pinned(request, addresses[-1]))

    async def aclose(self) -> None:
        for transport in self._hosts.values():
            await transport.aclose()

    async def _checked(self, request: httpx.Request, host: str) -> Sequence[str]:
        """The addresses of a host, all of them allowed. One forbidden address refuses the host:
        nobody honest answers with a public and a private one at once."""
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        until, addresses = self._known.get((host, port), (0.0, ()))
        if not addresses or self._clock() >= until:
            addresses = await self._resolved(request, host, port)
            self._known[host, port] = self._clock() + REMEMBERED, addresses
        allowed = self._allowed(host) if callable(self._allowed) else self._allowed
        if not all(is_reachable(address, allowed) for address in addresses):
            raise AddressRefused("the FHIR server has a forbidden address", request=request)
        return addresses[:_TRIED]

    async def _resolved(self, request: httpx.Request, host: str, port: int) -> Sequence[str]:
        try:
            addresses = await self._resolver(host, port)
        except (OSError, UnicodeError):
            addresses = ()
        if not addresses:
            raise httpx.ConnectError("the name of the FHIR server is not known", request=request)
        return addresses


def _pinned(request: httpx.Request, address: str) -> httpx.Request:
    """The request to this very address. The headers, `Host` among them, are kept."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": _host(request)},
    )


def _host(request: httpx.Request) -> str:
    """The host as it is sent: an international name in its ASCII form."""
    return request.url.raw_host.decode("ascii").strip("[]")
