"""Cards, rules and feedback are what the sealed records and their own seals say, or it is told.

Everything is edited behind the back of the store, in both databases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, RULES, chain_in, entry, keep, made, rules, showing, told
from cds.audit import cardcheck
from cds.audit import history as history_module
from cds.audit.batch import Archive, Batch, Sealed, Told
from cds.audit.chain import key_of
from cds.audit.findings import CARDS, EDITED, FEEDBACK, RULEBOOK, Inspection
from cds.audit.history import History
from cds.audit.kept import Shown, stamp
from cds.audit.purge import plan, purge
from cds.audit.store import AuditStore
from postgres_kit import PostgresServer, shared
from tamper_kit import Kept, make

postgres = pytest.fixture(scope="session")(shared)

CLIENT, PATIENT = "ehr-one", entry(1).patient
OTHER = key_of("another secret for tests, long enough too")
ONE = Shown("c-1", "hypomagnesemia", "1.2.0", "A2", "warning", "magnesium: severe")
TWO = replace(ONE, card="c-2", row="B0")
THREE = replace(ONE, card="c-3", rule="hypokalemia", indicator="critical")


def fed(card: str, key: bytes = KEY, seconds: int = 0, code: str = "rejected") -> tuple[str, ...]:
    """A row of feedback, received in this second."""
    at = stamp(NOW + timedelta(seconds=seconds))
    return told(CLIENT, "s", card, "overridden", at, "[]", "urn:s", code, at, key=key)


def filled(place: Path | str, folder: Path) -> Kept:
    """Three decisions, two of them with cards, of which the first was asked for twice; all cards
    were overridden."""
    chain, again = chain_in(folder, 1), chain_in(folder, 2)
    with closing(AuditStore.open(place)) as store:
        keep(store, chain, [showing(1, ONE, TWO), entry(2), showing(3, THREE)])
        keep(store, again, [showing(1, ONE, TWO)])
        store.add(Batch(told=(Told((fed("c-1"), fed("c-2", seconds=1), fed("c-3", seconds=2))),)))
    return Kept(place, chain.heads, chain.name, again.name)


@pytest.fixture
def file(tmp_path: Path) -> Kept:
    return filled(made(tmp_path / "audit.sqlite"), tmp_path)


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    if request.param == "sqlite":
        return filled(made(tmp_path / "audit.sqlite"), tmp_path)
    server: PostgresServer = request.getfixturevalue("postgres")
    return filled(server.made_database(make), tmp_path)


@pytest.fixture(autouse=True)
def patient_history(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits here, and a busy machine may take its time to connect."""
    monkeypatch.setattr(history_module, "PATIENCE", 20.0)


def earlier(kept: Kept, key: bytes = KEY) -> list[str]:
    """The rows of cards that count as overridden for the patient."""
    history = History(lambda: AuditStore.read_only(kept.place), lambda: 0.0, key)
    try:
        found = asyncio.run(history.overridden(CLIENT, PATIENT, NOW - timedelta(hours=1)))
    finally:
        history.close()
    return [one.row for one in found]


def add_card(kept: Kept, *values: str) -> None:
    kept.sql("INSERT INTO cards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", *values)


def put(kept: Kept, *more: Sealed, told_too: tuple[tuple[str, ...], ...] = ()) -> None:
    with closing(AuditStore.open(kept.place)) as store:
        store.add(Batch(more, told=(Told(told_too),)))


def test_what_nobody_touched_is_vouched_for(kept: Kept) -> None:
    done = kept.inspect()
    assert (done.findings, done.remarks, done.records) == ([], [], 4)
    assert earlier(kept) == ["A2", "B0", "A2"]


def test_every_edited_column_of_feedback_is_found_and_silences_nothing(kept: Kept) -> None:
    edits = {
        "client": "ehr-two", "service": "x", "card": "c-9", "outcome": "accepted",
        "at": stamp(NOW + timedelta(days=1)), "accepted": "[1]", "system": "", "code": "x",
        "received": stamp(NOW - timedelta(seconds=9)), "mac": f"{fed('c-1')[-1][:-1]}!",
    }  # fmt: skip
    for number, (column, new) in enumerate(edits.items(), 1):
        row = fed(f"e-{number}", seconds=9)
        put(kept, told_too=(row,))
        kept.sql(f"UPDATE feedback SET {column} = ? WHERE card = ?", new, row[2])
        found = kept.only()
        assert (found.kind, found.words.split()[0]) == (FEEDBACK, str(number)), column
    assert earlier(kept) == ["A2", "B0", "A2"]
    received = stamp(NOW - timedelta(seconds=9))
    assert kept.only().words.endswith(f"; the first was received at {received}")


def test_an_edited_override_holds_no_card_back(kept: Kept) -> None:
    kept.sql("UPDATE feedback SET code = 'other' WHERE card = 'c-1'")
    assert earlier(kept) == ["B0", "A2"]


@pytest.mark.parametrize(
    ("seal", "kind", "remark"),
    [
        ("", None, "1 entries of feedback have no seal"),
        (fed("c-1", OTHER)[-1], None, "1 entries of feedback were sealed with another key"),
        (fed("c-1")[-1], FEEDBACK, ""),
        ("x", FEEDBACK, ""),
        ("kabcdef01:é", FEEDBACK, ""),
    ],
    ids=["none", "another key", "of another row", "not one", "no ASCII"],
)
def test_forged_feedback_silences_nothing_and_is_told(
    kept: Kept, seal: str, kind: str | None, remark: str
) -> None:
    forged = (*fed("c-1", seconds=5)[:-1], seal)
    put(kept, told_too=(forged,))
    done = kept.inspect()
    assert [one.kind for one in done.findings] == ([kind] if kind else [])
    assert [one.startswith(remark) for one in done.remarks] == ([True] if remark else [])
    assert earlier(kept) == ["A2", "B0", "A2"]


def test_with_another_key_no_feedback_counts_and_none_is_called_forged(kept: Kept) -> None:
    assert earlier(kept, OTHER) == []
    done = kept.inspect(OTHER)
    assert FEEDBACK not in {one.kind for one in done.findings}
    assert "3 entries of feedback were sealed with another key, or forged" in done.remarks


@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'00'", "'2026'", "7"])
@pytest.mark.parametrize("column", ["at", "received", "code", "mac"])
def test_feedback_that_is_no_text_any_more_is_told_and_breaks_nothing(
    file: Kept, column: str, value: str
) -> None:
    file.sql(f"UPDATE feedback SET {column} = {value} WHERE card = 'c-1'")
    found = file.only()
    assert found.kind == FEEDBACK
    assert "2026" not in found.words or f"{NOW:%Y-%m-%d}" in found.words
    assert earlier(file) == ["B0", "A2"]


def test_deleted_feedback_is_not_missed(file: Kept) -> None:
    file.sql("DELETE FROM feedback WHERE card = 'c-1'")
    assert file.inspect().findings == []


def test_what_is_said_of_feedback_names_nothing_of_it(file: Kept) -> None:
    file.sql("UPDATE feedback SET received = 'Mrs Smith'")
    assert str(file.only()) == (
        "3 entries of feedback were edited, or added without the key; none says when"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("DELETE FROM cards WHERE card = 'c-1'", "(1 missing)"),
        ("DELETE FROM cards WHERE decision = 'decision-1'", "(2 missing)"),
        ("UPDATE cards SET card = 'c-9' WHERE card = 'c-1'", "(1 added, 1 missing)"),
        ("UPDATE cards SET rule = 'other' WHERE card = 'c-1'", "(1 changed)"),
        ("UPDATE cards SET version = '9' WHERE card = 'c-1'", "(1 changed)"),
        ("UPDATE cards SET row = 'A9' WHERE card = 'c-1'", "(1 changed)"),
        ("UPDATE cards SET indicator = 'info' WHERE card = 'c-1'", "(1 changed)"),
        ("UPDATE cards SET patient = 'p' WHERE card = 'c-1'", "(1 changed)"),
    ],
)
def test_cards_that_are_not_as_their_record_says_are_found(
    kept: Kept, change: str, words: str
) -> None:
    kept.sql(change)
    one, again = kept.inspect().findings
    assert (one.chain, one.seq, one.kind) == (kept.name, 1, CARDS)
    assert (again.chain, again.seq, again.kind) == (kept.other, 1, CARDS)
    assert one.words.endswith(words)
    assert "c-1" not in one.words


def test_a_card_that_was_added_to_a_decision_is_found(kept: Kept) -> None:
    add_card(kept, CLIENT, "c-9", "decision-2", PATIENT, "r", "1", "A1", "info", "")
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (kept.name, 2, CARDS)
    assert found.words.endswith("(1 added)")


@pytest.mark.parametrize("client", [CLIENT, "ehr-two"])
@pytest.mark.parametrize("decision", ["decision-1", "decision-9"])
def test_cards_of_no_decision_are_found(kept: Kept, client: str, decision: str) -> None:
    add_card(kept, client, "c-9", decision, PATIENT, "r", "1", "A1", "info", "")
    found = kept.inspect().findings
    assert {one.kind for one in found} == {CARDS}
    if (client, decision) != (CLIENT, "decision-1"):
        (one,) = found
        assert one.words.startswith("1 cards are looked up whose decision has no record")


def test_a_card_moved_to_another_decision_is_found(kept: Kept) -> None:
    kept.sql("UPDATE cards SET decision = 'decision-2' WHERE card = 'c-3'")
    found = kept.only()
    assert (found.seq, found.kind) == (2, CARDS)


def test_the_value_band_is_not_compared(file: Kept) -> None:
    file.sql("UPDATE cards SET band = 'other'")
    assert file.inspect().findings == []


@pytest.mark.parametrize("column", ["client", "card", "decision"])
@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'00'"])
def test_a_card_that_is_no_text_any_more_is_found(file: Kept, column: str, value: str) -> None:
    file.sql(f"UPDATE cards SET {column} = {value} WHERE card = 'c-3'")
    assert {one.kind for one in file.inspect().findings} == {CARDS}


def test_where_all_cards_are_gone_the_first_record_is_named_and_the_rest_counted(
    file: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.sql("DELETE FROM cards")
    first, _ = file.inspect().findings
    assert (first.seq, first.words.endswith("(2 missing), nor of 1 more")) == (1, True)
    monkeypatch.setattr(cardcheck, "MOST", 2)
    first, _ = file.inspect().findings
    assert first.words.endswith("(2 missing), nor of at least 1 more")


def test_of_a_bad_chain_only_its_first_bad_record_is_told(file: Kept) -> None:
    file.sql("UPDATE cards SET row = 'A9' WHERE card = 'c-3'")
    file.sql("UPDATE records SET hook = 'x' WHERE chain = ? AND seq = 3", file.name)
    assert file.only().kind == EDITED


def test_the_same_call_with_other_cards_each_time_is_whole(kept: Kept) -> None:
    chain = chain_in(kept.heads.parent, 3)
    later = showing(1, replace(ONE, row="A3"), replace(ONE, card="c-7"))
    repeated = replace(showing(1, ONE, THREE), id="decision-1-after-feedback")
    with closing(AuditStore.open(kept.place)) as store:
        keep(store, chain, [later, repeated])
    assert kept.inspect().findings == []
    kept.sql("DELETE FROM cards WHERE card = 'c-7'")
    found = kept.only()
    assert (found.chain, found.seq, found.kind) == (chain.name, 1, CARDS)


def after_purge(kept: Kept, later: timedelta) -> Inspection:
    """A call that came again after all before it was purged: its card went with the first."""
    chain = chain_in(kept.heads.parent, 3)
    again = replace(showing(1, ONE), id="decision-again")
    with closing(AuditStore.open(kept.place)) as store:
        keep(store, chain, [replace(entry(50), at=NOW + timedelta(days=1))])
        keep(store, chain, [replace(again, at=NOW + timedelta(days=1) + later)])
        planned = plan(store, KEY, [kept.heads], None, NOW + timedelta(hours=1))
        assert planned.findings == ()
        assert len(list(purge(store, KEY, planned, NOW))) == 2
        assert store.cards.has(CLIENT, "c-1") is False
    return kept.inspect()


def test_a_card_that_went_with_an_earlier_decision_of_its_call_is_a_remark(kept: Kept) -> None:
    done = after_purge(kept, timedelta(hours=23))
    assert done.findings == []
    (remark,) = done.remarks
    assert remark.startswith("1 records from soon after what was purged have other cards")


def test_long_after_what_was_purged_a_missing_card_is_a_finding(file: Kept) -> None:
    (found,) = after_purge(file, timedelta(hours=25)).findings
    assert (found.seq, found.kind) == (2, CARDS)


def test_a_purge_during_a_verify_takes_its_cards_along(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records were read before, their cards are looked up after."""
    compare = cardcheck.CardCheck._compare
    once: list[Callable[[], None]] = [lambda: bury(kept)]

    def late(self: cardcheck.CardCheck) -> None:
        while once:
            once.pop()()
        compare(self)

    monkeypatch.setattr(cardcheck.CardCheck, "_compare", late)
    assert kept.inspect().findings == []
    assert once == []


def bury(kept: Kept) -> None:
    with closing(AuditStore.open(kept.place)) as store:
        planned = plan(store, KEY, [kept.heads], None, NOW + timedelta(seconds=2))
        assert len(list(purge_quietly(store, planned))) == 2


def purge_quietly(store: AuditStore, planned: object) -> list[object]:
    """Without emptying the log of a file that somebody reads."""
    store.scrub = lambda: None  # type: ignore[method-assign]
    return list(purge(store, KEY, planned, NOW))  # type: ignore[arg-type]


def test_a_name_replaced_in_a_body_is_not_held_against_its_card() -> None:
    said = ("c", "hmac:1", "hmac:1-low", "1", "A1", "info")
    assert cardcheck._agree(said, ("c", "hmac:1", "potassium-low", "1", "A1", "info"))
    assert not cardcheck._agree(said, ("c", "hmac:2", "potassium-low", "1", "A1", "info"))
    assert not cardcheck._agree(said, ("c", "hmac:1", "potassium-low", "2", "A1", "info"))


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b'{"cards":7}', b'{"cards":[{}]}'])
def test_a_body_that_tells_nothing_is_not_compared(body: bytes) -> None:
    assert cardcheck.cards_in(body, PATIENT) is None


def test_cards_are_read_wherever_they_stand_in_a_body() -> None:
    body = showing(1, ONE, TWO).body
    found = cardcheck.cards_in(body, PATIENT)
    assert found is not None
    assert len(found) == 2
    assert cardcheck.cards_in(b'{"a":1,' + body[1:], PATIENT) == found
    assert cardcheck.cards_in(b'{"rules":[]}', PATIENT) == frozenset()


def test_rules_that_are_not_kept_are_a_remark(kept: Kept) -> None:
    kept.sql("DELETE FROM rulebooks")
    done = kept.inspect()
    assert done.findings == []
    assert done.remarks == [
        f"the rules {RULES.digest} of site example are not kept: what they decided cannot be "
        "repeated"
    ]


@pytest.mark.parametrize(
    ("packed", "words"),
    [
        (rules("other").packed, "were changed: they are others than the decisions name"),
        (RULES.packed[:700], "were changed: they are not an archive of rules"),
        (b"x", "were changed: they are not an archive of rules"),
    ],
    ids=["other rules", "cut", "no archive"],
)
def test_rules_that_were_changed_are_found(kept: Kept, packed: bytes, words: str) -> None:
    kept.sql("UPDATE rulebooks SET archive = ?", packed)
    found = kept.only()
    assert (found.chain, found.kind) == ("", RULEBOOK)
    assert found.words == f"the rules {RULES.digest} of site example {words}"


def test_rules_that_are_text_are_found(file: Kept) -> None:
    file.sql("UPDATE rulebooks SET archive = 'x'")
    assert file.only().words.endswith("they are not an archive")


def test_each_rulebook_is_looked_at_once(file: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = AuditStore.rulebook

    def asking(self: AuditStore, name: str) -> bytes | None:
        asked.append(name)
        return real(self, name)

    monkeypatch.setattr(AuditStore, "rulebook", asking)
    assert file.inspect().findings == []
    assert asked == [RULES.digest]


def test_what_cannot_be_read_hides_nothing_else(file: Kept) -> None:
    file.sql("UPDATE rulebooks SET archive = x'00'")
    file.sql("UPDATE feedback SET code = 'other' WHERE card = 'c-1'")
    file.sql("ALTER TABLE cards RENAME COLUMN band TO lost")
    kinds = [one.kind for one in file.inspect().findings]
    assert kinds.count(RULEBOOK) == 1
    assert kinds.count(FEEDBACK) == 1
    assert "database" in kinds


def test_an_archive_of_other_rules_that_nothing_names_is_let_be(file: Kept) -> None:
    with closing(AuditStore.open(file.place)) as store:
        store.add(Batch(archives=(Archive("sha256:00", b"x"),)))
    assert file.inspect().findings == []


def test_moments_of_feedback_are_told_as_they_were_kept(file: Kept) -> None:
    file.sql("UPDATE feedback SET code = 'x' WHERE card <> 'c-1'")
    (_, moment) = file.only().words.rsplit(" ", 1)
    assert datetime.fromisoformat(moment) == NOW + timedelta(seconds=1)
