"""The tables as they are at the newest revision, for both databases.

A test holds them together with the scripts in `cds/audit/migrations`: change both.
"""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

# Texts sort by their bytes in both databases: moments, and names of chains, rest on it.
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(name: str, *, key: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=key, nullable=False)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, _NUMBER, primary_key=key, autoincrement=False, nullable=False)


# Decisions, each in its place of a chain; all from `id` on is under the seal.
RECORDS = sa.Table(
    "records",
    METADATA,
    _text("chain", key=True),
    _number("seq", key=True),
    _bytes("previous"),
    _bytes("mac"),
    _text("id"),
    _text("at"),
    _text("client"),
    _text("service"),
    _text("hook"),
    _text("patient"),
    _text("rulebook"),
    _text("site"),
    _text("engine"),
    _bytes("body"),
    sa.Index("records_id", "id"),
    sa.Index("records_at", "at"),
    sa.Index("records_client", "client", "at"),
    sa.Index("records_patient", "patient", "at"),
)

# The files of a rulebook (a tar file) by its digest.
RULEBOOKS = sa.Table("rulebooks", METADATA, _text("digest", key=True), _bytes("archive"))

# `accepted` is a JSON list of ids, `system` and `code` the reason ("" = none), all as received;
# `mac` seals the row ("" where it is older than such seals).
FEEDBACK = sa.Table(
    "feedback",
    METADATA,
    _text("client", key=True),
    _text("service"),
    _text("card", key=True),
    _text("outcome", key=True),
    _text("at", key=True),
    _text("accepted"),
    _text("system"),
    _text("code"),
    _text("received"),
    sa.Column("mac", _TEXT, nullable=False, server_default=""),
    sqlite_with_rowid=False,
)

# An index of what the bodies of records say of their cards; `patient` is that of the record.
CARDS = sa.Table(
    "cards",
    METADATA,
    _text("client", key=True),
    _text("card", key=True),
    _text("decision"),
    _text("patient"),
    _text("rule"),
    _text("version"),
    _text("row"),
    _text("indicator"),
    _text("band"),
    sa.Index("cards_patient", "client", "patient"),
    sa.Index("cards_decision", "decision"),
    sqlite_with_rowid=False,
)

# An index of what the bodies of records say of their rules; `at` is that of the record, `nth`
# counts those of one rule and outcome in it. `marks_kind` holds all that is looked for.
MARKS = sa.Table(
    "marks",
    METADATA,
    _text("chain"),
    _number("seq"),
    _text("at"),
    _text("rule"),
    _text("version"),
    _text("row"),
    _text("outcome"),
    _number("nth"),
    sa.PrimaryKeyConstraint("chain", "seq", "rule", "outcome", "row"),
    sa.Index("marks_kind", "rule", "outcome", "row", "at", "chain", "seq", "nth"),
    sqlite_with_rowid=False,
)

# Records `first` to `last` of a chain were deleted on purpose.
TOMBSTONES = sa.Table(
    "tombstones",
    METADATA,
    _text("chain", key=True),
    _number("first", key=True),
    _number("last"),
    _bytes("previous"),
    _bytes("mac"),
    _text("purged"),
    _bytes("tag"),
)
