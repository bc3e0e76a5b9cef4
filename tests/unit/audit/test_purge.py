"""What is old goes for good, and what is left can still be proved."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, RULES, chain_in, entry, keep, showing, told
from cds.audit import purge as purging
from cds.audit.batch import Archive, Batch, Told, Tombstone
from cds.audit.chain import Chain, key_of
from cds.audit.findings import EDITED, Inspection
from cds.audit.kept import Entry, Shown, stamp
from cds.audit.purge import Plan, Run, plan, purge
from cds.audit.store import AuditStore, StoreError
from cds.audit.verify import inspect
from postgres_kit import PostgresServer, shared
from tamper_kit import make

Place = Path | str
LATER = NOW + timedelta(days=4000)

postgres = pytest.fixture(scope="session")(shared)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "sqlite":
        return tmp_path / "audit.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.made_database(make)


@pytest.fixture
def store(place: Place) -> Iterator[AuditStore]:
    with closing(AuditStore.open(place, wait=20.0)) as opened:
        yield opened


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return chain_in(tmp_path)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records a tombstone."""
    monkeypatch.setattr(purging, "MOST_RECORDS", 2)


def second(number: int) -> datetime:
    return NOW + timedelta(seconds=number)


def planned(store: AuditStore, chain: Chain, before: datetime) -> Plan:
    return plan(store, KEY, [chain.heads], None, before)


def purged(store: AuditStore, chain: Chain, before: datetime) -> list[Tombstone]:
    return list(purge(store, KEY, planned(store, chain, before), LATER))


def seen(store: AuditStore, chain: Chain) -> Inspection:
    done = inspect(store, KEY, [chain.heads])
    assert done.findings == []
    assert done.remarks == []
    return done


@pytest.mark.parametrize(
    ("moments", "before", "left"),
    [
        pytest.param([1, 2, 3], 3, [3], id="what is before the moment"),
        pytest.param([1, 2, 3], 1, [1, 2, 3], id="nothing is"),
        pytest.param([1, 2, 3], 9, [], id="all is"),
        pytest.param([1, 9, 2, 10], 5, [9, 2, 10], id="an old one behind a newer one stays"),
        pytest.param([3, 1, 2, 9, 1], 4, [9, 1], id="a clock that went back"),
    ],
)
def test_the_beginning_of_a_chain_goes_and_no_hole_is_left(
    store: AuditStore, chain: Chain, moments: list[int], before: int, left: list[int]
) -> None:
    keep(store, chain, [entry(number) for number in moments])
    purged(store, chain, second(before))
    assert [one.entry.at for one in store.read(chain.name)] == [second(one) for one in left]
    done = seen(store, chain)
    assert (done.records, done.purged) == (len(left), len(moments) - len(left))
    assert done.chains == 1, "a chain of which all is purged is still known"


def test_an_old_record_behind_a_newer_one_goes_with_it(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(number) for number in (1, 9, 2, 20)])
    assert [(one.first, one.last) for one in purged(store, chain, second(5))] == [(1, 1)]
    assert [(one.first, one.last) for one in purged(store, chain, second(10))] == [(2, 3)]
    assert seen(store, chain).purged == 3


def test_a_chain_goes_on_after_all_of_it_was_purged(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(1), entry(2)])
    purged(store, chain, second(5))
    assert store.head(chain.name) == (2, chain.mac)
    keep(store, chain, [entry(10), entry(11)])
    assert seen(store, chain).summary == "whole: 2 records in 1 chains, 2 more purged"
    purged(store, chain, second(11))
    assert seen(store, chain).summary == "whole: 1 records in 1 chains, 3 more purged"


def test_a_plan_says_what_would_go_and_changes_nothing(
    store: AuditStore, chain: Chain, tmp_path: Path
) -> None:
    other = chain_in(tmp_path, 2)
    keep(store, chain, [entry(number) for number in range(1, 7)])
    keep(store, other, [entry(3), entry(99)])
    tell(store, 1, 2, 50)
    found = planned(store, chain, second(5))
    assert [str(run) for run in found.runs] == [
        f"chain {chain.name}: records 1 to 4",
        f"chain {other.name}: record 1",
    ]
    assert found.records == 5
    assert found.summary == (
        "5 records in 2 chains and 2 lines of feedback from before 2026-11-22T12:00:05.000000+00:00"
    )
    assert (store.count(), len(store.feedback())) == (8, 3)


def tell(store: AuditStore, *received: int) -> None:
    """Feedback that came in these seconds."""
    rows = tuple(
        told("ehr", "s", f"card-{one}", "accepted", stamp(NOW), "[]", "", "", stamp(second(one)))
        for one in received
    )
    store.add(Batch(told=(Told(rows),)))


def test_feedback_goes_by_when_it_was_received(store: AuditStore, chain: Chain) -> None:
    tell(store, 1, 4, 5, 6)
    purged(store, chain, second(5))
    assert sorted(one.card for one in store.feedback()) == ["card-5", "card-6"]


def test_rules_stay_and_cards_go_with_their_decision(store: AuditStore, chain: Chain) -> None:
    store.add(Batch(archives=(Archive("ab" * 32, b"a tar file"),)))
    keep(store, chain, [shown(1), shown(9)])
    tell(store, 30)
    store.add(Batch(told=(Told((said("shown-1"), said("shown-9"))),)))
    purged(store, chain, second(5))
    rules = {one.card: one.rule for one in store.feedback()}
    assert rules == {"card-30": None, "shown-1": None, "shown-9": "a-rule"}
    assert store.rulebook("ab" * 32) == b"a tar file"


def shown(number: int) -> Entry:
    return showing(number, Shown(f"shown-{number}", "a-rule", "1", "row", "warning", "band"))


def said(card: str) -> tuple[str, ...]:
    at = stamp(second(40))
    return told("ehr-one", "s", card, "accepted", at, "[]", "", "", at)


def test_nothing_goes_where_something_was_found(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(number) for number in range(1, 4)])
    forged = chain.sealed([entry(4)])[0]
    store.add(Batch((forged,)))
    chain.heads.write_bytes(chain.heads.read_bytes().replace(b"kept", b"kepd"))
    found = planned(store, chain, second(9))
    assert found.findings
    assert found.runs == ()
    with pytest.raises(ValueError, match="refused"):
        list(purge(store, KEY, found, LATER))
    assert store.count() == 4


def test_a_changed_record_is_not_purged_but_named(tmp_path: Path) -> None:
    path, chain = tmp_path / "audit.sqlite", chain_in(tmp_path)
    with closing(AuditStore.open(path)) as store:
        keep(store, chain, [entry(number) for number in range(1, 4)])
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE records SET patient = 'another' WHERE seq = 2")
        (found,) = planned(store, chain, second(9)).findings
    assert (found.seq, found.kind) == (2, EDITED)


def test_chains_of_another_key_stay_and_are_named(
    store: AuditStore, chain: Chain, tmp_path: Path
) -> None:
    strange = chain_in(tmp_path, 2, key_of("another secret for tests, long enough too"))
    keep(store, chain, [entry(1)])
    keep(store, strange, [entry(2)])
    assert planned(store, chain, second(2)).left == (), "it has nothing that old"
    found = planned(store, chain, second(9))
    assert (found.left, found.runs) == ((strange.name,), (Run(chain.name, 1, 1),))
    list(purge(store, KEY, found, LATER))
    assert [one.chain for name in store.chains() for one in store.read(name)] == [strange.name]


@pytest.mark.usefixtures("small")
def test_much_goes_in_several_tombstones(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(number) for number in range(1, 7)])
    stones = purged(store, chain, second(6))
    assert [(one.first, one.last) for one in stones] == [(1, 2), (3, 4), (5, 5)]
    assert stones == store.tombstones(chain.name)
    assert {one.purged for one in stones} == {stamp(LATER)}
    assert seen(store, chain).purged == 5


def test_large_records_go_a_few_at_a_time(
    store: AuditStore, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "MOST_BYTES", 100)
    sizes = [60, 60, 300, 10, 10, 90]
    keep(store, chain, [entry(at, body=b"x" * size) for at, size in enumerate(sizes)])
    stones = purged(store, chain, second(9))
    assert [(one.first, one.last) for one in stones] == [(1, 1), (2, 2), (3, 3), (4, 5), (6, 6)]
    assert seen(store, chain).purged == 6


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("survived", [0, 1, 2])
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
def test_a_purge_that_is_killed_leaves_a_whole_audit_and_is_run_again(
    store: AuditStore, chain: Chain, monkeypatch: pytest.MonkeyPatch, survived: int, *, late: bool
) -> None:
    keep(store, chain, [entry(number) for number in range(1, 8)])
    bury, left = store.bury, survived

    def fail(stone: Tombstone) -> int:
        nonlocal left
        if left == 0 and not late:
            raise Killed
        done = bury(stone)
        left -= 1
        if left < 0:
            raise Killed
        return done

    with monkeypatch.context() as patch:
        patch.setattr(store, "bury", fail)
        with pytest.raises(Killed):
            purged(store, chain, second(7))
    assert seen(store, chain).purged == 2 * (survived + late)
    purged(store, chain, second(7))
    assert seen(store, chain).purged == 6


@pytest.mark.parametrize(
    "meddle",
    [
        pytest.param("UPDATE records SET patient = 'another' WHERE seq = 2", id="edited"),
        pytest.param("DELETE FROM records WHERE seq = 1", id="deleted"),
        pytest.param("DELETE FROM records WHERE seq = 2", id="one in the middle deleted"),
    ],
)
def test_what_is_changed_between_the_look_and_the_purge_stays(tmp_path: Path, meddle: str) -> None:
    path, chain = tmp_path / "audit.sqlite", chain_in(tmp_path)
    with closing(AuditStore.open(path)) as store:
        keep(store, chain, [entry(number) for number in range(1, 5)])
        found = planned(store, chain, second(9))
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute(meddle)
        there = store.count()
        with pytest.raises(StoreError, match="changed or purged meanwhile; run the purge again"):
            list(purge(store, KEY, found, LATER))
        assert (store.count(), store.tombstones(chain.name)) == (there, [])


def test_two_purges_at_once_do_not_bury_twice(store: AuditStore, chain: Chain) -> None:
    keep(store, chain, [entry(number) for number in range(1, 5)])
    one, two = (planned(store, chain, second(before)) for before in (3, 4))
    assert len(list(purge(store, KEY, one, LATER))) == 1
    list(purge(store, KEY, two, LATER))
    assert [(item.first, item.last) for item in store.tombstones(chain.name)] == [(1, 2), (3, 3)]
    assert seen(store, chain).purged == 3


def test_nothing_of_what_was_purged_is_left_in_the_files(tmp_path: Path) -> None:
    path, chain = tmp_path / "audit.sqlite", chain_in(tmp_path)
    with closing(AuditStore.open(path)) as writer, closing(AuditStore.open(path)) as store:
        for start in range(0, 300, 20):
            keep(writer, chain, [secret(number) for number in range(start, start + 20)])
            tell(writer, start)
        assert everything(path).count(b"SECRET-000123") > 2
        purged(store, chain, second(200))
        left = everything(path)
        gone = [number for number in range(200) if b"SECRET-%06d" % number in left]
        assert gone == []
        assert all(b"SECRET-%06d" % number in left for number in range(200, 300))
        assert b"card-180" not in left
        assert b"card-200" in left
        assert seen(store, chain).purged == 200


def test_a_log_that_somebody_reads_is_emptied_by_the_next_purge(tmp_path: Path) -> None:
    path, chain = tmp_path / "audit.sqlite", chain_in(tmp_path)
    with closing(AuditStore.open(path, wait=0.05)) as store:
        keep(store, chain, [secret(number) for number in range(4)])
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("BEGIN").execute("SELECT count(*) FROM records").fetchall()
            with pytest.raises(StoreError, match="locked by another process"):
                purged(store, chain, second(9))
            assert b"SECRET-000001" in everything(path)
        assert purged(store, chain, second(9)) == []
        assert b"SECRET" not in everything(path)
        assert seen(store, chain).purged == 4


def secret(number: int) -> Entry:
    mark = f"SECRET-{number:06d}"
    # Not in the order of their numbers, so that the pages of the index are split and mixed.
    card = Shown(f"{number * 7919 % 1000:03d}-{mark}", "a-rule", "1", "row", "warning", "band")
    body = (mark * (30 + number * 7 % 900)).encode()
    return Entry(
        f"id-{mark}", second(number), "ehr", "s", "h", f"hmac:{mark}", RULES.digest, "example", "1",
        body, shown=(card,),
    )  # fmt: skip


def everything(path: Path) -> bytes:
    names = [path.with_name(path.name + end) for end in ("", "-wal", "-shm")]
    return b"".join(one.read_bytes() for one in names if one.exists())


@pytest.mark.usefixtures("small")
def test_a_service_writes_on_meanwhile(store: AuditStore, place: Place, chain: Chain) -> None:
    keep(store, chain, [entry(number) for number in range(60)])
    failures: list[Exception] = []
    begun, enough = threading.Event(), threading.Event()

    def serve() -> None:
        mine = Chain(chain.name.replace("-1-", "-2-"), KEY, chain.heads)
        try:
            with closing(AuditStore.open(place)) as own:
                while not enough.is_set():
                    keep(own, mine, [entry(1000 + mine.seq)])
                    begun.set()
        except Exception as error:
            failures.append(error)
            begun.set()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        assert begun.wait(20)
        stones = purged(store, chain, second(60))
    finally:
        enough.set()
        thread.join()
    assert failures == []
    assert len(stones) == 30
    done = seen(store, chain)
    assert (done.chains, done.purged) == (2, 60)


def test_a_purge_during_a_verify_is_no_finding(
    store: AuditStore, place: Place, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(store, chain, [entry(number) for number in range(1, 7)])
    tombstones: Callable[[str], list[Tombstone]] = store.tombstones
    asked = 0

    def purge_after_the_first_question(name: str) -> list[Tombstone]:
        nonlocal asked
        found = tombstones(name)
        asked += 1
        if asked == 1:
            with closing(AuditStore.open(place)) as another:
                purged(another, chain, second(4))
        return found

    with monkeypatch.context() as patch:
        patch.setattr(store, "tombstones", purge_after_the_first_question)
        done = seen(store, chain)
    assert (done.records, done.purged) == (3, 3)
