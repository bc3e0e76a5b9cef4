"""Records as rows of the database, and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.audit.batch import Sealed, Tombstone
from cds.audit.database import DamagedRecord
from cds.audit.kept import Entry, Mark, stamp


@dataclass(frozen=True, slots=True)
class ToldCard:
    """What became of a card, as a client told it at `at`; from `decision` on what is known of the
    card, None where it is not known. `at` and `received` are texts as `stamp` makes them."""

    client: str
    card: str
    outcome: str
    at: str
    system: str
    code: str
    received: str
    decision: str | None = None
    rule: str | None = None
    version: str | None = None
    row: str | None = None
    indicator: str | None = None
    band: str | None = None
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """A card that was overridden with a coded reason (`system`, `code`) at `at`. `told` is the row
    of feedback that says so (`schema.FEEDBACK_COLUMNS`), so that its seal can be looked at."""

    rule: str
    version: str
    row: str
    indicator: str
    band: str
    system: str
    code: str
    at: datetime
    told: tuple[str, ...] = ()


def record_row(item: Sealed) -> tuple[Any, ...]:
    """A record in `schema.COLUMNS`."""
    entry = item.entry
    return (
        item.chain, item.seq, item.previous, item.mac, entry.id, stamp(entry.at), entry.client,
        entry.service, entry.hook, entry.patient, entry.rulebook, entry.site, entry.engine,
        entry.body,
    )  # fmt: skip


def card_rows(entry: Entry) -> list[tuple[str, ...]]:
    """The cards of a decision in `schema.CARD_COLUMNS`."""
    return [
        (
            entry.client, item.card, entry.id, entry.patient, item.rule, item.version, item.row,
            item.indicator, item.band,
        )
        for item in entry.shown
    ]  # fmt: skip


def marks_kept(entry: Entry) -> tuple[Mark, ...]:
    """What is written of an entry: from its body where it is told nowhere else, as in a spool of an
    older program. A body that cannot be read has none."""
    if entry.marks is not None:
        return entry.marks
    from cds.audit.marks import marks_in  # knows the engine; what a writer gives has its marks

    return marks_in(entry.body) or ()


def mark_rows(item: Sealed, marks: Iterable[Mark]) -> list[tuple[Any, ...]]:
    """What the rules came to in a record, in `schema.MARK_COLUMNS`."""
    at = stamp(item.entry.at)
    return [
        (item.chain, item.seq, at, one.rule, one.version, one.row, one.outcome, nth)
        for one, nth in numbered(marks)
    ]


def numbered(marks: Iterable[Mark]) -> Iterator[tuple[Mark, int]]:
    """Each with its number among those of the same rule and outcome in its decision, from 1: who
    counts only the first ones counts decisions."""
    before: Counter[tuple[str, str]] = Counter()
    for mark in marks:
        before[mark.rule, mark.outcome] += 1
        yield mark, before[mark.rule, mark.outcome]


def tombstone_row(item: Tombstone) -> tuple[Any, ...]:
    """A tombstone in `schema.TOMBSTONE_COLUMNS`."""
    return (
        item.chain, item.first, item.last, item.previous, item.mac, item.purged, item.tag,
    )  # fmt: skip


def overridden_of(row: tuple[Any, ...]) -> Overridden | None:
    """What a row of `sql.OVERRIDDEN` says; None where this program cannot have written it."""
    rule, version, name, indicator, band, *told = row
    _, _, _, _, at, _, system, code, _, _ = told
    try:
        for text in row:
            text.encode("utf-8")
        moment = datetime.fromisoformat(at)
        if stamp(moment) != at:
            return None
    except (ValueError, AttributeError):
        return None
    return Overridden(rule, version, name, indicator, band, system, code, moment, tuple(told))


def sealed_of(row: tuple[Any, ...]) -> Sealed:
    """The record of a row. Raises DamagedRecord where this program cannot have written it."""
    chain, seq, previous, mac, name, at, *texts, body = row
    blobs, words = (previous, mac, body), (chain, name, at, *texts)
    try:
        if not all(isinstance(blob, bytes) for blob in blobs) or not isinstance(seq, int):
            raise ValueError
        for text in words:
            text.encode("utf-8")  # raises where it holds a byte that is none
        moment = datetime.fromisoformat(at)
        if stamp(moment) != at:
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        raise DamagedRecord(str(chain), seq if isinstance(seq, int) else 0) from None
    client, service, hook, patient, rulebook, site, engine = texts
    entry = Entry(name, moment, client, service, hook, patient, rulebook, site, engine, body)
    return Sealed(chain, seq, previous, mac, entry)
