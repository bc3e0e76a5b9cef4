"""Safety points 7 to 12 of the clinical pack: which results count, what is said of others."""

from __future__ import annotations

from typing import Any

import pack_kit as kit
import pytest

MG, K = kit.lab("mg", 1.0), kit.lab("k", 4.0)
NORMAL = kit.lab("mg", 2.0)
SEPSIS = "91302008"
OXIDE = [kit.order("magnesium oxide")]


def without(result: kit.Json, member: str, **more: Any) -> kit.Json:
    """A result that lacks one member."""
    return {name: value for name, value in (result | more).items() if name != member}


@pytest.mark.parametrize("value", [60, 88, 130])
def test_safety_07_creatinine_of_60_to_130_mg_dl_is_rejected_as_another_unit(
    ask: Any, value: int
) -> None:
    cards = ask(kit.chart(MG, K, kit.lab("cr", value)))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == ["2160-0"]
    assert f"{value} mg/dl" in kit.words(*cards)


def test_safety_07_the_same_number_in_micromoles_is_a_creatinine(ask: Any) -> None:
    cards = ask(kit.chart(MG, K, kit.lab("14682-9", 88, "umol/L")))
    assert kit.offered(cards) == [("829757", "4 g")]


@pytest.mark.parametrize(("lost", "named"), [({"age": None}, "age"), ({"sex": ""}, "sex")])
def test_safety_07_without_age_or_sex_there_is_no_egfr_and_no_dose_and_it_is_said(
    ask: Any, lost: dict[str, Any], named: str
) -> None:
    cards = ask(kit.chart(MG, K, **lost))
    text = kit.words(*cards)
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.actions(cards) == []
    assert "egfr 9" not in text
    assert named in text


@pytest.mark.parametrize("lost", [{"age": None}, {"sex": ""}])
def test_safety_07_without_age_or_sex_no_drafted_dose_is_reduced(
    ask: Any, lost: dict[str, Any]
) -> None:
    order = kit.draft("magnesium sulfate bag", "4 g", rate="1 g/h")
    cards = ask(kit.chart(NORMAL, K, kidneys="low", drafts=[order], **lost))
    assert kit.rows(cards) == {"C6": "warning"}
    assert kit.drugs(cards, "update") == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("final", {"A2": "critical"}),
        ("corrected", {"A2": "critical"}),
        ("amended", {"A2": "critical"}),
        ("preliminary", {"D4": "info"}),
        ("entered-in-error", {}),
        ("cancelled", {}),
        ("registered", {}),
        ("unknown", {}),
    ],
)
def test_safety_08_only_final_corrected_and_amended_results_are_used(
    ask: Any, status: str, expected: dict[str, str]
) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0, status=status), K))
    assert kit.rows(cards) == expected
    assert bool(kit.drugs(cards)) is ("A2" in expected)


def test_safety_08_a_preliminary_result_is_only_displayed(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0, status="preliminary"), K))
    assert "1.0 mg/dl" in kit.words(*cards)
    assert "preliminary" in kit.words(*cards)
    assert kit.actions(cards) == []


@pytest.mark.parametrize(
    "more", [{"dataAbsentReason": {"text": "error"}}, {"valueQuantity": {"unit": "mg/dL"}}, {}]
)
def test_safety_08_a_result_without_a_value_is_not_measured(ask: Any, more: kit.Json) -> None:
    empty = without(MG, "" if "valueQuantity" in more else "valueQuantity", **more)
    cards = ask(kit.chart(empty, K, problems=[kit.problem(SEPSIS, onset=20)]))
    assert kit.rows(cards) == {"A4": "info"}
    assert kit.ordered_tests(cards) == ["19123-9"]
    assert "not measured" in kit.words(*cards)


@pytest.mark.parametrize(
    ("comparator", "value", "expected"),
    [
        ("<", 1.2, {"A2": "critical"}),
        ("<", 1.7, {"A1": "warning"}),
        ("<", 1.71, {"D4": "info"}),
        (">", 2.5, {"D4": "info"}),
        (">", 4.0, {"C5": "critical"}),
        (">", 3.9, {"D4": "info"}),
    ],
)
def test_safety_09_a_magnesium_beyond_a_limit_counts_only_where_it_decides(
    ask: Any, comparator: str, value: float, expected: dict[str, str]
) -> None:
    cards = ask(kit.chart(kit.lab("mg", value, comparator=comparator), K))
    assert kit.rows(cards) == expected
    assert bool(kit.drugs(cards)) is ("A2" in expected)


@pytest.mark.parametrize(("value", "expected"), [(2.6, {"C5": "warning"}), (2.59, {"D4": "info"})])
def test_safety_09_above_the_high_limit_counts_with_a_magnesium_product(
    ask: Any, value: float, expected: dict[str, str]
) -> None:
    result = kit.lab("mg", value, comparator=">")
    assert kit.rows(ask(kit.chart(result, K, medications=OXIDE))) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2.5, {"B4": "critical"}), (2.6, {"D4": "info"}), (3.6, {"D4": "info"})],
)
def test_safety_09_a_potassium_below_a_limit_counts_only_where_it_decides(
    ask: Any, value: float, expected: dict[str, str]
) -> None:
    result = kit.lab("k", value, comparator="<")
    assert kit.rows(ask(kit.chart(result, NORMAL))) == expected


@pytest.mark.parametrize(("value", "expected"), [(5.0, {"C4": "critical"}), (4.9, {"D4": "info"})])
def test_safety_09_a_potassium_above_a_limit_counts_only_where_it_decides(
    ask: Any, value: float, expected: dict[str, str]
) -> None:
    result = kit.lab("k", value, comparator=">")
    assert kit.rows(ask(kit.chart(result, NORMAL, drafts=[kit.tablets()]))) == expected


def test_safety_10_the_time_of_the_draw_goes_before_the_time_of_issue(ask: Any) -> None:
    old = kit.lab("mg", 1.0, hours=30, issued=kit.ago(1))
    assert kit.rows(ask(kit.chart(old, K))) == {"D4": "info"}
    first = kit.lab("mg", 1.0, hours=6, issued=kit.ago(1))
    second = kit.lab("mg", 2.0, hours=5, issued=kit.ago(3))
    assert kit.rows(ask(kit.chart(first, second, K))) == {}


@pytest.mark.parametrize(("hours", "expected"), [(24, {"A2": "critical"}), (25, {"D4": "info"})])
def test_safety_10_without_a_time_of_draw_the_time_of_issue_is_used(
    ask: Any, hours: float, expected: dict[str, str]
) -> None:
    result = without(MG, "effectiveDateTime", issued=kit.ago(hours))
    assert kit.rows(ask(kit.chart(result, K))) == expected


def test_safety_10_the_use_of_the_time_of_issue_is_flagged(ask: Any) -> None:
    text = kit.words(*ask(kit.chart(without(MG, "effectiveDateTime", issued=kit.ago(2)), K)))
    assert "report" in text or "issue" in text
    assert "drawn 2026-11-21 10:00" not in text


def test_safety_10_a_result_of_the_future_is_ignored(ask: Any) -> None:
    future = kit.lab("mg", 1.0, hours=-1)
    assert kit.rows(ask(kit.chart(future, NORMAL, K))) == {}
    assert kit.rows(ask(kit.chart(future, kit.lab("mg", 1.5), K))) == {"A1": "warning"}


@pytest.mark.parametrize(
    ("newer", "older", "expected"), [(2.0, 1.0, {}), (1.0, 2.0, {"A2": "critical"})]
)
def test_safety_10_the_newest_valid_result_wins(
    ask: Any, newer: float, older: float, expected: dict[str, str]
) -> None:
    results = (kit.lab("mg", older, hours=5), kit.lab("mg", newer, hours=4))
    assert kit.rows(ask(kit.chart(*results, K))) == expected
    assert kit.rows(ask(kit.chart(*reversed(results), K))) == expected


@pytest.mark.parametrize(
    ("pair", "expected", "doses"),
    [
        ((0.9, 1.1), {"A2": "critical"}, [("829757", "4 g")]),
        ((1.5, 2.0), {"D4": "info"}, []),
    ],
)
def test_safety_10_conflicting_results_of_one_draw_decide_what_both_decide(
    ask: Any,
    pair: tuple[float, float],
    expected: dict[str, str],
    doses: list[tuple[str, str]],
) -> None:
    cards = ask(kit.chart(*(kit.lab("mg", value) for value in pair), K))
    assert kit.rows(cards) == expected
    assert kit.offered(cards) == doses
    assert [value for value in pair if f"{value} mg/dl" not in kit.words(*cards)] == []


def test_safety_10_a_severe_and_a_low_result_of_one_draw_start_no_dose(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.1), kit.lab("mg", 1.3), K))
    assert kit.rows(cards) != {}
    assert kit.drugs(cards) == []


@pytest.mark.parametrize(
    ("place", "fresh", "stale"), [("inpatient", 24, 24.1), ("outpatient", 168, 168.1)]
)
def test_safety_11_a_stale_result_drives_no_dose_and_is_repeated_with_its_age(
    ask: Any, place: str, fresh: float, stale: float
) -> None:
    assert "A2" in kit.rows(ask(kit.chart(kit.lab("mg", 1.0, hours=fresh), K, place=place)))
    cards = ask(kit.chart(kit.lab("mg", 1.0, hours=stale), K, place=place))
    assert kit.rows(cards) == {"D4": "info"}
    assert kit.drugs(cards) == []
    assert kit.ordered_tests(cards) == ["19123-9"]
    assert "stale" in kit.words(*cards)
    assert ("24 h ago" if place == "inpatient" else "7 days ago") in kit.words(*cards)


@pytest.mark.parametrize(
    "mark",
    [
        {"note": [{"text": "Specimen hemolyzed"}]},
        {"interpretation": [{"text": "haemolysed"}]},
    ],
)
def test_safety_12_a_haemolysed_potassium_is_repeated_before_treating(
    ask: Any, mark: kit.Json
) -> None:
    cards = ask(kit.chart(kit.lab("k", 5.9, **mark), NORMAL))
    assert kit.rows(cards) == {"D4": "info"}
    assert "repeat before treating" in kit.words(*cards)
    assert kit.ordered_tests(cards) == ["2823-3"]


@pytest.mark.parametrize(
    ("value", "expected"), [(5.0, {"C4": "critical"}), (4.9, {"C6": "warning"})]
)
def test_safety_12_potassium_is_held_when_a_haemolysed_one_looks_high(
    ask: Any, value: float, expected: dict[str, str]
) -> None:
    result = kit.lab("k", value, note=[{"text": "hemolyzed"}])
    cards = ask(kit.chart(result, NORMAL, drafts=[kit.tablets()]))
    assert kit.rows(cards) == expected
    assert ("hold potassium" in kit.words(*cards)) is ("C4" in expected)
    assert kit.deleted(cards) == []


@pytest.mark.parametrize(("calcium", "said"), [(5.4, True), (5.5, False)])
def test_safety_12_a_sample_that_may_be_diluted_is_repeated_before_treating(
    ask: Any, calcium: float, said: bool
) -> None:
    before = (kit.lab("k", 4.0, hours=10), kit.lab("cr", 0.9, hours=10))
    now = (kit.lab("k", 2.9), kit.lab("cr", 0.6), kit.lab("ca", calcium))
    text = kit.words(kit.card(ask(kit.chart(MG, *before, *now)), "A2"))
    assert ("drip-arm" in text) is said
    assert ("repeat before treating" in text) is said


def test_safety_12_high_potassium_with_low_calcium_and_magnesium_looks_like_edta(ask: Any) -> None:
    results = (kit.lab("mg", 0.8), kit.lab("k", 8.0), kit.lab("ca", 4.5), kit.lab("albumin", 4.0))
    text = kit.words(kit.card(ask(kit.chart(*results)), "A2"))
    assert "repeat before treating" in text
