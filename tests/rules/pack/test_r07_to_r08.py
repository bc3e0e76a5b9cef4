"""Clinical pack R7 and R8: what an emergency is, and which card carries the one magnesium plan."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

EMERGENCIES = {
    "torsades": "31722008",
    "ventricular tachycardia": "25569003",
    "ventricular fibrillation": "71908006",
    "seizure": "91175000",
    "tetany": "R29.0",
}
NOT_TORSADES = [name for name in EMERGENCIES if name != "torsades"]
TORSADES = kit.problem("31722008", onset=1)
ARREST = "410429000"
BAG, TABLET = "829757", "198741"


def emergency(name: str, *labs: dict[str, Any], **when: float) -> dict[str, Any]:
    return kit.chart(*labs, problems=[kit.problem(EMERGENCIES[name], **when)])


@pytest.mark.parametrize("mg", [1.0, 1.5])
@pytest.mark.parametrize("name", EMERGENCIES)
def test_r07_an_emergency_with_low_magnesium_is_a3(name: str, mg: float, ask: Any) -> None:
    cards = ask(emergency(name, kit.lab("mg", mg), onset=2))
    assert kit.rows(cards)["A3"] == "critical"
    assert kit.offered(cards) == [(BAG, "2 g")]


@pytest.mark.parametrize("when", ["onset", "recorded"])
@pytest.mark.parametrize("name", EMERGENCIES)
def test_r07_it_counts_for_24_hours_by_onset_else_by_recorded_date(
    name: str, when: str, ask: Any
) -> None:
    magnesium = kit.lab("mg", 1.0)
    assert "A3" in kit.rows(ask(emergency(name, magnesium, **{when: 0})))
    assert "A3" in kit.rows(ask(emergency(name, magnesium, **{when: 24})))
    assert "A3" not in kit.rows(ask(emergency(name, magnesium, **{when: 24.1})))
    assert "A3" not in kit.rows(ask(emergency(name, magnesium, **{when: -1})))


@pytest.mark.parametrize("name", EMERGENCIES)
def test_r07_the_onset_goes_before_the_recorded_date(name: str, ask: Any) -> None:
    cards = ask(emergency(name, kit.lab("mg", 1.0), onset=30, recorded=1))
    assert "A3" not in kit.rows(cards)


@pytest.mark.parametrize("name", EMERGENCIES)
def test_r07_without_any_date_it_is_no_emergency(name: str, ask: Any) -> None:
    assert "A3" not in kit.rows(ask(emergency(name, kit.lab("mg", 1.0))))


@pytest.mark.parametrize("name", EMERGENCIES)
def test_r07_what_is_resolved_or_refuted_is_no_emergency(name: str, ask: Any) -> None:
    code, magnesium = EMERGENCIES[name], kit.lab("mg", 1.0)
    over = kit.problem(code, onset=1, clinical="resolved")
    refuted = kit.problem(code, onset=1) | {"verificationStatus": {"coding": [{"code": "refuted"}]}}
    for entry in (over, refuted):
        assert kit.rows(ask(kit.chart(magnesium, problems=[entry]))) == {"A2": "critical"}


@pytest.mark.parametrize("code", ["84757009", "128613002", "G40.909", "49436004"])
def test_r07_epilepsy_or_atrial_fibrillation_is_no_emergency(code: str, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0), problems=[kit.problem(code, onset=1)]))
    assert kit.rows(cards) == {"A2": "critical"}


@pytest.mark.parametrize("name", NOT_TORSADES)
def test_r07_other_emergencies_need_low_magnesium(name: str, ask: Any) -> None:
    assert "A3" not in kit.rows(ask(emergency(name, kit.lab("mg", 1.7), onset=1)))
    assert "A3" not in kit.rows(ask(emergency(name, kit.lab("mg", 1.6, low=1.5), onset=1)))
    assert "A3" not in kit.rows(ask(emergency(name, onset=1)))


@pytest.mark.parametrize(
    "labs", [[], [kit.lab("mg", 2.0)], [kit.lab("mg", 2.6)]], ids=["unknown", "2.0", "2.6"]
)
def test_r07_torsades_fires_at_any_or_unknown_magnesium(
    labs: list[dict[str, Any]], ask: Any
) -> None:
    cards = ask(emergency("torsades", *labs, onset=1))
    assert kit.rows(cards) == {"A3": "critical"}
    assert kit.offered(cards) == [(BAG, "2 g")]


TEXT_ONLY: dict[str, dict[str, Any]] = {
    "covered": {"medications": [kit.order("magnesium sulfate bag", "2 g", route="iv")]},
    "a stop": {"problems": [TORSADES, kit.problem("91637004")]},
    "outpatient": {"place": "outpatient"},
    "kidney failure": {"kidneys": "hold"},
    "unknown kidneys": {"kidneys": "unknown"},
    "cardiac arrest": {"problems": [TORSADES, kit.problem(ARREST, onset=1)]},
    "cardiac arrest recorded today": {"problems": [TORSADES, kit.problem(ARREST, recorded=24)]},
}


@pytest.mark.parametrize("why", TEXT_ONLY)
@pytest.mark.parametrize("mg", [1.0, 2.0])
def test_r07_otherwise_the_emergency_card_is_text_only(why: str, mg: float, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", mg), **({"problems": [TORSADES]} | TEXT_ONLY[why])))
    assert kit.rows(cards)["A3"] == "critical"
    assert kit.drugs(cards) == []
    text = kit.words(kit.card(cards, "A3"))
    assert "acls" in text
    assert "local emergency protocol" in text
    assert "now" in text
    assert "do not wait for this service" in text


def test_r07_torsades_with_high_magnesium_is_text_and_c5_as_usual(ask: Any) -> None:
    tablets = [kit.order("magnesium oxide")]
    cards = ask(kit.chart(kit.lab("mg", 3.0), problems=[TORSADES], medications=tablets))
    assert kit.rows(cards) == {"A3": "critical", "C5": "warning"}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize("code", ["77386006", "398254007"])
def test_r07_a_seizure_in_pregnancy_is_for_the_eclampsia_protocol(code: str, ask: Any) -> None:
    problems = [kit.problem("91175000", onset=1), kit.problem(code)]
    cards = ask(kit.chart(kit.lab("mg", 1.0), sex="female", age=30, problems=problems))
    assert kit.rows(cards)["A3"] == "critical"
    assert kit.drugs(cards) == []
    text = kit.words(kit.card(cards, "A3"))
    assert "eclampsia protocol" in text
    assert "obstetric team" in text


def test_r07_cardiac_arrest_alone_fires_nothing(ask: Any) -> None:
    arrest = [kit.problem(ARREST, onset=1)]
    assert ask(kit.chart(kit.lab("mg", 2.0), problems=arrest)) == []
    assert ask(kit.chart(problems=arrest)) == []
    assert "A3" not in kit.rows(ask(kit.chart(kit.lab("mg", 1.0), problems=arrest)))


def test_r07_an_arrest_of_the_day_before_yesterday_is_over(ask: Any) -> None:
    problems = [TORSADES, kit.problem(ARREST, onset=24.1)]
    cards = ask(kit.chart(kit.lab("mg", 1.0), problems=problems))
    assert kit.offered(cards) == [(BAG, "2 g")]


# R8. The parts a patient can have at the same time.
LOW_K = [kit.lab("k", 3.2)]
REFRACTORY_K = [kit.lab("k", 3.0), kit.lab("k", 3.0, hours=30)]
REFRACTORY_CA = [kit.lab("ica", 1.0), kit.lab("ica", 1.0, hours=20)]
GIVEN = [
    kit.given("potassium chloride", "40 meq", hours=20),
    kit.given("calcium gluconate", "1 g", hours=12),
]
CROHN = [kit.problem("34000006")]
# name: magnesium, other results, problems, the rows shown, the row that carries the plan, the plan
PLANS = {
    "low": (1.5, [], [], {"A1"}, "A1", (TABLET, "400 mg")),
    "low and a gut that cannot absorb": (1.5, [], CROHN, {"A1-iv"}, "A1-iv", (BAG, "2 g")),
    "severe": (1.0, [], [], {"A2"}, "A2", (BAG, "4 g")),
    "severe and a gut that cannot absorb": (1.0, [], CROHN, {"A2"}, "A2", (BAG, "4 g")),
    "emergency, low": (1.5, [], [TORSADES], {"A3"}, "A3", (BAG, "2 g")),
    "emergency, severe": (1.0, [], [TORSADES], {"A3"}, "A3", (BAG, "2 g")),
    "low K": (1.5, LOW_K, [], {"B0"}, "B0", (TABLET, "400 mg")),
    "low K and Crohn": (1.5, LOW_K, CROHN, {"B0"}, "B0", (BAG, "2 g")),
    "refractory K": (1.5, REFRACTORY_K, [], {"B1"}, "B1", (BAG, "2 g")),
    "refractory Ca": (1.5, REFRACTORY_CA, [], {"B3"}, "B3", (BAG, "2 g")),
    "refractory Ca, low K": (
        *(1.5, REFRACTORY_CA + LOW_K, [], {"B0", "B3"}),
        *("B3", (BAG, "2 g")),
    ),
    "refractory K and Ca": (
        *(1.5, REFRACTORY_K + REFRACTORY_CA, [], {"B1", "B3"}),
        *("B1", (BAG, "2 g")),
    ),
    "severe, low K": (1.0, LOW_K, [], {"A2", "B0"}, "A2", (BAG, "4 g")),
    "severe, refractory K": (1.0, REFRACTORY_K, [], {"A2", "B1"}, "A2", (BAG, "4 g")),
    "severe, refractory Ca": (1.0, REFRACTORY_CA, [], {"A2", "B3"}, "A2", (BAG, "4 g")),
    "severe, everything": (
        *(1.0, REFRACTORY_K + REFRACTORY_CA, [], {"A2", "B1", "B3"}),
        *("A2", (BAG, "4 g")),
    ),
    "emergency, low K": (1.5, LOW_K, [TORSADES], {"A3", "B0"}, "A3", (BAG, "2 g")),
    "emergency, refractory K": (1.5, REFRACTORY_K, [TORSADES], {"A3", "B1"}, "A3", (BAG, "2 g")),
    "emergency, severe, refractory Ca": (
        *(1.0, REFRACTORY_CA, [TORSADES], {"A3", "B3"}),
        *("A3", (BAG, "2 g")),
    ),
}


@pytest.mark.parametrize("name", PLANS)
def test_r08_one_plan_one_carrier_and_no_magnesium_on_any_other_card(name: str, ask: Any) -> None:
    mg, labs, problems, shown, carrier, plan = PLANS[name]
    cards = ask(kit.chart(kit.lab("mg", mg), *labs, problems=problems, administrations=GIVEN))
    assert set(kit.rows(cards)) == shown
    assert kit.offered([kit.card(cards, carrier)]) == [plan]
    assert len(kit.drugs(cards)) == 1


@pytest.mark.parametrize("mg", [2.7, 4.0])
@pytest.mark.parametrize(
    "problems", [[], CROHN, [TORSADES]], ids=["nothing else", "gut", "torsades"]
)
@pytest.mark.parametrize("labs", [[], LOW_K, REFRACTORY_K], ids=["K unknown", "low", "refractory"])
def test_r08_high_magnesium_has_no_plan(
    mg: float, problems: list[Any], labs: list[Any], ask: Any
) -> None:
    cards = ask(
        kit.chart(
            *(kit.lab("mg", mg), *labs),
            problems=problems,
            administrations=GIVEN,
            medications=[kit.order("magnesium oxide")],
        )
    )
    assert "C5" in kit.rows(cards)
    assert kit.drugs(cards) == []


def test_r08_a_carrier_that_is_stopped_hands_its_plan_to_no_other_card(ask: Any) -> None:
    cards = ask(
        kit.chart(
            *(kit.lab("mg", 1.0), *REFRACTORY_K),
            administrations=GIVEN,
            problems=[kit.problem("91637004")],
        )
    )
    assert set(kit.rows(cards)) == {"A2", "B1"}
    assert kit.drugs(cards) == []
