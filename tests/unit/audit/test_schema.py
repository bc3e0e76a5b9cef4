"""The tables come to be by one road, on both databases, and never by two processes at once; a new
SQLite file begins at its end."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from audit_kit import NOW
from cds.audit import schema, tables
from cds.audit.kept import stamp
from cds.audit.store import AuditStore
from cds.errors import SettingsError
from postgres_kit import PostgresServer, ask, shared

Place = Path | str

postgres = pytest.fixture(scope="session")(shared)

# What the first release made, word for word.
FIRST = (
    "CREATE TABLE schema_version (version INTEGER NOT NULL)",
    """CREATE TABLE records (
        chain TEXT NOT NULL, seq INTEGER NOT NULL, previous BLOB NOT NULL, mac BLOB NOT NULL,
        id TEXT NOT NULL, at TEXT NOT NULL, client TEXT NOT NULL, service TEXT NOT NULL,
        hook TEXT NOT NULL, patient TEXT NOT NULL, rulebook TEXT NOT NULL, site TEXT NOT NULL,
        engine TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (chain, seq))""",
    "CREATE INDEX records_id ON records (id)",
    "CREATE INDEX records_at ON records (at)",
    "CREATE TABLE rulebooks (digest TEXT PRIMARY KEY, archive BLOB NOT NULL)",
    """CREATE TABLE feedback (
        client TEXT NOT NULL, service TEXT NOT NULL, card TEXT NOT NULL, outcome TEXT NOT NULL,
        at TEXT NOT NULL, accepted TEXT NOT NULL, system TEXT NOT NULL, code TEXT NOT NULL,
        received TEXT NOT NULL, PRIMARY KEY (client, card, outcome, at)) WITHOUT ROWID""",
    "INSERT INTO schema_version VALUES (1)",
)
BODY = (
    '{"cards":[{"uuid":"c-1","indicator":"critical","extension":'
    '{"rule":"hypomagnesemia@1.2.0","rows":["A2","A3"]}}],'
    '"rules":[{"rule":"hypokalemia","version":"9"},{"rule":"hypomagnesemia","version":"1.2.0"}]}'
)


def _all_tables(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        found = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
        revision = connection.execute("SELECT * FROM alembic_version").fetchall()
        return [*connection.execute(found).fetchall(), *revision]


def test_a_new_file_has_the_tables_that_the_migrations_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    AuditStore.open(tmp_path / "new.sqlite").close()
    monkeypatch.setattr("cds.audit.sqlite.SqliteDatabase._made_anew", lambda _: False)
    AuditStore.open(tmp_path / "migrated.sqlite").close()
    made, migrated = (_all_tables(tmp_path / f"{name}.sqlite") for name in ("new", "migrated"))
    assert made == migrated
    assert {"records", "cards", "tombstones", "marks"} < {row[1] for row in made[:-1]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sqlite"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    """Where there is nothing yet."""
    if request.param == "sqlite":
        return path
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


def make(place: Place) -> None:
    AuditStore.open(place, wait=5.0).close()


@contextmanager
def connected(path: Path) -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(path))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def sql(place: Place, *statements: str) -> list[tuple[Any, ...]]:
    """Do these beside the store, whatever it thinks of them; the answer of the last."""
    if isinstance(place, str):
        return asyncio.run(ask(place, statements))
    with closing(sqlite3.connect(place, isolation_level=None)) as raw:
        return [raw.execute(statement).fetchall() for statement in statements][-1]


def first_release(path: Path, *more: str) -> None:
    sql(path, *FIRST, *more)


def record(seq: int, *, patient: str = "'p-1'", body: str = BODY) -> str:
    return (
        f"INSERT INTO records VALUES ('chain', {seq}, x'00', x'01', 'd-{seq}', '{stamp(NOW)}', "
        f"'ehr-one', 'service', 'hook', {patient}, 'book', '', '0.3.0', CAST('{body}' AS BLOB))"
    )


def test_the_scripts_are_the_revisions_the_program_knows() -> None:
    config = Config()
    config.set_main_option("script_location", "cds.audit:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [schema.HEAD]
    assert [one.revision for one in scripts.walk_revisions()] == list(reversed(schema.REVISIONS))


def columns(table: str) -> tuple[str, ...]:
    return tuple(column.name for column in tables.METADATA.tables[table].columns)


def test_the_tables_have_the_columns_the_store_writes() -> None:
    assert columns("records") == schema.COLUMNS
    assert columns("feedback") == schema.FEEDBACK_COLUMNS
    assert columns("cards") == schema.CARD_COLUMNS
    assert columns("tombstones") == schema.TOMBSTONE_COLUMNS
    assert columns("marks") == schema.MARK_COLUMNS


@pytest.mark.parametrize("old", [False, True], ids=["new", "of the first release"])
def test_the_scripts_make_the_tables_as_they_are_described(path: Path, old: bool) -> None:
    if old:
        first_release(path)
    make(path)
    with connected(path) as connection:
        compared = MigrationContext.configure(connection)
        different = compare_metadata(compared, tables.METADATA)
    # The first release did not say so of a primary key of one text; it never wrote a NULL there.
    lax = [("modify_nullable", "rulebooks", "digest")] if old else []
    assert [(one[0][0], *one[0][2:4]) for one in different] == lax
    made = dict(sql(path, "SELECT name, sql FROM sqlite_master WHERE type = 'table'"))
    without = {name for name, text in made.items() if "WITHOUT ROWID" in text}
    assert without == {"feedback", "cards", "marks"}
    assert "schema_version" not in made


def test_both_databases_have_the_same_columns_and_keys(
    path: Path, postgres: PostgresServer
) -> None:
    make(path)
    url = postgres.new_database()
    make(url)
    found = sql(
        url,
        "SELECT c.table_name, c.column_name, c.is_nullable, c.collation_name, "
        "coalesce(k.ordinal_position, 0) FROM information_schema.columns c "
        "LEFT JOIN information_schema.key_column_usage k "
        "USING (table_schema, table_name, column_name) WHERE table_schema = 'public' "
        "AND table_name <> 'alembic_version' ORDER BY c.table_name, c.ordinal_position",
    )
    assert {row[2] for row in found} == {"NO"}
    assert {row[3] for row in found} == {"C", None}
    names = ("cards", "feedback", "marks", "records", "rulebooks", "tombstones")
    info = [(name, row) for name in names for row in sql(path, f"PRAGMA table_info({name})")]
    assert [(row[0], row[1], row[4]) for row in found] == [
        (name, row[1], row[5]) for name, row in info
    ]


def test_a_file_of_the_first_release_is_brought_up_to_date(path: Path) -> None:
    first_release(
        path,
        record(1),
        record(2),  # the same card once more
        record(3, body='{"rules":[]}'),
        record(4, body="no JSON"),
        record(5, patient="CAST(x'ff' AS TEXT)"),
        record(6, body=BODY.replace("c-1", "c-6")),
        "INSERT INTO feedback VALUES ('ehr-one', 's', 'c-1', 'accepted', 'at', '[]', '', '', 'r')",
    )
    with pytest.raises(SettingsError, match="older program; start this version of the service"):
        AuditStore.read_only(path)
    with closing(AuditStore.open(path)) as store:
        (told,) = store.feedback()
        assert (told.decision, told.rule, told.version, told.row, told.indicator, told.band) == (
            "d-1", "hypomagnesemia", "1.2.0", "A2", "critical", "",
        )  # fmt: skip
        assert told.patient == "p-1"
        assert store.count() == 6
        assert store._ask("SELECT card FROM cards ORDER BY card") == [("c-1",), ("c-6",)]
    make(path)


def test_a_file_that_cannot_be_brought_up_to_date_stays_as_it_was(path: Path) -> None:
    first_release(path, record(1), "CREATE TABLE cards (x)")
    with pytest.raises(SettingsError, match="cannot be brought up to date: table cards already"):
        AuditStore.open(path)
    left = sql(path, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    assert [name for (name,) in left] == [
        "cards", "feedback", "records", "rulebooks", "schema_version",
    ]  # fmt: skip


def test_tables_of_a_newer_program_are_refused_with_the_reason(
    place: Place,
) -> None:
    make(place)
    sql(place, "UPDATE alembic_version SET version_num = '0099'")
    for way in (AuditStore.open, AuditStore.read_only):
        with pytest.raises(SettingsError, match=r"newer program .*version 0099.*knows 0003"):
            way(place, 5.0)


def test_a_newer_program_of_the_old_kind_is_refused_too(path: Path) -> None:
    first_release(path, "UPDATE schema_version SET version = 99")
    with pytest.raises(SettingsError, match=r"newer program .*version 99"):
        AuditStore.open(path)


@pytest.mark.parametrize("table", sorted(schema._TABLES_OF[schema.HEAD]))
def test_a_table_that_has_gone_is_not_made_anew(path: Path, table: str) -> None:
    make(path)
    sql(path, f"DROP TABLE {table}")
    for way in (AuditStore.open, AuditStore.read_only):
        with pytest.raises(SettingsError, match=f"lost the table `{table}`; restore"):
            way(path)


def test_a_table_that_has_gone_from_a_server_is_not_made_anew(postgres: PostgresServer) -> None:
    url = postgres.new_database()
    make(url)
    sql(url, "DROP TABLE rulebooks")
    with pytest.raises(SettingsError, match="lost the table `rulebooks`; restore"):
        make(url)


@pytest.mark.parametrize("lost", ["DELETE FROM alembic_version", "DELETE FROM schema_version"])
def test_a_lost_version_is_not_taken_for_an_empty_database(path: Path, lost: str) -> None:
    make(path) if "alembic" in lost else first_release(path)
    sql(path, lost)
    with pytest.raises(SettingsError, match="lost the version"):
        AuditStore.open(path)


def test_another_programs_database_is_left_alone(place: Place) -> None:
    sql(place, "CREATE TABLE theirs (x integer)")
    with pytest.raises(SettingsError, match="no audit database: it holds other tables"):
        make(place)


def test_reading_makes_no_tables(place: Place) -> None:
    sql(place, "PRAGMA user_version" if isinstance(place, Path) else "SELECT 1")
    with pytest.raises(SettingsError, match="no tables yet; start this version of the service"):
        AuditStore.read_only(place)


_RACE = """
import sys
from pathlib import Path
from cds.audit.migrations import run
from cds.audit.store import AuditStore

place = sys.argv[1] if sys.argv[1].startswith("postgresql:") else Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
AuditStore.open(place, wait=10.0).close()
print("open", flush=True)
"""


def test_processes_that_start_at_the_same_moment_make_the_tables_once(place: Place) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _RACE, str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    assert [worker.communicate(timeout=30)[0] for worker in workers] == ["open\n"] * len(workers)
    with closing(AuditStore.read_only(place)) as store:
        assert store._ask("SELECT version_num FROM alembic_version") == [(schema.HEAD,)]


_START = """
import json
import sys
from pathlib import Path
from cds.audit.store import AuditStore

place = sys.argv[1] if sys.argv[1].startswith("postgresql:") else Path(sys.argv[1])
AuditStore.open(place, wait=10.0).close()
AuditStore.read_only(place).close()
print(json.dumps(sorted({"sqlalchemy", "alembic", "asyncpg"} & set(sys.modules))))
"""


@pytest.mark.parametrize("behind", [False, True], ids=["up to date", "empty"])
def test_a_start_loads_only_what_it_needs(place: Place, behind: bool) -> None:
    if not behind:
        make(place)
    found = subprocess.run(
        [sys.executable, "-c", _START, str(place)], capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(found.stdout))
    if isinstance(place, str):
        assert loaded == {"asyncpg"} | ({"alembic", "sqlalchemy"} if behind else set())
    else:  # a new file needs no script either
        assert loaded == set()
