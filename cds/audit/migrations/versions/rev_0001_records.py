"""The tables of the first release: records, rulebooks and feedback."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Texts sort by their bytes in both databases: moments, and names of chains, rest on it.
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "records",
        sa.Column("chain", _TEXT, primary_key=True),
        sa.Column("seq", _NUMBER, primary_key=True, autoincrement=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
        *(
            sa.Column(name, _TEXT, nullable=False)
            for name in (
                "id", "at", "client", "service", "hook", "patient", "rulebook", "site", "engine",
            )
        ),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )  # fmt: skip
    op.create_index("records_id", "records", ["id"])
    op.create_index("records_at", "records", ["at"])
    op.create_table(
        "rulebooks",
        sa.Column("digest", _TEXT, primary_key=True),
        sa.Column("archive", sa.LargeBinary, nullable=False),
    )
    # `accepted` is a JSON list of ids, `system` and `code` the reason ("" = none), all as received
    names = ("client", "service", "card", "outcome", "at", "accepted", "system", "code", "received")
    op.create_table(
        "feedback",
        *(sa.Column(name, _TEXT, nullable=False) for name in names),
        sa.PrimaryKeyConstraint("client", "card", "outcome", "at"),
        sqlite_with_rowid=False,
    )
