"""Safety points 19 to 24 of the clinical pack: potassium, contraindications, children."""

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
TORSADES, PREGNANT, ECLAMPSIA = "31722008", "77386006", "15938005"
KCL = kit.order(
    "potassium chloride", "40 meq", route="iv", rate="5 meq/h", hours=40, repeat=kit.per_day(2)
)
REFRACTORY = (kit.lab("k", 3.1), kit.lab("k", 3.0, hours=34))
BAG = "magnesium sulfate bag"
MOTHER: dict[str, Any] = {"age": 30, "sex": "female", "problems": [kit.problem(PREGNANT)]}
INFUSION = kit.order(BAG, "2 g", route="iv", rate="2 g/h")


@pytest.mark.parametrize("drafts", [(), (kit.tablets(),)])
def test_safety_19_low_magnesium_does_not_stop_potassium(
    ask: Any, drafts: tuple[kit.Json, ...]
) -> None:
    cards = ask(kit.chart(LOW, kit.lab("k", 3.0), drafts=drafts, medications=[kit.order("kcl")]))
    assert kit.rows(cards) == {"B0": "warning"}
    assert "replace both" in kit.words(*cards)
    assert "do not stop potassium" in kit.words(*cards)
    assert kit.deleted(cards) == []


def test_safety_19_refractory_potassium_gets_magnesium_and_keeps_potassium(ask: Any) -> None:
    cards = ask(kit.chart(LOW, *REFRACTORY, medications=[KCL]))
    assert kit.rows(cards) == {"B1": "warning"}
    assert kit.offered(cards) == [("829757", "2 g")]
    assert "keep potassium going" in kit.words(*cards)


def test_safety_19_unknown_magnesium_is_measured_and_not_given(ask: Any) -> None:
    cards = ask(kit.chart(*REFRACTORY, medications=[KCL]))
    assert kit.rows(cards) == {"B2": "warning"}
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == ["19123-9"]


def test_safety_19_only_an_emergency_gets_magnesium_at_an_unknown_level(ask: Any) -> None:
    cards = ask(kit.chart(K, problems=[kit.problem(TORSADES, onset=1)]))
    assert kit.rows(cards) == {"A3": "critical"}
    assert kit.offered(cards) == [("829757", "2 g")]


@pytest.mark.parametrize(
    "drug",
    [
        "lisinopril",
        "losartan",
        "sacubitril-valsartan",
        "spironolactone",
        "trimethoprim",
        "ibuprofen",
        "heparin",
        "enoxaparin",
        "tacrolimus",
        "cyclosporine",
    ],
)
def test_safety_20_a_drug_that_holds_potassium_is_named_before_potassium(
    ask: Any, drug: str
) -> None:
    active = [kit.order(drug)]
    cards = ask(kit.chart(kit.lab("k", 3.2), NORMAL, medications=active, drafts=[kit.tablets()]))
    assert kit.rows(cards) == {"C4": "warning"}
    assert drug in kit.words(*cards)
    assert kit.deleted(cards) == []


@pytest.mark.parametrize("drug", ["amiloride", "triamterene"])
def test_safety_20_potassium_is_contraindicated_with_amiloride_and_triamterene(
    ask: Any, drug: str
) -> None:
    active = [kit.order(drug)]
    cards = ask(kit.chart(kit.lab("k", 3.2), NORMAL, medications=active, drafts=[kit.tablets()]))
    assert kit.rows(cards) == {"C4": "critical"}
    assert "contraindicated" in kit.words(*cards)
    assert kit.deleted(cards) == ["MedicationRequest/draft-0"]


@pytest.mark.parametrize(
    ("kidneys", "expected"),
    [
        ("full", {}),
        ("half", {"C4": "warning"}),
        ("low", {"C4": "critical"}),
        ("hold", {"C4": "critical"}),
        ("unknown", {"C6": "warning"}),
    ],
)
def test_safety_20_kidney_function_is_checked_before_potassium(
    ask: Any, kidneys: str, expected: dict[str, str]
) -> None:
    cards = ask(kit.chart(kit.lab("k", 3.2), NORMAL, kidneys=kidneys, drafts=[kit.tablets()]))
    assert kit.rows(cards) == expected


@pytest.mark.parametrize(("value", "severe"), [(2.4, True), (2.5, False)])
def test_safety_20_potassium_below_2_5_is_for_the_vein_with_a_monitor(
    ask: Any, value: float, severe: bool
) -> None:
    cards = ask(kit.chart(kit.lab("k", value), NORMAL, drafts=[kit.tablets()]))
    assert kit.rows(cards) == ({"B4": "critical", "C4-po": "warning"} if severe else {})
    text = kit.words(*cards)
    assert ("iv potassium" in text and "monitoring" in text) is severe


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        ("10 meq/h", {}),
        ("10.1 meq/h", {"C4-iv": "warning"}),
        ("20 meq/h", {"C4-iv": "warning"}),
        ("20.1 meq/h", {"C4-iv": "critical"}),
    ],
)
def test_safety_21_the_rate_of_iv_potassium_is_10_and_up_to_20_only_with_a_warning(
    ask: Any, rate: str, expected: dict[str, str]
) -> None:
    cards = ask(kit.chart(kit.lab("k", 3.0), NORMAL, drafts=[kit.drip("20 meq", rate)]))
    assert kit.rows(cards) == expected


@pytest.mark.parametrize(
    ("value", "icu", "rate", "indicator"),
    [
        (1.9, True, "40 meq/h", "warning"),
        (1.9, True, "40.1 meq/h", "critical"),
        (2.0, True, "40 meq/h", "critical"),
        (1.9, False, "40 meq/h", "critical"),
    ],
)
def test_safety_21_40_an_hour_is_for_potassium_below_2_with_an_ecg(
    ask: Any, value: float, icu: bool, rate: str, indicator: str
) -> None:
    place = kit.intensive_care() if icu else None
    drip = kit.drip("40 meq", rate)
    cards = ask(kit.chart(kit.lab("k", value), NORMAL, drafts=[drip], encounter=place))
    assert kit.rows(cards)["C4-iv"] == indicator
    assert "ecg" in kit.words(kit.card(cards, "B4"))


@pytest.mark.parametrize(
    ("code", "named", "drafted"),
    [
        ("27885002", "heart block", {"C7": "critical"}),
        ("91637004", "myasthenia", {"C7": "critical"}),
        ("22298006", "myocardial", {}),  # a stop, no contraindication of a draft (R38)
    ],
)
def test_safety_22_a_contraindication_of_the_label_stops_the_dose_and_is_named(
    ask: Any, code: str, named: str, drafted: dict[str, str]
) -> None:
    problems = [kit.problem(code, onset=24)]
    cards = ask(kit.chart(SEVERE, K, problems=problems))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.actions(cards) == []
    assert named in kit.words(*cards)
    cards = ask(kit.chart(NORMAL, K, problems=problems, drafts=[kit.draft(BAG, "2 g")]))
    assert kit.rows(cards) == drafted
    assert kit.actions(cards) == []


@pytest.mark.parametrize(
    ("drug", "indicator"),
    [
        ("rocuronium", "warning"),
        ("succinylcholine", "warning"),
        ("morphine", "info"),
        ("lorazepam", "info"),
        ("propofol", "info"),
    ],
)
def test_safety_22_iv_magnesium_with_a_drug_it_potentiates_is_told(
    ask: Any, drug: str, indicator: str
) -> None:
    order = kit.draft(BAG, "2 g")
    cards = ask(kit.chart(NORMAL, K, medications=[kit.order(drug)], drafts=[order]))
    assert kit.rows(cards) == {"D3": indicator}
    assert drug in kit.words(*cards)
    assert kit.actions(cards) == []


@pytest.mark.parametrize(("drug", "row"), [("digoxin", "D2"), ("gentamicin", "A5")])
def test_safety_22_digoxin_and_aminoglycosides_are_named_where_magnesium_is_low(
    ask: Any, drug: str, row: str
) -> None:
    cards = ask(kit.chart(LOW, K, medications=[kit.order(drug)]))
    assert drug in kit.words(kit.card(cards, row))


@pytest.mark.parametrize("magnesium", [LOW, SEVERE])
def test_safety_23_in_pregnancy_there_is_no_automatic_dose(ask: Any, magnesium: kit.Json) -> None:
    cards = ask(kit.chart(magnesium, K, **MOTHER))
    assert set(kit.rows(cards)) <= {"A1", "A2"}
    assert kit.actions(cards) == []
    assert "obstetric" in kit.words(*cards)


@pytest.mark.parametrize(
    ("value", "indicator"), [(2.7, "info"), (5.0, "info"), (8.0, "info"), (8.1, "critical")]
)
def test_safety_23_the_high_alarm_is_mute_to_8_under_an_active_obstetric_order(
    ask: Any, value: float, indicator: str
) -> None:
    cards = ask(kit.chart(kit.lab("mg", value), K, medications=[INFUSION], **MOTHER))
    assert kit.rows(cards) == {"C5": indicator}
    assert kit.deleted(cards) == []


def test_safety_23_without_an_active_obstetric_order_the_alarm_is_not_mute(ask: Any) -> None:
    assert kit.rows(ask(kit.chart(kit.lab("mg", 5.0), K, **MOTHER))) == {"C5": "critical"}
    drafted = {"drafts": [kit.draft(BAG, "2 g")]}
    cards = ask(kit.chart(kit.lab("mg", 5.0), K, **drafted, **MOTHER))
    assert kit.rows(cards) == {"C5": "critical"}


def test_safety_23_a_running_obstetric_infusion_names_the_limit_of_5_to_7_days(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 5.0), K, medications=[INFUSION], **MOTHER))
    assert "5-7 days" in kit.words(kit.card(cards, "C5"))


@pytest.mark.parametrize(
    ("person", "adult"),
    [
        ({"age": 17}, False),
        ({"age": 18}, True),
        ({"age": 30, "weight": 39.9}, False),
        ({"age": 30, "weight": 40}, True),
    ],
)
@pytest.mark.parametrize(("magnesium", "row"), [(SEVERE, "A2"), (LOW, "A1")])
def test_safety_24_children_and_patients_below_40_kg_get_an_alert_and_no_adult_product(
    ask: Any, magnesium: kit.Json, row: str, person: dict[str, Any], adult: bool
) -> None:
    cards = ask(kit.chart(magnesium, K, **person))
    assert list(kit.rows(cards)) == [row]
    assert (kit.drugs(cards) != []) is adult
    assert ("weight-based" in kit.words(*cards)) is not adult


def test_safety_24_no_draft_of_a_child_is_changed(ask: Any) -> None:
    order = kit.draft(BAG, "2 g")
    cards = ask(kit.chart(NORMAL, K, kidneys="low", age=10, drafts=[order]))
    assert kit.drugs(cards, "update") == []
    assert kit.deleted(cards) == []
    assert "weight-based" in kit.words(*cards)
