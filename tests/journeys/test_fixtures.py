"""Every synthetic patient, through the real application, gets exactly the answer that the clinical
pack asks for: these cards, this urgency, these suggestions, these words, and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import fixtures
import pytest
from fhir.resources.R4B import get_fhir_model_class
from fixtures import ALL

from cds.sample import FOLDERS, Sample

YEAR = timedelta(days=365)
# A7 and D1 are lines of A2 and of every card with an IV magnesium dose, no rows of their own.
ROWS = {
    *("A1", "A1-iv", "A2", "A3", "A4", "A5", "A6"),
    *("B0", "B1", "B2", "B3", "B4"),
    *("C1", "C2", "C3", "C4", "C4-iv", "C4-po", "C5", "C6", "C7"),
    *("D2", "D3", "D4"),
}
ANSWERED = [item for item in ALL if item.expect["status"] == 200]
REFUSED = [item for item in ALL if item.expect["status"] != 200]


def named(items: list[Sample]) -> Any:
    return pytest.mark.parametrize("item", items, ids=[f"{i.folder}/{i.name}" for i in items])


def fits(card: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """Is it the card? Words only tell two cards of one row apart: they are judged later."""
    return (card["extension"]["rows"], card["indicator"], fixtures.suggested(card)) == (
        wanted["rows"],
        wanted["indicator"],
        sorted(wanted["suggests"]),
    )


def outline(card: dict[str, Any]) -> str:
    rows = " ".join(card["extension"]["rows"])
    return f"{rows} {card['indicator']} {fixtures.suggested(card)}: {card['summary']}"


@named(ANSWERED)
def test_the_cards_are_exactly_those_expected(item: Sample, ask: Any) -> None:
    cards = ask(fixtures.body(item), item.now, fixtures.service(item))["cards"]
    left = list(cards)
    missing, wrong_words = [], []
    for wanted in item.expect["cards"]:
        found = next((card for card in left if fits(card, wanted)), None)
        if found is None:
            missing.append(wanted)
            continue
        left.remove(found)
        text = fixtures.text_of(found)
        wrong_words += [f"not said: {w}" for w in wanted["says"] if not fixtures.says(text, w)]
        never = wanted.get("never", [])
        wrong_words += [f"must not be said: {w}" for w in never if fixtures.says(text, w)]
    assert (missing, [outline(card) for card in left], wrong_words) == ([], [], [])


@named([item for item in ANSWERED if "silent_rows" in item.expect])
def test_silent_rows_are_silent(item: Sample, ask: Any) -> None:
    cards = ask(fixtures.body(item), item.now, fixtures.service(item))["cards"]
    shown = {row for card in cards for row in card["extension"]["rows"]}
    assert shown & set(item.expect["silent_rows"]) == set()


@named(REFUSED)
def test_a_call_that_cannot_be_answered_is_refused_by_name(item: Sample, post: Any) -> None:
    reply = post(fixtures.body(item), item.now, fixtures.service(item))
    assert reply.status_code == item.expect["status"]
    (issue,) = reply.json()["issue"]
    assert item.expect["names"] in issue["diagnostics"].lower()


@named(ANSWERED)
def test_a_year_later_the_moved_call_gets_the_same_rows(item: Sample, ask: Any) -> None:
    later = item.now + YEAR
    cards = ask(fixtures.body(item, later), later, fixtures.service(item))["cards"]
    found = Counter((tuple(c["extension"]["rows"]), c["indicator"]) for c in cards)
    wanted = Counter((tuple(c["rows"]), c["indicator"]) for c in item.expect["cards"])
    assert found == wanted


@named(list(ALL))
def test_every_resource_is_valid_r4_except_those_named(item: Sample) -> None:
    invalid = []
    for resource in fixtures.resources(item.request):
        try:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
        except ValueError:
            invalid.append(f"{resource['resourceType']}/{resource['id']}")
    assert invalid == item.expect.get("not_valid", [])


@named(list(ALL))
def test_a_synthetic_patient_says_who_it_is_and_repeats_no_id(item: Sample) -> None:
    patient = item.request["prefetch"]["patient"] or {"id": item.request["context"]["patientId"]}
    keys = Counter((r["resourceType"], r.get("id")) for r in fixtures.resources(item.request))
    assert item.title
    assert patient["id"].startswith("fict-")
    assert [key for key, count in keys.items() if count > 1 or key[1] is None] == []


def texts(value: Any) -> Iterator[str]:
    """Every text of a call."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)


@named(list(ALL))
def test_every_date_moves_with_the_call(item: Sample) -> None:
    later = texts(item.at(item.now + YEAR))
    stayed = [old for old, new in zip(texts(item.request), later, strict=True) if old == new]
    assert [text for text in stayed if re.search(r"(19|20)\d\d-[01]\d", text)] == []


def test_there_are_enough_of_every_kind() -> None:
    kinds = Counter(item.folder for item in ALL)
    assert set(kinds) == set(FOLDERS)
    assert len(ALL) >= 40
    assert kinds["well"] >= 15


def test_only_broken_data_is_refused_or_not_valid() -> None:
    odd = {i.folder for i in ALL if i.expect["status"] != 200 or "not_valid" in i.expect}
    assert odd == {"broken"}


def test_every_row_of_the_decision_table_fires_and_no_unknown_row() -> None:
    fired = {row for item in ALL for card in item.expect.get("cards", ()) for row in card["rows"]}
    assert fired == ROWS


def test_every_row_also_stays_silent_on_purpose() -> None:
    assert {row for item in ALL for row in item.expect.get("silent_rows", ())} >= ROWS


def test_every_hook_and_every_setting_is_met() -> None:
    hooks = {item.request["hook"] for item in ALL}
    assert hooks == {"order-select", "order-sign", "patient-view", "encounter-discharge"}
    encounters = [item.request["prefetch"].get("encounter") or {} for item in ALL]
    classes = {found.get("class", {}).get("code") for found in encounters}
    assert classes >= {None, "AMB", "IMP", "EMER", "OBSENC"}
    assert any("contained" in found for found in encounters), "intensive care"


@pytest.mark.parametrize("what", ["name", "id", "identifier"])
def test_no_two_patients_share(what: str) -> None:
    patients = [item.request["prefetch"]["patient"] for item in ALL]
    found = Counter(repr(patient[what]) for patient in patients if patient)
    assert [value for value, count in found.items() if count > 1] == []


def test_no_two_calls_share_their_instance_or_their_name() -> None:
    instances = [item.request["hookInstance"] for item in ALL]
    assert len({*instances}) == len(ALL) == len({item.name for item in ALL})
