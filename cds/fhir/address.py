"""Addresses of FHIR servers, compared part by part and written anew before they are used.

An address from outside is never passed on as it came: it is taken apart once, refused where two
readers could understand it differently, and put together again from the parts that were compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urljoin, urlsplit

_PORTS = {"https": 443, "http": 80}
_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?|[0-9a-f:.]+")
# A dot segment or an encoded slash moves the rest of the path elsewhere, for some readers only.
_MOVING = re.compile(r"(^|/)\.{1,2}(/|$)|//|\\|%2[ef]|%5c|%00", re.IGNORECASE)
_SAFE_IN_QUERY = "=&,:/?%-._~!$'()*+;@"


@dataclass(frozen=True, slots=True)
class Address:
    """An http or https address without userinfo and fragment. `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str
    query: str = ""

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what a token is given to."""
        return self.scheme, self.host, self.port

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{host}{port}{self.path}{query}"

    def has(self, other: Address) -> bool:
        """Whether `other` is this address or lies below it, on the border of a path segment."""
        inside = other.path == self.path or other.path.startswith(f"{self.path}/")
        return self.origin == other.origin and inside

    def below(self, relative: str) -> str:
        """The address of a read or search relative to this base, its query percent-encoded."""
        path, mark, query = relative.partition("?")
        return f"{self}/{path}{mark}{quote(query, safe=_SAFE_IN_QUERY)}"


def read_address(text: str) -> Address | None:
    """The address a text names, or None where it names none that may be contacted: another scheme,
    userinfo, a fragment, a dot segment, an odd host or a character that is not plain ASCII."""
    if not _PRINTABLE.fullmatch(text) or "#" in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or "@" in parts.netloc or not _HOST.fullmatch(host):
        return None
    if _MOVING.search(parts.path) or not _brackets_fit(parts, host):
        return None
    return Address(scheme, host, port or _PORTS[scheme], parts.path.rstrip("/"), parts.query)


def read_base(text: str) -> Address | None:
    """The base address of a FHIR server: an address without a query."""
    found = read_address(text)
    return found if found is not None and not found.query else None


def next_address(base: Address, here: str, link: str) -> Address | None:
    """Where a `next` link of the page at `here` leads; None unless it stays below `base`."""
    if not _PRINTABLE.fullmatch(link):
        return None
    try:
        found = read_address(urljoin(here, link))
    except ValueError:
        return None
    return found if found is not None and base.has(found) else None


def _brackets_fit(parts: SplitResult, host: str) -> bool:
    """`[::1]` is an address of six groups, `::1` without brackets a host and a port."""
    return (":" in host) == parts.netloc.startswith("[")
