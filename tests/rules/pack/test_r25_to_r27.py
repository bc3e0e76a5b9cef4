"""Clinical pack R25 to R27: results that could not be used, magnesium nobody measured, drugs that
waste it, and how many cards leave."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    actions,
    card,
    chart,
    draft,
    drugs,
    given,
    intensive_care,
    lab,
    offered,
    order,
    ordered_tests,
    problem,
    rows,
    tablets,
    words,
)

Json = dict[str, Any]
DAY = 24
HAEMOLYSED = {"note": [{"text": "Hemolyzed specimen."}]}


# R25: D4


@pytest.mark.parametrize(
    ("what", "value", "unit", "expected"),
    [
        ("mg", 1.69, "mg/dL", True),
        ("mg", 1.7, "mg/dL", False),
        ("mg", 2.6, "mg/dL", False),
        ("mg", 2.61, "mg/dL", True),
        ("2601-3", 0.69, "mmol/L", True),
        ("2601-3", 0.70, "mmol/L", False),
        ("k", 3.49, "mmol/L", True),
        ("k", 3.5, "mmol/L", False),
        ("k", 4.99, "mmol/L", False),
        ("k", 5.0, "mmol/L", True),
        ("ca", 8.49, "mg/dL", True),
        ("ca", 8.5, "mg/dL", False),
        ("2000-8", 2.11, "mmol/L", True),
        ("2000-8", 2.12, "mmol/L", False),
        ("ica", 1.11, "mmol/L", True),
        ("ica", 1.12, "mmol/L", False),
    ],
)
def test_r25_a_result_that_was_set_aside_is_told_in_the_alert_band_only(
    ask: Any, what: str, value: float, unit: str, expected: bool
) -> None:
    cards = ask(chart(lab(what, value, unit, status="preliminary")))
    assert rows(cards) == ({"D4": "info"} if expected else {})
    if expected:
        text = words(card(cards, "D4"))
        assert f"{value} {unit.lower()}" in text
        assert "2026-11-21 08:00" in text
        assert "preliminary" in text
        assert "confirm" in text


def test_r25_the_newest_result_counts_and_what_was_entered_in_error_is_dropped(ask: Any) -> None:
    aside = lab("mg", 1.0, status="preliminary", hours=4)
    assert rows(ask(chart(aside, lab("mg", 2.0, hours=3)))) == {}
    assert rows(ask(chart(aside, lab("mg", 2.0, hours=5)))) == {"D4": "info"}
    assert rows(ask(chart(lab("mg", 1.0, status="entered-in-error")))) == {}


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lab("mg", 1.0, hours=30), ["19123-9"]),
        (lab("k", 6.0, **HAEMOLYSED), ["2823-3"]),
        (lab("mg", 1.0, "furlongs"), ["19123-9"]),
        (lab("k", 3.0, status="preliminary"), []),
        (lab("k", 41), []),
        (lab("mg", 2.0, comparator="<"), []),
    ],
)
def test_r25_a_repeat_is_offered_if_stale_haemolysed_or_in_a_bad_unit_only(
    ask: Any, result: Json, expected: list[str]
) -> None:
    cards = ask(chart(result))
    assert rows(cards) == {"D4": "info"}
    assert ordered_tests(cards) == expected
    assert drugs(cards) == []


@pytest.mark.parametrize(
    ("place", "hours", "expected"),
    [
        ("inpatient", 30 * DAY, True),
        ("inpatient", 30 * DAY + 1, False),
        ("outpatient", 180 * DAY, True),
        ("outpatient", 180 * DAY + 1, False),
    ],
)
def test_r25_a_stale_value_counts_for_30_days_in_hospital_and_180_outside(
    ask: Any, place: str, hours: float, expected: bool
) -> None:
    found = rows(ask(chart(lab("mg", 1.0, hours=hours), place=place)))
    assert ("D4" in found) is expected


def test_r25_two_results_of_one_draw_that_decide_no_row_are_both_told_and_repeated(
    ask: Any,
) -> None:
    cards = ask(chart(lab("mg", 1.6), lab("mg", 1.8)))
    assert rows(cards) == {"D4": "info"}
    assert ordered_tests(cards) == ["19123-9"]
    assert all(value in words(*cards) for value in ("1.6", "1.8"))


@pytest.mark.parametrize(
    ("result", "row"), [(lab("k", 5.9, **HAEMOLYSED), "C4"), (lab("k", 2.9, hours=30), "C6")]
)
def test_r25_what_c4_or_c6_shows_is_not_told_twice(ask: Any, result: Json, row: str) -> None:
    found = rows(ask(chart(lab("mg", 2.0), result, drafts=[tablets()])))
    assert row in found
    assert "D4" not in found


def test_r25_there_is_one_card_for_each_analyte(ask: Any) -> None:
    told = [lab(what, value, hours=30) for what, value in (("mg", 1.0), ("k", 3.0), ("ca", 7.0))]
    cards = ask(chart(*told))
    assert [item["extension"]["rows"] for item in cards] == [["D4"]] * 3
    assert {item["indicator"] for item in cards} == {"info"}


# R26: A4


@pytest.mark.parametrize("drug", ["cisplatin", "gentamicin"])
@pytest.mark.parametrize(("hours", "expected"), [(24, False), (24.1, True)])
def test_r26_in_hospital_magnesium_is_due_after_24_hours(
    ask: Any, drug: str, hours: float, expected: bool
) -> None:
    cards = ask(chart(lab("mg", 2.0, hours=hours), medications=[order(drug)]))
    assert rows(cards) == ({"A4": "info"} if expected else {})
    if expected:
        assert ordered_tests(cards) == ["19123-9"]
        assert drugs(cards) == []
        assert drug in words(*cards)


LONG_PPI = order("omeprazole", hours=400 * DAY)
HEART = problem("44103008", onset=48)


@pytest.mark.parametrize(
    ("days", "lists", "level"),
    [
        *(
            (14, {"medications": [order(drug)]}, "info")
            for drug in ("cisplatin", "carboplatin", "oxaliplatin", "cetuximab", "panitumumab")
        ),
        *(
            (30, {"medications": [order(drug)]}, "info")
            for drug in ("tacrolimus", "cyclosporine", "gentamicin", "amikacin", "amphotericin b")
        ),
        (30, {"medications": [order("parenteral nutrition", route="iv")]}, "info"),
        (90, {"medications": [order("digoxin"), order("furosemide")]}, "info"),
        (90, {"medications": [order("digoxin"), order("hydrochlorothiazide")]}, "info"),
        (90, {"problems": [problem("66590003")]}, "info"),
        (90, {"problems": [problem("236071009")]}, "info"),
        (90, {"problems": [problem("9651007")]}, "warning"),
        (90, {"problems": [problem("44054006"), HEART]}, "warning"),
        (365, {"medications": [LONG_PPI]}, "info"),
    ],
)
def test_r26_outside_hospital_each_risk_has_its_own_window(
    ask: Any, days: int, lists: dict[str, Any], level: str
) -> None:
    for hours, expected in ((days * DAY, {}), (days * DAY + 1, {"A4": level})):
        cards = ask(chart(lab("mg", 2.0, hours=hours), place="outpatient", **lists))
        assert rows(cards) == expected
        assert drugs(cards) == []


def test_r26_intensive_care_sepsis_and_covid_count_in_hospital(ask: Any) -> None:
    assert rows(ask(chart(encounter=intensive_care()))) == {"A4": "info"}
    for listed in ([problem(code)] for code in ("91302008", "76571007", "840539006")):
        assert rows(ask(chart(problems=listed))) == {"A4": "info"}
        assert rows(ask(chart(problems=listed, place="outpatient"))) == {}


def test_r26_half_a_risk_is_none(ask: Any) -> None:
    for lists in (
        {"medications": [order("digoxin")]},
        {"medications": [order("furosemide")]},
        {"problems": [problem("44054006")]},
        {"problems": [HEART]},
        {"medications": [order("cisplatin", status="stopped")]},
    ):
        assert rows(ask(chart(place="outpatient", **lists))) == {}


@pytest.mark.parametrize(
    ("ppi", "expected"),
    [
        (order("omeprazole", hours=367 * DAY), True),
        (order("omeprazole", hours=364 * DAY), False),
        (order("omeprazole", hours=400 * DAY, status="completed"), False),
        (order("omeprazole", repeat={"boundsPeriod": {"start": "2025-10-01"}}), True),
    ],
)
def test_r26_a_ppi_counts_from_the_earliest_start_of_the_active_order(
    ask: Any, ppi: Json, expected: bool
) -> None:
    assert ("A4" in rows(ask(chart(place="outpatient", medications=[ppi])))) is expected


@pytest.mark.parametrize(
    ("more", "level"),
    [
        ([lab("k", 3.5)], "info"),
        ([lab("k", 3.4)], "warning"),
        ([lab("qtc", 499)], "info"),
        ([lab("qtc", 500)], "warning"),
    ],
)
def test_r26_low_potassium_or_a_long_qt_makes_it_a_warning(
    ask: Any, more: list[Json], level: str
) -> None:
    assert rows(ask(chart(*more, medications=[order("cisplatin")])))["A4"] == level


def test_r26_it_is_not_shown_beside_b2_d4_or_a3(ask: Any) -> None:
    risk = [order("cisplatin")]
    twice = [lab("k", 3.0, hours=2), lab("k", 3.0, hours=22)]
    charted = [given("potassium chloride", "40 meq", hours=6)]
    found = rows(ask(chart(*twice, medications=risk, administrations=charted)))
    assert "B2" in found
    assert "A4" not in found
    assert rows(ask(chart(lab("mg", 1.5, hours=30), medications=risk))) == {"D4": "info"}
    now = [problem("31722008", onset=1)]
    assert rows(ask(chart(medications=risk, problems=now))) == {"A3": "critical"}


# R27: A5, and how many cards leave


def test_r27_active_drugs_that_waste_magnesium_are_named_and_nothing_is_offered(ask: Any) -> None:
    active = [order("furosemide"), order("omeprazole")]
    shown = card(ask(chart(lab("mg", 1.5), medications=active)), "A5")
    assert shown["indicator"] == "info"
    assert actions([shown]) == []
    assert "furosemide" in words(shown)
    assert "omeprazole" in words(shown)


def test_r27_drafts_do_not_count_and_normal_magnesium_is_no_reason(ask: Any) -> None:
    assert "A5" not in rows(ask(chart(lab("mg", 1.5), drafts=[draft("furosemide")])))
    assert "A5" not in rows(ask(chart(lab("mg", 1.7), medications=[order("furosemide")])))


@pytest.mark.parametrize("drug", ["cisplatin", "cetuximab"])
def test_r27_with_severe_magnesium_platinum_and_anti_egfr_are_named_in_a2(
    ask: Any, drug: str
) -> None:
    severe = lab("mg", 1.0)
    alone = ask(chart(severe, medications=[order(drug)]))
    assert "A5" not in rows(alone)
    assert drug in words(card(alone, "A2"))
    both = ask(chart(severe, medications=[order(drug), order("furosemide")]))
    assert "furosemide" in words(card(both, "A5"))
    assert drug not in words(card(both, "A5"))
    low = ask(chart(lab("mg", 1.5), medications=[order(drug)]))
    assert drug in words(card(low, "A5"))


def test_r27_there_is_one_card_for_each_draft(ask: Any) -> None:
    two = [draft("magnesium sulfate bag", "1 g", rate="1 g/h") for _ in range(2)]
    cards = ask(chart(lab("mg", 2.0), kidneys="low", drafts=two))
    assert [item["extension"]["rows"] for item in cards] == [["C1"], ["C1"]]


def test_r27_one_drug_is_offered_in_a_response(ask: Any) -> None:
    results = [lab("mg", 1.0), lab("k", 2.4), lab("ica", 1.0), lab("ica", 1.0, hours=20)]
    charted = [given("calcium gluconate", "1 g", hours=10)]
    cards = ask(chart(*results, administrations=charted, medications=[order("amiodarone")]))
    assert offered(cards) == [("829757", "4 g")]


def test_r27_info_cards_are_dropped_first_and_a_critical_one_never(ask: Any) -> None:
    results = [lab("mg", 1.0), lab("k", 2.4)]
    active = [order("furosemide")]
    cards = ask(chart(*results, kidneys="low", drafts=[tablets()] * 3, medications=active))
    assert [item["indicator"] for item in cards] == ["critical"] * 5
    wide = [*results, *(lab(what, 1.0, status="preliminary") for what in ("ca", "ica"))]
    cards = ask(chart(*wide, kidneys="low", drafts=[tablets()], medications=active))
    assert len(cards) == 4
    assert [item["indicator"] for item in cards].count("critical") == 3
