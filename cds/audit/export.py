"""Kept decisions for other programs: JSON objects, one a line, by time.

A record that cannot be read is named and the others still come. What is exported is what is kept,
no more and no less; whether that is what was written, only `cds audit verify` tells.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from cds.audit.batch import Sealed
from cds.audit.codec import CodecError, parse
from cds.audit.export_fhir import audit_event, guidance_responses
from cds.audit.files import OWNER_FILE
from cds.audit.kept import stamp
from cds.audit.store import AuditStore, DamagedRecord
from cds.errors import SettingsError

_FIRST = datetime.min.replace(tzinfo=UTC)
# Members stand in the order in which they are put: that of `_whole`, then that of the body as kept.
_encode = msgspec.json.Encoder().encode


class Format(StrEnum):
    """What one line holds: a whole decision, a FHIR R4 AuditEvent about one, or a FHIR R4
    GuidanceResponse about one rule of one."""

    NDJSON = "ndjson"
    AUDITEVENT = "auditevent"
    GUIDANCERESPONSE = "guidanceresponse"


@dataclass(frozen=True, slots=True)
class Lost:
    """A record that is not exported, and why; `chain` is empty where it is not known which."""

    chain: str
    seq: int
    why: str

    def __str__(self) -> str:
        if not self.chain:
            return self.why
        # A name that was changed may hold anything; it must not reach a terminal as it is.
        shown = self.chain if self.chain.isprintable() else ascii(self.chain)
        return f"record {self.seq} of chain {shown} is not exported: {self.why}"


def exported(
    store: AuditStore,
    form: Format,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Iterator[bytes | Lost]:
    """The lines, without their ends, of all decisions from `since` on and before `before` (both
    aware, None = no limit), and the records that are not among them.

    Holds one decision at a time. Raises StoreError where the database itself gives out.
    """
    write = _WRITERS[form]
    for found in _between(store, since, before):
        if isinstance(found, Lost):
            yield found
            continue
        try:
            lines = [_encode(tree) for tree in write(found)]
        except CodecError as error:
            yield Lost(found.chain, found.seq, str(error))
            continue
        yield from lines


@contextmanager
def sink(out: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Writes to standard output, or to a file that was not there before and only its owner may
    read.

    Raises SettingsError where it cannot be made or written, BrokenPipeError where the reader of
    standard output has seen enough.
    """
    name = "standard output" if out is None else str(out)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        if out is None:
            # The bare file: what a buffer could not write would fail once more when Python ends.
            yield partial(_write, getattr(sys.stdout.buffer, "raw", sys.stdout.buffer))
            return
        with os.fdopen(os.open(out, flags, OWNER_FILE), "wb") as file:
            yield partial(_write, file)
    except FileExistsError:
        raise SettingsError(f"{name} is there already; remove it, or name another file") from None
    except BrokenPipeError:
        raise
    except OSError as error:
        raise SettingsError(f"{name} cannot be written: {error.strerror or error}") from None


def _write(file: BinaryIO, line: bytes) -> None:
    """All of it: a bare file may take only a part at a time."""
    left = memoryview(line)
    while left:
        left = left[file.write(left) :]


def _between(
    store: AuditStore, since: datetime | None, before: datetime | None
) -> Iterator[Sealed | Lost]:
    unlimited = since is None and before is None
    expected = store.count() if unlimited else 0
    seen, records = 0, store.since(since or _FIRST)
    while True:
        found = _next(records)
        if found is None:
            break
        if isinstance(found, Sealed) and before is not None and found.entry.at >= before:
            return
        seen += 1
        yield found
    if seen < expected:  # a time that was changed to stand before all times, or a purge meanwhile
        yield Lost(
            "",
            0,
            f"{expected - seen} records were counted and did not come up; `cds audit verify` "
            "says whether they were changed",
        )


def _next(records: Iterator[Sealed]) -> Sealed | Lost | None:
    """None at the end. The iterator of the store goes on behind a record it cannot read."""
    try:
        return next(records, None)
    except DamagedRecord as error:
        return Lost(error.chain, error.seq, "it was changed and cannot be read")


def _whole(sealed: Sealed) -> tuple[dict[str, Any]]:
    entry = sealed.entry
    place = {
        "decision": entry.id,
        "at": stamp(entry.at),
        "client": entry.client,
        "service": entry.service,
        "hook": entry.hook,
        "patient": entry.patient,
        "rulebook": entry.rulebook,
        "site": entry.site,
        "engine": entry.engine,
        "chain": sealed.chain,
        "seq": sealed.seq,
        "seal": sealed.mac.hex(),
    }
    body = parse(entry.body)
    if not place.keys().isdisjoint(body):  # what was put into a body must not stand for the record
        raise CodecError("the stored body is not that of a decision")
    return ({**place, **body},)


_WRITERS: dict[Format, Callable[[Sealed], Iterable[dict[str, Any]]]] = {
    Format.NDJSON: _whole,
    Format.AUDITEVENT: lambda sealed: (audit_event(sealed),),
    Format.GUIDANCERESPONSE: guidance_responses,
}
