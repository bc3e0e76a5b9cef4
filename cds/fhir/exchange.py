"""One question to a FHIR server at a time, each with an outcome and none with an exception.

The token goes to the one server it was issued for, answers are read up to a limit of decoded
bytes, and whatever the other side does ends by the deadline of the call.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from cds.fhir.address import Address, read_address
from cds.fhir.bundle import of_raw
from cds.fhir.outcomes import Outcome, of_status

if TYPE_CHECKING:
    import httpx

_TYPES = frozenset({"application/fhir+json", "application/json"})
_PLAIN = frozenset({"", "identity"})
_ZIPPED = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP_OR_ZLIB = 47  # zlib tells the two apart by their first bytes


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one call may cost. `max_bytes` counts decoded bytes of one answer; `anonymous` lets a
    call without a token ask (sandbox)."""

    concurrency: int = 6
    pages: int = 10
    resources: int = 5_000
    medications: int = 20
    max_bytes: int = 8 * 1024 * 1024
    anonymous: bool = False


@dataclass(frozen=True, slots=True)
class FhirCallNote:
    """For the metrics: the prefetch key, the outcome as a word, and how long the question took;
    0 seconds for a finding about what was received, or about what was not asked."""

    key: str
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """An outcome, and the JSON of the answer where that is OK."""

    outcome: Outcome
    raw: msgspec.Raw = field(default_factory=msgspec.Raw, repr=False)
    status: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """The FHIR server of one call. `deadline` is on `clock`, in seconds."""

    http: httpx.AsyncClient
    base: Address
    token: str = field(repr=False)
    clock: Callable[[], float]
    deadline: float
    limits: FetchLimits
    slots: asyncio.Semaphore
    notes: list[FhirCallNote] = field(default_factory=list)

    async def get(self, key: str, url: str, kind: str, name: str = "") -> Reply:
        """The answer at an address, which must be below the base: a resource of type `kind`, with
        the id `name` where one is given. Never raises for what the other side does."""
        started = self.clock()
        target = read_address(url)
        if target is None or not self.base.has(target):
            reply = Reply(Outcome.OFF_SERVER)
        elif started >= self.deadline:
            reply = Reply(Outcome.SLOW)
        else:
            reply = _judged(await self._in_time(str(target), self.deadline - started), kind, name)
        self.note(key, reply.outcome, self.clock() - started)
        return reply

    def note(self, key: str, outcome: Outcome, seconds: float = 0.0) -> None:
        """Remember an outcome for the metrics."""
        self.notes.append(FhirCallNote(key, outcome.value, seconds))

    async def _in_time(self, url: str, seconds: float) -> Reply:
        import httpx  # loaded by who made `http`

        from cds.fhir.network import AddressRefused

        try:
            async with asyncio.timeout(seconds), self.slots:
                return await self._ask(url)
        except (TimeoutError, httpx.TimeoutException):
            return Reply(Outcome.SLOW)
        except AddressRefused:
            return Reply(Outcome.REFUSED_ADDRESS)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            return Reply(Outcome.CUT)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError):
            return Reply(Outcome.UNREACHABLE)

    async def _ask(self, url: str) -> Reply:
        headers = {"Accept": "application/fhir+json", "Accept-Encoding": "gzip"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        async with self.http.stream(
            "GET", url, headers=headers, follow_redirects=False
        ) as response:
            outcome = of_status(response.status_code)
            if outcome is not Outcome.OK:
                return Reply(outcome, status=response.status_code)
            kind = response.headers.get("content-type", "").partition(";")[0]
            if kind.strip().lower() not in _TYPES:
                return Reply(Outcome.WRONG_TYPE)
            outcome, body = await _body(response, self.limits.max_bytes)
        return Reply(outcome, msgspec.Raw(body), response.status_code)


def _judged(reply: Reply, kind: str, name: str) -> Reply:
    """The reply, if its body is the resource that was asked for."""
    if reply.outcome is not Outcome.OK:
        return reply
    resource = of_raw(reply.raw)
    if resource is None:
        return Reply(Outcome.NOT_JSON)
    if resource.type == "OperationOutcome":
        return Reply(Outcome.OPERATION_OUTCOME)
    if resource.type != kind:
        return Reply(Outcome.WRONG_RESOURCE)
    if name and resource.id != name:
        return Reply(Outcome.OTHER_PATIENT if kind == "Patient" else Outcome.WRONG_RESOURCE)
    return reply


async def _body(response: httpx.Response, limit: int) -> tuple[Outcome, bytes]:
    """The decoded body, or why it is not used. Never holds more than `limit` and one chunk."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in _PLAIN:
        chunks = _counted(response.aiter_raw(), limit)
    elif coding in _ZIPPED:
        chunks = _unzipped(response.aiter_raw(), limit)
    else:
        return Outcome.NOT_JSON, b""
    body = bytearray()
    try:
        async for chunk in chunks:
            body += chunk
    except _TooLarge:
        return Outcome.TOO_LARGE, b""
    except EOFError:
        return Outcome.CUT, b""
    except zlib.error:
        return Outcome.NOT_JSON, b""
    return _text(bytes(body))


def _text(body: bytes) -> tuple[Outcome, bytes]:
    try:
        # Undecoded resources are only skipped over, so bad bytes in them would surface late.
        body.decode("utf-8")
    except UnicodeDecodeError:
        return Outcome.NOT_JSON, b""
    return Outcome.OK, body


class _TooLarge(Exception):
    """More bytes than an answer may have."""


async def _counted(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    left = limit
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise _TooLarge
        yield chunk


async def _unzipped(chunks: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """Decompressed no further than the limit: a small chunk may stand for gigabytes."""
    unzip = zlib.decompressobj(_GZIP_OR_ZLIB)
    left = limit
    async for chunk in chunks:
        plain = unzip.decompress(chunk, left + 1)
        left -= len(plain)
        if left < 0:
            raise _TooLarge
        if unzip.unused_data:
            raise zlib.error("there is something after the end")
        yield plain
    if not unzip.eof:
        raise EOFError
