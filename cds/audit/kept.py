"""What is kept of one decision. Whoever writes records needs no more of this package than this.

How an entry is made of an answer stands in `entry.py`, how marks are made in `marks.py`: both know
the engine, and this does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timezone
from functools import lru_cache


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """What a rule came to: `outcome` is one of `MARKED`, `row` the row that fired ("" = none)."""

    rule: str
    version: str
    row: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One card of a decision, as it is looked up later: its uuid, the rule (its id) and the version
    of it, the most severe row it spoke for, its indicator and the value band ("" = none).

    A card that speaks for several rules is counted for the first, whose id it carries.
    """

    card: str
    rule: str
    version: str
    row: str
    indicator: str
    band: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision. `at` is the wall clock (UTC), `patient` what is kept of the reference,
    `rulebook` the digest of the rules, `engine` the version of this package. `body` holds the rest.
    It is canonical JSON; a long one is compressed as it is kept (`closed`).
    `shown` and `marks` are an index of the cards and the rules in the body; they are not sealed,
    the body is. `marks` is None where they are to be taken from the body.
    """

    id: str
    at: datetime
    client: str
    service: str
    hook: str
    patient: str
    rulebook: str
    site: str
    engine: str
    body: bytes = field(repr=False)
    shown: tuple[Shown, ...] = ()
    marks: tuple[Mark, ...] | None = None


def stamp(at: datetime) -> str:
    """The text of a moment, in UTC and of one length, so that texts sort as moments do."""
    if at.tzinfo is None:
        raise ValueError("a moment without its offset")
    # In a zone with summer time two moments of one wall time are equal, so only others are kept.
    return _kept(at) if at.tzinfo.__class__ is timezone else _spelled(at)


def _spelled(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


_kept = lru_cache(1024)(_spelled)  # one moment stands in a record, its seal and several rows
