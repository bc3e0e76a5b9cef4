"""Cards in a table of their own, so that feedback finds them; tombstones; seals of feedback."""

from typing import Any

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_AT_ONCE = 200  # records in memory
_OLD_TABLE = "schema_version"  # how the first release told its version


class _Told(msgspec.Struct, gc=False):
    rule: str  # `id@version`
    rows: list[str]


class _Card(msgspec.Struct, gc=False):
    uuid: str
    extension: _Told
    indicator: str = ""


class _Body(msgspec.Struct, gc=False):
    """What a body of the first release says of its cards."""

    cards: list[_Card] = []


_body = msgspec.json.Decoder(_Body)


def upgrade() -> None:
    """Make them, and fill `cards` from the records there are."""
    names = ("client", "card", "decision", "patient", "rule", "version", "row", "indicator", "band")
    cards = op.create_table(
        "cards",
        *(sa.Column(name, _TEXT, nullable=False) for name in names),
        sa.PrimaryKeyConstraint("client", "card"),
        sqlite_with_rowid=False,
    )
    op.create_index("cards_patient", "cards", ["client", "patient"])
    op.create_index("cards_decision", "cards", ["decision"])
    op.create_table(
        "tombstones",
        sa.Column("chain", _TEXT, primary_key=True),
        sa.Column("first", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("last", _NUMBER, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        sa.Column("purged", _TEXT, nullable=False),
        sa.Column("tag", sa.LargeBinary, nullable=False),
    )
    op.add_column("feedback", sa.Column("mac", _TEXT, nullable=False, server_default=""))
    _fill(op.get_bind(), cards)
    if _OLD_TABLE in sa.inspect(op.get_bind()).get_table_names():
        op.drop_table(_OLD_TABLE)


def _fill(connection: sa.Connection, cards: sa.Table) -> None:
    """One that is there stays: the same call may have come twice. A record that cannot be read
    has no cards here; `cds audit verify` names it."""
    names = [column.name for column in cards.columns]
    places = ", ".join(f":{name}" for name in names)
    insert = sa.text(
        f"INSERT INTO cards ({', '.join(names)}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - names from above
    )
    records = sa.table("records", *map(sa.column, ("client", "id", "patient", "body", "at")))
    reading = sa.select(*records.columns).order_by(records.c.at)
    pages = connection.execute(reading, execution_options={"yield_per": _AT_ONCE}).partitions()
    for page in pages:
        found = [card for row in page for card in _cards(row)]
        if found:
            connection.execute(insert, found)


def _cards(row: sa.Row[Any]) -> list[dict[str, str]]:
    try:
        body = _body.decode(row.body)
        f"{row.client}{row.id}{row.patient}".encode()
    except (msgspec.MsgspecError, UnicodeError, TypeError):
        return []
    return [_values(row, card) for card in body.cards]


def _values(row: sa.Row[Any], card: _Card) -> dict[str, str]:
    rule, _, version = card.extension.rule.partition("@")
    return {
        "client": row.client,
        "card": card.uuid,
        "decision": row.id,
        "patient": row.patient,
        "rule": rule,
        "version": version,
        "row": card.extension.rows[0] if card.extension.rows else "",
        "indicator": card.indicator,
        "band": "",
    }
