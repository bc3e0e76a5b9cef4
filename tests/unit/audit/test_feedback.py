"""Feedback on cards: kept once, joined with its card, counted without naming anybody."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit_kit import KEY, NOW, chain_in, entry
from audit_kit import told as row
from cds.audit import schema
from cds.audit.batch import Batch
from cds.audit.feedback import (
    ENOUGH,
    Fate,
    Rate,
    Report,
    counted,
    csv_lines,
    lines,
    remarks,
    told_of,
)
from cds.audit.kept import Shown
from cds.audit.store import AuditStore, ToldCard
from cds.bootstrap import Service
from cds.clients.model import Client
from cds.errors import Overloaded
from cds.hooks.feedback import OWN_REASON, Feedback, Reason
from cds.web.app import create_app

AT = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
OURS = "urn:electrolyte-cds:override-reason"
GOALS = Reason("goals-of-care", OURS, "Comfort care")
OFFERED = {(OURS, "goals-of-care"), (OURS, "value-not-believed")}
SERVICE = "electrolytes-order-select"
OVERRIDDEN = Feedback("card-1", "overridden", AT, reason=GOALS, comment="Mrs Smith declines")
ACCEPTED = Feedback("card-1", "accepted", AT, ("suggestion-1", "suggestion-2"))
SHOWN = Shown("card-1", "magnesium", "1.2.0", "A2", "critical", "magnesium: severe")
FATE = Fate("magnesium", "1.2.0", "A2", "magnesium: severe", "overridden", "goals-of-care")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.sqlite3"


def told(path: Path, *items: Feedback, client: str = "ehr-one", at: datetime = NOW) -> None:
    with closing(AuditStore.open(path)) as store:
        store.add(Batch(told=(told_of(client, SERVICE, items, at, KEY),)))


def decided(path: Path, *shown: Shown, client: str = "ehr-one", number: int = 1) -> None:
    """A decision with these cards."""
    made = replace(entry(number), client=client, shown=shown)
    with closing(AuditStore.open(path)) as store:
        store.add(Batch(chain_in(path.parent, number).sealed([made])))


@pytest.fixture
def report(path: Path) -> Callable[..., Report]:
    def read(since: datetime | None = None) -> Report:
        with closing(AuditStore.read_only(path)) as store:
            return counted(store.feedback(), OFFERED, since)

    return read


def card(number: int = 1, **changed: Any) -> ToldCard:
    """A row of feedback on a card that is known."""
    given = {
        "client": "ehr-one", "card": f"card-{number}", "outcome": "overridden",
        "at": "2026-11-21T09:00:00.000000+00:00", "system": OURS, "code": "goals-of-care",
        "received": "2026-11-22T12:00:00.000000+00:00", "decision": "decision-1",
        "rule": SHOWN.rule, "version": SHOWN.version, "row": SHOWN.row,
        "indicator": SHOWN.indicator, "band": SHOWN.band, "patient": "hmac:ab",
    }  # fmt: skip
    return ToldCard(**{**given, **changed})


def test_what_became_of_a_card_is_kept_without_any_free_text() -> None:
    found = told_of("ehr-one", SERVICE, [OVERRIDDEN, ACCEPTED], NOW, KEY)
    first = ("ehr-one", SERVICE, "card-1")
    at, received = "2026-11-21T09:00:00.000000+00:00", "2026-11-22T12:00:00.000000+00:00"
    assert found.rows == (
        row(*first, "overridden", at, "[]", OURS, "goals-of-care", received),
        row(*first, "accepted", at, '["suggestion-1","suggestion-2"]', "", "", received),
    )
    assert {len(row) for row in found.rows} == {len(schema.FEEDBACK_COLUMNS)}
    assert "Smith" not in repr(found)
    assert "Comfort care" not in repr(found)


def test_a_moment_without_offset_is_no_moment_of_receipt() -> None:
    with pytest.raises(ValueError, match="without its offset"):
        told_of("ehr-one", SERVICE, [ACCEPTED], datetime(2026, 11, 22), KEY)  # noqa: DTZ001


def test_a_body_that_comes_again_changes_nothing(path: Path, report: Callable[..., Report]) -> None:
    decided(path, SHOWN)
    told(path, OVERRIDDEN, ACCEPTED, OVERRIDDEN)
    before = report()
    told(path, ACCEPTED, OVERRIDDEN, at=NOW + timedelta(hours=5))
    assert report() == before
    assert before.all == 2
    assert report(NOW + timedelta(hours=1)).all == 0


@pytest.mark.parametrize(
    "other",
    [
        replace(OVERRIDDEN, card="card-2"),
        replace(OVERRIDDEN, outcome="accepted"),
        replace(OVERRIDDEN, at=AT + timedelta(microseconds=1)),
    ],
)
def test_another_card_outcome_or_moment_is_other_feedback(
    path: Path, report: Callable[..., Report], other: Feedback
) -> None:
    told(path, OVERRIDDEN, other)
    assert (report().all, report().strangers) == (2, 2)


def test_a_card_belongs_to_the_client_that_saw_it(
    path: Path, report: Callable[..., Report]
) -> None:
    decided(path, SHOWN)
    told(path, OVERRIDDEN)
    told(path, OVERRIDDEN, client="ehr-two")
    assert (report().all, report().strangers) == (2, 1)


@pytest.mark.parametrize("later", [False, True], ids=["after", "before"])
def test_feedback_meets_its_decision_whichever_comes_first(
    path: Path, report: Callable[..., Report], later: bool
) -> None:
    other = replace(SHOWN, card="card-0", row="A1")
    steps: list[Callable[[], None]] = [
        lambda: decided(path, other, SHOWN),
        lambda: told(path, OVERRIDDEN),
    ]
    for step in reversed(steps) if later else steps:
        step()
    assert report() == Report(((FATE, 1),), (), 1, 1, 0)


def test_the_same_call_asked_twice_counts_its_card_once(
    path: Path, report: Callable[..., Report]
) -> None:
    decided(path, SHOWN, number=1)
    decided(path, SHOWN, number=2)
    told(path, ACCEPTED)
    assert report().fates == ((replace(FATE, outcome="accepted", reason=""), 1),)


def test_no_free_text_comes_into_the_files(path: Path) -> None:
    told(path, OVERRIDDEN)
    raw = b"".join(file.read_bytes() for file in path.parent.iterdir() if file.is_file())
    assert b"goals-of-care" in raw
    assert b"Smith" not in raw
    assert b"Comfort care" not in raw


@pytest.mark.parametrize("body", [b"\xff", b"{", b'{"cards": [{"uuid": 7}]}'])
def test_no_body_is_read_to_count_feedback(
    path: Path, report: Callable[..., Report], body: bytes
) -> None:
    decided(path, SHOWN)
    told(path, OVERRIDDEN)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE records SET body = ?", (body,))
    assert report().fates == ((FATE, 1),)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (("", ""), "no coded reason"),
        ((OURS, "goals-of-care"), "goals-of-care"),
        (("urn:other", "goals-of-care"), "a code that no rule offers"),
        (("", "goals-of-care"), "a code that no rule offers"),
        ((OURS, "Mrs Smith"), "a code that no rule offers"),
        ((OURS, "smith-mary"), "a code that no rule offers"),
        ((OWN_REASON, "7"), "the client's own list: 7"),
        ((OWN_REASON, ""), "the client's own list"),
        ((OWN_REASON, "Mrs Smith"), "the client's own list"),
        ((OWN_REASON, "7\n"), "the client's own list"),
        ((OWN_REASON, "7" * 65), "the client's own list"),
    ],
)
def test_a_reason_is_repeated_only_where_it_is_a_code(reason: tuple[str, str], words: str) -> None:
    system, code = reason
    done = counted([card(system=system, code=code)], OFFERED)
    assert [fate.reason for fate, _ in done.fates] == [words]


def test_an_accepted_card_has_no_reason() -> None:
    done = counted([card(outcome="accepted", system="Mrs Smith", code="Mrs Smith")], OFFERED)
    assert [fate.reason for fate, _ in done.fates] == [""]


@pytest.mark.parametrize("member", ["rule", "version", "row", "band", "outcome", "code"])
def test_what_differs_in_one_column_is_counted_apart(member: str) -> None:
    other = {"outcome": "accepted", "code": "value-not-believed"}.get(member, "other")
    done = counted([card(1), card(2), card(3, **{member: other})], OFFERED)
    assert [count for _, count in done.fates] == [2, 1]


def test_only_what_was_received_since_then_is_counted() -> None:
    late, early = card(1), card(2, received="2026-11-22T11:59:59.999999+00:00")
    assert counted([late, early], OFFERED, NOW).all == 1
    assert counted([late, early], OFFERED, NOW - timedelta(seconds=1)).all == 2
    assert counted([late, early], OFFERED).all == 2


def of_rule(rule: str, overridden: int, accepted: int) -> list[ToldCard]:
    outcomes = ["overridden"] * overridden + ["accepted"] * accepted
    return [
        card(rule=rule, card=f"{rule}-{number}", outcome=outcome, version=str(number))
        for number, outcome in enumerate(outcomes)
    ]


def test_a_rate_is_told_from_five_answered_cards_on_over_all_versions() -> None:
    done = counted([*of_rule("few", 4, 0), *of_rule("enough", 2, 3)], OFFERED)
    assert ENOUGH == 5
    assert (done.rates, done.few) == ((Rate("enough", 2, 5),), 1)
    assert remarks(done) == (
        "enough: 2 of 5 answered cards overridden (40%)",
        "no rate for 1 rules with fewer than 5 answered cards",
        "9 entries of feedback, 0 of a card that is not kept here",
    )


def test_a_card_told_about_twice_counts_once_in_the_rate_and_as_it_ended() -> None:
    cards = of_rule("magnesium", 5, 0)
    again = replace(cards[0], outcome="accepted", at="2026-11-21T09:00:01.000000+00:00")
    other = replace(cards[0], client="ehr-two")
    stranger = card(card="nobody's", rule=None)
    for told_twice in ([*cards, again, other, stranger], [stranger, other, again, *cards]):
        done = counted(told_twice, OFFERED)
        assert done.rates == (Rate("magnesium", 5, 6),)
        assert (done.all, done.strangers) == (8, 1)


def test_the_report_counts_the_most_frequent_first_and_names_no_card_and_no_patient() -> None:
    known = [card(1), card(1, outcome="accepted", code="", system=""), card(2)]
    done = counted([*known, card(3, card="Mrs Smith", rule=None)], OFFERED)
    assert lines(done) == (
        "count  rule       version  row  band               outcome     reason",
        "    2  magnesium  1.2.0    A2   magnesium: severe  overridden  goals-of-care",
        "    1  magnesium  1.2.0    A2   magnesium: severe  accepted    -",
    )
    assert remarks(done)[-1] == "4 entries of feedback, 1 of a card that is not kept here"
    told_all = "\n".join((*lines(done), *remarks(done), csv_lines(done)))
    assert not any(word in told_all for word in ("card-1", "hmac", "Smith", "decision-1"))


def test_csv_holds_the_same_and_no_formula() -> None:
    done = counted([card(1), card(2, rule="=cmd|x", band='low, "or" not')], OFFERED)
    heads, *rows = csv.reader(csv_lines(done).splitlines())
    assert heads == ["count", "rule", "version", "row", "band", "outcome", "reason"]
    assert rows == [
        ["1", "'=cmd|x", "1.2.0", "A2", 'low, "or" not', "overridden", "goals-of-care"],
        ["1", "magnesium", "1.2.0", "A2", "magnesium: severe", "overridden", "goals-of-care"],
    ]


def test_without_feedback_there_is_one_line() -> None:
    done = counted([], OFFERED)
    assert lines(done) == ()
    assert remarks(done) == ("0 entries of feedback, 0 of a card that is not kept here",)
    assert csv_lines(done) == "count,rule,version,row,band,outcome,reason"


def test_feedback_that_is_not_kept_is_not_answered_200(make_service: Any, client_of: Any) -> None:
    async def full(_service: str, _client: Client, _items: tuple[Feedback, ...]) -> None:
        raise Overloaded("the feedback was not kept: the disk is full")

    service: Service = replace(make_service(), feedback=full)
    item = {"card": "card-1", "outcome": "overridden", "outcomeTimestamp": "2026-11-21T09:00:00Z"}
    reply = client_of(create_app(service)).post(
        f"/cds-services/{next(iter(service.services))}/feedback", json={"feedback": [item]}
    )
    assert reply.status_code == 503
    assert "disk is full" in reply.text
