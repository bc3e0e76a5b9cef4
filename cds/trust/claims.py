"""What a verified token says, compared with the clock and with the address that was called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cds.clients.addresses import is_loopback
from cds.clients.model import Client
from cds.trust.refusal import Refused

LONGEST_LIFE = 300  # seconds from iat to exp: what CDS Hooks shows, and its sandbox uses
LEEWAY = 60  # seconds two clocks may differ
_PORTS = {"http": 80, "https": 443}
_LONGEST_JTI = 255


@dataclass(frozen=True, slots=True)
class Address:
    """The address that was called, as the client writes it, and what may be compared with it.

    `public_url` is the service's own (`CDS_PUBLIC_URL`). Without one only a loopback address counts
    as ours: the host of a request is what the caller wrote, and a token meant for another service
    would pass if its host were believed.
    """

    called: str
    public_url: str | None

    def is_called(self, audience: str) -> bool:
        """Whether a token for `audience` may be used here."""
        called = same_address(self.called)
        return bool(called) and self._ours() and same_address(audience) == called

    def is_sibling(self, audience: str) -> bool:
        """Whether `audience` is this service too, at another address."""
        base = same_address(self.public_url or "")
        return bool(base) and f"{same_address(audience)}/".startswith(f"{base}/")

    def _ours(self) -> bool:
        if self.public_url is None:
            return is_loopback(urlsplit(self.called).hostname or "")
        return self.is_sibling(self.called)


def same_address(text: str) -> str:
    """The address in the form in which two are compared; "" where it is none.

    Scheme and host in small letters, no usual port, no slash at the end. An address with query or
    fragment is none.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "?" in text or "#" in text:
        return ""
    if parts.username is not None or not text.isprintable():
        return ""
    shown = "" if port in (None, _PORTS[parts.scheme]) else f":{port}"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{shown}{parts.path.rstrip('/')}"


def check_times(claims: Mapping[str, Any], now: float, leeway: float = LEEWAY) -> float:
    """The moment (wall seconds) from which the token counts no more. Raises Refused."""
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    if expires is None or issued is None:
        raise Refused("times-missing")
    if expires + leeway <= now:
        raise Refused("expired")
    if issued - leeway > now:
        raise Refused("future")
    if "nbf" in claims:
        begins = _seconds(claims["nbf"])
        if begins is None or begins - leeway > now:
            raise Refused("not-yet")
    if expires - issued > LONGEST_LIFE + leeway:
        raise Refused("too-durable")
    return expires + leeway


def check_audience(claims: Mapping[str, Any], client: Client, address: Address) -> None:
    """Raises Refused unless the token is for the address called, or has an agreed audience."""
    named = claims.get("aud")
    audiences = [named] if isinstance(named, str) else named
    if not isinstance(audiences, list) or not audiences:
        raise Refused("aud-missing")
    if not all(isinstance(audience, str) for audience in audiences):
        raise Refused("aud-missing")
    if any(one in client.audiences or address.is_called(one) for one in audiences):
        return
    raise Refused("sibling" if any(address.is_sibling(one) for one in audiences) else "aud")


def read_jti(claims: Mapping[str, Any]) -> str:
    """The token's own name. Raises Refused."""
    name = claims.get("jti")
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_JTI:
        raise Refused("jti")
    return name


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e12 else None  # nor NaN, nor infinity
