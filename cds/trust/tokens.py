"""Tokens as text: what can be told of one before any key is looked for.

The form is read here and not by a library, because the order matters: a token is refused for its
length before it is decoded, and for its algorithm before a key is touched.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cds.clients.keys import ALGORITHMS, is_kid
from cds.trust.refusal import Refused

LONGEST = 8 * 1024
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_KEY_MEMBERS = frozenset({"jwk", "x5c", "x5u"})


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is well formed. Nothing in it is believed before its signature is verified."""

    algorithm: str
    kid: str = field(repr=False)
    jku: str | None = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def one_header(values: Sequence[str]) -> str | None:
    """The Authorization header of a request that may carry several: those are joined, which the
    gate then refuses as two tokens."""
    return ", ".join(values) if values else None


def read_token(authorization: str | None) -> Token:
    """The token of an Authorization header. Raises Refused."""
    head, body, tail = _parts(_compact(authorization))
    header, claims = _object(head), _object(body)
    _check_header(header)
    return Token(
        algorithm=header["alg"],
        kid=header["kid"],
        jku=header.get("jku"),
        claims=claims,
        signed=f"{head}.{body}".encode(),
        signature=_decoded(tail),
    )


def _compact(authorization: str | None) -> str:
    if authorization is None or not authorization.strip():
        raise Refused("no-token")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer":
        raise Refused("scheme")
    token = token.strip()
    if not token:
        raise Refused("no-token")
    if len(token) > LONGEST:
        raise Refused("too-long")
    if " " in token or "," in token:
        raise Refused("two-tokens")
    return token


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(parts) != 3:
        raise Refused("not-a-jwt")
    head, body, tail = parts
    return head, body, tail


def _decoded(text: str) -> bytes:
    """Strict base64url. An empty signature is allowed here, so that `alg: none` is refused as what
    it is."""
    if text and not _BASE64URL.fullmatch(text):
        raise Refused("not-a-jwt")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise Refused("not-a-jwt") from None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Refused("not-a-jwt") from None
    if not isinstance(found, dict):
        raise Refused("not-a-jwt")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a member stands twice")
    return found


def _no_constant(_: str) -> Any:
    raise ValueError("NaN and Infinity are not JSON")


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") not in ALGORITHMS.values():
        raise Refused("alg")
    if header.get("typ") != "JWT":
        raise Refused("typ")
    if "crit" in header:
        raise Refused("crit")
    if _KEY_MEMBERS & header.keys():
        raise Refused("own-key")
    if not is_kid(header.get("kid")):
        raise Refused("kid")
    if not isinstance(header.get("jku", ""), str):
        raise Refused("jku")
