"""Pages of decisions hold what they were asked for, newest first, each once, in both databases."""

from __future__ import annotations

import json
import sqlite3
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from audit_kit import KEY, NOW, chain_in, entry, keep, made, told
from bench.console_store import END, HEADS, filters, make_store, measured
from bench.console_store import KEY as BENCH_KEY
from cds.audit import browse
from cds.audit.batch import Batch, Sealed, Told
from cds.audit.browse import BadCursor, Browser, Filter, Listed, Mark, Page
from cds.audit.database import DamagedRecord
from cds.audit.kept import Entry, Shown, stamp
from cds.audit.marks import SILENT, marks_in
from cds.audit.purge import plan, purge
from cds.audit.seek import cursor_of, place_of
from cds.audit.store import AuditStore
from cds.audit.verify import inspect
from postgres_kit import PostgresServer, shared
from tamper_kit import make

Place = Path | str

postgres = pytest.fixture(scope="session")(shared)

LOW, QT, ODD = "low-potassium", "qt-risk", "Zürich \ue000 '?\""
ASKED = (LOW, QT, ODD)  # by one rulebook; the other asks the first only
# What a rule came to: outcome as it is written in a body.
CAME_TO: tuple[dict[str, Any], ...] = (
    {"rule": LOW, "row": "B1", "outcome": "fires"},
    {"rule": LOW, "row": "B2", "outcome": "fires"},
    {"rule": LOW, "row": "B1", "outcome": "fires", "silent": True},
    {"rule": LOW, "row": "B2", "outcome": "fires", "held_back": "overridden"},
    {"rule": LOW, "outcome": "cannot-tell"},
    {"rule": QT, "row": "D2", "outcome": "fires"},
    {"rule": QT, "row": "B1", "outcome": "fires"},
    {"rule": QT, "outcome": "error"},
    {"rule": ODD, "row": ODD, "outcome": "fires"},
)


def decision(number: int) -> Entry:
    """A decision with up to three outcomes, such that all of them come together now and then;
    patients, clients and rulebooks come in turns of their own, moments twice."""
    places = [number % 10, number % 7 + 2, number % 3 * 4] if number % 5 else []
    rules = [{"version": "1.0.0", **CAME_TO[place]} for place in places if place < len(CAME_TO)]
    small = number % 4 == 0
    quiet = [f"{name}@1.0.0" for name in (ASKED[:1] if small else ASKED)]
    body = json.dumps({"rules": rules, "ruled_out": quiet}).encode()
    return replace(
        entry(number, body=body),
        at=NOW + timedelta(minutes=number // 2),
        client=("ehr-one", "ehr-two", ODD)[number % 3],
        patient=f"p-{number % 11}",
        rulebook="small" if small else "large",
    )


MANY = 180


def filled(place: Place, folder: Path) -> Place:
    """Two chains that write in turns."""
    with closing(AuditStore.open(place)) as store:
        for process in (1, 2):
            chain = chain_in(folder, process)
            keep(store, chain, [decision(number) for number in range(process - 1, MANY, 2)])
    return place


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Read only, by all tests."""
    folder = tmp_path_factory.mktemp("browse")
    if request.param == "sqlite":
        return filled(made(folder / "audit.sqlite"), folder)
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.new_database()
    make(url)
    return filled(url, folder)


@pytest.fixture
def store(place: Place) -> Iterator[AuditStore]:
    with closing(AuditStore.read_only(place)) as opened:
        yield opened


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[AuditStore]:
    with closing(AuditStore.open(made(tmp_path / "audit.sqlite"))) as opened:
        yield opened


def everything(store: AuditStore) -> list[Sealed]:
    """All records, newest first, by another road than the pages."""
    found = [item for chain in store.chains() for item in store.read(chain)]
    return sorted(found, key=lambda x: (stamp(x.entry.at), x.chain, x.seq), reverse=True)


def meant(wanted: Filter, item: Sealed) -> bool:
    """Whether a record is asked for, told from its body."""
    kept, marks = item.entry, marks_in(item.entry.body)
    assert marks is not None
    if wanted.outcome == SILENT:
        asked = ASKED[:1] if kept.rulebook == "small" else ASKED
        judged = wanted.rule in asked or any(one.rule == wanted.rule for one in marks)
        of_rules = judged and all(one.rule != wanted.rule for one in marks)
    elif wanted.rule or wanted.row or wanted.outcome:
        of_rules = any(
            wanted.rule in ("", one.rule)
            and wanted.row in ("", one.row)
            and wanted.outcome in ("", one.outcome)
            for one in marks
        )
    else:
        of_rules = True
    return (
        of_rules
        and (wanted.since is None or kept.at >= wanted.since)
        and (wanted.before is None or kept.at < wanted.before)
        and wanted.patient in ("", kept.patient)
        and wanted.client in ("", kept.client)
    )


def turned(browser: Browser, wanted: Filter, limit: int) -> list[Listed]:
    """All pages, one after the other."""
    found: list[Listed] = []
    page = browser.page(wanted, limit=limit)
    while True:
        assert len(page.items) <= limit
        found += page.items
        if not page.older:
            return found
        page = browser.page(wanted, page.older, limit)


def keys(items: Iterable[Sealed | Listed]) -> list[tuple[str, int]]:
    return [(item.chain, item.seq) for item in items]


EARLY, LATE = NOW + timedelta(minutes=20), NOW + timedelta(minutes=70)
ASKED_FOR = [
    Filter(rule=rule, row=row, outcome=outcome, client=client)
    for rule, row, outcome, client in product(
        ("", LOW, QT, ODD, "no such rule"),
        ("", "B1", ODD),
        ("", "fires", "would-fire", "held-back", "cannot-tell", "error"),
        ("", "ehr-two"),
    )
] + [
    Filter(patient="p-3"),
    Filter(patient="p-3", client="ehr-one"),
    Filter(patient="p-3", rule=LOW, outcome="fires"),
    Filter(patient="nobody"),
    Filter(client=ODD),
    Filter(client="nobody", rule=LOW),
    *(Filter(rule=rule, outcome=SILENT) for rule in (*ASKED, "no such rule")),
    Filter(rule=LOW, outcome=SILENT, client="ehr-two", patient="p-3"),
]


@pytest.mark.parametrize("limit", [1, 7, 50, 200])
def test_pages_hold_every_decision_that_was_asked_for_once_and_newest_first(
    store: AuditStore, limit: int
) -> None:
    records, browser, found = everything(store), store.browse, 0
    assert len(records) == MANY
    wanted = ASKED_FOR[:: 1 if limit == 50 else 13] if limit > 1 else [Filter(rule=QT), Filter()]
    for asked in wanted:
        expected = [item for item in records if meant(asked, item)]
        assert keys(turned(browser, asked, limit)) == keys(expected), asked
        found += len(expected)
    assert found > MANY


@pytest.mark.parametrize("since", [None, EARLY, EARLY.astimezone(timezone(timedelta(hours=9)))])
@pytest.mark.parametrize("before", [None, LATE])
@pytest.mark.parametrize(
    "asked",
    [Filter(), Filter(rule=LOW), Filter(rule=LOW, outcome=SILENT), Filter(patient="p-3"),
     Filter(client="ehr-two", outcome="fires")],
)  # fmt: skip
def test_a_span_of_time_has_its_beginning_and_not_its_end(
    store: AuditStore, asked: Filter, since: datetime | None, before: datetime | None
) -> None:
    wanted = replace(asked, since=since, before=before)
    expected = [item for item in everything(store) if meant(wanted, item)]
    assert expected
    assert keys(turned(store.browse, wanted, 5)) == keys(expected)
    assert store.browse.count(wanted) == len(expected)


def test_a_client_with_many_decisions_is_looked_for_by_marks_and_finds_the_same(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "_FEW", 5)
    records, several = everything(store), [x for x in ASKED_FOR if x.client and x.of_rules]
    assert len(several) > 50
    for asked in several[::3]:
        expected = [item for item in records if meant(asked, item)]
        assert keys(turned(store.browse, asked, 7)) == keys(expected), asked


def test_with_too_many_kinds_of_marks_decisions_are_looked_at_one_by_one(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "MOST_KINDS", 1)
    monkeypatch.setattr(browse, "_FIRST_BLOCK", 10)
    records = everything(store)
    for asked in ASKED_FOR[::7]:
        expected = [item for item in records if meant(asked, item)]
        assert keys(turned(store.browse, asked, 7)) == keys(expected), asked


def test_a_page_that_has_looked_through_enough_says_where_to_go_on(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browse, "MOST_WALKED", 20)
    monkeypatch.setattr(browse, "_FIRST_BLOCK", 10)
    wanted = Filter(rule="no such rule", outcome=SILENT)
    page = store.browse.page(wanted)
    assert (page.items, page.older != "") == ((), True)
    assert turned(store.browse, wanted, 50) == []
    silent = Filter(rule=LOW, outcome=SILENT)
    expected = [item for item in everything(store) if meant(silent, item)]
    assert keys(turned(store.browse, silent, 50)) == keys(expected)
    assert 0 < len(store.browse.page(silent).items) < len(expected)


def test_pages_read_no_body_but_one_of_each_rulebook_where_a_silent_rule_is_asked_for(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = store._database.ask

    def asking(statement: str, values: Any = ()) -> list[tuple[Any, ...]]:
        asked.append(statement)
        return real(statement, values)

    monkeypatch.setattr(store._database, "ask", asking)
    for wanted in (Filter(), Filter(rule=LOW), Filter(patient="p-3", outcome="fires")):
        assert store.browse.page(wanted).items
    assert asked
    assert [one for one in asked if "body" in one] == []
    assert store.browse.page(Filter(rule=LOW, outcome=SILENT)).items
    assert sum("body" in one for one in asked) == 2


def test_a_decision_is_listed_with_all_that_stands_beside_its_body(store: AuditStore) -> None:
    record = next(item for item in everything(store) if item.entry.id == "decision-21")
    (listed,) = (x for x in turned(store.browse, Filter(), 50) if x.id == "decision-21")
    kept = record.entry
    assert listed == Listed(
        record.chain, record.seq, kept.id, kept.at, kept.client, kept.service, kept.hook,
        kept.patient, kept.rulebook, kept.site, kept.engine, marks_in(kept.body) or (), 0,
    )  # fmt: skip
    assert listed.marks == (
        Mark(LOW, "1.0.0", "B1", "fires"),
        Mark(LOW, "1.0.0", "B1", "would-fire"),
        Mark(LOW, "1.0.0", "B2", "fires"),
    )


def test_numbers_count_decisions_by_rule_and_outcome(store: AuditStore) -> None:
    for since in (None, EARLY, LATE + timedelta(days=1)):
        expected: dict[str, dict[str, int]] = {}
        for item in everything(store):
            if since is None or item.entry.at >= since:
                for rule, outcome in {(x.rule, x.outcome) for x in marks_in(item.entry.body) or ()}:
                    expected.setdefault(rule, {}).setdefault(outcome, 0)
                    expected[rule][outcome] += 1
        assert store.browse.numbers(since) == expected
        assert bool(expected) == (since != LATE + timedelta(days=1))


@pytest.mark.parametrize("most", [1, 10, 1000])
def test_a_count_ends_where_nobody_reads_on(store: AuditStore, most: int) -> None:
    records = everything(store)
    for asked in ASKED_FOR[::5]:
        expected = sum(meant(asked, item) for item in records)
        assert store.browse.count(asked, most) == min(expected, most), asked


def test_every_client_is_named_once(store: AuditStore) -> None:
    assert store.browse.clients() == (ODD, "ehr-one", "ehr-two")


def test_the_records_around_one_are_those_of_its_chain(store: AuditStore) -> None:
    chain = store.chains()[0]
    records = list(store.read(chain))
    assert store.browse.around(chain, 1) == (None, records[1])
    assert store.browse.around(chain, 7) == (records[5], records[7])
    assert store.browse.around(chain, len(records)) == (records[-2], None)
    assert store.browse.around("no such chain", 1) == (None, None)


def test_an_empty_store_has_an_empty_page(empty: AuditStore) -> None:
    browser = empty.browse
    for asked in (*ASKED_FOR[::11], Filter()):
        assert browser.page(asked) == Page((), "")
        assert browser.count(asked) == 0
    assert (browser.numbers(), browser.clients()) == ({}, ())
    assert browser.feedback_of("decision-1") == ()


def test_nothing_is_lost_or_repeated_while_decisions_are_added_and_purged(
    empty: AuditStore, tmp_path: Path
) -> None:
    chain = chain_in(tmp_path)
    keep(empty, chain, [decision(number) for number in range(60)])
    wanted = [Filter(), Filter(rule=LOW), Filter(rule=LOW, outcome=SILENT)]
    expected = [[x for x in everything(empty) if meant(asked, x)] for asked in wanted]
    pages = [empty.browse.page(asked, limit=7) for asked in wanted]
    found = [list(page.items) for page in pages]
    for step in range(20):
        keep(empty, chain, [decision(60 + step)])
        for place, asked in enumerate(wanted):
            if pages[place].older:
                pages[place] = empty.browse.page(asked, pages[place].older, 7)
                found[place] += pages[place].items
    assert [keys(one) for one in found] == [keys(one) for one in expected]
    assert not any(page.older for page in pages)
    page = empty.browse.page(Filter(), limit=7)
    planned = plan(empty, KEY, [chain.heads], None, NOW + timedelta(minutes=20))
    assert list(purge(empty, KEY, planned, NOW))
    rest = empty.browse.page(Filter(), page.older, 50)
    assert keys(rest.items) == keys(everything(empty)[7:])
    assert (len(page.items), page.older != "", rest.older) == (7, True, "")


def test_feedback_stands_with_its_decision(empty: AuditStore, tmp_path: Path) -> None:
    one = Shown("c-1", LOW, "1.0.0", "B1", "warning", "low")
    shown = (one, replace(one, card="c-2", row="B2"))
    chain = chain_in(tmp_path)
    keep(empty, chain, [replace(decision(1), shown=shown), replace(decision(2), shown=())])

    def row(card: str, client: str = "ehr-two", minutes: int = 0) -> tuple[str, ...]:
        at = stamp(NOW + timedelta(minutes=minutes))
        return told(client, "s", card, "overridden", at, "[]", "urn:s", "rejected", at)

    said = (row("c-2", minutes=1), row("c-1", minutes=2), row("c-1", "ehr-one"), row("c-9"))
    empty.add(Batch(told=(Told(said),)))
    found = empty.browse.feedback_of("decision-1")
    assert [(x.card, x.row, x.decision) for x in found] == [
        ("c-2", "B2", "decision-1"), ("c-1", "B1", "decision-1"),
    ]  # fmt: skip
    assert empty.browse.feedback_of("decision-2") == ()
    assert [x.cards for x in empty.browse.page(Filter()).items] == [0, 2]


@pytest.mark.parametrize(
    "asked",
    [
        Filter(outcome="fired"),
        Filter(outcome=SILENT),
        Filter(outcome=SILENT, rule=LOW, row="B1"),
        Filter(rule="x" * 3000),
        Filter(patient="\udcff"),
        Filter(client="\0"),
        Filter(since=datetime(2026, 1, 1)),  # noqa: DTZ001 - on purpose
    ],
)
def test_a_filter_that_asks_for_nothing_there_can_be_is_refused(
    empty: AuditStore, asked: Filter
) -> None:
    for ask in (empty.browse.page, empty.browse.count):
        with pytest.raises(ValueError, match=r"[a-z ]{20}") as refused:
            ask(asked)
        assert not isinstance(refused.value, UnicodeError)


def coded(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        "x", "é", "====", "A" * 3000, coded([]), coded(["a", "b"]), coded(["a", "b", "1"]),
        coded(["a", "b", True]), coded(["a", 1, 1]), coded(["\udcff", "b", 1]),
        coded(["a", "b", 1 << 64]), coded({"a": 1, "b": 2, "c": 3}), coded(["a", "\0", 1]),
        urlsafe_b64encode(b"[" * 1400).decode(),
    ],
)  # fmt: skip
def test_a_cursor_that_no_page_has_given_is_refused(empty: AuditStore, cursor: str) -> None:
    with pytest.raises(BadCursor, match="begin again with the first one"):
        empty.browse.page(Filter(), cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_size_that_makes_sense(empty: AuditStore, limit: int) -> None:
    with pytest.raises(ValueError, match="1 to 200"):
        empty.browse.page(Filter(), limit=limit)


def test_a_cursor_names_its_place() -> None:
    place = (stamp(NOW), "host-1-Zürich", 7)
    assert place_of(cursor_of(place)) == place
    assert cursor_of(place).isascii()
    assert "=" not in cursor_of(place)


@pytest.mark.parametrize(
    "change",
    [
        "at = 'yesterday'",
        "at = '2026-11-22'",
        "at = CAST(x'ff' AS TEXT)",
        "client = CAST(x'ff' AS TEXT)",
        "hook = x'00'",
        "seq = 'x'",
        "chain = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_damaged_record_is_left_out_and_breaks_no_page(
    empty: AuditStore, tmp_path: Path, change: str
) -> None:
    keep(empty, chain_in(tmp_path), [decision(number) for number in range(1, 10)])
    with closing(sqlite3.connect(tmp_path / "audit.sqlite", isolation_level=None)) as raw:
        assert raw.execute(f"UPDATE records SET {change} WHERE seq = 5").rowcount == 1
    for asked in (Filter(), Filter(outcome="fires"), Filter(patient="p-5")):
        assert "decision-5" not in {one.id for one in turned(empty.browse, asked, 4)}
    assert len(turned(empty.browse, Filter(), 9)) == 8


def test_a_damaged_record_beside_one_is_told(empty: AuditStore, tmp_path: Path) -> None:
    chain = chain_in(tmp_path)
    keep(empty, chain, [decision(1), decision(2)])
    with closing(sqlite3.connect(tmp_path / "audit.sqlite", isolation_level=None)) as raw:
        raw.execute("UPDATE records SET at = 'x' WHERE seq = 2")
    with pytest.raises(DamagedRecord, match="record 2"):
        empty.browse.around(chain.name, 1)


def test_a_body_that_cannot_be_read_does_not_hide_that_a_rule_was_silent(
    empty: AuditStore, tmp_path: Path
) -> None:
    bad = replace(decision(50), body=b"{")
    keep(empty, chain_in(tmp_path), [*(decision(5 * number) for number in range(10)), bad])
    items = empty.browse.page(Filter(rule=LOW, outcome=SILENT)).items
    assert [one.id for one in items] == [f"decision-{5 * number}" for number in range(9, -1, -1)]


def test_the_store_for_measuring_is_whole_and_has_something_for_most_filters(
    tmp_path: Path,
) -> None:
    path = make_store(tmp_path / "audit.sqlite", 800)
    with closing(AuditStore.read_only(path)) as opened:
        done = inspect(opened, BENCH_KEY, [tmp_path / HEADS])
        assert (done.findings, done.remarks, done.records) == ([], [], 800)
        found = {name for name, asked in filters().items() if opened.browse.page(asked).items}
        assert {"nothing", "a rule", "an outcome", "a rare outcome", "a client"} <= found
        assert found.isdisjoint({"an outcome that never was", "a client there is not"})
        names = [name for name, ms, _ in measured(opened, 1) if ms >= 0]
        assert len(names) > len(filters())
        assert {item.entry.at < END for item in opened.since(NOW - timedelta(days=365))} == {True}
