"""The statements of the audit database, each written once for SQLite and PostgreSQL."""

from __future__ import annotations

from cds.audit import schema


def _insert(table: str, columns: tuple[str, ...], conflict: str = "") -> str:
    places = ", ".join("?" * len(columns))
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) VALUES ({places}){conflict}"  # noqa: S608 - our names


_FIRST_STAYS = " ON CONFLICT DO NOTHING"
RECORD = _insert("records", schema.COLUMNS)
CARD = _insert("cards", schema.CARD_COLUMNS, _FIRST_STAYS)
MARK = _insert("marks", schema.MARK_COLUMNS, _FIRST_STAYS)
ARCHIVE = _insert("rulebooks", ("digest", "archive"), _FIRST_STAYS)
TOLD = _insert("feedback", schema.FEEDBACK_COLUMNS, _FIRST_STAYS)
TOMBSTONE = _insert("tombstones", schema.TOMBSTONE_COLUMNS)
RECORDS = f"SELECT {', '.join(schema.COLUMNS)} FROM records "  # noqa: S608 - names from schema.py
TOMBSTONES = f"SELECT {', '.join(schema.TOMBSTONE_COLUMNS)} FROM tombstones "  # noqa: S608 - the same
RANGE = "chain = ? AND seq >= ? AND seq <= ?"
DELETE_CARDS = (  # those whose decision has no record outside of the range
    "DELETE FROM cards WHERE decision IN "  # noqa: S608 - names from here
    f"(SELECT id FROM records WHERE {RANGE}) AND NOT EXISTS "
    f"(SELECT 1 FROM records WHERE id = cards.decision AND NOT ({RANGE}))"
)
DELETE_MARKS = f"DELETE FROM marks WHERE {RANGE}"  # noqa: S608 - names from here
AT_ONCE = 64  # decisions that are asked for together
_DECISIONS = ", ".join("?" * AT_ONCE)
CARDS_OF = (
    f"SELECT {', '.join(schema.CARD_COLUMNS)} FROM cards "  # noqa: S608 - the same
    f"WHERE decision IN ({_DECISIONS})"
)
CARD_KNOWN = "SELECT 1 FROM cards WHERE client = ? AND card = ?"
DECIDED = f"SELECT client, id FROM records WHERE id IN ({_DECISIONS})"  # noqa: S608 - from above
TOLD_ROWS = f"SELECT {', '.join(schema.FEEDBACK_COLUMNS)} FROM feedback"  # noqa: S608 - the same
_TOLD_CARDS = (
    "SELECT f.client, f.card, f.outcome, f.at, f.system, f.code, f.received, c.decision, c.rule, "
    "c.version, c.row, c.indicator, c.band, c.patient FROM "
)
_BY_TIME = "ORDER BY f.at, f.client, f.card, f.outcome"
FEEDBACK = (
    f"{_TOLD_CARDS}feedback f LEFT JOIN cards c ON c.client = f.client AND c.card = f.card "
    f"{_BY_TIME}"
)
FEEDBACK_OF = (  # CROSS JOIN: by the cards of the decision, never through all feedback
    f"{_TOLD_CARDS}cards c CROSS JOIN feedback f WHERE f.client = c.client AND f.card = c.card "
    f"AND c.decision = ? {_BY_TIME}"
)
# Both must look for the cards of the patient first and for their feedback one by one, not go
# through all that was overridden lately, also where they know nothing of what the tables hold:
# SQLite keeps the order of a CROSS JOIN, and `|| ''` leaves PostgreSQL no other index to choose.
OVERRIDDEN = (
    "SELECT c.rule, c.version, c.row, c.indicator, c.band, "  # noqa: S608 - names from schema.py
    f"{', '.join(f'f.{name}' for name in schema.FEEDBACK_COLUMNS)} "
    "FROM cards c CROSS JOIN feedback f WHERE f.client = c.client AND f.card = c.card "
    "AND c.client = ? AND c.patient = ? AND f.outcome || '' = 'overridden' AND f.code <> '' "
    "AND f.at || '' >= ? ORDER BY f.at, c.card"
)
