"""The patient as known earlier: what is in doubt was not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from cds.facts.earlier import as_of
from cds.facts.record import Listing, ProblemEntry
from tests.unit.facts.standin import ago, gave, mg, order, view

AT = ago(6)  # 06:00 in UTC, asked in another zone
ELSEWHERE = AT.astimezone(timezone(timedelta(hours=1)))

RESULTS: list[tuple[str, float | None, str, str, bool]] = [
    # asked for 06:00   hours  issued               written              known
    ("drawn before",    8,     "",                  "",                  True),
    ("drawn then",      6,     "",                  "",                  True),
    ("drawn after",     5,     "",                  "",                  False),
    ("without a time",  None,  "",                  "",                  True),
    ("issued before",   8,     "2026-11-21T05:59",  "2026-11-21T09:00",  True),
    ("issued after",    8,     "2026-11-21T06:01",  "2026-11-21T05:00",  False),
    ("written before",  8,     "",                  "2026-11-21T05:59",  True),
    ("written after",   8,     "",                  "2026-11-21T06:01",  False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("drawn", "issued", "written", "known"), [x[1:] for x in RESULTS], ids=[x[0] for x in RESULTS]
)
def test_a_result_is_known_once_it_is_issued_or_written(
    drawn: float | None, issued: str, written: str, known: bool
) -> None:
    item = mg("1.6 mg/dL", drawn)
    told = (f"{moment}:00.000000+00:00" if moment else "" for moment in (issued, written))
    item = replace(item, order=(item.order[0], *told, "1"))
    record = view(labs=Listing("observations", (item,))).record
    assert as_of(record, ELSEWHERE).labs.items == ((item,) if known else ())


TODAY, YESTERDAY = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
ORDERS = [
    ("written before", ago(7), ago(1), True),
    ("written then", AT, None, True),
    ("written after", ago(5), ago(9), False),
    ("written some time that day", TODAY, None, False),
    ("written the day before", YESTERDAY, None, True),
    ("begun before", None, ago(7), True),
    ("begun after", None, ago(5), False),
    ("neither is told", None, None, False),
]


@pytest.mark.parametrize(
    ("authored", "start", "known"), [x[1:] for x in ORDERS], ids=[x[0] for x in ORDERS]
)
def test_an_order_is_known_once_it_is_written(
    authored: datetime | None, start: datetime | None, known: bool
) -> None:
    item = replace(order(), authored=authored, start=start)
    found = as_of(view(orders=(item,), drafts=(item,)).record, ELSEWHERE)
    kept = (item,) if known else ()
    assert (found.medications.items, found.drafts) == (kept, kept)


@pytest.mark.parametrize(("hours", "known"), [(7, True), (6, True), (5, False), (None, False)])
def test_a_dose_is_known_once_it_is_given(hours: float | None, known: bool) -> None:
    dose = gave(hours, None)
    found = as_of(view(administrations=(dose,)).record, ELSEWHERE)
    assert found.administrations.items == ((dose,) if known else ())


@pytest.mark.parametrize(("hours", "known"), [(7, True), (5, False), (None, True)])
def test_a_problem_is_known_unless_it_says_that_it_came_later(
    hours: float | None, known: bool
) -> None:
    recorded = None if hours is None else ago(hours)
    entry = ProblemEntry("Condition/1", "a problem", frozenset({"seizure"}), recorded=recorded)
    record = replace(view().record, problems=Listing("problems", (entry,)))
    assert as_of(record, ELSEWHERE).problems.items == ((entry,) if known else ())


def test_what_may_not_be_complete_stays_so() -> None:
    record = view(orders=None, administrations=None).record
    assert as_of(record, ELSEWHERE).medications == record.medications
    assert as_of(record, ELSEWHERE).administrations == record.administrations
    assert as_of(record, ELSEWHERE).person == record.person
