"""What clinicians said about earlier cards is asked once for the edits of an order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit_kit import KEY, NOW, chain_in, keep, made, showing, told
from cds.audit import history as history_module
from cds.audit.batch import Batch, Told
from cds.audit.history import FRESH, History
from cds.audit.kept import Shown, stamp
from cds.audit.store import AuditStore

CLIENT, PATIENT = "ehr-one", showing(1).patient
ONE = Shown("c-1", "hypomagnesemia", "1.2.0", "A2", "warning")
TWO = Shown("c-2", "hypomagnesemia", "1.2.0", "B0", "warning")
LONG_AGO = NOW - timedelta(hours=24)


class Asked:
    """A history by a clock of its own, over a database whose questions are counted."""

    def __init__(self, folder: Path) -> None:
        self.place = made(folder / "audit.sqlite")
        self.now, self.times = 0.0, 0
        self.store = AuditStore.open(self.place)
        keep(self.store, chain_in(folder), [showing(1, ONE, TWO)])
        self.history = History(self.opened, lambda: self.now, KEY)

    def opened(self) -> AuditStore:
        store = AuditStore.read_only(self.place)
        ask = store.overridden

        def counted(client: str, patient: str, since: datetime) -> list[object]:
            self.times += 1
            return list(ask(client, patient, since))

        store.overridden = counted  # type: ignore[method-assign,assignment]
        return store

    def override(self, card: str, seconds: int = 0) -> None:
        at = stamp(NOW + timedelta(seconds=seconds))
        row = told(CLIENT, "s", card, "overridden", at, "[]", "urn:s", "rejected", at)
        self.store.add(Batch(told=(Told((row,)),)))

    def rows(self, since: datetime = LONG_AGO, patient: str = PATIENT) -> list[str]:
        found = asyncio.run(self.history.overridden(CLIENT, patient, since))
        return [one.row for one in found]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    monkeypatch.setattr(history_module, "PATIENCE", 20.0)  # a busy machine may take its time
    found = Asked(tmp_path)
    yield found
    found.history.close()
    found.store.close()


def test_the_same_patient_is_asked_for_once_in_two_seconds(asked: Asked) -> None:
    asked.override("c-1")
    assert [asked.rows() for _ in range(5)] == [["A2"]] * 5
    assert asked.times == 1


def test_what_another_worker_was_told_counts_two_seconds_later(asked: Asked) -> None:
    assert asked.rows() == []
    asked.override("c-1")
    asked.now += FRESH - 0.001
    assert asked.rows() == [], "the card comes once more, which is the safe side"
    asked.now += 0.001
    assert asked.rows() == ["A2"]


def test_what_this_process_was_told_counts_at_once(asked: Asked) -> None:
    assert asked.rows() == []
    asked.override("c-1")
    asked.history.told()
    assert asked.rows() == ["A2"]


def test_an_answer_that_feedback_overtook_is_not_kept(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = History._found

    async def overtaken(
        history: History, client: str, patient: str, since: datetime
    ) -> tuple[object, ...] | None:
        found = await find(history, client, patient, since)
        asked.override("c-1")
        history.told()
        return found

    monkeypatch.setattr(History, "_found", overtaken)
    assert asked.rows() == []
    monkeypatch.undo()
    assert asked.rows() == ["A2"]


def test_an_answer_serves_no_question_about_an_earlier_time(asked: Asked) -> None:
    asked.override("c-1", seconds=10)
    asked.override("c-2", seconds=20)
    assert asked.rows(NOW + timedelta(seconds=15)) == ["B0"]
    assert asked.rows(LONG_AGO) == ["A2", "B0"]
    assert asked.times == 2


def test_an_answer_serves_a_question_about_a_later_time_with_what_still_counts(
    asked: Asked,
) -> None:
    asked.override("c-1", seconds=10)
    asked.override("c-2", seconds=20)
    assert asked.rows(LONG_AGO) == ["A2", "B0"]
    assert asked.rows(NOW + timedelta(seconds=10)) == ["A2", "B0"], "at that moment or after it"
    assert asked.rows(NOW + timedelta(seconds=11)) == ["B0"]
    assert asked.times == 1


def test_each_patient_is_asked_for(asked: Asked) -> None:
    asked.override("c-1")
    assert asked.rows() == ["A2"]
    assert asked.rows(patient="hmac:another") == []
    assert asked.times == 2


def test_no_more_answers_are_kept_than_a_few_hundred(asked: Asked) -> None:
    for number in range(300):
        asked.rows(patient=f"hmac:{number}")
    assert len(asked.history._known) <= 256


def test_a_database_that_failed_is_not_taken_for_one_that_knows_nothing(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.override("c-1")
    monkeypatch.setattr(History, "_ask", lambda *_: None)
    assert asked.rows() == []
    monkeypatch.undo()
    monkeypatch.setattr(history_module, "PATIENCE", 20.0)
    assert asked.rows() == ["A2"]
