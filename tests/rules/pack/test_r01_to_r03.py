"""Clinical pack R1 to R3: what is judged when, which results count, and where the patient is."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

STATE_HOOKS = ("order-select", "order-sign", "patient-view", "encounter-discharge")
LOW_K_TREATED = [kit.given("potassium chloride", "40 meq", hours=20)]
CALCIUM_GIVEN = [kit.given("calcium gluconate", "1 g", hours=12)]
STALE = 30  # hours: too old in hospital, fresh outside

STATE_ROWS = {
    "A1": kit.chart(kit.lab("mg", 1.5)),
    "A1-iv": kit.chart(kit.lab("mg", 1.5), problems=[kit.problem("34000006")]),
    "A2": kit.chart(kit.lab("mg", 1.0)),
    "A3": kit.chart(problems=[kit.problem("31722008", onset=1)]),
    "A4": kit.chart(problems=[kit.problem("91302008")]),
    "A5": kit.chart(kit.lab("mg", 1.5), medications=[kit.order("furosemide")]),
    "A6": kit.chart(kit.lab("wbc", 3.0), problems=[kit.problem("55464009")]),
    "B0": kit.chart(kit.lab("mg", 1.5), kit.lab("k", 3.2)),
    "B1": kit.chart(
        *(kit.lab("mg", 1.5), kit.lab("k", 3.0), kit.lab("k", 3.0, hours=30)),
        administrations=LOW_K_TREATED,
    ),
    "B2": kit.chart(kit.lab("k", 3.0), kit.lab("k", 3.0, hours=30), administrations=LOW_K_TREATED),
    "B3": kit.chart(
        *(kit.lab("mg", 1.5), kit.lab("ica", 1.0), kit.lab("ica", 1.0, hours=20)),
        administrations=CALCIUM_GIVEN,
    ),
    "B4": kit.chart(kit.lab("mg", 2.0), kit.lab("k", 2.4)),
    "C3": kit.chart(
        kit.lab("mg", 2.0), kidneys="half", medications=[kit.order("magnesium hydroxide")]
    ),
    "C5": kit.chart(kit.lab("mg", 3.0), medications=[kit.order("magnesium oxide")]),
    "D2": kit.chart(kit.lab("k", 3.2), medications=[kit.order("amiodarone")]),
    "D4": kit.chart(kit.lab("mg", 1.0, status="preliminary")),
}


def drafted(drug: str, dose: str = "", *labs: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The words of one draft and of the patient it is for."""
    patient = {key: more.pop(key) for key in ("kidneys", "problems", "medications") if key in more}
    return {"draft": kit.draft(drug, dose, **more), "labs": labs, **patient}


MG, K = kit.lab("mg", 2.0), kit.lab("k", 3.4)
DRAFT_ROWS = {
    "C1": drafted("magnesium sulfate bag", "4 g", MG, kidneys="half"),
    "C2": drafted("magnesium sulfate bag", "2 g", MG, kidneys="hold"),
    "C3": drafted("magnesium hydroxide", "", MG, kidneys="half"),
    "C4": drafted("potassium chloride tablet", "20 meq", MG, kit.lab("k", 5.2)),
    "C4-iv": drafted("potassium chloride", "20 meq", MG, K, route="iv"),
    "C4-po": drafted("potassium chloride tablet", "60 meq", MG, K, route="oral"),
    "C6": drafted("potassium chloride tablet", "20 meq", MG, K, kidneys="unknown"),
    "C7": drafted("magnesium sulfate bag", "2 g", MG, problems=[kit.problem("91637004")]),
    "D2": drafted("amiodarone", "", MG, kit.lab("k", 3.2)),
    "D3": drafted("magnesium sulfate bag", "2 g", MG, medications=[kit.order("rocuronium")]),
}


def of_draft(words: dict[str, Any], where: str, hook: str = "order-select") -> dict[str, Any]:
    """The call in which the draft of DRAFT_ROWS is selected, or stands beside what is."""
    patient = {key: value for key, value in words.items() if key not in ("draft", "labs")}
    return kit.chart(*words["labs"], hook=hook, **{where: [words["draft"]]}, **patient)


@pytest.mark.parametrize("hook", STATE_HOOKS)
@pytest.mark.parametrize("row", STATE_ROWS)
def test_r01_a_state_row_is_judged_on_every_hook(row: str, hook: str, ask: Any) -> None:
    assert row in kit.rows(ask(kit.for_hook(STATE_ROWS[row], hook)))


@pytest.mark.parametrize("draft", ["potassium chloride tablet", "magnesium oxide", "furosemide"])
def test_r01_a_state_row_is_judged_whatever_is_selected(draft: str, ask: Any) -> None:
    request = kit.chart(kit.lab("mg", 1.0), kit.lab("k", 4.0), drafts=[kit.draft(draft)])
    assert kit.rows(ask(request))["A2"] == "critical"


GIVEN_ROWS = {
    "C3": ("magnesium hydroxide", 2.0, "half"),
    "C5": ("magnesium sulfate bag", 3.0, "full"),
}


@pytest.mark.parametrize("row", GIVEN_ROWS)
def test_r01_c3_and_c5_are_judged_on_drugs_that_were_given(row: str, ask: Any) -> None:
    drug, mg, band = GIVEN_ROWS[row]
    dose = kit.given(drug, "1 g", hours=3)
    cards = ask(kit.chart(kit.lab("mg", mg), kidneys=band, administrations=[dose]))
    assert kit.rows(cards) == {row: "warning"}
    assert kit.actions(cards) == []
    assert drug.removesuffix(" bag") in kit.words(*cards)


@pytest.mark.parametrize("row", DRAFT_ROWS)
def test_r01_a_draft_row_is_judged_where_the_draft_is_selected(row: str, ask: Any) -> None:
    assert row in kit.rows(ask(of_draft(DRAFT_ROWS[row], "drafts")))


@pytest.mark.parametrize("row", DRAFT_ROWS)
def test_r01_an_unselected_draft_triggers_no_row_of_its_own(row: str, ask: Any) -> None:
    assert row not in kit.rows(ask(of_draft(DRAFT_ROWS[row], "unselected")))


@pytest.mark.parametrize("row", DRAFT_ROWS)
def test_r01_order_sign_judges_every_draft(row: str, ask: Any) -> None:
    assert row in kit.rows(ask(of_draft(DRAFT_ROWS[row], "unselected", "order-sign")))


@pytest.mark.parametrize("row", DRAFT_ROWS)
def test_r01_patient_view_judges_no_draft(row: str, ask: Any) -> None:
    assert row not in kit.rows(ask(of_draft(DRAFT_ROWS[row], "drafts", "patient-view")))


def test_r01_an_unselected_draft_still_counts_as_on_order(ask: Any) -> None:
    bag = kit.draft("magnesium sulfate bag", "2 g")
    cards = ask(kit.chart(kit.lab("mg", 1.0), unselected=[bag]))
    assert kit.rows(cards) == {"A2": "info"}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize("row", ["A1", "A1-iv", "A2", "A3", "B0", "B1", "B3"])
def test_r01_discharge_suggests_no_drug(row: str, ask: Any) -> None:
    assert len(kit.drugs(ask(STATE_ROWS[row]))) == 1
    assert kit.drugs(ask(kit.for_hook(STATE_ROWS[row], "encounter-discharge"))) == []


@pytest.mark.parametrize("status", ["final", "corrected", "amended"])
def test_r02_final_corrected_and_amended_results_are_used(status: str, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0, status=status)))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.offered(cards) == [("829757", "4 g")]


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "unknown", "registered"])
@pytest.mark.parametrize("value", [1.0, 4.5])
def test_r02_results_that_never_were_are_dropped_silently(
    status: str, value: float, ask: Any
) -> None:
    assert ask(kit.chart(kit.lab("mg", value, status=status))) == []
    older = kit.lab("mg", 2.0, hours=6)
    assert ask(kit.chart(older, kit.lab("mg", value, status=status))) == []


SPOILED = {"interpretation": [{"text": "specimen hemolyzed"}]}
SET_ASIDE = {
    "preliminary": kit.lab("mg", 1.0, status="preliminary"),
    "haemolysed": kit.lab("mg", 1.0, **SPOILED),
    "implausible": kit.lab("mg", 0.01),
    "undecided comparator": kit.lab("mg", 2.5, comparator="<"),
    "unit not understood": kit.lab("mg", 1.0, "apples"),
    "stale": kit.lab("mg", 1.0, hours=STALE),
}


@pytest.mark.parametrize("why", SET_ASIDE)
def test_r02_a_result_that_cannot_be_used_is_set_aside_with_its_value(why: str, ask: Any) -> None:
    result = SET_ASIDE[why]
    cards = ask(kit.chart(result))
    assert kit.rows(cards) == {"D4": "info"}
    assert str(result["valueQuantity"]["value"]) in kit.words(*cards)
    assert kit.drugs(cards) == []


@pytest.mark.parametrize(
    "more",
    [
        {"subject": {"reference": "Patient/another"}},
        {"dataAbsentReason": {"text": "sample lost"}},
        {"effectiveDateTime": kit.ago(-1)},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "19124-7"}]}},
        {"code": {"coding": [{"system": "http://loinc.org", "code": "2600-5"}]}},
    ],
    ids=["another patient", "no value", "in the future", "urine", "ionized"],
)
def test_r02_what_is_no_magnesium_of_this_patient_now_is_not_used(
    more: dict[str, Any], ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0, **more)))
    assert set(kit.rows(cards)) <= {"D4"}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize("unit", ["mg/dl", "mg/dL", "MG/DL"])
def test_r02_a_unit_that_is_only_text_is_read(unit: str, ask: Any) -> None:
    result = kit.lab("mg", 1.0) | {"valueQuantity": {"value": 1.0, "unit": unit}}
    assert kit.rows(ask(kit.chart(result))) == {"A2": "critical"}


def test_r02_the_newest_usable_result_wins(ask: Any) -> None:
    assert ask(kit.chart(kit.lab("mg", 1.0, hours=5), kit.lab("mg", 2.0, hours=4))) == []
    cards = ask(kit.chart(kit.lab("mg", 2.0, hours=5), kit.lab("mg", 1.0, hours=4)))
    assert kit.rows(cards) == {"A2": "critical"}


def place_of(encounter: dict[str, Any] | None, ask: Any) -> str:
    """Where the program takes the patient to be: only an inpatient is offered an infusion, and only
    outside is a result of yesterday morning still used."""
    cards = ask(kit.chart(kit.lab("mg", 1.0), encounter=encounter, place="outpatient"))
    older = ask(kit.chart(kit.lab("mg", 1.0, hours=STALE), encounter=encounter, place="outpatient"))
    assert kit.rows(cards) == {"A2": "critical"}
    inside = kit.offered(cards) == [("829757", "4 g")]
    assert ("A2" in kit.rows(older)) is not inside
    return "inpatient" if inside else "outpatient"


def stay(code: str, status: str = "in-progress") -> dict[str, Any]:
    return {"class": {**kit.ambulatory()["class"], "code": code}, "status": status}


@pytest.mark.parametrize("status", ["arrived", "triaged", "in-progress", "onleave"])
@pytest.mark.parametrize("code", ["IMP", "ACUTE", "NONAC", "SS", "OBSENC", "EMER"])
def test_r03_six_classes_and_four_statuses_are_inpatient(code: str, status: str, ask: Any) -> None:
    assert place_of(stay(code, status), ask) == "inpatient"


@pytest.mark.parametrize("code", ["AMB", "HH", "VR", "FLD"])
def test_r03_every_other_class_is_outpatient(code: str, ask: Any) -> None:
    assert place_of(stay(code), ask) == "outpatient"


@pytest.mark.parametrize("status", ["planned", "finished", "cancelled"])
def test_r03_a_stay_that_has_not_begun_or_is_over_is_outpatient(status: str, ask: Any) -> None:
    assert place_of(stay("IMP", status), ask) == "outpatient"


def test_r03_without_an_encounter_the_patient_is_an_outpatient(ask: Any) -> None:
    assert place_of(None, ask) == "outpatient"


def bed(code: str = "ICU", **stay_here: Any) -> dict[str, Any]:
    """The Encounter members of a stay in a contained Location of that v3 RoleCode type."""
    system = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    kind = [{"coding": [{"system": system, "code": code}]}]
    where = {"resourceType": "Location", "id": "bed", "name": "ICU", "type": kind}
    here = {"location": {"reference": "#bed"}, "status": "active"} | stay_here
    return {"contained": [where], "location": [here]}


def test_r03_a_current_location_of_type_icu_is_intensive_care(ask: Any) -> None:
    assert kit.rows(ask(kit.chart(encounter=bed()))) == {"A4": "info"}


@pytest.mark.parametrize(
    "encounter",
    [
        bed("HOSP"),
        bed(status="completed"),
        bed(period={"start": kit.ago(60), "end": kit.ago(2)}),
        bed() | {"contained": []},
        bed() | stay("AMB"),
    ],
    ids=["another ward", "left", "ended", "location not readable", "no inpatient"],
)
def test_r03_anything_else_is_not_intensive_care(encounter: dict[str, Any], ask: Any) -> None:
    assert ask(kit.chart(encounter=encounter)) == []
