"""A look back at kept decisions: what is there, whatever state the database is in."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audit_kit import KEY, NOW, chain_in
from cds.audit.browse import Filter
from cds.audit.marks import FIRES
from cds.audit.store import AuditStore, StoreError
from cds.audit.tied import Tie, standing
from cds.audit.waiting import Waits
from cds.desk import CannotLook, Desk, Kept, NoDecision
from cds.errors import BadRequest
from cds.trace import prose
from desk_kit import ALL, FIRST, GAPS, QUIET, Office, Seconds, otherwise
from kept_decisions import book, named
from tamper_kit import Kept as Tampered
from tamper_kit import bury_four, flipped, model

model_kept = pytest.fixture(scope="session")(model)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Office:
    """For tests that only look."""
    return Office(tmp_path_factory.mktemp("office")).fill()


@pytest.fixture
def own(tmp_path: Path) -> Office:
    """For tests that change something."""
    return Office(tmp_path).fill()


@pytest.fixture
def desk(filled: Office) -> Iterator[Desk]:
    found = filled.desk()
    yield found
    found.close()


def one(desk: Desk, decision: str) -> Kept:
    (found,) = asyncio.run(desk.decision(decision))
    return found


def test_a_page_lists_decisions_with_their_cards_newest_first(desk: Desk, filled: Office) -> None:
    sheet = asyncio.run(desk.page(Filter()))
    assert [line.listed.id for line in sheet.lines] == [filled.entry(x).id for x in reversed(ALL)]
    assert sheet.older == ""
    first = sheet.lines[-1]
    assert {(card["rule"], card["indicator"]) for card in first.cards} == {
        ("hypomagnesemia", "critical"),
        ("magnesium-wasting-drugs", "info"),
    }
    assert first.told == ()


def test_a_page_tells_what_became_of_cards(own: Office) -> None:
    own.tell(FIRST, 0, "accepted")
    with closing(own.desk()) as desk:
        sheet = asyncio.run(desk.page(Filter()))
        told = {line.listed.id: [x.outcome for x in line.told] for line in sheet.lines}
        assert told.pop(own.entry(FIRST).id) == ["accepted"]
        assert set(map(tuple, told.values())) == {()}
        (item,) = asyncio.run(desk.feedback(own.entry(FIRST).id))
        assert (item.card, item.outcome) == (own.entry(FIRST).shown[0].card, "accepted")


@pytest.mark.parametrize(
    ("wanted", "cursor"),
    [(Filter(outcome="often"), ""), (Filter(outcome="silent"), ""), (Filter(), "elsewhere")],
)
def test_what_nobody_can_look_for_is_refused_in_words(
    desk: Desk, wanted: Filter, cursor: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        asyncio.run(desk.page(wanted, cursor))
    assert (refused.value.status, bool(str(refused.value))) == (400, True)


def test_a_decision_that_is_not_kept_is_not_found(desk: Desk) -> None:
    with pytest.raises(NoDecision) as refused:
        asyncio.run(desk.decision("none"))
    assert refused.value.status == 404


def test_a_call_that_came_twice_has_two_records(own: Office) -> None:
    entry = own.entry(FIRST)
    own.more(replace(entry, at=NOW))
    with closing(own.desk()) as desk:
        found = asyncio.run(desk.decision(entry.id))
    assert [item.sealed.entry.at for item in found] == [entry.at, NOW]


@pytest.mark.parametrize("name", ALL)
def test_the_whole_reasoning_is_the_one_there_was(desk: Desk, filled: Office, name: str) -> None:
    told = asyncio.run(desk.whole(one(desk, filled.entry(name).id)))
    assert told.whole
    assert told.decisions is not None
    was = named(name).whole().answer.decisions
    stay = named(name).call.encounter_id or "(none)"
    hidden = prose(was).replace(stay, filled.identity.encounter("ward-7", stay))
    assert prose(told.decisions) == hidden


@pytest.mark.parametrize("name", ALL)
def test_a_decision_made_again_is_identical(desk: Desk, filled: Office, name: str) -> None:
    again = asyncio.run(desk.rerun(one(desk, filled.entry(name).id)))
    assert again.identical
    assert (again.differences, again.failure) == ((), "")


def test_what_would_be_decided_otherwise_is_told_as_it_was_sealed(own: Office) -> None:
    own.more(otherwise(own.entry(FIRST), kidneys=["none"]))
    with closing(own.desk()) as desk:
        kept = one(desk, "otherwise")
        told, again = asyncio.run(desk.whole(kept)), asyncio.run(desk.rerun(kept))
    assert told.decisions is not None
    assert not told.whole
    assert "decides otherwise than was sealed" in told.remark
    assert told.decisions.fine_print == ("none",)
    assert [x.before for x in again.differences] == ["none"]
    assert not again.identical


def test_a_body_that_cannot_be_read_is_said_so(own: Office) -> None:
    own.more(otherwise(own.entry(FIRST), format=9))
    with closing(own.desk()) as desk:
        kept = one(desk, "otherwise")
        assert "which this version reads" in kept.unread
        assert asyncio.run(desk.whole(kept)).decisions is None
        assert "which this version reads" in asyncio.run(desk.rerun(kept)).failure
        assert asyncio.run(desk.chain(kept)).good


def test_past_rules_are_loaded_once_and_those_in_force_never(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    real = AuditStore.rulebook

    def counted(store: AuditStore, digest: str) -> bytes | None:
        loaded.append(digest)
        return real(store, digest)

    monkeypatch.setattr(AuditStore, "rulebook", counted)
    with closing(own.desk()) as desk:
        asyncio.run(desk.rerun(one(desk, own.entry(FIRST).id)))
    assert loaded == []
    with closing(own.desk(current=lambda: replace(book(), digest="sha256:new"))) as desk:
        for name in (FIRST, GAPS, QUIET):
            assert asyncio.run(desk.rerun(one(desk, own.entry(name).id))).identical
    assert loaded == [book().digest]


def test_rules_that_are_not_kept_are_said_to_be_so(own: Office) -> None:
    own.more(replace(own.entry(FIRST), id="lost", rulebook="sha256:gone"))
    with closing(own.desk()) as desk:
        kept = one(desk, "lost")
        words = "the rules of this decision are not kept"
        assert asyncio.run(desk.rerun(kept)).failure == words
        told = asyncio.run(desk.whole(kept))
        assert (told.remark, told.whole, told.decisions is None) == (words, False, False)
        assert asyncio.run(desk.book(kept)) is None


def test_numbers_are_of_thirty_days(desk: Desk, filled: Office) -> None:
    found = asyncio.run(desk.numbers())
    assert found["hypomagnesemia"][FIRES] >= 1
    with closing(filled.desk(wall=lambda: NOW.replace(year=NOW.year + 1))) as later:
        assert asyncio.run(later.numbers()) == {}


def test_numbers_are_counted_anew_behind_the_back_of_who_looks(own: Office) -> None:
    clock = Seconds()
    with closing(own.desk(clock)) as desk:
        before = asyncio.run(desk.numbers())
        own.more(replace(own.entry(FIRST), id="another"))
        clock.now = 59.0
        assert asyncio.run(desk.numbers()) == before
        clock.now = 61.0
        assert asyncio.run(desk.numbers()) == before, "nobody waits for newer ones"
        desk._counter.submit(lambda _: None).result()
        after = asyncio.run(desk.numbers())
    assert after["hypomagnesemia"][FIRES] == before["hypomagnesemia"][FIRES] + 1


def test_numbers_are_counted_once_for_all_who_ask(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    with closing(own.desk()) as desk:
        real = desk._counter.submit

        def counted(work: Callable[[AuditStore], Any]) -> Any:
            asked.append("asked")
            return real(work)

        monkeypatch.setattr(desk._counter, "submit", counted)

        async def all_at_once() -> list[Any]:
            return await asyncio.gather(*(desk.numbers() for _ in range(8)))

        found = asyncio.run(all_at_once())
    assert (len(asked), len(found)) == (1, 8)


def test_the_event_loop_goes_on_while_the_database_is_slow(own: Office) -> None:
    slow = threading.Event()
    real = own.desk()

    async def both() -> int:
        turns = 0
        for reader in (*real._readers, real._counter):
            reader.submit(lambda _: slow.wait(5))
        asking = asyncio.create_task(real.page(Filter()))
        while turns < 5:
            await asyncio.sleep(0)
            turns += 1
        assert not asking.done()
        slow.set()
        return len((await asking).lines)

    with closing(real):
        assert asyncio.run(both()) == len(ALL)


def test_a_database_that_is_away_is_told_without_its_place(own: Office) -> None:
    own.place.rename(own.folder / "moved")
    with closing(own.desk()) as desk:
        for ask in _questions(desk):
            with pytest.raises(CannotLook) as refused:
                asyncio.run(ask())
            assert refused.value.status == 503
            assert str(own.folder) not in str(refused.value)
        (own.folder / "moved").rename(own.place)
        assert len(asyncio.run(desk.page(Filter())).lines) == len(ALL), "it is opened anew"
        assert asyncio.run(desk.numbers())


def _questions(desk: Desk) -> list[Callable[[], Any]]:
    return [
        lambda: desk.page(Filter()),
        lambda: desk.decision("one"),
        lambda: desk.feedback("one"),
        desk.numbers,
        desk.clients,
    ]


def test_a_decision_that_waits_is_found_also_while_the_database_is_away(own: Office) -> None:
    entry = replace(own.entry(FIRST), id="waits")
    with own.waiting(replace(entry, id="before"), entry):
        _found_waiting(own)
        own.place.rename(own.folder / "moved")
        _found_waiting(own)


def test_a_decision_that_goes_to_the_database_while_somebody_looks_is_found(
    own: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = replace(own.entry(FIRST), id="moves")

    def moved(folder: Path) -> Waits:
        assert folder == own.spool
        own.more(entry)
        return Waits()

    monkeypatch.setattr("cds.desk.waiting", moved)
    with closing(own.desk()) as desk:
        kept = one(desk, "moves")
        assert not kept.waiting
        assert asyncio.run(desk.chain(kept)).good


def _found_waiting(own: Office) -> None:
    with closing(own.desk()) as desk:
        kept = one(desk, "waits")
        assert kept.waiting
        assert asyncio.run(desk.rerun(kept)).identical
        assert asyncio.run(desk.whole(kept)).whole
        state = asyncio.run(desk.chain(kept))
        assert (state.waiting, state.good) == (True, True)
        assert (state.before, state.after) == (Tie.TIED, Tie.END)


# How one record stands in its chain


@pytest.fixture
def chained(model_kept: Tampered, tmp_path: Path) -> Tampered:
    return model_kept.copy(tmp_path / "copy")


def look(kept: Tampered, seq: int, key: bytes = KEY) -> Any:
    with closing(AuditStore.read_only(kept.place)) as store:
        item = next(store.read(kept.name, seq - 1))
        assert item.seq == seq
        return standing(store, key, item)


@pytest.mark.parametrize(
    ("seq", "before", "after"),
    [(1, Tie.END, Tie.TIED), (3, Tie.TIED, Tie.TIED), (6, Tie.TIED, Tie.END)],
)
def test_a_record_in_its_place_is_tied_to_its_neighbours(
    chained: Tampered, seq: int, before: Tie, after: Tie
) -> None:
    found = look(chained, seq)
    assert (found.seal, found.before, found.after, found.good) == (True, before, after, True)


@pytest.mark.parametrize("column", ["id", "patient", "body", "mac", "previous", "rulebook"])
def test_a_record_that_was_changed_does_not_hold(chained: Tampered, column: str) -> None:
    with closing(sqlite3.connect(chained.path)) as raw:
        (value,) = raw.execute(
            f"SELECT {column} FROM records WHERE chain = ? AND seq = 3", (chained.name,)
        ).fetchone()
    chained.sql(
        f"UPDATE records SET {column} = ? WHERE chain = ? AND seq = 3", flipped(value), chained.name
    )
    assert (look(chained, 3).seal, look(chained, 3).good) == (False, False)
    assert look(chained, 2).after is Tie.BROKEN
    assert look(chained, 4).before is Tie.BROKEN
    assert look(chained, 1).good
    assert look(chained, 5).good


def test_a_neighbour_that_is_no_record_any_more_is_broken(chained: Tampered) -> None:
    chained.sql("UPDATE records SET at = 'never' WHERE chain = ? AND seq = 3", chained.name)
    assert (look(chained, 2).after, look(chained, 4).before) == (Tie.BROKEN, Tie.BROKEN)


def test_a_neighbour_that_was_taken_away_is_missing(chained: Tampered) -> None:
    chained.sql("DELETE FROM records WHERE chain = ? AND seq = 3", chained.name)
    assert (look(chained, 2).after, look(chained, 2).good) == (Tie.MISSING, False)
    assert (look(chained, 4).before, look(chained, 4).good) == (Tie.MISSING, False)


def test_a_neighbour_that_was_purged_has_a_tombstone_that_fits(chained: Tampered) -> None:
    bury_four(chained)
    assert (look(chained, 5).before, look(chained, 5).good) == (Tie.PURGED, True)
    tag = b"somebody without the key"
    chained.sql("UPDATE tombstones SET tag = ? WHERE chain = ?", tag, chained.name)
    assert look(chained, 5).before is Tie.BROKEN


def test_a_record_sealed_with_another_key_is_not_judged(chained: Tampered) -> None:
    found = look(chained, 3, b"another key")
    assert (found.seal, found.before, found.good) == (None, Tie.OTHER_KEY, False)
    assert found.key != ""


def test_the_first_record_of_another_chain_is_not_ours(chained: Tampered, tmp_path: Path) -> None:
    with closing(AuditStore.read_only(chained.place)) as store:
        first = next(store.read(chained.name))
        moved = replace(first, chain=chain_in(tmp_path, 7).name)
        assert standing(store, KEY, moved).before is Tie.BROKEN


def test_an_error_of_the_database_is_not_hidden(desk: Desk) -> None:
    def broken(_: AuditStore) -> None:
        raise StoreError("the disk is gone")

    with pytest.raises(CannotLook, match="cannot be read now: the disk is gone"):
        asyncio.run(desk._ask(broken))
