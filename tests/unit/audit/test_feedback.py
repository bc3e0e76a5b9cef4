"""Feedback on cards: kept once, before the client hears of it, counted without naming anybody."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_kit import NOW, chain_in, entry, keep
from cds.audit import schema
from cds.audit.feedback import Fate, Report, counted, keep_feedback, lines
from cds.audit.store import AuditStore, StoreError
from cds.bootstrap import Service
from cds.clients.model import Client
from cds.doors import SANDBOX
from cds.errors import Overloaded, SettingsError
from cds.hooks.feedback import OWN_REASON, Feedback, Reason
from cds.keeping import Keeper
from cds.settings import Settings
from cds.web.app import create_app

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OURS = "urn:electrolyte-cds:override-reason"
GOALS = Reason("goals-of-care", OURS, "Comfort care")
SERVICE = "electrolytes-order-select"
OVERRIDDEN = Feedback("card-1", "overridden", AT, reason=GOALS, comment="Mrs Smith declines")
ACCEPTED = Feedback("card-1", "accepted", AT, ("suggestion-1", "suggestion-2"))
RULE = "magnesium@1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sqlite3"


def told(path: Path, *items: Feedback, client: str = "ehr-one") -> None:
    keep_feedback(path, client, SERVICE, items, NOW)


def rows(path: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(f"SELECT {', '.join(schema.FEEDBACK_COLUMNS)} FROM feedback").fetchall()


def decided(path: Path, *names: str, client: str = "ehr-one", number: int = 1) -> None:
    """A decision whose cards have these ids."""
    cards = [
        {
            "uuid": name,
            "extension": {"rule": RULE, "rows": ["severe", "mild"]},
            "overrideReasons": [{"code": GOALS.code, "system": OURS, "display": "x"}],
        }
        for name in names
    ]
    body = json.dumps({"cards": cards} if cards else {}).encode()
    with closing(AuditStore.open(path)) as store:
        made = replace(entry(number, body=body), client=client)
        keep(store, chain_in(path.parent, number), [made])


@pytest.fixture
def report(path: Path) -> Iterator[Any]:
    def read() -> Report:
        with closing(AuditStore.read_only(path)) as store:
            return counted(store)

    return read


def test_what_became_of_a_card_is_kept_without_any_free_text(path: Path) -> None:
    told(path, OVERRIDDEN, ACCEPTED)
    first = ("ehr-one", SERVICE, "card-1")
    at, received = "2026-11-21T09:00:00.000000+00:00", "2026-11-22T12:00:00.000000+00:00"
    assert sorted(rows(path)) == [
        (*first, "accepted", at, '["suggestion-1","suggestion-2"]', "", "", received),
        (*first, "overridden", at, "[]", OURS, "goals-of-care", received),
    ]
    raw = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"goals-of-care" in raw
    assert b"Smith" not in raw
    assert b"Comfort care" not in raw


def test_a_body_that_comes_again_changes_nothing(path: Path) -> None:
    told(path, OVERRIDDEN, ACCEPTED, OVERRIDDEN)
    before = rows(path)
    keep_feedback(path, "ehr-one", SERVICE, [ACCEPTED, OVERRIDDEN], NOW + timedelta(hours=5))
    assert rows(path) == before
    assert len(before) == 2


@pytest.mark.parametrize(
    "other",
    [
        replace(OVERRIDDEN, card="card-2"),
        replace(OVERRIDDEN, outcome="accepted"),
        replace(OVERRIDDEN, at=AT + timedelta(microseconds=1)),
    ],
)
def test_another_card_outcome_or_moment_is_other_feedback(path: Path, other: Feedback) -> None:
    told(path, OVERRIDDEN, other)
    assert len(rows(path)) == 2


def test_a_card_belongs_to_the_client_that_saw_it(path: Path, report: Any) -> None:
    decided(path, "card-1")
    told(path, OVERRIDDEN)
    told(path, OVERRIDDEN, client="ehr-two")
    assert (report().all, report().strangers) == (2, 1)


@pytest.mark.parametrize("later", [False, True], ids=["after", "before"])
def test_feedback_meets_its_decision_whichever_comes_first(
    path: Path, report: Any, later: bool
) -> None:
    steps = [lambda: decided(path, "card-0", "card-1"), lambda: told(path, OVERRIDDEN)]
    for step in reversed(steps) if later else steps:
        step()
    fate = Fate(RULE, "severe", "overridden", "goals-of-care")
    assert report() == Report(((fate, 1),), 1, 0, 0)


def test_the_same_call_asked_twice_counts_its_card_once(path: Path, report: Any) -> None:
    decided(path, "card-1", number=1)
    decided(path, "card-1", number=2)
    told(path, ACCEPTED)
    assert report().fates == ((Fate(RULE, "severe", "accepted", "-"), 1),)


def test_an_answer_without_cards_is_no_damage(path: Path, report: Any) -> None:
    decided(path)
    told(path, ACCEPTED)
    assert report() == Report((), 1, 1, 0)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (None, "no coded reason"),
        (GOALS, "goals-of-care"),
        (Reason("goals-of-care", "urn:other"), "a code the card did not offer"),
        (Reason("Mrs Smith", OURS), "a code the card did not offer"),
        (Reason("7", OWN_REASON, "seven"), "the client's own list: 7"),
        (Reason("", OWN_REASON, "Mrs Smith"), "the client's own list"),
        (Reason("Mrs Smith", OWN_REASON), "the client's own list"),
        (Reason("7\n", OWN_REASON), "the client's own list"),
    ],
)
def test_a_reason_is_repeated_only_where_it_is_a_code(
    path: Path, report: Any, reason: Reason | None, words: str
) -> None:
    decided(path, "card-1")
    told(path, replace(OVERRIDDEN, reason=reason))
    assert [fate.reason for fate, _ in report().fates] == [words]


def test_the_report_counts_the_most_frequent_first_and_names_no_card(
    path: Path, report: Any
) -> None:
    decided(path, "card-1", "card-2", "card-3")
    told(path, ACCEPTED, OVERRIDDEN, replace(OVERRIDDEN, card="card-2"))
    told(path, replace(OVERRIDDEN, card="Mrs Smith"))
    assert lines(report()) == (
        "count  rule         row     outcome     reason",
        "    2  magnesium@1  severe  overridden  goals-of-care",
        "    1  magnesium@1  severe  accepted    -",
        "4 entries of feedback, 1 of a card that is not kept here",
    )


def test_without_feedback_there_is_one_line(path: Path, report: Any) -> None:
    AuditStore.open(path).close()
    assert lines(report()) == ("0 entries of feedback, 0 of a card that is not kept here",)


@pytest.mark.parametrize("body", [b"\xff", b"{", b'{"cards": [{"uuid": 7}]}'])
def test_a_record_that_was_changed_is_told_and_the_others_count(
    path: Path, report: Any, body: bytes
) -> None:
    decided(path, "card-1", number=1)
    decided(path, "card-2", number=2)
    told(path, OVERRIDDEN, replace(OVERRIDDEN, card="card-2"))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE records SET body = ? WHERE id = 'decision-2'", (body,))
    assert (report().strangers, report().unreadable) == (1, 1)
    assert lines(report())[-1].endswith("1 decisions cannot be read: run `cds audit verify`")


def test_a_table_of_feedback_that_has_gone_is_not_made_anew(path: Path) -> None:
    told(path, OVERRIDDEN)
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE feedback")
    with pytest.raises(SettingsError, match="lost the table `feedback`; restore"):
        told(path, OVERRIDDEN)


def test_one_entry_that_cannot_be_kept_leaves_none_of_its_body(path: Path) -> None:
    told(path)
    bad = [("ehr-one",) * 9, ("ehr-one",) * 8]
    with closing(AuditStore.open(path)) as store, pytest.raises(StoreError):
        store.keep_feedback(bad)
    assert rows(path) == []


def test_ten_thousand_entries_are_kept_within_two_seconds(path: Path) -> None:
    many = [replace(OVERRIDDEN, card=f"card-{number}") for number in range(10_000)]
    began = time.monotonic()
    told(path, *many)
    assert time.monotonic() - began < 2
    assert len(rows(path)) == 10_000


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    settings = Settings(sandbox=True, state=tmp_path)
    made = Keeper(settings, lambda: NOW, "host", 1)
    made.open()
    yield made
    made.close()


def send(keeper: Keeper, *items: Feedback, client: Client = SANDBOX) -> None:
    asyncio.run(keeper.feedback(SERVICE, client, items))


def test_the_keeper_returns_when_it_is_on_the_disk(keeper: Keeper, path: Path) -> None:
    send(keeper, OVERRIDDEN)
    send(keeper)
    assert [(row[0], row[2]) for row in rows(path)] == [(SANDBOX.name, "card-1")]


def test_a_locked_database_means_overloaded_and_sending_again_helps(
    keeper: Keeper, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Overloaded, match=r"not kept: .*locked by another process"):
            send(keeper, OVERRIDDEN)
        other.execute("ROLLBACK")
    assert rows(path) == []
    send(keeper, OVERRIDDEN)
    assert len(rows(path)) == 1


def test_a_disk_that_hangs_is_not_waited_for_long(
    keeper: Keeper, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds.keeping._PATIENCE", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Overloaded, match="not kept in time; send it again"):
            send(keeper, OVERRIDDEN)
        other.execute("ROLLBACK")


def test_a_service_that_stops_keeps_what_was_begun_and_takes_no_more(
    keeper: Keeper, path: Path
) -> None:
    async def leave() -> None:
        begun = asyncio.create_task(keeper.feedback(SERVICE, SANDBOX, (OVERRIDDEN,)))
        await asyncio.sleep(0)
        keeper.close()
        await begun
        with pytest.raises(Overloaded, match="stopping"):
            await keeper.feedback(SERVICE, SANDBOX, (ACCEPTED,))

    asyncio.run(leave())
    assert [row[3] for row in rows(path)] == ["overridden"]


def test_a_database_that_cannot_be_opened_is_not_named_to_the_client(
    keeper: Keeper, path: Path
) -> None:
    path.rename(path.with_suffix(".old"))
    path.mkdir()
    with pytest.raises(Overloaded) as caught:
        send(keeper, OVERRIDDEN)
    assert str(path) not in str(caught.value)
    assert caught.value.status == 503


def test_many_clients_at_once_are_all_kept(keeper: Keeper, path: Path) -> None:
    async def all_at_once() -> None:
        items = [(replace(OVERRIDDEN, card=f"card-{number}"),) for number in range(64)]
        await asyncio.gather(*(keeper.feedback(SERVICE, SANDBOX, item) for item in items))

    asyncio.run(all_at_once())
    assert len(rows(path)) == 64


def test_feedback_that_is_not_kept_is_not_answered_200(make_service: Any, client_of: Any) -> None:
    async def full(_service: str, _client: Client, _items: tuple[Feedback, ...]) -> None:
        raise Overloaded("the feedback was not kept: the disk is full")

    service: Service = replace(make_service(), feedback=full)
    entry = {"card": "card-1", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:00:00Z"}
    reply = client_of(create_app(service)).post(
        f"/cds-services/{next(iter(service.services))}/feedback", json={"feedback": [entry]}
    )
    assert reply.status_code == 503
    assert "disk is full" in reply.text
