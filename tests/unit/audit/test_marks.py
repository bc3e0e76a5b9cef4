"""What the rules came to can be looked up, in every database and from whatever was kept before."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from audit_kit import KEY, NOW, chain_in, entry, keep, made
from cds.audit import markcheck, schema
from cds.audit.batch import Batch, packed, unpacked
from cds.audit.browse import Filter
from cds.audit.chain import Chain
from cds.audit.findings import CARDS, EDITED, MARKS
from cds.audit.kept import Entry, Mark, stamp
from cds.audit.marks import MARKED, judged_in, marks_in, marks_of
from cds.audit.purge import plan, purge
from cds.audit.rows import numbered
from cds.audit.store import AuditStore
from cds.audit.stored import WORTH, closed
from kept_decisions import answered, named
from postgres_kit import PostgresServer, ask, shared
from tamper_kit import Kept, make

postgres = pytest.fixture(scope="session")(shared)

KEPT_OF_FORMAT_2 = Path(__file__).with_name("kept") / "format-2.json"
FIRED = {"rule": "low", "version": "1.0.0", "outcome": "fires", "row": "A2"}


def body(*rules: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"rules": [{**FIRED, **rule} for rule in rules], **more}).encode()


BOTH = body({}, {"rule": "qt", "row": "D2", "silent": True})
OF_BOTH = (Mark("low", "1.0.0", "A2", "fires"), Mark("qt", "1.0.0", "D2", "would-fire"))


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_what_a_decision_came_to_is_what_its_body_says(folder: str) -> None:
    found = [item for item in answered() if item.sample.folder == folder]
    assert found
    for item in found:
        kept = item.entry()
        assert kept.marks == marks_in(kept.body) == marks_of(item.answer.decisions.items)
        asked = {one.rule.id for one in item.answer.decisions.items}
        assert judged_in(kept.body) == asked, "also of those that were ruled out"


def test_a_patient_with_cards_has_marks() -> None:
    marks = named("first-card").entry().marks
    assert marks is not None
    assert ("hypomagnesemia", "A2", "fires") in {(one.rule, one.row, one.outcome) for one in marks}


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ({}, "fires"),
        ({"silent": True}, "would-fire"),
        ({"held_back": "overridden 3 h ago"}, "held-back"),
        ({"silent": True, "held_back": "overridden 3 h ago"}, "would-fire"),
        ({"outcome": "cannot-tell", "silent": True}, "cannot-tell"),
        ({"outcome": "error"}, "error"),
    ],
)
def test_each_outcome_has_its_word(rule: dict[str, Any], outcome: str) -> None:
    assert marks_in(body(rule)) == (Mark("low", "1.0.0", "A2", outcome),)
    assert outcome in MARKED


def test_a_silent_rule_has_no_mark() -> None:
    kept = body({"outcome": "silent"}, ruled_out=["a@1.0.0", {"rule": "b@1.0.0", "order": {}}])
    assert marks_in(kept) == ()
    assert judged_in(kept) == {"low", "a", "b"}


def test_the_same_rule_for_several_orders_has_one_mark_for_each_row_and_outcome() -> None:
    kept = body({}, {}, {"row": "A1"}, {"outcome": "cannot-tell", "row": ""})
    marks = marks_in(kept)
    assert marks is not None
    assert [(one.row, one.outcome, nth) for one, nth in numbered(marks)] == [
        ("", "cannot-tell", 1), ("A1", "fires", 1), ("A2", "fires", 2),
    ]  # fmt: skip


@pytest.mark.parametrize("kept", [b"", b"\xff", b"{}", b'{"rules":7}', body({"outcome": "x"})])
def test_a_body_that_tells_nothing_has_no_marks(kept: bytes) -> None:
    assert marks_in(kept) is None
    assert judged_in(kept) is None


@pytest.mark.parametrize("pack", [closed, zlib.compress], ids=["now", "by an older version"])
def test_a_body_that_was_compressed_is_read_like_any(pack: Callable[[bytes], bytes]) -> None:
    long = body({}, more="x" * WORTH)
    assert pack(long) != long
    assert marks_in(pack(long)) == marks_in(body({}))
    assert judged_in(pack(long)) == judged_in(body({}))


def rows(place: Path | str) -> list[tuple[Any, ...]]:
    """All marks, as they lie there."""
    statement = f"SELECT {', '.join(schema.MARK_COLUMNS)} FROM marks ORDER BY chain, seq, rule"
    if isinstance(place, str):
        return asyncio.run(ask(place, [statement]))
    with closing(sqlite3.connect(place)) as raw:
        return raw.execute(statement).fetchall()


def told(chain: Chain, seq: int, at: str) -> list[tuple[Any, ...]]:
    """The rows of `OF_BOTH` for this record."""
    return [(chain.name, seq, at, x.rule, x.version, x.row, x.outcome, 1) for x in OF_BOTH]


def marked(number: int) -> Entry:
    return entry(number, body=BOTH)


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return made(tmp_path / "audit.sqlite")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.made_database(make)


def test_marks_are_kept_with_their_record_and_come_with_what_waited(
    place: Path | str, tmp_path: Path
) -> None:
    chain = chain_in(tmp_path)
    items = chain.sealed([marked(1), replace(marked(2), marks=OF_BOTH), entry(3)])
    with closing(AuditStore.open(place)) as store:
        store.add(Batch(items[:1]))
        for _ in range(2):
            assert store.drain(unpacked(packed(Batch(items)))) == ()
    first, second = (stamp(NOW + timedelta(seconds=number)) for number in (1, 2))
    assert rows(place) == [*told(chain, 1, first), *told(chain, 2, second)]


def test_what_an_older_program_left_in_its_spool_has_marks_too(tmp_path: Path) -> None:
    """It knew nothing of them, and compressed what it left."""
    chain = chain_in(tmp_path)
    frame = msgspec.msgpack.decode(packed(Batch(chain.sealed([marked(1)]))))
    del frame[1]["records"][0]["entry"]["marks"]
    waited = unpacked(zlib.compress(msgspec.msgpack.encode(frame)))
    path = made(tmp_path / "audit.sqlite")
    with closing(AuditStore.open(path)) as store:
        assert store.drain(waited) == ()
    assert rows(path) == told(chain, 1, stamp(NOW + timedelta(seconds=1)))


def before_marks(place: Path | str) -> None:
    """The tables as revision 0002 left them."""
    statements = (
        "DROP TABLE marks", "DROP INDEX records_client", "DROP INDEX records_patient",
        "UPDATE alembic_version SET version_num = '0002'",
    )  # fmt: skip
    if isinstance(place, str):
        asyncio.run(ask(place, statements))
        return
    with closing(sqlite3.connect(place, isolation_level=None)) as raw:
        for statement in statements:
            raw.execute(statement)


def of_every_format() -> list[bytes]:
    """Bodies as the program wrote them up to that revision, one among them compressed as it was
    then."""
    third = named("first-card").entry().body
    second = KEPT_OF_FORMAT_2.read_bytes()
    first = json.loads(second)
    first["format"] = 1
    long = json.loads(third)
    long["more"] = "x" * 64 * 1024
    small = zlib.compress(json.dumps(long).encode(), 1)
    return [json.dumps(first).encode(), second, third, small, BOTH]


def test_a_database_of_the_revision_before_gets_the_marks_of_all_its_records(
    place: Path | str, tmp_path: Path
) -> None:
    """More of them than are read at once, and such as cannot be read."""
    chain = chain_in(tmp_path)
    bodies = [*of_every_format(), b"no JSON", b"", body({}, {"row": "A1"})]
    with closing(AuditStore.open(place)) as store:
        keep(store, chain, [entry(i, body=bodies[i % len(bodies)]) for i in range(250)])
    wanted = rows(place)
    assert {row[1] % len(bodies) for row in wanted} == {0, 1, 2, 3, 4, 5}
    assert {row[-1] for row in wanted} == {1, 2}
    before_marks(place)
    AuditStore.open(place).close()
    assert rows(place) == wanted
    with closing(AuditStore.read_only(place)) as store:
        found = Kept(place, chain.heads, chain.name, "").inspect().findings
        assert {one.kind for one in found} == {CARDS}, "these entries came without their cards"
        assert len(store.browse.page(Filter(rule="hypomagnesemia")).items) == 50


def test_a_record_whose_name_is_no_text_stops_no_migration(tmp_path: Path) -> None:
    path, chain = made(tmp_path / "audit.sqlite"), chain_in(tmp_path)
    with closing(AuditStore.open(path)) as store:
        keep(store, chain, [marked(1), marked(2)])
    before_marks(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("UPDATE records SET at = CAST(x'ff' AS TEXT) WHERE seq = 1")
    AuditStore.open(path).close()
    assert rows(path) == told(chain, 2, stamp(NOW + timedelta(seconds=2)))


def filled(place: Path | str, folder: Path) -> Kept:
    """Three decisions, of which the second was silent, and one in another chain."""
    chain, other = chain_in(folder, 1), chain_in(folder, 2)
    with closing(AuditStore.open(place)) as store:
        keep(store, chain, [marked(1), entry(2), marked(3)])
        keep(store, other, [marked(4)])
    return Kept(place, chain.heads, chain.name, other.name)


@pytest.fixture
def kept(place: Path | str, tmp_path: Path) -> Kept:
    return filled(place, tmp_path)


def test_what_nobody_touched_is_vouched_for(kept: Kept) -> None:
    done = kept.inspect()
    assert (done.findings, done.remarks, done.records) == ([], [], 4)
    assert len(rows(kept.place)) == 6


AT = stamp(NOW + timedelta(seconds=2))
ONE_MORE = f"INSERT INTO marks SELECT chain, 2, '{AT}', rule, version, row, outcome, nth FROM marks"


@pytest.mark.parametrize(
    ("change", "seq", "words"),
    [
        ("DELETE FROM marks WHERE chain = ? AND seq = 3 AND rule = 'qt'", 3, "1 missing"),
        ("DELETE FROM marks WHERE chain = ? AND seq = 1", 1, "2 missing"),
        (f"{ONE_MORE} WHERE chain = ? AND seq = 1 AND rule = 'low'", 2, "1 added"),
        *(
            (f"UPDATE marks SET {change} WHERE chain = ? AND seq = 3 AND rule = 'qt'", 3, words)
            for change, words in (
                ("outcome = 'fires'", "1 changed"),
                ("row = 'D9'", "1 changed"),
                ("rule = 'other'", "1 changed"),
                ("version = '9'", "1 changed"),
                ("nth = 2", "1 changed"),
                ("at = '2026'", "1 changed"),
            )
        ),
    ],
)
def test_marks_that_are_not_as_their_record_says_are_found(
    kept: Kept, change: str, seq: int, words: str
) -> None:
    kept.sql(change, kept.name)
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (kept.name, seq, MARKS)
    assert found.words == (
        f"what is looked up of the rules of record {seq} is not what it says ({words})"
    )


def test_marks_moved_to_another_record_are_found(kept: Kept) -> None:
    kept.sql("UPDATE marks SET seq = 2 WHERE chain = ? AND seq = 1", kept.name)
    found = kept.only()
    assert (found.seq, found.kind) == (1, MARKS)
    assert found.words.endswith("(2 missing), nor of 1 more")


def test_marks_of_no_record_are_found(kept: Kept) -> None:
    kept.sql("UPDATE marks SET seq = 9 WHERE chain = ? AND seq = 3", kept.name)
    one, stray = kept.inspect().findings
    assert (one.chain, one.seq, one.kind) == (kept.name, 3, MARKS)
    assert (stray.seq, stray.kind) == (None, MARKS)
    assert stray.words == (
        "what rules came to is looked up of 1 records that are not there; the first is record 9 "
        f"of chain {kept.name}"
    )


def test_where_all_marks_are_gone_each_chain_names_its_first_record(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.sql("DELETE FROM marks")
    one, other = kept.inspect().findings
    assert (one.seq, one.words.endswith("(2 missing), nor of 1 more")) == (1, True)
    assert (other.chain, other.seq) == (kept.other, 1)
    monkeypatch.setattr(markcheck, "MOST", 2)
    assert kept.inspect().findings[0].words.endswith("nor of at least 1 more")


def test_of_a_bad_chain_only_its_first_bad_record_is_told(kept: Kept) -> None:
    kept.sql("UPDATE marks SET row = 'A9' WHERE chain = ? AND seq = 3", kept.name)
    kept.sql("UPDATE records SET hook = 'x' WHERE chain = ? AND seq = 3", kept.name)
    assert kept.only().kind == EDITED


@pytest.mark.parametrize("column", ["chain", "rule", "row", "outcome", "at"])
@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'00'"])
def test_a_mark_that_is_no_text_any_more_is_found(tmp_path: Path, column: str, value: str) -> None:
    file = filled(made(tmp_path / "audit.sqlite"), tmp_path)
    file.sql(f"UPDATE marks SET {column} = {value} WHERE seq = 3 AND rule = 'qt'")
    found = file.inspect().findings
    assert (found[0].seq, {one.kind for one in found}) == (3, {MARKS})
    for one in found:
        str(one).encode()


def test_a_body_in_which_an_id_was_replaced_is_not_held_against_its_marks() -> None:
    said = ("chain", 1, AT, "hmac:1-low", "1.0.0", "A1", "fires", 1)
    assert markcheck._wrong([said], [(*said[:3], "potassium-low", *said[4:])]) == ""
    assert markcheck._wrong([said], [(*said[:3], "potassium-low", "2.0.0", *said[5:])])


def test_a_purge_takes_the_marks_along(kept: Kept) -> None:
    with closing(AuditStore.open(kept.place)) as store:
        planned = plan(store, KEY, [kept.heads], None, NOW + timedelta(seconds=3))
        assert [(one.first, one.last) for one in purge(store, KEY, planned, NOW)] == [(1, 2)]
    assert [(row[0], row[1]) for row in rows(kept.place)] == [
        *[(kept.name, 3)] * 2, *[(kept.other, 1)] * 2,
    ]  # fmt: skip
    assert kept.inspect().findings == []


def test_a_purge_during_a_verify_takes_its_marks_along(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records were read before, their marks are looked up after."""
    compare = markcheck.MarkCheck._compare
    once: list[Callable[[], None]] = [lambda: bury(kept)]

    def late(self: markcheck.MarkCheck) -> None:
        while once:
            once.pop()()
        compare(self)

    monkeypatch.setattr(markcheck.MarkCheck, "_compare", late)
    assert kept.inspect().findings == []
    assert once == []
    assert (kept.name, 1) not in {row[:2] for row in rows(kept.place)}


def bury(kept: Kept) -> None:
    with closing(AuditStore.open(kept.place)) as store:
        planned = plan(store, KEY, [kept.heads], None, NOW + timedelta(seconds=2))
        store.scrub = lambda: None  # type: ignore[method-assign] - somebody reads
        assert len(list(purge(store, KEY, planned, NOW))) == 1


def test_a_mark_that_was_added_before_its_record_keeps_no_record_away(kept: Kept) -> None:
    kept.sql("INSERT INTO marks VALUES (?, 4, 'at', 'low', '1.0.0', 'A2', 'fires', 1)", kept.name)
    chain = chain_in(kept.heads.parent, 1)
    with closing(AuditStore.open(kept.place)) as store:
        chain.resume(store.head(chain.name))
        keep(store, chain, [marked(9)])
    found = kept.only()
    assert (found.seq, found.kind) == (4, MARKS)
