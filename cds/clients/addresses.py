"""Addresses and networks a trust file may name."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

Network = IPv4Network | IPv6Network

_PRIVATE: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_LOOPBACK: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


# A dot segment or an encoded slash moves the rest of a path elsewhere, for some readers only.
_MOVING = re.compile(r"(^|/)\.{1,2}(/|$)|//|%2[ef]|%5c|%00", re.IGNORECASE)


def check_address(text: str, *, sandbox: bool, query: bool = False) -> str:
    """The address without a slash at its end. Raises ValueError saying what it must be.

    https, and http too in the sandbox. No user name in it, no fragment, and no query unless
    `query`.
    """
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError("must be an address of plain characters, without spaces")
    parts = _split(text)
    if parts.scheme != "https" and not (sandbox and parts.scheme == "http"):
        raise ValueError("must be an https address; http is for the sandbox only")
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError(
            "must have a host and no user name, for example https://ehr.example.org/r4"
        )
    if _MOVING.search(parts.path.rstrip("/")):
        raise ValueError("must be an address without `..`, `//` or an encoded slash in its path")
    if "#" in text or ("?" in text and not query):
        raise ValueError("must be an address without query and fragment")
    return text if query else text.rstrip("/")


def check_network(text: str, *, sandbox: bool) -> str:
    """A private network in CIDR form. Raises ValueError saying what it must be.

    Public addresses need no entry. Link-local ones are never allowed: cloud hosts hand out their
    credentials there.
    """
    try:
        network = ip_network(text)
    except ValueError:
        raise ValueError("must be a network in CIDR form, for example 10.20.0.0/16") from None
    allowed = (*_PRIVATE, *_LOOPBACK) if sandbox else _PRIVATE
    if not any(_within(network, wider) for wider in allowed):
        raise ValueError(
            "must lie within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 or fc00::/7"
        )
    return str(network)


def is_loopback(host: str) -> bool:
    """Whether this host name or address is this very machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no number
    except ValueError:
        raise ValueError("must be a well-formed address") from None
    return parts


def _within(network: Network, wider: Network) -> bool:
    if isinstance(network, IPv4Network):
        return isinstance(wider, IPv4Network) and network.subnet_of(wider)
    return isinstance(wider, IPv6Network) and network.subnet_of(wider)
