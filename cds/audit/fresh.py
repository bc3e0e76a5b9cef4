"""The tables of a new SQLite database, as the migrations leave them.

To walk the whole road takes as long as the rest of a start, and for a file without any table its
end is known. A test holds this and the migrations together, to the letter.
"""

from __future__ import annotations

from cds.audit.schema import HEAD

_TEXTS = " TEXT NOT NULL, \n\t"


def _texts(names: str) -> str:
    return "".join(f"{name}{_TEXTS}" for name in names.split())


STATEMENTS = (
    "CREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL, \n\t"
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)\n)",
    "CREATE TABLE records (\n\tchain TEXT NOT NULL, \n\tseq INTEGER NOT NULL, \n\t"
    "previous BLOB NOT NULL, \n\tmac BLOB NOT NULL, \n\t"
    f"{_texts('id at client service hook patient rulebook site engine')}"
    "body BLOB NOT NULL, \n\tPRIMARY KEY (chain, seq)\n)",
    "CREATE INDEX records_id ON records (id)",
    "CREATE INDEX records_at ON records (at)",
    "CREATE TABLE rulebooks (\n\tdigest TEXT NOT NULL, \n\tarchive BLOB NOT NULL, \n\t"
    "PRIMARY KEY (digest)\n)",
    f"CREATE TABLE feedback (\n\t{_texts('client service card outcome at accepted system code')}"
    "received TEXT NOT NULL, mac TEXT DEFAULT '' NOT NULL, \n\t"
    "PRIMARY KEY (client, card, outcome, at)\n)\n WITHOUT ROWID\n\n",
    f"CREATE TABLE cards (\n\t{_texts('client card decision patient rule version')}"
    '"row" TEXT NOT NULL, \n\tindicator TEXT NOT NULL, \n\tband TEXT NOT NULL, \n\t'
    "PRIMARY KEY (client, card)\n)\n WITHOUT ROWID\n\n",
    "CREATE INDEX cards_patient ON cards (client, patient)",
    "CREATE INDEX cards_decision ON cards (decision)",
    "CREATE TABLE tombstones (\n\tchain TEXT NOT NULL, \n\tfirst INTEGER NOT NULL, \n\t"
    "last INTEGER NOT NULL, \n\tprevious BLOB NOT NULL, \n\tmac BLOB NOT NULL, \n\t"
    "purged TEXT NOT NULL, \n\ttag BLOB NOT NULL, \n\tPRIMARY KEY (chain, first)\n)",
    f"CREATE TABLE marks (\n\tchain TEXT NOT NULL, \n\tseq INTEGER NOT NULL, \n\t"
    f'{_texts("at rule version")}"row" TEXT NOT NULL, \n\toutcome TEXT NOT NULL, \n\t'
    'nth INTEGER NOT NULL, \n\tPRIMARY KEY (chain, seq, rule, outcome, "row")\n)\n'
    " WITHOUT ROWID\n\n",
    'CREATE INDEX marks_kind ON marks (rule, outcome, "row", at, chain, seq, nth)',
    "CREATE INDEX records_client ON records (client, at)",
    "CREATE INDEX records_patient ON records (patient, at)",
    f"INSERT INTO alembic_version VALUES ('{HEAD}')",  # noqa: S608 - our own name
)
