"""Safety points 13 to 18 of the clinical pack: calcium, kidneys first, repeated doses, too much
magnesium, and everything that gives the same electrolyte."""

from __future__ import annotations

from typing import Any

import hospital
import pack_kit as kit
import pytest

K, LOW, SEVERE, NORMAL = (
    kit.lab("k", 4.0),
    kit.lab("mg", 1.5),
    kit.lab("mg", 1.0),
    kit.lab("mg", 2.0),
)
TORSADES, AKI, DIALYSIS = "31722008", "14669001", "105502003"
ALBUMIN_LOW, ALBUMIN_HIGH = kit.lab("albumin", 2.0), kit.lab("albumin", 5.5)


@pytest.mark.parametrize(
    ("results", "low"),
    [
        ((kit.lab("ca", 7.6), ALBUMIN_LOW), False),
        ((kit.lab("ca", 8.0), kit.lab("albumin", 4.0)), True),
        ((kit.lab("ica", 1.11), ALBUMIN_LOW), True),
        ((kit.lab("ica", 1.12), ALBUMIN_HIGH), False),
        ((kit.lab("46099-8", 8.4, "mg/dL"), ALBUMIN_LOW), True),
        ((kit.lab("46099-8", 8.5, "mg/dL"), ALBUMIN_HIGH), False),
        ((kit.lab("29265-6", 2.11, "mmol/L"), ALBUMIN_LOW), True),
        ((kit.lab("29265-6", 2.12, "mmol/L"), ALBUMIN_HIGH), False),
    ],
)
def test_safety_13_only_total_calcium_is_corrected_for_albumin(
    ask: Any, results: tuple[kit.Json, ...], low: bool
) -> None:
    text = kit.words(kit.card(ask(kit.chart(LOW, K, *results)), "A1"))
    assert ("replace calcium too" in text) is low


@pytest.mark.parametrize(("ionized", "total", "low"), [(1.2, 7.0, False), (1.0, 9.0, True)])
def test_safety_13_ionized_calcium_goes_before_total_calcium(
    ask: Any, ionized: float, total: float, low: bool
) -> None:
    results = (kit.lab("ica", ionized), kit.lab("ca", total), kit.lab("albumin", 4.0))
    text = kit.words(kit.card(ask(kit.chart(LOW, K, *results)), "A1"))
    assert ("replace calcium too" in text) is low


@pytest.mark.parametrize("loinc", ["2600-5", "32698-3", "73572-0"])
def test_safety_13_ionized_magnesium_is_not_read_as_magnesium(ask: Any, loinc: str) -> None:
    ionized = kit.lab(loinc, 0.45, "mmol/L", hours=1)
    assert kit.rows(ask(kit.chart(ionized, NORMAL, K))) == {}
    assert kit.rows(ask(kit.chart(ionized, SEVERE, K))) == {"A2": "critical"}


@pytest.mark.parametrize("magnesium", [SEVERE, LOW])
def test_safety_14_without_kidney_function_in_its_window_no_magnesium_is_suggested(
    ask: Any, magnesium: kit.Json
) -> None:
    cards = ask(kit.chart(magnesium, K, kit.lab("cr", 0.9, hours=48.1)))
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == ["2160-0"]
    assert kit.drugs(ask(kit.chart(magnesium, K, kit.lab("cr", 0.9, hours=48)))) != []


def test_safety_14_an_emergency_without_kidney_function_is_text(ask: Any) -> None:
    problems = [kit.problem(TORSADES, onset=1)]
    cards = ask(kit.chart(SEVERE, K, kidneys="unknown", problems=problems))
    assert kit.rows(cards) == {"A3": "critical"}
    assert kit.drugs(cards) == []
    assert "acls" in kit.words(*cards)


@pytest.mark.parametrize(
    ("person", "creatinine", "dose"),
    [
        ({"age": 85, "weight": 45, "sex": "female"}, 0.7, "2 g"),  # eGFR 84, clearance 42
        ({"age": 85, "weight": 80, "sex": "female"}, 0.7, "4 g"),  # eGFR 84, clearance 74
        ({"age": 40, "weight": 120}, 1.6, "2 g"),  # eGFR 55, clearance 104
        ({"age": 90, "weight": 40, "sex": "female"}, 1.0, "1 g"),  # eGFR 53, clearance 24
    ],
)
def test_safety_14_the_worse_of_egfr_and_cockcroft_gault_decides(
    ask: Any, person: dict[str, Any], creatinine: float, dose: str
) -> None:
    cards = ask(kit.chart(SEVERE, K, kit.lab("cr", creatinine), **person))
    assert kit.offered(cards) == [("829757", dose)]
    assert "cockcroft-gault" in kit.words(*cards)
    assert "egfr" in kit.words(*cards)


@pytest.mark.parametrize(
    ("results", "problems", "dose"),
    [
        ((kit.lab("cr", 1.2), kit.lab("cr", 0.9, hours=30)), [], "1 g"),
        ((kit.lab("cr", 1.19), kit.lab("cr", 0.9, hours=30)), [], "4 g"),
        ((), [kit.problem(AKI, onset=24)], "1 g"),
        ((), [kit.problem(AKI, onset=24 * 8)], "4 g"),
    ],
)
def test_safety_14_kidney_injury_or_a_rising_creatinine_gives_the_lowest_band(
    ask: Any, results: tuple[kit.Json, ...], problems: list[kit.Json], dose: str
) -> None:
    cards = ask(kit.chart(SEVERE, K, *results, problems=problems))
    assert kit.offered(cards) == [("829757", dose)]


def test_safety_14_dialysis_holds_magnesium(ask: Any) -> None:
    cards = ask(kit.chart(SEVERE, K, problems=[kit.problem(DIALYSIS)]))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.actions(cards) == []


@pytest.mark.parametrize("magnesium", [NORMAL, SEVERE])
def test_safety_15_the_20_g_of_the_label_are_no_target(ask: Any, magnesium: kit.Json) -> None:
    order = kit.draft("magnesium sulfate bag", "20 g", rate="1 g/h")
    cards = ask(kit.chart(magnesium, K, kidneys="low", drafts=[order]))
    assert kit.rows(cards)["C1"] == "critical"
    assert kit.offered(cards, "update") == [("829757", "1 g")]
    assert "48 h" not in kit.words(*cards)


@pytest.mark.parametrize(("hours", "covered"), [(23.9, True), (24.1, False)])
@pytest.mark.parametrize("kidneys", ["full", "half"])
def test_safety_16_within_24_h_of_a_dose_by_vein_there_is_no_further_one(
    ask: Any, kidneys: str, hours: float, covered: bool
) -> None:
    cards = ask(kit.chart(SEVERE, K, kidneys=kidneys, administrations=[kit.infused(hours, 0.5)]))
    assert kit.rows(cards) == {"A2": "info" if covered else "critical"}
    assert (kit.drugs(cards) == []) is covered


@pytest.mark.parametrize(("after", "post_dose"), [(4, True), (6, True), (6.1, False)])
def test_safety_16_a_level_within_6_h_of_an_infusion_starts_no_dose(
    ask: Any, after: float, post_dose: bool
) -> None:
    level = kit.lab("mg", 1.0, hours=22)
    cards = ask(kit.chart(level, K, administrations=[kit.infused(22 + after)]))
    assert kit.rows(cards) == {"A2": "critical"}
    assert ("post-dose" in kit.words(*cards)) is post_dose
    assert (kit.drugs(cards) == []) is post_dose


@pytest.mark.parametrize("kidneys", ["half", "low"])
def test_safety_16_below_60_the_order_asks_for_a_level_before_any_further_dose(
    ask: Any, kidneys: str
) -> None:
    order = kit.draft("magnesium sulfate bag", "1 g")
    cards = ask(kit.chart(NORMAL, K, kidneys=kidneys, drafts=[order]))
    assert "recheck before any further dose" in kit.words(kit.card(cards, "C1"))


def test_safety_17_too_much_magnesium_names_every_source_and_what_to_watch(ask: Any) -> None:
    sources = ["magnesium hydroxide", "magnesium citrate", "suprep", "parenteral nutrition"]
    cards = ask(kit.chart(kit.lab("mg", 4.0), K, medications=[kit.order(x) for x in sources]))
    text = kit.words(kit.card(cards, "C5"))
    watched = ["stop all magnesium", "reflexes", "blood pressure", "respiratory rate", "ecg"]
    ready = ["calcium gluconate", "dialysis"]
    assert kit.rows(cards)["C5"] == "critical"
    assert [word for word in (*sources, *watched, *ready) if word not in text] == []
    assert kit.actions(cards) == []


def test_safety_17_without_a_known_source_the_hidden_ones_are_named(ask: Any) -> None:
    text = kit.words(*ask(kit.chart(kit.lab("mg", 4.0), K)))
    hidden = ["antacid", "laxative", "enema", "bowel prep", "parenteral nutrition"]
    assert [word for word in hidden if word not in text] == []


@pytest.mark.parametrize(
    ("kidneys", "indicator"), [("half", "warning"), ("low", "critical"), ("hold", "critical")]
)
def test_safety_17_a_constipated_old_patient_with_kidney_disease_is_checked(
    ask: Any, kidneys: str, indicator: str
) -> None:
    cards = ask(
        kit.chart(
            K,
            kidneys=kidneys,
            age=85,
            medications=[kit.order("magnesium hydroxide")],
            problems=[kit.problem("K59.00"), kit.problem("709044004")],
        )
    )
    assert kit.rows(cards) == {"C3": indicator}
    assert kit.ordered_tests(cards) == ["19123-9"]


@pytest.mark.parametrize(
    "lists",
    [
        {"medications": [kit.order("magnesium sulfate bag", "2 g", route="iv")]},
        {"unselected": [kit.draft("magnesium sulfate bag", "2 g")]},
        {"drafts": [kit.draft("magnesium sulfate bag", "2 g")]},
        {"drafts": [kit.draft("magnesium sulfate", "2 g", route="im")]},
        {"administrations": [kit.infused(10)]},
        {"medications": [kit.order("parenteral nutrition")]},
        {"medications": [kit.order("lactated ringer with magnesium sulfate 2 g")]},
    ],
)
def test_safety_18_magnesium_on_order_or_given_by_any_route_but_the_mouth_gets_no_second_order(
    ask: Any, lists: dict[str, Any]
) -> None:
    cards = ask(kit.chart(SEVERE, K, **lists))
    assert kit.rows(cards) == {"A2": "info"}
    assert kit.drugs(cards) == []


def test_safety_18_oral_magnesium_on_order_gets_no_second_tablet_and_is_named(ask: Any) -> None:
    cards = ask(kit.chart(LOW, K, medications=[kit.order("magnesium oxide")]))
    assert kit.rows(cards) == {"A1": "info"}
    assert "magnesium oxide" in kit.words(*cards)
    assert kit.drugs(cards) == []


@pytest.mark.parametrize(("running", "expected"), [(80, {}), (84, {"C4-iv": "warning"})])
def test_safety_18_potassium_of_every_order_is_added(
    ask: Any, running: int, expected: dict[str, str]
) -> None:
    active = kit.order(
        "potassium chloride", f"{running // 2} meq", route="iv", repeat=kit.per_day(2)
    )
    cards = ask(
        kit.chart(
            kit.lab("k", 3.2), NORMAL, medications=[active], drafts=[kit.drip("40 meq", times=3)]
        )
    )
    assert kit.rows(cards) == expected


def test_safety_18_the_same_order_sent_twice_counts_once(ask: Any) -> None:
    one = kit.order("magnesium sulfate bag", "4 g", route="iv", repeat={"count": 1}, hours=1)
    draft = kit.draft("magnesium sulfate bag", "3 g", repeat={"count": 1})
    once, twice = (
        kit.words(*ask(kit.chart(SEVERE, K, medications=orders, drafts=[draft])))
        for orders in ([one], [one, {**one, "identifier": [{"value": "ward"}]}])
    )
    assert "above 8 g" not in once
    assert "above 8 g" not in twice


def test_safety_18_a_combination_with_magnesium_is_a_source(ask: Any) -> None:
    tablet = kit.order("sutab")
    tablet["medicationCodeableConcept"]["coding"] = [{"system": hospital.RXNORM, "code": "2465554"}]
    cards = ask(kit.chart(kit.lab("mg", 3.0), K, medications=[tablet]))
    assert kit.rows(cards) == {"C5": "warning"}
