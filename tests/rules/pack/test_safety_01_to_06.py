"""Safety points 1 to 6 of the clinical pack: what is never suggested, doses and units."""

from __future__ import annotations

import json
from typing import Any

import hospital
import pack_kit as kit
import pytest

MG, K = kit.lab("mg", 1.0), kit.lab("k", 4.0)
LOW = kit.lab("mg", 1.5)
TORSADES, ARREST, DIARRHEA = "31722008", "410429000", "236071009"
REFRACTORY = (kit.lab("k", 3.1), kit.lab("k", 3.0, hours=34))
TWICE = {"frequency": 2, "period": 1, "periodUnit": "d"}
KCL = kit.order("potassium chloride", "40 meq", route="iv", rate="5 meq/h", hours=40, repeat=TWICE)
PLANS = {
    "A3": kit.chart(MG, K, problems=[kit.problem(TORSADES, onset=1)]),
    "A2": kit.chart(MG, K),
    "A1-iv": kit.chart(LOW, K, problems=[kit.problem(DIARRHEA)]),
    "B1": kit.chart(LOW, *REFRACTORY, medications=[KCL]),
}
VERIFIED = {"829757", "1658221", "198741", "1801294", "1801298"}


def minutes(order: kit.Json) -> float:
    repeat = order["dosageInstruction"][0]["timing"]["repeat"]
    return float(repeat["duration"]) * {"min": 1, "h": 60}[repeat["durationUnit"]]


def grams(order: kit.Json) -> float:
    value, unit = kit.dose_of(order).split()
    assert unit == "g"
    return float(value)


@pytest.mark.parametrize("row", PLANS)
def test_safety_01_no_suggested_magnesium_is_pushed_or_faster_than_150_mg_a_minute(
    ask: Any, row: str
) -> None:
    cards = ask(PLANS[row])
    assert row in kit.rows(cards)
    (order,) = kit.drugs(cards)
    assert grams(order) * 1000 / minutes(order) <= 150
    labels = [item["label"] for card in cards for item in card.get("suggestions", ())]
    assert "push" not in f"{json.dumps(order)} {labels}".lower()


@pytest.mark.parametrize("row", ["A2", "A1-iv"])
def test_safety_01_the_card_of_a_dose_states_150_mg_a_minute_and_20_percent(
    ask: Any, row: str
) -> None:
    text = kit.words(kit.card(ask(PLANS[row]), row))
    assert "150 mg/min" in text
    assert "20 %" in text


def test_safety_01_in_arrest_the_card_only_says_to_follow_acls(ask: Any) -> None:
    problems = [kit.problem(TORSADES, onset=1), kit.problem(ARREST, onset=1)]
    cards = ask(kit.chart(MG, K, problems=problems))
    assert kit.rows(cards) == {"A3": "critical"}
    assert "acls" in kit.words(*cards)
    assert kit.actions(cards) == []


@pytest.mark.parametrize("said", [{"text": "give as IV push"}, {"method": {"text": "IV push"}}])
def test_safety_01_potassium_is_never_pushed(ask: Any, said: kit.Json) -> None:
    order = kit.draft("potassium chloride", "10 meq", route="iv", rate="10 meq/h")
    order["dosageInstruction"][0] |= said
    cards = ask(kit.chart(kit.lab("k", 3.0), kit.lab("mg", 2.0), drafts=[order]))
    assert kit.rows(cards)["C4-iv"] == "critical"
    assert kit.deleted(cards) == ["MedicationRequest/draft-0"]


@pytest.mark.parametrize("row", PLANS)
def test_safety_03_only_a_verified_product_is_created(ask: Any, row: str) -> None:
    codes = {kit.code_of(order) for order in kit.drugs(ask(PLANS[row]))}
    assert codes
    assert codes <= VERIFIED


@pytest.mark.parametrize("code", ["1658236", "1658264", "1658265", "204520"])
def test_safety_02_a_drafted_concentrate_is_never_the_change_that_is_offered(
    ask: Any, code: str
) -> None:
    unit = "meq" if code == "204520" else "g"
    order = kit.draft("concentrate", f"10 {unit}", route="iv")
    order["medicationCodeableConcept"]["coding"] = [{"system": hospital.RXNORM, "code": code}]
    cards = ask(kit.chart(kit.lab("mg", 2.0), K, kidneys="low", drafts=[order]))
    assert set(kit.rows(cards).values()) == {"critical"}
    assert kit.drugs(cards, "create") + kit.drugs(cards, "update") == []


def test_safety_02_no_potassium_product_is_suggested_however_low_potassium_is(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("k", 1.9), kit.lab("mg", 2.0)))
    assert kit.rows(cards) == {"B4": "critical"}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize("code", ["1658259", "1658262"])
def test_safety_03_an_ambiguous_product_is_detected_and_not_suggested(ask: Any, code: str) -> None:
    order = kit.draft("a bag", "4 g", route="iv", rate="1 g/h")
    order["medicationCodeableConcept"]["coding"] = [{"system": hospital.RXNORM, "code": code}]
    cards = ask(kit.chart(kit.lab("mg", 2.0), K, kidneys="low", drafts=[order]))
    assert kit.rows(cards) == {"C1": "critical"}
    assert kit.actions(cards) == []


@pytest.mark.parametrize(
    ("row", "dose"),
    [
        ("A2", ("4 g", "16.24 mmol", "32.48 meq")),
        ("A3", ("2 g", "8.12 mmol", "16.24 meq")),
        ("A1-iv", ("2 g", "8.12 mmol", "16.24 meq")),
    ],
)
def test_safety_04_an_iv_dose_is_shown_in_g_and_mmol_and_meq(
    ask: Any, row: str, dose: tuple[str, ...]
) -> None:
    cards = ask(PLANS[row])
    (order,) = kit.drugs(cards)
    label = kit.card(cards, row)["suggestions"][0]["label"]
    for text in (label, order["dosageInstruction"][0]["text"]):
        assert [unit for unit in dose if unit not in text] == []


def test_safety_04_the_tablet_says_how_much_of_its_400_mg_is_elemental(ask: Any) -> None:
    cards = ask(kit.chart(LOW, K))
    text = kit.words(kit.card(cards, "A1"))
    assert "400 mg" in text
    assert "elemental" in text
    assert "482 mg" in text or "241 mg" in text


@pytest.mark.parametrize("dose", ["4", "4 {unit}", "4 mg/kg"])
def test_safety_05_a_draft_without_a_clear_unit_is_refused(ask: Any, dose: str) -> None:
    order = kit.draft("magnesium sulfate bag", dose)
    cards = ask(kit.chart(LOW, K, kidneys="half", drafts=[order]))
    assert kit.rows(cards)["C1"] == "critical"
    assert "could not be read" in kit.words(kit.card(cards, "C1"))
    assert kit.actions(cards) == []


@pytest.mark.parametrize(
    ("dose", "said"), [("6 g", False), ("6.1 g", True), ("12 mmol", False), ("60 meq", True)]
)
def test_safety_05_a_single_dose_above_6_g_is_told_on_its_magnesium_card(
    ask: Any, dose: str, said: bool
) -> None:
    cards = ask(kit.chart(MG, K, drafts=[kit.draft("magnesium sulfate bag", dose)]))
    assert ("above 6 g" in kit.words(kit.card(cards, "A2"))) is said
    assert kit.actions(cards) == []


@pytest.mark.parametrize(("running", "said"), [("4 g", False), ("4.1 g", True)])
def test_safety_05_a_24_h_total_above_8_g_is_told(ask: Any, running: str, said: bool) -> None:
    active = kit.order("magnesium sulfate bag", running, route="iv", repeat={"count": 1}, hours=1)
    order = kit.draft("magnesium sulfate bag", "4 g", repeat={"count": 1})
    cards = ask(kit.chart(MG, K, medications=[active], drafts=[order]))
    assert ("above 8 g" in kit.words(kit.card(cards, "A2"))) is said


def test_safety_05_the_6_g_are_no_limit_for_obstetric_magnesium(ask: Any) -> None:
    cards = ask(
        kit.chart(
            kit.lab("mg", 2.0),
            K,
            kidneys="half",
            age=30,
            sex="female",
            problems=[kit.problem("15938005", onset=1)],
            drafts=[kit.draft("magnesium sulfate bag", "6.5 g")],
        )
    )
    assert kit.rows(cards) == {"C1": "warning"}
    assert "above 6 g" not in kit.words(*cards)


@pytest.mark.parametrize("unit", ["mEq/L", "meq/L", "mmol/L"])
def test_safety_06_a_milliequivalent_of_potassium_is_a_millimole_however_it_is_written(
    ask: Any, unit: str
) -> None:
    assert kit.rows(ask(kit.chart(kit.lab("2823-3", 2.4, unit)))) == {"B4": "critical"}
    assert kit.rows(ask(kit.chart(kit.lab("2823-3", 2.5, unit)))) == {}


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.98, "mEq/L", {"A2": "critical"}),
        (1.3, "mEq/L", {"A1": "warning"}),
        (1.4, "mEq/L", {}),
        (0.65, "mmol/L", {"A1": "warning"}),
        (1.4, "mmol/L", {}),
    ],
)
def test_safety_06_a_milliequivalent_of_magnesium_is_half_a_millimole(
    ask: Any, value: float, unit: str, expected: dict[str, str]
) -> None:
    result = kit.lab("2601-3", value, unit)
    assert kit.rows(ask(kit.chart(result, K))) == expected


@pytest.mark.parametrize(("name", "value"), [("mg", 1.0), ("k", 2.0), ("k", 6.1)])
def test_safety_06_a_result_without_a_unit_is_rejected_and_not_guessed(
    ask: Any, name: str, value: float
) -> None:
    result = kit.lab(name, value, valueQuantity={"value": value})
    others = [item for item in (kit.lab("mg", 2.0), K) if item["code"] != result["code"]]
    cards = ask(kit.chart(result, *others))
    assert kit.rows(cards) == {"D4": "info"}
    assert "unit" in kit.words(*cards)
    assert kit.drugs(cards) == []


def test_safety_06_a_unit_that_is_not_the_codes_own_is_converted_and_flagged(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("2601-3", 1.0, "mg/dL"), K))
    assert kit.rows(cards) == {"A2": "critical"}
    assert "unit" in kit.words(*cards)
