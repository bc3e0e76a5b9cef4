"""A card that was overridden for a reason stays away, and takes nothing else with it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import hospital
import pytest

from cds.audit.batch import Sealed
from cds.audit.codec import canonical, parse
from cds.audit.entry import Identity, entry_of
from cds.audit.explain import explain
from cds.audit.rerun import rerun
from cds.clients.model import Client
from cds.facts.record import Overridden
from cds.hooks.request import HookCall, read_call
from cds.hooks.services import SERVICES
from cds.pipeline import Answer, answer
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CLIENT = Client("ward-7")
ASPIRIN = ("1191", "aspirin")


@cache
def book() -> Rulebook:
    return load_rulebook(Path(__file__).parents[2] / "rules")


def call(
    labs: list[tuple[str, float, str]],
    *drugs: tuple[str, str],
    days: tuple[int, ...] = (21,),
    **lists: Any,
) -> HookCall:
    """A patient of 60 with these results of 07:00 on each of these days, and these active drugs."""
    results = [
        hospital.lab(100 * day + number, loinc, value, unit, f"2026-11-{day}T07:00:00Z")
        for day in days
        for number, (loinc, value, unit) in enumerate([*labs, ("29463-7", 70, "kg")])
    ]
    medications = [
        hospital.order(f"r-{code}", code, name, authored="2025-10-01T00:00:00Z")
        for code, name in drugs
    ]
    request = hospital.call(
        person=hospital.patient(NOW, 60),
        observations=results,
        drafts=[hospital.order("draft-1", *ASPIRIN, status="draft")],
        inpatient=True,
        medications=medications,
    )
    request["prefetch"] |= lists
    return read_call(SERVICES["electrolytes-order-select"], hospital.body(request))


LOW = [("19123-9", 1.5, "mg/dL"), ("2160-0", 0.9, "mg/dL")]
NO_LEVEL = [("2823-3", 3.2, "mmol/L"), ("2160-0", 1.7, "mg/dL")]
OMEPRAZOLE, MILK_OF_MAGNESIA = ("7646", "omeprazole"), ("6582", "magnesium hydroxide")


def asked(what: HookCall, *told: Overridden, now: datetime = NOW) -> Answer:
    return answer(what, book(), now, CLIENT, history=told)


def overrides(card: dict[str, Any], hours: float = 2) -> Overridden:
    """What the store says of this card once somebody gave a reason."""
    extension = card["extension"]
    rule, row = extension["rule"].partition("@")[0], extension["rows"][0]
    reason = card["overrideReasons"][0]["code"]
    return Overridden(rule, row, card["indicator"], reason, NOW - timedelta(hours=hours))


def rules(found: Answer) -> list[str]:
    return [card["extension"]["rule"].partition("@")[0] for card in found.cards]


def offered(found: Answer) -> list[str]:
    return [item["label"] for card in found.cards for item in card.get("suggestions", ())]


def held(found: Answer) -> dict[str, str]:
    return {item.rule.id: item.held_back for item in found.decisions.items if item.held_back}


def test_an_overridden_card_stays_away_for_24_h_and_then_comes_again() -> None:
    patient = call(LOW, days=(21, 22))
    (card,) = asked(patient).cards
    told = overrides(card, 0)
    for hours, shown in ((0, 0), (1, 0), (20, 0), (23.99, 0), (24, 1), (40, 1)):
        found = asked(patient, told, now=NOW + timedelta(hours=hours))
        assert [one["uuid"] for one in found.cards] == [card["uuid"]] * shown, hours
        assert len(held(found)) == 1 - shown


def test_the_span_ends_at_the_very_moment_and_a_re_run_knows_it() -> None:
    """Ages count from whole minutes, the span of an override does not: and it is kept."""
    patient = call(LOW, days=(21, 22))
    (card,) = asked(patient).cards
    late = NOW + timedelta(hours=24, seconds=-1)
    found = asked(patient, overrides(card, 0), now=late)
    assert (found.asked, found.now) == (late, NOW + timedelta(hours=24))
    assert list(held(found)) == ["hypomagnesemia"]
    kept = kept_of(patient, found)
    assert rerun(kept, book()) == ()
    body = parse(kept.entry.body)
    del body["asked"]
    assert rerun(replace(kept, entry=replace(kept.entry, body=canonical(body))), book()) != ()


def test_without_history_the_answer_is_the_same_to_the_byte() -> None:
    first, again = asked(call(LOW)), asked(call(LOW), *())
    assert canonical(first.cards) == canonical(again.cards)
    assert first.decision_id == again.decision_id


def test_the_same_history_in_any_order_gives_the_same_bytes() -> None:
    (card,) = asked(call(LOW)).cards
    told = [overrides(card, hours) for hours in (30, 2, 5)]
    first, again = asked(call(LOW), *told), asked(call(LOW), *reversed(told), told[0])
    assert first == again
    assert first.decision_id != asked(call(LOW)).decision_id


def test_cards_of_other_findings_still_come() -> None:
    patient = call(LOW, OMEPRAZOLE)
    before = asked(patient)
    assert rules(before) == ["hypomagnesemia", "magnesium-wasting-drugs"]
    after = asked(patient, overrides(before.cards[0]))
    assert list(held(after)) == ["hypomagnesemia"]
    assert canonical(after.cards) == canonical(before.cards[1:]).replace(
        before.decision_id.encode(), after.decision_id.encode()
    )


def test_a_critical_card_comes_whatever_was_said_of_it() -> None:
    patient = call([*LOW, ("2823-3", 2.3, "mmol/L")])
    before = asked(patient)
    assert [card["indicator"] for card in before.cards] == ["critical"]
    after = asked(patient, overrides(before.cards[0]))
    assert rules(after) == rules(before) == ["low-potassium"]
    assert held(after) == {}


def test_a_test_that_stood_on_the_overridden_card_stands_on_the_other_one() -> None:
    """Two cards ask for a magnesium level; it is ordered once, on the card that is shown."""
    patient = call(NO_LEVEL, OMEPRAZOLE, MILK_OF_MAGNESIA)
    before = asked(patient)
    assert {"magnesium-not-measured", "magnesium-laxatives"} <= set(rules(before))
    assert offered(before) == ["Order a magnesium level"]
    (carrier,) = [card for card in before.cards if card.get("suggestions")]
    assert carrier["indicator"] != "critical"
    after = asked(patient, overrides(carrier))
    assert list(held(after)) == [overrides(carrier).rule]
    assert offered(after) == ["Order a magnesium level"]
    assert len(after.cards) == len(before.cards) - 1


def test_what_is_said_only_beside_no_other_card_is_said_beside_one_that_is_held_back() -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]}
    patient = call(LOW, allergies=failed)
    (card,) = asked(patient).cards
    assert rules(asked(patient)) == ["hypomagnesemia"]
    assert rules(asked(patient, overrides(card))) == ["incomplete-results"]


@pytest.fixture(scope="module")
def kept() -> Sealed:
    """The decision in which a card was held back, as it lies in the store."""
    patient = call(LOW)
    found = asked(patient, overrides(asked(patient).cards[0]))
    assert found.cards == ()
    return kept_of(patient, found)


def kept_of(patient: HookCall, found: Answer) -> Sealed:
    """The record of an answer."""
    identity = Identity(b"a key of the tests")
    entry = entry_of(patient, CLIENT, found, book(), found.now, NOW, identity, 0.01)
    return Sealed("chain", 1, b"", b"", entry)


WHY = "overridden 2 h ago (already being corrected); told again after 24 h, or when magnesium has"


def test_the_record_says_why_no_card_came(kept: Sealed) -> None:
    body = parse(kept.entry.body)
    (rule,) = [item for item in body["rules"] if "held_back" in item]
    assert (rule["rule"], rule["outcome"], rule["row"]) == ("hypomagnesemia", "fires", "A1")
    assert rule["held_back"].startswith(WHY)
    assert body["record"]["overridden"] == [
        {
            "rule": "hypomagnesemia",
            "row": "A1",
            "indicator": "warning",
            "reason": "already-being-corrected",
            "at": "2026-11-21T10:00:00.000000+00:00",
        }
    ]


def test_it_is_explained_and_decided_again_from_the_record_alone(kept: Sealed) -> None:
    assert f"\n  No card now: {WHY}" in explain(kept)
    assert rerun(kept, book()) == ()


def test_without_the_override_the_record_decides_otherwise(kept: Sealed) -> None:
    body = json.loads(kept.entry.body)
    del body["record"]["overridden"]
    changed = replace(kept, entry=replace(kept.entry, body=canonical(body)))
    (difference,) = rerun(changed, book())
    assert (difference.rule, difference.what) == ("hypomagnesemia", "why no card came")
    assert (difference.before[: len(WHY)], difference.after) == (WHY, "(nothing)")
