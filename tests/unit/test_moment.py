"""Ages and windows count from a whole minute; what is dated in the future is not, however near."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from cds.doors import SANDBOX
from cds.facts.model import Reason
from cds.hooks.request import read_call
from cds.hooks.services import ORDER_SELECT
from cds.pipeline import Answer, answer, whole_minute
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.sample import FIRST, samples

NOW = datetime.fromisoformat("2026-11-21T09:00:17+00:00")


@cache
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "rules")


def answered(now: datetime, magnesium: datetime) -> Answer:
    """The first sample, its low magnesium drawn at that moment."""
    (sample,) = (item for item in samples() if item.name == FIRST)
    call = sample.at(now)
    for entry in call["prefetch"]["observations"]["entry"]:
        if entry["resource"]["id"] == "mg-1":
            entry["resource"]["effectiveDateTime"] = magnesium.isoformat()
            entry["resource"].pop("issued", None)
    asked = read_call(ORDER_SELECT, json.dumps(call).encode())
    return answer(asked, book(), now, SANDBOX, whole=False)


def doses(found: Answer) -> list[str]:
    return [
        item["label"]
        for card in found.cards
        for item in card.get("suggestions", ())
        if item["actions"][0].get("resource", {}).get("resourceType") == "MedicationRequest"
    ]


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-11-21T09:00:00+00:00", "2026-11-21T09:00:00+00:00"),
        ("2026-11-21T09:00:00.000001+00:00", "2026-11-21T09:01:00+00:00"),
        ("2026-11-21T09:00:59+00:00", "2026-11-21T09:01:00+00:00"),
        ("2026-11-21T23:59:00+00:00", "2026-11-21T23:59:00+00:00"),
        ("2026-11-21T23:59:30+00:00", "2026-11-21T23:59:59.999999+00:00"),
        ("2026-11-21T23:59:30-05:00", "2026-11-21T23:59:59.999999-05:00"),
    ],
)
def test_the_moment_is_the_end_of_the_minute_and_of_no_other_day(now: str, moment: str) -> None:
    assert whole_minute(datetime.fromisoformat(now)) == datetime.fromisoformat(moment)


def test_a_result_of_this_minute_is_used() -> None:
    found = answered(NOW, NOW - timedelta(seconds=5))
    assert found.now == whole_minute(NOW)
    assert doses(found)


@pytest.mark.parametrize("ahead", [1, 20, 43])
def test_a_result_some_seconds_ahead_is_of_the_future_and_gives_no_dose(ahead: int) -> None:
    """Safety point 10. Asked again when its time has come, it is used."""
    drawn = NOW + timedelta(seconds=ahead)
    assert drawn <= whole_minute(NOW)
    found = answered(NOW, drawn)
    (result,) = (x for x in found.record.labs.items if x.source == "Observation/mg-1")
    assert result.set_aside is Reason.FUTURE
    assert doses(found) == []
    assert doses(answered(drawn, drawn))
