"""Decisions a page at a time, newest first, and how often each rule came to what.

A page is made of indexes and of columns beside the bodies, so that it takes the same short time
however many decisions are kept. It shows what is looked up; whether that is what was sealed,
`cds audit verify` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from cds.audit import sql
from cds.audit.batch import Sealed
from cds.audit.database import Database
from cds.audit.kept import Mark, stamp
from cds.audit.marks import SILENT, judged_in
from cds.audit.rows import ToldCard, sealed_of
from cds.audit.seek import (
    CARDS_OF,
    CLIENTS,
    KINDS,
    LISTED,
    MARKS_OF,
    NUMBERS,
    OF_CLIENT,
    BadCursor,
    Filter,
    Place,
    by_kinds,
    by_time,
    cursor_of,
)

__all__ = ["BadCursor", "Browser", "Filter", "Listed", "Mark", "Page"]

MOST = 200  # decisions of a page
MOST_KINDS = 400  # of marks, up to which each is looked at by itself
MOST_WALKED = 10_000  # decisions that one page looks through
_KINDS_AT_ONCE = 50
_FEW = 3000  # decisions of a client that are looked at one by one
_FIRST_BLOCK = 250  # decisions that are looked through at once; each further block is larger

Kind = tuple[str, str, str]  # rule, outcome, row
Key = tuple[str, int]  # chain, number


@dataclass(frozen=True, slots=True)
class Listed:
    """A decision as it stands in a list: the columns of its record (`cds.audit.entry`), what its
    rules came to unless they were silent, and how many `cards` can be looked up under its id."""

    chain: str
    seq: int
    id: str
    at: datetime
    client: str
    service: str
    hook: str
    patient: str
    rulebook: str
    site: str
    engine: str
    marks: tuple[Mark, ...]
    cards: int


@dataclass(frozen=True, slots=True)
class Page:
    """`older`: the cursor of the next page, "" where there is none. A page may be shorter than was
    asked for, or empty, and have an older one: then so many decisions were looked through."""

    items: tuple[Listed, ...]
    older: str


class Browser:
    """What the console looks up. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        """Use `AuditStore.browse`."""
        self._database = database

    def page(self, wanted: Filter, cursor: str = "", limit: int = 50) -> Page:
        """Up to `limit` decisions (at most `MOST`), newest first, from behind `cursor` on. A record
        that was damaged is left out.

        Raises ValueError for a filter that asks for nothing there can be, BadCursor (a ValueError)
        for a cursor that no page has given, both with words for a reader.
        """
        if not 1 <= limit <= MOST:
            raise ValueError(f"a page has 1 to {MOST} decisions")
        wanted.check()
        found, older = self._places(wanted, wanted.span(cursor), limit)
        return Page(tuple(self._listed(found)), cursor_of(older) if older else "")

    def numbers(self, since: datetime | None = None) -> Mapping[str, Mapping[str, int]]:
        """Rule -> outcome (`marks.MARKED`) -> in how many decisions from that moment on (aware),
        where there are any. A rule that came to two outcomes for two orders counts for both."""
        found: dict[str, dict[str, int]] = {}
        asked = self._database.ask(NUMBERS, (stamp(since) if since else "",))
        for rule, outcome, number in asked:
            if number:
                counts = found.setdefault(rule, {})
                counts[outcome] = counts.get(outcome, 0) + number
        return found

    def count(self, wanted: Filter, most: int = 1000) -> int:
        """How many decisions there are, but no more than `most`. Where rules are asked for among
        many decisions, those that one page looks through. Raises ValueError as `page`."""
        wanted.check()
        span, kinds = wanted.span(""), self._kinds(wanted)
        if kinds is None:
            return len(self._walked(wanted, span, most)[0])
        found: set[Place] = set()
        for kind in kinds:
            found.update(self._of_kinds([kind], wanted.client, span, most))
            if len(found) >= most:
                return most
        return len(found)

    def clients(self) -> tuple[str, ...]:
        """The names of all clients there are decisions for."""
        return tuple(row[0] for row in self._database.ask(CLIENTS))

    def around(self, chain: str, seq: int) -> tuple[Sealed | None, Sealed | None]:
        """The records before and after this one in its chain; a number between that is missing was
        purged, or taken away. Raises DamagedRecord where one of them cannot be read."""
        return (
            self._one("WHERE chain = ? AND seq < ? ORDER BY seq DESC LIMIT 1", chain, seq),
            self._one("WHERE chain = ? AND seq > ? ORDER BY seq LIMIT 1", chain, seq),
        )

    def feedback_of(self, decision: str) -> tuple[ToldCard, ...]:
        """The feedback on the cards of this decision, by time. A card has one decision: where the
        same call came again, that of the first."""
        return tuple(ToldCard(*row) for row in self._database.ask(sql.FEEDBACK_OF, (decision,)))

    def _one(self, where: str, *values: Any) -> Sealed | None:
        rows = self._database.ask(sql.RECORDS + where, values)
        return sealed_of(rows[0]) if rows else None

    def _places(
        self, wanted: Filter, span: tuple[str, Place], most: int
    ) -> tuple[list[Place], Place | None]:
        """The newest places, and the one to go on from where there may be more."""
        kinds = self._kinds(wanted)
        if kinds is None:
            return self._walked(wanted, span, most)
        found = self._of_kinds(kinds, wanted.client, span, most + 1)
        return found[:most], found[most - 1] if len(found) > most else None

    def _kinds(self, wanted: Filter) -> Sequence[Kind] | None:
        """The kinds of marks that are looked for; None where decisions are to be walked along."""
        if not wanted.of_rules or wanted.outcome == SILENT or self._few(wanted):
            return None
        kinds = [kind for kind in self._database.ask(KINDS) if wanted.wants(*kind)]
        return kinds if len(kinds) <= MOST_KINDS else None

    def _few(self, wanted: Filter) -> bool:
        """Whether it is quicker to look at the decisions of a patient or a client one by one."""
        if not wanted.client or wanted.patient:
            return bool(wanted.patient)
        ((number,),) = self._database.ask(OF_CLIENT, (wanted.client, _FEW + 1))
        return int(number) <= _FEW

    def _of_kinds(
        self, kinds: Sequence[Kind], client: str, span: tuple[str, Place], most: int
    ) -> list[Place]:
        """The newest places with a mark of one of these kinds: each kind stands in order."""
        found: set[tuple[Any, ...]] = set()
        tail = (span[0], *span[1], *([client] if client else []), most)
        for start in range(0, len(kinds), _KINDS_AT_ONCE):
            some = kinds[start : start + _KINDS_AT_ONCE]
            values = [value for kind in some for value in (*kind, *tail)]
            rows = self._database.ask(by_kinds(len(some), client=bool(client)), values)
            found.update(row for row in rows if _is_place(row))
        return sorted(found, reverse=True)[:most]

    def _walked(
        self, wanted: Filter, span: tuple[str, Place], most: int
    ) -> tuple[list[Place], Place | None]:
        """From one decision to the next by time, with a look at the marks of each."""
        found: list[Place] = []
        judged = _Judged(self._database, wanted)
        (since, last), walked = span, 0
        block = _FIRST_BLOCK if wanted.of_rules else most + 1
        while True:
            rows = self._database.ask(*by_time(wanted, (since, last), block))
            for row in rows:
                if not _is_place(row[:3]):
                    continue
                last = row[:3]
                if row[-1] and judged.at(row):
                    if len(found) == most:
                        return found, found[-1]
                    found.append(last)
            walked += len(rows)
            if len(rows) < block:
                return found, None
            if walked >= MOST_WALKED:
                return found, last
            block = min(4 * block, MOST_WALKED - walked)

    def _listed(self, places: Sequence[Place]) -> Iterator[Listed]:
        for start in range(0, len(places), sql.AT_ONCE):
            some = places[start : start + sql.AT_ONCE]
            yield from self._told_of([(chain, seq) for _, chain, seq in some])

    def _told_of(self, keys: Sequence[Key]) -> Iterator[Listed]:
        """At most `sql.AT_ONCE` of them; one that was purged meanwhile is left out."""
        values = [value for key in _filled(keys) for value in key]
        rows = {(row[0], row[1]): row for row in self._database.ask(LISTED, values)}
        marks: dict[Key, list[Mark]] = {}
        for chain, seq, *mark in self._database.ask(MARKS_OF, values):
            marks.setdefault((chain, seq), []).append(Mark(*mark))
        listed = [one for key in keys if (one := _listed(rows.get(key), marks.get(key, ())))]
        if not listed:
            return
        names = _filled([one.id for one in listed])
        cards = {(who, what): many for who, what, many in self._database.ask(CARDS_OF, names)}
        for one in listed:
            yield replace(one, cards=cards.get((one.client, one.id), 0))


class _Judged:
    """Whether a rule was judged for a decision, where one is looked for that was silent: no mark
    tells it from a rule that was not asked. Rules, site and hook say which rules are asked, so one
    body of each such group does, and few groups come one after the other."""

    def __init__(self, database: Database, wanted: Filter) -> None:
        self._database = database
        self._rule = wanted.rule if wanted.outcome == SILENT else ""
        self._known: dict[tuple[str, ...], frozenset[str]] = {}

    def at(self, row: tuple[Any, ...]) -> bool:
        """For the decision of a row of `by_time`."""
        if not self._rule:
            return True
        _, chain, seq, *group, _ = row
        name = tuple(group)
        if name not in self._known:
            ask = "SELECT body FROM records WHERE chain = ? AND seq = ?"
            rules = [judged_in(body) for (body,) in self._database.ask(ask, (chain, seq))]
            if not rules or rules[0] is None:  # the next of this group may be readable
                return False
            self._known[name] = rules[0]
        return self._rule in self._known[name]


def _listed(row: tuple[Any, ...] | None, marks: Sequence[Mark]) -> Listed | None:
    if row is None:
        return None
    chain, seq, name, at, client, service, hook, patient, rulebook, site, engine = row
    try:
        "".join(row[2:]).encode()
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            return None
    except (ValueError, TypeError):
        return None
    return Listed(
        chain, seq, name, moment, client, service, hook, patient, rulebook, site, engine,
        tuple(sorted(marks)), 0,
    )  # fmt: skip


def _is_place(found: tuple[Any, ...]) -> bool:
    """Whether this program can have written it."""
    at, chain, seq = found
    try:
        return isinstance(seq, int) and f"{at}{chain}".encode() is not None
    except UnicodeEncodeError:
        return False


def _filled(items: Sequence[Any]) -> Sequence[Any]:
    """As many as a statement has places, so that there is one statement to prepare."""
    return [*items, *[items[-1]] * (sql.AT_ONCE - len(items))]
