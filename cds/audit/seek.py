"""Where decisions are that a filter asks for: statements and cursors for `cds.audit.browse`.

A page goes on behind the place where the one before it ended, never by counting: so nothing comes
twice and nothing is left out while records are added, and a late page costs what the first costs.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.audit import sql
from cds.audit.kept import stamp
from cds.audit.marks import MARKED, SILENT

Place = tuple[str, str, int]  # moment, chain and number of a record: pages go down from the newest
_TOP: Place = ("~", "", 0)  # above every moment
_LONGEST = 2000  # characters of a cursor; and of a text of a filter
_MOST_SEQ = (1 << 63) - 1

_WORDS = ", ".join(f"('{word}')" for word in MARKED)
# The kinds of marks there are, found by a jump from each to the next, never by reading all marks.
_KINDS = (
    "WITH RECURSIVE names(rule) AS (SELECT min(rule) FROM marks UNION ALL "  # noqa: S608 - our words
    "SELECT (SELECT min(m.rule) FROM marks m WHERE m.rule > n.rule) FROM names n "
    f"WHERE n.rule IS NOT NULL), words(outcome) AS (VALUES {_WORDS}), "
    "kinds(rule, outcome, row) AS (SELECT n.rule, w.outcome, (SELECT min(m.row) FROM marks m "
    "WHERE m.rule = n.rule AND m.outcome = w.outcome) FROM names n CROSS JOIN words w "
    "WHERE n.rule IS NOT NULL UNION ALL SELECT k.rule, k.outcome, (SELECT min(m.row) FROM marks m "
    "WHERE m.rule = k.rule AND m.outcome = k.outcome AND m.row > k.row) FROM kinds k "
    "WHERE k.row IS NOT NULL) "
)
KINDS = f"{_KINDS}SELECT rule, outcome, row FROM kinds WHERE row IS NOT NULL"  # noqa: S608 - the same
NUMBERS = (
    f"{_KINDS}SELECT k.rule, k.outcome, (SELECT count(*) FROM marks m WHERE m.rule = k.rule "  # noqa: S608 - our words
    "AND m.outcome = k.outcome AND m.row = k.row AND m.at >= ? AND m.nth = 1) "
    "FROM kinds k WHERE k.row IS NOT NULL"
)
CLIENTS = (
    "WITH RECURSIVE names(client) AS (SELECT min(client) FROM records UNION ALL "
    "SELECT (SELECT min(r.client) FROM records r WHERE r.client > n.client) FROM names n "
    "WHERE n.client IS NOT NULL) SELECT client FROM names WHERE client IS NOT NULL"
)
OF_CLIENT = "SELECT count(*) FROM (SELECT 1 FROM records WHERE client = ? LIMIT ?) x"
_NEWEST = "ORDER BY {0}at DESC, {0}chain DESC, {0}seq DESC LIMIT ?"
_OF_CLIENT = (
    " AND EXISTS (SELECT 1 FROM records r WHERE r.chain = m.chain AND r.seq = m.seq "
    "AND r.client = ?)"
)
_WITHIN = "{0}at >= ? AND ({0}at, {0}chain, {0}seq) < (?, ?, ?)"
_PLACES = " OR ".join(["(chain = ? AND seq = ?)"] * sql.AT_ONCE)
LISTED = (
    "SELECT chain, seq, id, at, client, service, hook, patient, rulebook, site, engine "  # noqa: S608 - our words
    f"FROM records WHERE {_PLACES}"
)
MARKS_OF = f"SELECT chain, seq, rule, version, row, outcome FROM marks WHERE {_PLACES}"  # noqa: S608 - our words
CARDS_OF = (
    "SELECT client, decision, count(*) FROM cards "  # noqa: S608 - our words
    f"WHERE decision IN ({', '.join('?' * sql.AT_ONCE)}) GROUP BY client, decision"
)


class BadCursor(ValueError):
    """A cursor that no page has given."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions are asked for; what is empty asks for all.

    Decided from `since` on and before `before` (aware); a rule of the id `rule` came to `outcome`,
    one of `marks.MARKED` or `marks.SILENT` (then `rule` must be given), in its row `row`. `patient`
    as it is kept (`Identity.patient`), `client` the name of a client.
    """

    since: datetime | None = None
    before: datetime | None = None
    rule: str = ""
    row: str = ""
    outcome: str = ""
    patient: str = ""
    client: str = ""

    def check(self) -> None:
        """Raises ValueError, with words for a reader, where nobody can look for this."""
        if self.outcome not in ("", SILENT, *MARKED):
            raise ValueError(f"there is no such outcome; give one of {', '.join(MARKED)}, {SILENT}")
        if self.outcome == SILENT and (self.row or not self.rule):
            raise ValueError("a rule that was silent is looked for by its name, and without a row")
        texts = (self.rule, self.row, self.patient, self.client)
        if any(len(text) > _LONGEST or not _is_text(text) for text in texts):
            raise ValueError("a text to look for is too long, or no text")
        if any(one is not None and one.tzinfo is None for one in (self.since, self.before)):
            raise ValueError("a moment to look for must tell its offset from UTC")

    @property
    def of_rules(self) -> bool:
        """Whether it asks what a rule came to."""
        return bool(self.rule or self.row or self.outcome)

    def span(self, cursor: str) -> tuple[str, Place]:
        """The first moment, and the place below which to look. Raises BadCursor."""
        since = stamp(self.since) if self.since else ""
        top = (stamp(self.before), "", 0) if self.before else _TOP
        return since, min(top, place_of(cursor)) if cursor else top

    def wants(self, rule: str, outcome: str, row: str) -> bool:
        """Whether a mark of this kind is looked for."""
        return self.rule in ("", rule) and self.outcome in ("", outcome) and self.row in ("", row)


def cursor_of(place: Place) -> str:
    """The place as a text that means nothing to whoever hands it on."""
    return urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Back again. Raises BadCursor."""
    try:
        if len(cursor) > _LONGEST:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        at, chain, seq = json.loads(urlsafe_b64decode(padded))
        if not (_is_text(at) and _is_text(chain) and type(seq) is int and 0 <= seq <= _MOST_SEQ):
            raise ValueError
    except (ValueError, TypeError, RecursionError):
        raise BadCursor("this page cannot be found; begin again with the first one") from None
    return at, chain, seq


def by_kinds(number: int, *, client: bool) -> str:
    """The newest places of each of that many kinds of marks. Values, kind by kind: rule, outcome,
    row, first moment, upper place, the client if one is asked for, how many."""
    one = (
        "SELECT at, chain, seq FROM (SELECT m.at, m.chain, m.seq FROM marks m "  # noqa: S608 - our words
        f"WHERE m.rule = ? AND m.outcome = ? AND m.row = ? AND {_WITHIN.format('m.')}"
        f"{_OF_CLIENT if client else ''} {_NEWEST.format('m.')}) x"
    )
    return " UNION ALL ".join([one] * number)


def by_time(wanted: Filter, span: tuple[str, Place], most: int) -> tuple[str, list[Any]]:
    """The newest records of a span: place, hook, rulebook, site, and whether a rule came to what is
    asked for (for `SILENT`: has no mark at all)."""
    asked, values = _mark_of(wanted)
    where = _WITHIN.format("r.")
    values += [span[0], *span[1]]
    for column, value in (("patient", wanted.patient), ("client", wanted.client)):
        if value:
            where += f" AND r.{column} = ?"
            values.append(value)
    statement = (
        f"SELECT r.at, r.chain, r.seq, r.hook, r.rulebook, r.site, {asked} FROM records r "  # noqa: S608 - our words
        f"WHERE {where} {_NEWEST.format('r.')}"
    )
    return statement, [*values, most]


def _mark_of(wanted: Filter) -> tuple[str, list[Any]]:
    if not wanted.of_rules:
        return "1 = 1", []
    named = {"rule": wanted.rule, "row": wanted.row}
    if wanted.outcome != SILENT:
        named["outcome"] = wanted.outcome
    given = {column: value for column, value in named.items() if value}
    where = "".join(f" AND m.{column} = ?" for column in given)
    # LIMIT, so that PostgreSQL looks at the marks of each record and does not gather all marks.
    first = f"(SELECT 1 FROM marks m WHERE m.chain = r.chain AND m.seq = r.seq{where} LIMIT 1)"  # noqa: S608 - our words
    is_there = "IS NULL" if wanted.outcome == SILENT else "IS NOT NULL"
    return f"{first} {is_there}", list(given.values())


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and "\0" not in value and value.encode() is not None
    except UnicodeEncodeError:
        return False
