"""One request to a key address, and what of its answer is believed."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import Any

import httpx

from cds.clients.keys import PublicKey, public_key

FRESH, SHORTEST, LONGEST = 300.0, 60.0, 3600.0  # seconds an answer counts as new
TIMEOUT = 3.0  # seconds for the whole exchange
LARGEST = 64 * 1024  # bytes of a key set
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})", re.IGNORECASE)
_NO_STORE = re.compile(r"(?:^|[\s,])no-(?:store|cache)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an answer, and the seconds for which it counts as new."""

    keys: tuple[PublicKey, ...]
    fresh_for: float


class NoKeysError(Exception):
    """The answer of a key address cannot be used; the text is fit for a log."""


async def fetch_keys(http: httpx.AsyncClient, jku: str) -> KeySet:
    """Ask a key address. Raises NoKeysError, or what the http client raises."""
    async with asyncio.timeout(TIMEOUT):
        return await _ask(http, jku)


async def _ask(http: httpx.AsyncClient, jku: str) -> KeySet:
    # Uncompressed, because the limit is on what has to be held; a redirect is an answer like any
    # other that is not 200.
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with http.stream(
        "GET", jku, headers=headers, follow_redirects=False, timeout=TIMEOUT
    ) as reply:
        if reply.status_code != httpx.codes.OK:
            raise NoKeysError(f"the key address answered {reply.status_code}")
        if reply.headers.get("content-encoding", "identity").lower() != "identity":
            raise NoKeysError("the key address answered compressed")
        content = b""
        async for piece in reply.aiter_raw():
            content += piece
            if len(content) > LARGEST:
                raise NoKeysError("the key set is larger than 64 KiB")
        return KeySet(key_set(content), _fresh_for(reply.headers.get("cache-control", "")))


def key_set(content: bytes) -> tuple[PublicKey, ...]:
    """The keys of a JWK Set that may verify a token; others in it are passed over.

    An empty set is believed: it is how a client takes its keys back.
    """
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError):
        raise NoKeysError("the key set is not JSON") from None
    listed = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        raise NoKeysError("the answer is no JWK Set (`keys`)")
    return tuple(key for jwk in listed if (key := _usable(jwk)) is not None)


def _usable(jwk: object) -> PublicKey | None:
    try:
        return public_key(jwk) if isinstance(jwk, dict) else None
    except ValueError:
        return None


def _fresh_for(cache_control: str) -> float:
    if _NO_STORE.search(cache_control):
        return SHORTEST
    named = _MAX_AGE.search(cache_control)
    return min(max(float(named[1]), SHORTEST), LONGEST) if named else FRESH


def trouble(error: Exception) -> str:
    """What went wrong with a request, in words fit for a log."""
    if isinstance(error, NoKeysError):
        return str(error)
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return "the key address did not answer in time"
    return f"the key address could not be reached ({type(error).__name__})"
