"""Safety points 25 to 30 of the clinical pack: frail patients, drugs of specialists, oral
magnesium, and what stands beside low magnesium."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

K, LOW, SEVERE, NORMAL = (
    kit.lab("k", 4.0),
    kit.lab("mg", 1.5),
    kit.lab("mg", 1.0),
    kit.lab("mg", 2.0),
)
CALCIUM_LOW = (kit.lab("ca", 7.5), kit.lab("albumin", 4.0))
REFRACTORY = (kit.lab("k", 2.3), kit.lab("k", 2.2, hours=34))
KCL = kit.order(
    "potassium chloride", "40 meq", route="iv", rate="5 meq/h", hours=40, repeat=kit.per_day(2)
)


def oxide(dose: str = "400 mg", times: int = 1) -> kit.Json:
    return kit.draft("magnesium oxide", dose, route="oral", repeat=kit.per_day(times))


def test_safety_25_a_cachectic_patient_with_little_creatinine_gets_the_cystatin_c_hint(
    ask: Any,
) -> None:
    cards = ask(kit.chart(SEVERE, K, kit.lab("cr", 0.3), age=88, sex="female", weight=42))
    assert "cystatin c" in kit.words(kit.card(cards, "A2"))


def test_safety_25_the_weight_of_a_frail_patient_keeps_a_good_egfr_from_giving_the_full_dose(
    ask: Any,
) -> None:
    cards = ask(kit.chart(SEVERE, K, kit.lab("cr", 0.7), age=88, sex="female", weight=42))
    assert kit.offered(cards) == [("829757", "2 g")]
    assert "cockcroft-gault, the lower one, decided" in kit.words(*cards)


@pytest.mark.parametrize("drug", ["cisplatin", "cetuximab", "tacrolimus", "amphotericin b"])
@pytest.mark.parametrize("magnesium", [LOW, SEVERE])
def test_safety_26_an_oncology_or_transplant_drug_is_named_and_never_stopped(
    ask: Any, magnesium: kit.Json, drug: str
) -> None:
    cards = ask(kit.chart(magnesium, K, medications=[kit.order(drug)]))
    text = kit.words(*cards)
    assert drug in text
    assert f"stop {drug}" not in text
    assert kit.deleted(cards) == []


@pytest.mark.parametrize("drug", ["cisplatin", "cetuximab", "tacrolimus"])
@pytest.mark.parametrize("magnesium", [LOW, SEVERE])
def test_safety_26_the_specialist_is_named_beside_the_drug(
    ask: Any, magnesium: kit.Json, drug: str
) -> None:
    cards = ask(kit.chart(magnesium, K, medications=[kit.order(drug)]))
    (text,) = [kit.words(card) for card in cards if "specialist" in kit.words(card)]
    assert drug in text


@pytest.mark.parametrize("results", [(LOW, K), (NORMAL, kit.lab("k", 3.4))])
def test_safety_26_digoxin_asks_for_its_level_too(ask: Any, results: tuple[kit.Json, ...]) -> None:
    cards = ask(kit.chart(*results, medications=[kit.order("digoxin")]))
    assert "digoxin level" in kit.words(kit.card(cards, "D2"))


@pytest.mark.parametrize("word", ["review", "alone", "h2"])
def test_safety_27_a_proton_pump_inhibitor_is_reviewed_for_an_h2_blocker(
    ask: Any, word: str
) -> None:
    cards = ask(kit.chart(LOW, K, medications=[kit.order("omeprazole")]))
    text = kit.words(kit.card(cards, "A5"))
    assert "omeprazole" in text
    assert word in text
    assert kit.deleted(cards) == []


def test_safety_28_the_tablet_comes_with_diarrhoea_and_its_interactions(ask: Any) -> None:
    text = kit.words(kit.card(ask(kit.chart(LOW, K)), "A1"))
    apart = ["quinolone", "tetracycline", "levothyroxine", "bisphosphonate"]
    assert [word for word in ("diarrhoea", *apart) if word not in text] == []


@pytest.mark.parametrize(
    ("kidneys", "offer"),
    [("full", [("198741", "400 mg")]), ("half", [("198741", "400 mg")]), ("low", []), ("hold", [])],
)
def test_safety_28_below_30_no_tablet_is_offered(
    ask: Any, kidneys: str, offer: list[tuple[str, str]]
) -> None:
    cards = ask(kit.chart(LOW, K, kidneys=kidneys))
    assert kit.rows(cards) == {"A1": "warning"}
    assert kit.offered(cards) == offer


@pytest.mark.parametrize(
    ("kidneys", "row", "removed"),
    [
        ("full", {}, []),
        ("half", {"C1": "warning"}, []),
        ("low", {"C1": "critical"}, ["MedicationRequest/draft-0"]),
        ("hold", {"C2": "critical"}, ["MedicationRequest/draft-0"]),
    ],
)
def test_safety_28_below_30_a_drafted_tablet_is_taken_off(
    ask: Any, kidneys: str, row: dict[str, str], removed: list[str]
) -> None:
    cards = ask(kit.chart(NORMAL, K, kidneys=kidneys, drafts=[oxide()]))
    assert kit.rows(cards) == row
    assert kit.deleted(cards) == removed


@pytest.mark.parametrize(
    "lists",
    [
        {"problems": [kit.problem("66590003")]},
        {"problems": [kit.problem("236071009")]},
        {"medications": [kit.order("cisplatin")]},
        {"medications": [kit.order("furosemide"), kit.order("digoxin")]},
        {"problems": [kit.problem("91302008", onset=20)]},
    ],
)
def test_safety_29_a_normal_level_is_never_treated_however_high_the_risk(
    ask: Any, lists: dict[str, Any]
) -> None:
    cards = ask(kit.chart(NORMAL, K, **lists))
    assert kit.drugs(cards) == []


def test_safety_29_where_potassium_is_refractory_the_card_says_a_normal_level_proves_little(
    ask: Any,
) -> None:
    cards = ask(kit.chart(NORMAL, *REFRACTORY, medications=[KCL]))
    assert kit.rows(cards) == {"B4": "critical"}
    assert kit.drugs(cards) == []
    assert "does not exclude" in kit.words(*cards)


def test_safety_30_before_calories_phosphate_potassium_and_magnesium_are_checked(ask: Any) -> None:
    cards = ask(kit.chart(K, medications=[kit.order("parenteral nutrition")]))
    text = kit.words(kit.card(cards, "A4"))
    together = ["refeeding", "phosphate", "potassium", "magnesium"]
    assert [word for word in together if word not in text] == []


def test_safety_30_tetany_needs_calcium_magnesium_and_phosphate_together(ask: Any) -> None:
    problems = [kit.problem("R29.0", onset=2)]
    cards = ask(kit.chart(LOW, K, *CALCIUM_LOW, problems=problems))
    text = kit.words(kit.card(cards, "A3"))
    assert [word for word in ("calcium", "magnesium", "phosphate") if word not in text] == []
