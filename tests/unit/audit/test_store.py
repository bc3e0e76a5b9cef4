"""The audit database: on the disk when it says so, for its owner only, never quietly wrong."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from audit_kit import NOW, chain_in, entry, keep
from cds.audit import schema
from cds.audit.chain import Chain
from cds.audit.entry import Entry
from cds.audit.store import WAIT_FOR_LOCK, AuditStore, DamagedRecord, StoreError
from cds.errors import SettingsError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit" / "audit.sqlite"


@pytest.fixture
def store(path: Path) -> Iterator[AuditStore]:
    with closing(AuditStore.open(path)) as opened:
        yield opened


@pytest.fixture
def chain(path: Path) -> Chain:
    return chain_in(path.parent)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


def test_only_the_owner_may_read_what_is_kept(store: AuditStore, chain: Chain, path: Path) -> None:
    keep(store, chain, [entry(1)])
    kept = sorted(path.parent.iterdir())
    assert [file.name for file in kept] == [
        "audit-heads.log", "audit.sqlite", "audit.sqlite-shm", "audit.sqlite-wal",
    ]  # fmt: skip
    assert {mode(file) for file in kept} == {0o600}
    assert mode(path.parent) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    AuditStore.open(path).close()
    assert mode(path) == 0o600


def test_every_column_of_an_entry_is_kept_and_sealed() -> None:
    assert tuple(field.name for field in fields(Entry)) == schema.ENTRY_COLUMNS


def test_records_come_back_as_they_were_written(
    store: AuditStore, chain: Chain, path: Path
) -> None:
    odd = replace(entry(2), site="", client="Zürich � 病院", body=bytes(range(256)))
    items = keep(store, chain, [entry(1), odd, entry(3)])
    assert tuple(store.read(chain.name)) == items
    assert tuple(store.read(chain.name, 2)) == items[2:]
    assert store.head(chain.name) == (3, items[-1].mac)
    assert store.count() == 3
    with closing(AuditStore.read_only(path)) as reader:
        assert tuple(reader.read(chain.name)) == items, "another connection sees them at once"


def test_a_commit_waits_for_the_disk(store: AuditStore) -> None:
    answer = store._connection.execute("PRAGMA synchronous").fetchone()
    assert answer == (2,), "FULL"
    assert store._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_many_records_are_read_in_order(store: AuditStore, chain: Chain) -> None:
    items = keep(store, chain, [entry(number) for number in range(200)])
    assert tuple(store.read(chain.name)) == items


def test_a_group_is_kept_whole_or_not_at_all(store: AuditStore, chain: Chain) -> None:
    (first,) = keep(store, chain, [entry(1)])
    again = chain.sealed([entry(2), entry(3)])
    with pytest.raises(StoreError, match="holds a record in this place already"):
        store.append([again[0], again[1], first])
    assert store.count() == 1
    store.append(again)
    assert store.count() == 3


def test_a_decision_that_was_asked_twice_has_two_records(store: AuditStore, chain: Chain) -> None:
    later = replace(entry(1), at=NOW + timedelta(days=1))
    items = keep(store, chain, [later, entry(2), entry(1)])
    assert store.get("decision-1") == (items[2], items[0])
    assert store.get("decision-9") == ()


def test_records_are_found_by_their_time_whatever_the_offset(
    store: AuditStore, chain: Chain
) -> None:
    east = timezone(timedelta(hours=9))
    moved = replace(entry(1), at=(NOW + timedelta(hours=1)).astimezone(east))
    items = keep(store, chain, [moved, entry(5), entry(6)])
    found = tuple(store.since((NOW + timedelta(seconds=6)).astimezone(east)))
    assert [record.entry.id for record in found] == ["decision-6", "decision-1"]
    assert found[1].entry.at == items[0].entry.at


def test_a_moment_without_offset_is_not_kept(store: AuditStore, chain: Chain) -> None:
    with pytest.raises(ValueError, match="offset"):
        chain.sealed([replace(entry(1), at=datetime(2026, 1, 1))])  # noqa: DTZ001 - on purpose
    with pytest.raises(ValueError, match="offset"):
        store.since(datetime(2026, 1, 1))  # noqa: DTZ001 - on purpose


def test_a_rulebook_is_kept_once_under_its_digest(store: AuditStore) -> None:
    assert store.rulebook("d1") is None
    store.keep_rulebook("d1", b"rules")
    store.keep_rulebook("d1", b"other")
    assert store.rulebook("d1") == b"rules"


def test_chains_are_told_apart(store: AuditStore, path: Path) -> None:
    one, two = chain_in(path.parent, 1), chain_in(path.parent, 2)
    keep(store, one, [entry(1)])
    keep(store, two, [entry(2), entry(3)])
    keep(store, one, [entry(4)])
    assert store.chains() == (one.name, two.name)
    assert [record.entry.id for record in store.read(one.name)] == ["decision-1", "decision-4"]
    assert store.head("no-such-chain") is None


def test_a_file_of_a_newer_program_is_refused_with_the_reason(path: Path) -> None:
    AuditStore.open(path).close()
    sql(path, "INSERT INTO schema_version VALUES (99)")
    for way in (AuditStore.open, AuditStore.read_only):
        with pytest.raises(SettingsError, match=r"newer program .*version 99.*knows 1"):
            way(path)


@pytest.mark.parametrize("table", ["records", "rulebooks"])
def test_a_table_that_has_gone_is_not_made_anew(path: Path, table: str) -> None:
    AuditStore.open(path).close()
    sql(path, f"DROP TABLE {table}")
    with pytest.raises(SettingsError, match=f"lost the table `{table}`; restore"):
        AuditStore.open(path)


def test_a_lost_version_is_not_taken_for_a_new_file(path: Path) -> None:
    AuditStore.open(path).close()
    sql(path, "DELETE FROM schema_version")
    with pytest.raises(SettingsError, match="lost the version"):
        AuditStore.open(path)


def test_another_programs_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    sql(path, "CREATE TABLE theirs (x)")
    with pytest.raises(SettingsError, match="no audit database"):
        AuditStore.open(path)


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, it is a letter to the pharmacy\n" * 20)
    with pytest.raises(SettingsError, match="damaged"):
        AuditStore.open(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="not a plain file"):
        AuditStore.open(path)
    assert not (tmp_path / "elsewhere").exists()


def test_reading_where_there_is_nothing_makes_no_file(path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no audit database"):
        AuditStore.read_only(path)
    assert not path.exists()


def test_a_reader_cannot_write(chain: Chain, path: Path) -> None:
    AuditStore.open(path).close()
    with closing(AuditStore.read_only(path)) as reader:
        with pytest.raises(StoreError, match="read-only"):
            reader.append(chain.sealed([entry(1)]))
        assert reader.count() == 0


def test_another_process_that_holds_the_lock_is_not_waited_for_long(
    store: AuditStore, chain: Chain, path: Path
) -> None:
    items = chain.sealed([entry(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(StoreError, match="locked by another process"):
            store.append(items)
        assert 0.9 * WAIT_FOR_LOCK < time.monotonic() - started < WAIT_FOR_LOCK + 2
        other.execute("ROLLBACK")
    store.append(items)
    assert store.count() == 1


@pytest.mark.parametrize("instead", [None, b""], ids=["removed", "replaced"])
def test_nothing_is_written_to_a_file_that_is_gone(
    store: AuditStore, chain: Chain, path: Path, instead: bytes | None
) -> None:
    path.rename(path.with_suffix(".old"))
    if instead is not None:
        path.write_bytes(instead)
    with pytest.raises(StoreError, match="moved or removed"):
        store.append(chain.sealed([entry(1)]))


def test_a_closed_store_says_so(store: AuditStore, chain: Chain) -> None:
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.append(chain.sealed([entry(1)]))
    with pytest.raises(StoreError, match="is closed"):
        store.count()
    with pytest.raises(StoreError, match="is closed"):
        tuple(store.read(chain.name))


@pytest.mark.parametrize(
    "change",
    [
        "at = 'yesterday'",
        "at = '2026-11-22T12:00:01Z'",
        "client = CAST(x'ff' AS TEXT)",
        "client = CAST('ehr-one' AS BLOB)",
        "body = 'text'",
        "mac = 'text'",
    ],
)
def test_a_row_this_program_cannot_have_written_is_named(
    store: AuditStore, chain: Chain, path: Path, change: str
) -> None:
    keep(store, chain, [entry(0), entry(1), entry(2)])
    sql(path, f"UPDATE records SET {change} WHERE seq = 2")
    reading = store.read(chain.name)
    assert next(reading).seq == 1
    with pytest.raises(DamagedRecord, match="record 2 of chain") as caught:
        next(reading)
    assert (caught.value.chain, caught.value.seq) == (chain.name, 2)


def test_workers_that_start_at_the_same_moment_share_one_file(path: Path) -> None:
    def start(process: int) -> int:
        with closing(AuditStore.open(path)) as opened:
            chain = chain_in(path.parent, process)
            opened.append(chain.sealed([entry(process)]))
            return process

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(start, range(8))) == list(range(8))
    with closing(AuditStore.read_only(path)) as reader:
        assert reader.count() == 8
        assert reader.damage() == ()


def test_damage_to_the_file_itself_is_told(store: AuditStore, chain: Chain, path: Path) -> None:
    keep(store, chain, [entry(number, body=os.urandom(3000)) for number in range(40)])
    store.close()
    raw = bytearray(path.read_bytes())
    index = raw.rindex(b"decision-17")  # in a page of the index, behind the records
    raw[index : index + 11] = b"decision-99"
    path.write_bytes(raw)
    with closing(AuditStore.read_only(path)) as reader:
        assert reader.damage(), "the index does not agree with the records"
