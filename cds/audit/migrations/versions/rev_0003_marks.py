"""What every rule came to, in a table of its own, so that decisions can be browsed; and indexes of
the records by client and by patient."""

import zlib
from typing import Any, Literal

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT_ONCE = 200  # records in memory
_LARGEST = 64 * 1024 * 1024  # bytes of one body, opened
_NAMES = ("at", "rule", "version", "row", "outcome")


class _Rule(msgspec.Struct, gc=False):
    rule: str
    version: str
    outcome: Literal["fires", "silent", "cannot-tell", "error"]
    row: str = ""
    silent: bool = False
    held_back: str = ""


class _Body(msgspec.Struct, gc=False):
    """What a body of format 1 to 3 says of the rules that were told."""

    rules: list[_Rule]


_body = msgspec.json.Decoder(_Body)


def upgrade() -> None:
    """Make it, and fill it from the records there are."""
    marks = op.create_table(
        "marks",
        sa.Column("chain", _TEXT, nullable=False),
        sa.Column("seq", _NUMBER, nullable=False, autoincrement=False),
        *(sa.Column(name, _TEXT, nullable=False) for name in _NAMES),
        sa.Column("nth", _NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("chain", "seq", "rule", "outcome", "row"),
        sqlite_with_rowid=False,
    )
    connection = op.get_bind()
    _fill(connection, marks)
    if connection.dialect.name == "postgresql":
        # It makes no index of a table that a cursor has read, to its end or not: the one of the
        # step before this one, in the same transaction, too.
        op.execute("CLOSE ALL")
    kind = ["rule", "outcome", "row", "at", "chain", "seq", "nth"]
    op.create_index("marks_kind", "marks", kind)
    op.create_index("records_client", "records", ["client", "at"])
    op.create_index("records_patient", "records", ["patient", "at"])


def _fill(connection: sa.Connection, marks: sa.Table) -> None:
    """A record that cannot be read has no marks; `cds audit verify` names it."""
    names = [column.name for column in marks.columns]
    places = ", ".join(f":{name}" for name in names)
    insert = sa.text(
        f"INSERT INTO marks ({', '.join(names)}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - names from above
    )
    records = sa.table("records", *map(sa.column, ("chain", "seq", "at", "body")))
    reading = sa.select(*records.columns).order_by(records.c.chain, records.c.seq)
    pages = connection.execute(reading, execution_options={"yield_per": _AT_ONCE}).partitions()
    for page in pages:
        found = [mark for row in page for mark in _marks(row)]
        if found:
            connection.execute(insert, found)


def _marks(row: sa.Row[Any]) -> list[dict[str, Any]]:
    try:
        body = _body.decode(_opened(row.body))
        f"{row.chain}{row.at}".encode()
        seq = int(row.seq)
    except (msgspec.MsgspecError, zlib.error, ValueError, TypeError, AttributeError):
        return []
    told = [rule for rule in body.rules if rule.outcome != "silent"]
    kinds = {(rule.rule, rule.version, rule.row, _word(rule)) for rule in told}
    found: list[dict[str, Any]] = []
    for rule, version, name, outcome in sorted(kinds):
        nth = 1 + sum((one["rule"], one["outcome"]) == (rule, outcome) for one in found)
        values = (row.chain, seq, row.at, rule, version, name, outcome, nth)
        found.append(dict(zip(("chain", "seq", *_NAMES, "nth"), values, strict=True)))
    return found


def _word(rule: _Rule) -> str:
    if rule.outcome == "fires" and rule.silent:
        return "would-fire"
    return "held-back" if rule.outcome == "fires" and rule.held_back else rule.outcome


def _opened(body: bytes) -> bytes:
    """A long body is compressed."""
    if body.startswith(b"{"):
        return body
    flow = zlib.decompressobj()
    found = flow.decompress(body, _LARGEST)
    if not flow.eof or flow.unused_data:
        raise ValueError
    return found
