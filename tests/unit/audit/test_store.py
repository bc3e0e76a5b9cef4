"""The audit database: on the disk when it says so, for its owner only, never quietly wrong.

What a store promises is asked of both databases; what only a file can do, of SQLite.
"""

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

from audit_kit import NOW, chain_in, entry, keep, made
from audit_kit import told as row
from cds.audit import schema
from cds.audit import sql as statements
from cds.audit.batch import Archive, Batch, Sealed, Told, Tombstone
from cds.audit.chain import Chain
from cds.audit.kept import Entry, Shown
from cds.audit.store import (
    WAIT_FOR_LOCK,
    AuditStore,
    DamagedRecord,
    Overridden,
    StoreError,
    ToldCard,
    stamp,
)
from cds.errors import SettingsError
from postgres_kit import PostgresServer, shared

Place = Path | str

postgres = pytest.fixture(scope="session")(shared)


def make(place: Place) -> None:
    AuditStore.open(place).close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where only SQLite can be asked."""
    return tmp_path / "audit" / "audit.sqlite"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> Place:
    if request.param == "sqlite":
        return made(path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.made_database(make)


@pytest.fixture
def store(place: Place) -> Iterator[AuditStore]:
    with closing(AuditStore.open(place)) as opened:
        yield opened


@pytest.fixture
def file(path: Path) -> Iterator[AuditStore]:
    with closing(AuditStore.open(made(path))) as opened:
        yield opened


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path / "audit")


# PostgreSQL keeps no NUL; what stands for it there must itself come back unchanged.
ODD = "Zürich \ufffd 病院 \0 \ue0000 \ue000 \ue0001\0 '\";--?$1"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


def test_only_the_owner_may_read_what_is_kept(chain: Chain, path: Path) -> None:
    file = AuditStore.open(path)
    keep(file, chain, [entry(1)])
    kept = sorted(path.parent.iterdir())
    assert [one.name for one in kept] == [
        "audit-heads.log", "audit.sqlite", "audit.sqlite-shm", "audit.sqlite-wal",
    ]  # fmt: skip
    assert {mode(one) for one in kept} == {0o600}
    assert mode(path.parent) == 0o700
    file.close()


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    AuditStore.open(path).close()
    assert mode(path) == 0o600


def test_every_column_of_an_entry_is_kept_and_sealed() -> None:
    kept = tuple(field.name for field in fields(Entry))
    assert kept == (*schema.ENTRY_COLUMNS, "shown", "marks"), "these two are indexes of it"


def test_records_come_back_as_they_were_written(
    store: AuditStore, chain: Chain, place: Place
) -> None:
    odd = replace(entry(2), site="", client=ODD, body=bytes(range(256)))
    items = keep(store, chain, [entry(1), odd, entry(3)])
    assert tuple(store.read(chain.name)) == items
    assert tuple(store.read(chain.name, 2)) == items[2:]
    assert store.head(chain.name) == (3, items[-1].mac)
    assert store.count() == 3
    with closing(AuditStore.read_only(place)) as reader:
        assert tuple(reader.read(chain.name)) == items, "another connection sees them at once"


def test_a_commit_waits_for_the_disk(file: AuditStore) -> None:
    assert file._ask("PRAGMA synchronous") == [(2,)], "FULL"
    assert file._ask("PRAGMA journal_mode") == [("wal",)]


def test_many_records_are_read_in_order(store: AuditStore, chain: Chain) -> None:
    items = keep(store, chain, [entry(number) for number in range(200)])
    assert tuple(store.read(chain.name)) == items


def test_a_group_is_kept_whole_or_not_at_all(store: AuditStore, chain: Chain, place: Place) -> None:
    (first,) = keep(store, chain, [entry(1)])
    again = chain.sealed([entry(2), entry(3)])
    with pytest.raises(StoreError, match="holds a record in this place already"):
        store.add(Batch((*again, first), (Archive("d", b""),), (Told((told("c-1"),)),)))
    store.close()
    with closing(AuditStore.open(place)) as anew:
        assert (anew.count(), anew.rulebook("d"), anew.feedback()) == (1, None, [])
        anew.add(Batch(again))
        assert anew.count() == 3


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
    store.add(Batch(archives=(Archive("d1", b"rules"), Archive("d1", b"twice"))))
    store.add(Batch(archives=(Archive("d1", b"other"),)))
    assert store.rulebook("d1") == b"rules"


def test_chains_are_told_apart(store: AuditStore, tmp_path: Path) -> None:
    one, two = chain_in(tmp_path, 1), chain_in(tmp_path, 2)
    keep(store, one, [entry(1)])
    keep(store, two, [entry(2), entry(3)])
    keep(store, one, [entry(4)])
    assert store.chains() == (one.name, two.name)
    assert [record.entry.id for record in store.read(one.name)] == ["decision-1", "decision-4"]
    assert store.head("no-such-chain") is None


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is not a database, it is a letter to the pharmacy\n" * 20)
    with pytest.raises(SettingsError, match="damaged"):
        AuditStore.open(path)
    assert path.read_bytes().startswith(b"this is not")


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SettingsError, match="not a plain file") as refused:
        AuditStore.open(path)
    assert str(refused.value).count(str(path)) == 1
    assert not (tmp_path / "elsewhere").exists()


def test_reading_where_there_is_nothing_makes_no_file(path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no audit database"):
        AuditStore.read_only(path)
    assert not path.exists()


def test_a_reader_cannot_write(chain: Chain, place: Place) -> None:
    make(place)
    with (
        closing(AuditStore.read_only(place)) as reader,
        pytest.raises(StoreError, match="read-only"),
    ):
        reader.add(Batch(chain.sealed([entry(1)])))
    with closing(AuditStore.read_only(place)) as reader:
        assert reader.count() == 0


def test_another_process_that_holds_the_lock_is_not_waited_for_long(
    file: AuditStore, chain: Chain, path: Path
) -> None:
    items = chain.sealed([entry(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        with pytest.raises(StoreError, match="locked by another process"):
            file.add(Batch(items))
        assert 0.9 * WAIT_FOR_LOCK < time.monotonic() - started < WAIT_FOR_LOCK + 2
        other.execute("ROLLBACK")
    file.add(Batch(items))
    assert file.count() == 1


@pytest.mark.parametrize("instead", [None, b""], ids=["removed", "replaced"])
def test_nothing_is_written_to_a_file_that_is_gone(
    file: AuditStore, chain: Chain, path: Path, instead: bytes | None
) -> None:
    path.rename(path.with_suffix(".old"))
    if instead is not None:
        path.write_bytes(instead)
    with pytest.raises(StoreError, match="moved or removed"):
        file.add(Batch(chain.sealed([entry(1)])))


def test_a_closed_store_says_so(store: AuditStore, chain: Chain) -> None:
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.add(Batch(chain.sealed([entry(1)])))
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
    file: AuditStore, chain: Chain, path: Path, change: str
) -> None:
    keep(file, chain, [entry(0), entry(1), entry(2)])
    sql(path, f"UPDATE records SET {change} WHERE seq = 2")
    reading = file.read(chain.name)
    assert next(reading).seq == 1
    with pytest.raises(DamagedRecord, match="record 2 of chain") as caught:
        next(reading)
    assert (caught.value.chain, caught.value.seq) == (chain.name, 2)


def test_workers_that_start_at_the_same_moment_share_one_database(
    place: Place, tmp_path: Path
) -> None:
    def start(process: int) -> int:
        with closing(AuditStore.open(place, wait=10.0)) as opened:
            chain = chain_in(tmp_path, process)
            opened.add(Batch(chain.sealed([entry(process)])))
            return process

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(start, range(8))) == list(range(8))
    with closing(AuditStore.read_only(place)) as reader:
        assert reader.count() == 8
        assert reader.damage() == ()


def test_damage_to_the_file_itself_is_told(file: AuditStore, chain: Chain, path: Path) -> None:
    keep(file, chain, [entry(number, body=os.urandom(3000)) for number in range(40)])
    file.close()
    raw = bytearray(path.read_bytes())
    index = raw.rindex(b"decision-17")  # in a page of the index, behind the records
    raw[index : index + 11] = b"decision-99"
    path.write_bytes(raw)
    with closing(AuditStore.read_only(path)) as reader:
        assert reader.damage(), "the index does not agree with the records"


CLIENT, PATIENT = "ehr-one", entry(1).patient
SHOWN = Shown("c-1", "hypomagnesemia", "1.2.0", "A2", "critical", "magnesium: severe")


def told(
    card: str,
    at: datetime = NOW,
    *,
    outcome: str = "overridden",
    code: str = "rejected",
    client: str = CLIENT,
) -> tuple[str, ...]:
    """A row of feedback, received an hour after."""
    received = stamp(at + timedelta(hours=1))
    return row(client, "service", card, outcome, stamp(at), "[]", "urn:s", code, received)


def feed(store: AuditStore, *rows: tuple[str, ...]) -> None:
    store.add(Batch(told=(Told(rows),)))


def test_feedback_is_kept_once_and_comes_with_its_card(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [replace(entry(1), shown=(SHOWN,))])
    feed(store, told("c-1"), told("c-9", NOW + timedelta(seconds=1)))
    feed(store, told("c-1", code="other"), told("c-1", client="ehr-two"))
    mine, others, unknown = store.feedback()
    assert mine == ToldCard(
        CLIENT, "c-1", "overridden", stamp(NOW), "urn:s", "rejected",
        stamp(NOW + timedelta(hours=1)), "decision-1", "hypomagnesemia", "1.2.0", "A2",
        "critical", "magnesium: severe", PATIENT,
    )  # fmt: skip
    assert (others.client, others.rule) == ("ehr-two", None), "a card is that of its client"
    assert (unknown.card, unknown.decision, unknown.patient) == ("c-9", None, None)


def test_the_first_decision_of_a_card_stays(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [replace(entry(1), shown=(SHOWN,))])
    keep(store, chain, [replace(entry(2), shown=(replace(SHOWN, row="A3"),))])
    feed(store, told("c-1"))
    assert [(one.decision, one.row) for one in store.feedback()] == [("decision-1", "A2")]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (told("c-1"), True),
        (told("c-1", NOW + timedelta(days=1)), True),
        (told("c-1", NOW - timedelta(microseconds=1)), False),
        (told("c-1", outcome="accepted"), False),
        (told("c-1", code=""), False),
        (told("c-2"), False),
        (told("c-1", client="ehr-two"), False),
    ],
    ids=["then", "later", "before", "accepted", "no reason", "another patient", "another client"],
)
def test_what_was_overridden_is_asked_by_client_patient_and_time(
    store: AuditStore, chain: Chain, said: tuple[str, ...], found: bool
) -> None:
    other = replace(entry(2), patient="hmac:other", shown=(replace(SHOWN, card="c-2"),))
    keep(store, chain, [replace(entry(1), shown=(SHOWN,)), other])
    feed(store, said)
    expected = Overridden(
        "hypomagnesemia", "1.2.0", "A2", "critical", "magnesium: severe", "urn:s", "rejected",
        datetime.fromisoformat(said[4]), said,
    )  # fmt: skip
    assert store.overridden(CLIENT, PATIENT, NOW) == ([expected] if found else [])


def test_a_patient_is_looked_up_by_index_even_where_the_database_knows_no_counts(
    store: AuditStore, chain: Chain, place: Place
) -> None:
    patients = [replace(entry(1), patient=f"p-{number}") for number in range(50)]
    keep(
        store,
        chain,
        [
            replace(one, shown=tuple(replace(SHOWN, card=f"{one.patient}-{i}") for i in range(20)))
            for one in patients
        ],
    )
    feed(store, *(told(f"p-{number % 50}-{number // 50}") for number in range(1000)))
    how = "EXPLAIN QUERY PLAN " if isinstance(place, Path) else "EXPLAIN "
    said = store._ask(how + statements.OVERRIDDEN, CLIENT, "p-7", stamp(NOW))
    plan = " ".join(str(word) for row in said for word in row)
    assert "cards_patient" in plan
    assert "(client=? AND card=?)" in plan or "AND (card = c.card))" in plan, plan
    assert "SCAN" not in plan.upper().replace("INDEX SCAN", "").replace("HEAP SCAN", "")
    assert len(store.overridden(CLIENT, "p-7", NOW)) == 20


def test_a_batch_that_waited_is_kept_where_it_is_not_there_yet(
    store: AuditStore, chain: Chain
) -> None:
    items = chain.sealed([replace(entry(1), shown=(SHOWN,)), entry(2), entry(3)])
    store.add(Batch(items[:2]))
    waited = Batch((*items, items[2]), (Archive("d", b"rules"),), (Told((told("c-1"),)),))
    for _ in range(2):
        assert store.drain(waited) == ()
        assert [one.seq for one in store.read(chain.name)] == [1, 2, 3]
        assert (store.rulebook("d"), len(store.feedback())) == (b"rules", 1)


def test_another_record_in_a_place_that_is_taken_is_handed_back(
    store: AuditStore, chain: Chain, tmp_path: Path
) -> None:
    items = keep(store, chain, [entry(1), entry(2)])
    stranger, *_ = chain_in(tmp_path).sealed([entry(9)])
    other = chain_in(tmp_path, 2).sealed([entry(4)])
    assert (stranger.chain, stranger.seq) == (items[0].chain, 1)
    third = chain.sealed([entry(3)])
    assert store.drain(Batch((stranger, *other, *third))) == (stranger,)
    assert tuple(store.read(chain.name)) == (*items, *third), "nothing was overwritten"
    assert tuple(store.read(other[0].chain)) == other


def test_a_place_that_was_purged_is_taken(store: AuditStore, chain: Chain) -> None:
    items = keep(store, chain, [entry(1), entry(2)])
    store.bury(stone(items))
    assert store.drain(Batch(items)) == ()
    assert store.count() == 0


def stone(items: tuple[Sealed, ...]) -> Tombstone:
    first, last = items[0], items[-1]
    return Tombstone(first.chain, first.seq, last.seq, first.previous, last.mac, stamp(NOW), b"tag")


def test_a_chain_ends_where_its_last_tombstone_ends(store: AuditStore, chain: Chain) -> None:
    items = keep(store, chain, [entry(number) for number in range(1, 6)])
    assert store.bury(stone(items[:2])) == 2
    assert store.head(chain.name) == (5, items[4].mac)
    assert store.bury(stone(items[2:])) == 3
    assert store.head(chain.name) == (5, items[4].mac)
    assert store.tombstones(chain.name) == [stone(items[:2]), stone(items[2:])]
    assert (store.chains(), store.count()) == ((chain.name,), 0)
    chain.resume(store.head(chain.name))
    (sixth,) = keep(store, chain, [entry(6)])
    assert (sixth.seq, sixth.previous) == (6, items[4].mac)
    assert store.tombstones("another") == []


def test_a_card_goes_with_the_last_record_of_its_decision(
    store: AuditStore, chain: Chain, tmp_path: Path
) -> None:
    twice = replace(entry(1), shown=(SHOWN,))
    once = replace(entry(2), shown=(replace(SHOWN, card="c-2"),))
    items = keep(store, chain, [twice, once])
    other = keep(store, chain_in(tmp_path, 2), [twice])
    feed(store, told("c-1"), told("c-2"))
    store.bury(stone(items))
    assert [one.rule for one in store.feedback()] == ["hypomagnesemia", None]
    store.bury(stone(other))
    assert [one.rule for one in store.feedback()] == [None, None]


def test_a_range_is_buried_once(store: AuditStore, chain: Chain, place: Place) -> None:
    items = keep(store, chain, [entry(1), entry(2)])
    store.bury(stone(items[:1]))
    with pytest.raises(StoreError, match="in this place already"):
        store.bury(stone(items))
    with closing(AuditStore.open(place)) as anew:
        assert anew.count() == 1


def test_feedback_is_forgotten_by_the_time_it_was_received(store: AuditStore) -> None:
    feed(store, told("c-1"), told("c-2", NOW + timedelta(hours=1)))
    assert store.forget_feedback(NOW + timedelta(hours=2)) == 1
    assert [one.card for one in store.feedback()] == ["c-2"]


def test_what_is_buried_is_gone_from_every_file(file: AuditStore, chain: Chain, path: Path) -> None:
    said = [b'{"secret":"%d-%s"}' % (number, b"magnesium " * 300) for number in range(20)]
    items = keep(file, chain, [entry(number, body=body) for number, body in enumerate(said)])
    file.fold()
    assert b'"19-magnesium' in path.read_bytes()
    file.bury(stone(items[5:]))
    file.scrub()
    left = b"".join(one.read_bytes() for one in path.parent.iterdir())
    assert b'"4-magnesium' in left
    assert [number for number in range(5, 20) if b'"%d-magnesium' % number in left] == []
    assert b"decision-19" not in left


def test_a_log_that_somebody_reads_cannot_be_emptied(
    file: AuditStore, chain: Chain, path: Path
) -> None:
    keep(file, chain, [entry(1)])
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM records").fetchall()
        keep(file, chain, [entry(2)])
        with pytest.raises(StoreError, match="locked by another process"):
            file.scrub()
    file.scrub()


def test_reading_goes_on_while_records_are_written(store: AuditStore, chain: Chain) -> None:
    items = keep(store, chain, [entry(number) for number in range(150)])
    reading, beside = store.read(chain.name), store.read(chain.name, 100)
    assert next(reading) == items[0]
    assert next(beside) == items[100]
    more = keep(store, chain, [entry(200)])
    assert store.head(chain.name) == (151, more[0].mac)
    assert tuple(beside) == items[101:]
    assert tuple(reading)[:149] == items[1:]
    assert store.count() == 151


def test_texts_sort_by_their_bytes(store: AuditStore) -> None:
    names = ["B", "a", "Z", "é", "_", "b-1", "b.1", "b1"]
    stones = [Tombstone(name, 1, 1, b"", b"", stamp(NOW), b"") for name in names]
    for one in stones:
        store.bury(one)
    assert store.chains() == tuple(sorted(names))


def test_bodies_come_with_their_client(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(1, body=b"one"), replace(entry(2, body=b"two"), client="ehr-two")])
    assert sorted(store.bodies()) == [("ehr-one", b"one"), ("ehr-two", b"two")]


def test_nothing_to_keep_asks_nothing_of_the_database(store: AuditStore) -> None:
    store.close()
    store.add(Batch())
    assert store.drain(Batch()) == ()


def test_a_database_that_cannot_be_written_now_says_so_without_being_written(path: Path) -> None:
    with closing(AuditStore.open(path, wait=0.05)) as store:
        store.try_writing()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="locked by another process"):
                store.try_writing()
            other.execute("ROLLBACK")
        store.try_writing()
        assert store.count() == 0
