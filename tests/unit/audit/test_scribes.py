"""There is a scribe when one is wanted and there is work for it, and not one after the other where
they do not live."""

from __future__ import annotations

import errno
import os

import msgspec
import pytest
from structlog.testing import capture_logs

from cds.audit.scribe import Scribe
from cds.audit.scribes import PAUSE, SOON, Scribes
from cds.audit.scribewords import Work

WORK = Work(b"key", "/data/1.spool", 11, "/data/audit.sqlite", 12, 1.0)
MOMENT = 0.001


class Hired(Scribe):
    """A scribe that is no process."""

    pid = 4711

    def __init__(self, work: Work) -> None:
        self.work = work
        self.begun, self.ended = True, False
        self.told: list[str] = []

    @property
    def gone(self) -> bool:
        return self.ended

    @property
    def ready(self) -> bool:
        return self.begun and not self.ended

    def kill(self) -> None:
        self.ended = True
        self.told.append("kill")

    def close(self) -> None:
        self.ended = True
        self.told.append("close")


class Office:
    """All that were ever hired, by a clock of its own."""

    def __init__(self) -> None:
        self.now, self.fails = 100.0, False
        self.tries = 0
        self.hired: list[Hired] = []
        self.scribes = Scribes(self._hire, lambda: self.now)

    def _hire(self, work: Work) -> Scribe:
        self.tries += 1
        if self.fails:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        self.hired.append(Hired(work))
        return self.hired[-1]

    def tend(self, work: Work | None, later: float = 0.0) -> list[str]:
        """What it warns of."""
        self.now += later
        with capture_logs() as logs:
            self.scribes.tend(work)
        return [line["event"] for line in logs if line["log_level"] == "warning"]

    @property
    def told(self) -> list[list[str]]:
        return [one.told for one in self.hired]


@pytest.fixture
def office() -> Office:
    """Where one is wanted."""
    made = Office()
    made.scribes.want()
    return made


@pytest.fixture
def busy(office: Office) -> Office:
    """Where one is at work, hired just now."""
    office.tend(WORK)
    return office


def test_nobody_is_hired_unless_one_is_wanted() -> None:
    office = Office()
    assert office.tend(WORK, PAUSE) == []
    assert office.hired == []
    assert office.scribes.due() is None
    assert office.scribes.ready is None


def test_that_one_is_wanted_is_news_once(office: Office) -> None:
    first = Office().scribes
    assert [first.want(), first.want()] == [True, False]
    office.tend(WORK)
    assert not office.scribes.want()


def test_one_that_is_wanted_is_due_and_hired_when_there_is_work(office: Office) -> None:
    assert office.scribes.due() == 0.0
    with capture_logs() as logs:
        office.scribes.tend(WORK)
    assert [one.work for one in office.hired] == [WORK]
    assert office.scribes.ready is office.hired[0]
    assert [(line["log_level"], line["pid"]) for line in logs] == [("info", 4711)]


def test_while_there_is_no_work_nobody_is_hired_and_it_is_looked_for_again_soon(
    office: Office,
) -> None:
    for _ in range(2):
        assert office.tend(None) == []
        assert (office.hired, office.scribes.due()) == ([], SOON)
        assert office.tend(WORK, SOON / 2) == []
        assert (office.hired, office.scribes.due()) == ([], SOON / 2)
        office.now += SOON / 2
    office.tend(WORK)
    assert [one.work for one in office.hired] == [WORK]


@pytest.mark.parametrize("work", [WORK, msgspec.structs.replace(WORK), None])
def test_one_at_work_stays_while_the_work_is_the_same_or_there_is_none_for_the_moment(
    busy: Office, work: Work | None
) -> None:
    assert busy.tend(work, PAUSE) == []
    assert busy.told == [[]]
    assert busy.scribes.due() is None
    assert busy.scribes.ready is busy.hired[0]


@pytest.mark.parametrize(
    ("begun", "ended"),
    [(False, False), (False, True), (True, True)],
    ids=["begins", "failed", "gone"],
)
def test_one_that_has_not_begun_or_is_gone_is_given_nothing(
    busy: Office, begun: bool, ended: bool
) -> None:
    busy.hired[0].begun, busy.hired[0].ended = begun, ended
    assert busy.scribes.ready is None


def test_one_that_has_not_begun_is_waited_for(busy: Office) -> None:
    busy.hired[0].begun = False
    assert busy.tend(WORK, PAUSE * 2) == []
    assert (busy.told, busy.scribes.due()) == ([[]], None)
    busy.hired[0].begun = True
    assert busy.scribes.ready is busy.hired[0]


def test_one_that_is_gone_is_dismissed_and_the_next_is_hired_a_pause_after_it_was(
    busy: Office,
) -> None:
    busy.hired[0].ended = True
    assert busy.tend(WORK, 10.0) == [
        "the process that writes decisions has ended: the service does it"
    ]
    assert busy.told == [["kill"]]
    assert busy.scribes.due() == PAUSE - 10.0
    assert busy.tend(WORK, PAUSE - 10.0 - MOMENT) == []
    assert len(busy.hired) == 1
    assert busy.tend(WORK, MOMENT * 2) == []
    assert busy.told == [["kill"], []]
    assert busy.scribes.ready is busy.hired[1]


def test_one_that_is_gone_after_a_pause_and_more_is_followed_by_the_next_at_once(
    busy: Office,
) -> None:
    busy.hired[0].ended = True
    busy.now += PAUSE
    assert busy.scribes.due() == 0.0
    assert len(busy.tend(WORK)) == 1
    assert busy.told == [["kill"], []]


def test_one_that_is_gone_is_dismissed_though_there_is_no_work(busy: Office) -> None:
    busy.hired[0].ended = True
    assert len(busy.tend(None, PAUSE)) == 1
    assert busy.told == [["kill"]]
    assert busy.tend(None) == [], "that is told once"


CHANGED = {
    "spool": msgspec.structs.replace(WORK, spool="/data/2.spool"),
    "spool file": msgspec.structs.replace(WORK, spool_file=13),
    "database": msgspec.structs.replace(WORK, database="/data/other.sqlite"),
    "database file": msgspec.structs.replace(WORK, database_file=14),
    "key": msgspec.structs.replace(WORK, key=b"another"),
}


@pytest.mark.parametrize("other", CHANGED.values(), ids=CHANGED)
def test_other_work_a_pause_after_the_last_was_hired_makes_another_take_its_place_at_once(
    busy: Office, other: Work
) -> None:
    assert busy.tend(other, PAUSE) == [], "nothing is the matter"
    assert busy.told == [["kill"], []]
    assert busy.scribes.ready is busy.hired[1]
    assert busy.hired[1].work == other


@pytest.mark.parametrize("other", CHANGED.values(), ids=CHANGED)
def test_other_work_sooner_than_that_dismisses_it_at_once_but_another_comes_after_the_pause(
    busy: Office, other: Work
) -> None:
    assert busy.tend(other, 10.0) == []
    assert (busy.told, busy.scribes.ready, busy.scribes.due()) == ([["kill"]], None, PAUSE - 10.0)
    busy.tend(other, PAUSE - 10.0)
    assert busy.told == [["kill"], []]


def test_where_none_can_be_started_the_log_says_so_and_the_service_tries_again_after_a_pause(
    office: Office,
) -> None:
    office.fails = True
    for tries in (1, 2):
        with capture_logs() as logs:
            office.scribes.tend(WORK)
        assert logs == [
            {
                "event": "no process can be started to write decisions",
                "reason": os.strerror(errno.EAGAIN),
                "log_level": "warning",
            }
        ]
        assert (office.scribes.ready, office.scribes.due()) == (None, PAUSE)
        assert office.tend(WORK, PAUSE - MOMENT) == []
        assert office.tries == tries
        office.now += MOMENT * 2
    office.fails = False
    office.tend(WORK)
    assert office.scribes.ready is office.hired[0]


def test_one_that_cannot_be_started_in_place_of_another_leaves_none(busy: Office) -> None:
    busy.fails = True
    assert len(busy.tend(CHANGED["spool"], PAUSE)) == 1
    assert (busy.told, busy.scribes.ready, busy.scribes.due()) == ([["kill"]], None, PAUSE)


def test_one_that_is_dismissed_does_nothing_more_and_another_comes_after_the_pause(
    busy: Office,
) -> None:
    busy.scribes.dismiss()
    assert (busy.told, busy.scribes.ready, busy.scribes.due()) == ([["kill"]], None, PAUSE)
    busy.scribes.dismiss()
    assert busy.told == [["kill"]], "once"
    assert busy.tend(WORK, PAUSE) == [], "it has not ended by itself"
    assert busy.told == [["kill"], []]


def test_where_there_are_none_nothing_wants_or_hires_one() -> None:
    scribes = Scribes(None, lambda: 100.0)
    assert not scribes.want()
    assert scribes.due() is None
    scribes.tend(WORK)
    assert scribes.ready is None
    scribes.dismiss()
    scribes.close()


def test_at_the_end_the_one_at_work_may_end_what_it_does(busy: Office) -> None:
    busy.scribes.close()
    assert busy.told == [["close"]]
    assert busy.scribes.ready is None


def test_at_the_end_nobody_need_be_there(office: Office) -> None:
    office.scribes.close()
    assert office.hired == []
