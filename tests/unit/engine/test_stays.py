"""A diagnosis of another stay is no present risk, unless a date says that it is recent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cds.engine.listed import Lists, listed_fact
from cds.facts.model import Presence
from cds.facts.record import Listing, Person, Place, ProblemEntry, Record, Setting
from cds.rulebook.model import ProblemSource

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
RISK = ProblemSource(("sepsis",), None, True, this_stay=True)
STOP = ProblemSource(("sepsis",), None, True)


@pytest.mark.parametrize(
    ("source", "elsewhere", "recorded", "present"),
    [
        (RISK, False, None, True),
        (RISK, True, None, False),
        (RISK, True, NOW - timedelta(days=1), True),  # somebody dated it
        (STOP, True, None, True),  # a stop counts whatever may still be
    ],
)
def test_an_undated_diagnosis_of_another_stay_counts_for_stops_only(
    source: ProblemSource, elsewhere: bool, recorded: datetime | None, present: bool
) -> None:
    entry = ProblemEntry(
        "Condition/1", "Sepsis", frozenset({"sepsis"}), None, recorded, of_another_stay=elsewhere
    )
    record = Record(
        Person("Patient/p"),
        Place(Setting.INPATIENT),
        Listing("observations"),
        Listing("medications"),
        problems=Listing("problems", (entry,)),
    )
    state = listed_fact("risk", source, Lists(record), NOW).state
    assert isinstance(state, Presence)
    assert state.present is present
