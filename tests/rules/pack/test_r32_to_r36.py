"""Clinical pack R32 to R36: what is not known, obstetric magnesium, outpatients, how urgent the
potassium and calcium cards are, and what counts as a magnesium product."""

from __future__ import annotations

from typing import Any

import hospital
import pytest
from pack_kit import (
    ambulatory,
    card,
    chart,
    deleted,
    draft,
    drugs,
    given,
    lab,
    offered,
    order,
    ordered_tests,
    problem,
    rows,
    words,
)

Json = dict[str, Any]
SEVERE = lab("mg", 1.0)
FOUR_GRAMS = [("829757", "4 g")]
OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "forbidden"}],
}


# R32: absent, missing, not known


@pytest.mark.parametrize("key", ["problems", "allergies", "medications", "encounter"])
@pytest.mark.parametrize("failed", [True, False])
def test_r32_a_key_that_is_not_known_withholds_the_dose_and_the_card_names_it(
    ask: Any, key: str, failed: bool
) -> None:
    request = chart(SEVERE, without=[key])
    if failed:
        request["prefetch"][key] = OUTCOME
    cards = ask(request)
    assert rows(cards) == {"A2": "critical"}
    assert offered(cards) == []
    assert key in words(*cards)
    assert key not in words(*ask(chart(SEVERE)))


@pytest.mark.parametrize(
    ("key", "said"), [("administrations", "doses given"), ("procedures", "dialysis procedures")]
)
def test_r32_doses_given_and_procedures_that_are_not_known_are_said_and_stop_nothing(
    ask: Any, key: str, said: str
) -> None:
    cards = ask(chart(SEVERE, without=[key]))
    assert offered(cards) == FOUR_GRAMS
    assert said in words(card(cards, "A2"))
    assert "not visible" in words(card(cards, "A2"))


LISTS = ["medications", "administrations", "problems", "allergies", "lab_orders", "procedures"]


def test_r32_a_list_that_is_supplied_is_complete_even_when_it_is_empty_or_null(ask: Any) -> None:
    plain = ask(chart(SEVERE))
    assert offered(plain) == FOUR_GRAMS
    request = chart(SEVERE)
    request["prefetch"] |= dict.fromkeys(LISTS)
    nothing = ask(request)
    assert offered(nothing) == FOUR_GRAMS
    assert words(*nothing) == words(*plain)


def test_r32_a_clause_on_what_is_not_known_does_not_fire(ask: Any) -> None:
    active = [order("furosemide")]
    assert "A5" in rows(ask(chart(SEVERE, medications=active)))
    assert "A5" not in rows(ask(chart(SEVERE, medications=active, without=["medications"])))


def test_r32_results_that_are_not_known_are_never_missing(ask: Any) -> None:
    risk = [order("cisplatin")]
    request = chart(medications=risk)
    assert ordered_tests(ask(request)) == ["19123-9"]
    request["prefetch"]["observations"]["link"] = [{"relation": "next", "url": "http://x/2"}]
    assert ordered_tests(ask(request)) == []


# R33: obstetric magnesium

INFUSION = [order("magnesium sulfate bag", "2 g", route="iv", rate="2 g/h")]


@pytest.mark.parametrize("code", ["77386006", "398254007", "15938005"])
@pytest.mark.parametrize(
    ("value", "kidneys", "expected"),
    [
        (2.7, "full", "info"),
        (8.0, "full", "info"),
        (8.0, "half", "warning"),
        (8.0, "low", "warning"),
        (8.0, "unknown", "warning"),
        (8.1, "full", "critical"),
        (8.1, "half", "critical"),
    ],
)
def test_r33_obstetric_magnesium_is_quiet_up_to_8_with_well_kidneys(
    ask: Any, code: str, value: float, kidneys: str, expected: str
) -> None:
    person = {"sex": "female", "age": 30, "kidneys": kidneys}
    listed = [problem(code)]
    cards = ask(chart(lab("mg", value), problems=listed, medications=INFUSION, **person))
    assert rows(cards)["C5"] == expected
    assert deleted(cards) == []


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "expected"),
    [
        ("2601-3", 3.30, "mmol/L", "info"),
        ("2601-3", 3.31, "mmol/L", "critical"),
        ("2601-3", 6.58, "meq/L", "info"),
        ("2601-3", 6.59, "meq/L", "critical"),
    ],
)
def test_r33_the_obstetric_alarm_has_a_constant_in_each_unit(
    ask: Any, loinc: str, value: float, unit: str, expected: str
) -> None:
    request = chart(lab(loinc, value, unit), problems=[problem("77386006")], medications=INFUSION)
    assert rows(ask(request))["C5"] == expected


def test_r33_within_the_target_a_selected_draft_is_not_removed(ask: Any) -> None:
    more = [draft("magnesium sulfate bag", "2 g", rate="2 g/h")]
    lists: dict[str, Any] = {"problems": [problem("77386006")], "medications": INFUSION}
    cards = ask(chart(lab("mg", 6.0), drafts=more, **lists))
    assert rows(cards)["C5"] == "info"
    assert deleted(cards) == []


@pytest.mark.parametrize(("value", "expected"), [(2.7, "warning"), (4.0, "critical")])
def test_r33_without_an_active_infusion_pregnancy_changes_nothing(
    ask: Any, value: float, expected: str
) -> None:
    antacid = [order("magnesium hydroxide")]
    request = chart(lab("mg", value), problems=[problem("77386006")], medications=antacid)
    assert rows(ask(request))["C5"] == expected


# R34: outpatients

TWICE = [lab("k", 3.0, hours=2), lab("k", 3.0, hours=22)]
CHARTED = [given("potassium chloride", "40 meq", hours=6)]


@pytest.mark.parametrize("visit", [{"place": "outpatient"}, {"encounter": ambulatory()}])
@pytest.mark.parametrize(
    ("row", "results", "lists"),
    [
        ("A2", [SEVERE], {}),
        ("A1-iv", [lab("mg", 1.5)], {"problems": [problem("34000006")]}),
        ("B1", [lab("mg", 1.5), *TWICE], {"administrations": CHARTED}),
    ],
)
def test_r34_an_outpatient_is_sent_for_iv_magnesium_and_gets_no_order(
    ask: Any, visit: dict[str, Any], row: str, results: list[Json], lists: dict[str, Any]
) -> None:
    cards = ask(chart(*results, **visit, **lists))
    assert drugs(cards) == []
    text = words(card(cards, row)).replace("same day", "same-day")
    assert "same-day" in text
    assert "emergency department" in text


def test_r34_tablets_may_be_offered_to_an_outpatient(ask: Any) -> None:
    assert offered(ask(chart(lab("mg", 1.5), place="outpatient"))) == [("198741", "400 mg")]


# R35: how urgent

LONG_QT = [problem("9651007")]


@pytest.mark.parametrize(("potassium", "expected"), [(2.4, "critical"), (2.5, "warning")])
def test_r35_b0_is_critical_below_2_5(ask: Any, potassium: float, expected: str) -> None:
    assert rows(ask(chart(lab("mg", 1.5), lab("k", potassium))))["B0"] == expected


@pytest.mark.parametrize(("row", "magnesium"), [("B1", [lab("mg", 1.5)]), ("B2", [])])
@pytest.mark.parametrize(
    ("potassium", "problems", "expected"),
    [(2.4, [], "critical"), (2.5, [], "warning"), (2.5, LONG_QT, "critical")],
)
def test_r35_b1_and_b2_are_critical_below_2_5_or_with_a_dangerous_heart(
    ask: Any, row: str, magnesium: list[Json], potassium: float, problems: Any, expected: str
) -> None:
    twice = [lab("k", potassium, hours=hours) for hours in (2, 22)]
    cards = ask(chart(*magnesium, *twice, administrations=CHARTED, problems=problems))
    assert rows(cards)[row] == expected


CALCIUM = [given("calcium gluconate", "1 g", hours=6)]
ALBUMIN = [lab("albumin", 4.0, hours=hours) for hours in (2, 22)]


@pytest.mark.parametrize("magnesium", [[lab("mg", 1.5)], []])
@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("ica", 0.89, "critical"),
        ("ica", 0.9, "warning"),
        ("ca", 6.9, "critical"),
        ("ca", 7.0, "warning"),
    ],
)
def test_r35_b3_is_critical_below_0_9_ionized_or_7_corrected(
    ask: Any, magnesium: list[Json], kind: str, value: float, expected: str
) -> None:
    twice = [lab(kind, value, hours=hours) for hours in (2, 22)]
    cards = ask(chart(*magnesium, *twice, *ALBUMIN, administrations=CALCIUM))
    assert rows(cards)["B3"] == expected


@pytest.mark.parametrize(("magnesium", "tests"), [([lab("mg", 2.0)], []), ([], ["19123-9"])])
def test_r35_b4_is_severe_potassium_alone_and_suggests_no_potassium(
    ask: Any, magnesium: list[Json], tests: list[str]
) -> None:
    cards = ask(chart(*magnesium, lab("k", 2.4)))
    assert rows(cards) == {"B4": "critical"}
    assert drugs(cards) == []
    assert ordered_tests(cards) == tests
    assert all(word in words(*cards) for word in ("iv", "monitor", "ecg"))


def test_r35_b4_also_speaks_for_refractory_potassium_with_normal_magnesium(ask: Any) -> None:
    twice = [lab("k", 2.4, hours=hours) for hours in (2, 22)]
    assert rows(ask(chart(lab("mg", 2.0), *twice, administrations=CHARTED))) == {"B4": "critical"}


def test_r35_b4_needs_a_usable_potassium_below_2_5(ask: Any) -> None:
    assert rows(ask(chart(lab("mg", 2.0), lab("k", 2.5)))) == {}
    assert "B4" not in rows(ask(chart(lab("mg", 2.0), lab("k", 2.4, status="preliminary"))))


# R36: what is a magnesium product


def coded(code: str, display: str) -> Json:
    return draft(display, medicationCodeableConcept=hospital.medication(code, display))


PRODUCTS = {
    "829757": "magnesium sulfate 1 g/100 mL",
    "198741": "magnesium oxide 400 mg tablet",
    "253017": "magnesium hydroxide 80 mg/mL suspension",
    "1052760": "magnesium citrate 59 mg/mL solution",
    "2465554": "magnesium sulfate, potassium chloride, sodium sulfate tablet",
    "1120068": "magnesium sulfate, potassium sulfate, sodium sulfate solution",
}
NO_PRODUCTS = {
    "801442": "magnesium sulfate, potassium chloride irrigation solution",
    "1945074": "magnesium sulfate topical ointment",
    "1087399": "multivitamin with magnesium sulfate 6.9 mg",
}


@pytest.mark.parametrize("code", PRODUCTS)
def test_r36_replacement_laxatives_antacids_and_bowel_preparations_are_products(
    ask: Any, code: str
) -> None:
    chosen = [coded(code, PRODUCTS[code])]
    cards = ask(chart(lab("mg", 2.0), lab("k", 4.0), kidneys="hold", drafts=chosen))
    assert rows(cards)["C2"] == "critical"
    assert deleted(cards) == ["MedicationRequest/draft-0"]


@pytest.mark.parametrize("code", NO_PRODUCTS)
def test_r36_irrigation_topical_and_trace_amounts_are_not(ask: Any, code: str) -> None:
    chosen = [coded(code, NO_PRODUCTS[code])]
    assert rows(ask(chart(lab("mg", 4.5), kidneys="hold", drafts=chosen))) == {"C5": "critical"}
    assert rows(ask(chart(lab("mg", 2.7), kidneys="hold", drafts=chosen))) == {}


@pytest.mark.parametrize("code", ["2465554", "1120068"])
def test_r36_sutab_and_suprep_are_potassium_too_and_are_removed_once(ask: Any, code: str) -> None:
    chosen = [coded(code, PRODUCTS[code])]
    cards = ask(chart(lab("mg", 2.0), lab("k", 5.0), drafts=chosen))
    assert rows(cards) == {"C4": "critical"}
    assert deleted(cards) == ["MedicationRequest/draft-0"]
    cards = ask(chart(lab("mg", 2.0), lab("k", 5.0), kidneys="hold", drafts=chosen))
    assert deleted(cards) == ["MedicationRequest/draft-0"]
