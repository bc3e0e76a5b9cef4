"""What the service could not read is said where somebody reads it (safety point 33)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import hospital

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def call(*more: dict[str, Any], magnesium: float = 1.0) -> dict[str, Any]:
    """A patient with low magnesium and good kidneys; `more` are further Observations."""
    labs = [
        hospital.lab(1, "19123-9", magnesium, "mg/dL", "2026-11-21T07:00:00Z"),
        hospital.lab(2, "2160-0", 0.9, "mg/dL", "2026-11-21T07:00:00Z"),
        hospital.lab(3, "29463-7", 70, "kg", "2026-11-21T07:00:00Z"),
        *more,
    ]
    return hospital.call(
        person=hospital.patient(NOW, 60),
        observations=labs,
        drafts=[hospital.order("draft-1", "", "amoxicillin", status="draft")],
        inpatient=True,
    )


def labels(cards: list[dict[str, Any]]) -> list[str]:
    return [item["label"] for card in cards for item in card.get("suggestions", ())]


def test_results_that_go_on_elsewhere_never_look_like_no_problem(ask: Any) -> None:
    request = call()
    request["prefetch"]["observations"]["link"] = [{"relation": "next", "url": "https://x.test/2"}]
    cards = ask(hospital.body(request), NOW)["cards"]
    assert [card["extension"]["rows"] for card in cards] == [["D4"]]
    assert "could not be evaluated" in cards[0]["summary"]
    assert labels(cards) == []


def test_a_newer_result_that_cannot_be_used_stops_the_dose_of_an_older_one(ask: Any) -> None:
    newer = hospital.lab(9, "19123-9", 4.5, "mg/dL", "2026-11-21T11:00:00Z", "preliminary")
    assert any("4 g" in label for label in labels(ask(hospital.body(call()), NOW)["cards"]))
    cards = ask(hospital.body(call(newer)), NOW)["cards"]
    assert not any("Magnesium sulfate" in label for label in labels(cards))
    assert "a newer result contradicts" in cards[0]["detail"]


def test_a_newer_creatinine_that_cannot_be_used_stops_the_dose_of_an_older_one(ask: Any) -> None:
    newer = hospital.lab(9, "2160-0", 5.0, "mg/dL", "2026-11-21T11:00:00Z", "preliminary")
    cards = ask(hospital.body(call(newer)), NOW)["cards"]
    assert not any("Magnesium sulfate" in label for label in labels(cards))
    assert "a newer creatinine may be worse" in cards[0]["detail"]


def test_a_result_whose_status_is_no_word_of_r4_is_shown_and_never_used(ask: Any) -> None:
    odd = hospital.lab(9, "2823-3", 2.1, "mmol/L", "2026-11-21T11:00:00Z", "FINAL")
    cards = ask(hospital.body(call(odd, magnesium=2.0)), NOW)["cards"]
    assert [card["extension"]["rows"] for card in cards] == [["D4"]]
    assert "2.1 mmol/L" in cards[0]["summary"]


def test_the_first_card_names_what_could_not_be_read(ask: Any) -> None:
    request = call()
    broken = {"resourceType": "AllergyIntolerance", "id": "al-1", "code": "magnesium"}
    request["prefetch"]["allergies"] = hospital.bundle([broken])
    detail = ask(hospital.body(request), NOW)["cards"][0]["detail"]
    assert "**Not read:** AllergyIntolerance/al-1" in detail
