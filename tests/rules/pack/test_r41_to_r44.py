"""Clinical pack R41 to R44: unstable creatinine, symptoms and constants, leukopenia and orders
without results, and samples that may be diluted."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    card,
    chart,
    draft,
    drip,
    drugs,
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
SEVERE = lab("mg", 1.0)


# R41: the ratio of creatinine needs an absolute rise


@pytest.mark.parametrize(
    ("loinc", "unit", "before", "newest", "grams"),
    [
        ("2160-0", "mg/dL", 0.4, 0.6, "4 g"),
        ("2160-0", "mg/dL", 0.5, 0.79, "4 g"),
        ("2160-0", "mg/dL", 0.6, 0.89, "4 g"),
        ("2160-0", "mg/dL", 0.6, 0.9, "1 g"),
        ("14682-9", "umol/L", 50, 76.4, "4 g"),
        ("14682-9", "umol/L", 50, 76.5, "1 g"),
    ],
)
def test_r41_half_as_much_again_counts_only_with_a_rise_of_0_3(
    ask: Any, loinc: str, unit: str, before: float, newest: float, grams: str
) -> None:
    results = [lab(loinc, before, unit, hours=5 * DAY), lab(loinc, newest, unit, hours=4)]
    cards = ask(chart(SEVERE, *results, kidneys="unknown"))
    assert offered(cards) == [("829757", grams)]


# R42: symptoms, constants, age


def test_r42_symptoms_are_not_read_and_the_card_says_what_they_would_mean(ask: Any) -> None:
    assert "if symptomatic, treat as severe" in words(card(ask(chart(lab("mg", 1.5))), "A1"))


@pytest.mark.parametrize(
    ("loinc", "value", "unit", "expected"),
    [
        ("19123-9", 17, "mg/L", {}),
        ("19123-9", 16.9, "mg/L", {"A1": "warning"}),
        ("19123-9", 12, "mg/L", {"A1": "warning"}),
        ("19123-9", 11.9, "mg/L", {"A2": "critical"}),
        ("19123-9", 39, "mg/L", {}),
        ("19123-9", 40, "mg/L", {"C5": "critical"}),
        ("2601-3", 700, "umol/L", {}),
        ("2601-3", 699, "umol/L", {"A1": "warning"}),
        ("2601-3", 494, "umol/L", {"A1": "warning"}),
        ("2601-3", 493, "umol/L", {"A2": "critical"}),
        ("2601-3", 1649, "umol/L", {}),
        ("2601-3", 1650, "umol/L", {"C5": "critical"}),
    ],
)
def test_r42_mg_per_litre_and_micromoles_have_constants_of_their_own(
    ask: Any, loinc: str, value: float, unit: str, expected: dict[str, str]
) -> None:
    assert rows(ask(chart(lab(loinc, value, unit)))) == expected


def test_r42_an_age_above_120_or_a_birth_after_the_result_is_unknown(ask: Any) -> None:
    assert offered(ask(chart(SEVERE, age=119))) == [("829757", "1 g")]
    old, unborn = chart(SEVERE, age=122), chart(SEVERE)
    unborn["prefetch"]["patient"]["birthDate"] = "2026-11-22"
    for request in (old, unborn):
        cards = ask(request)
        assert rows(cards) == {"A2": "critical"}
        assert drugs(cards) == []
        assert "age" in words(*cards)


# R43: A6, leukopenia

LUPUS = problem("55464009")
LISTED = problem("84828003")


@pytest.mark.parametrize(
    ("results", "problems", "place", "expected"),
    [
        ([lab("wbc", 3.9)], [LUPUS], "inpatient", True),
        ([lab("wbc", 4.0)], [LUPUS], "inpatient", False),
        ([lab("wbc", 3.9, "10*9/L")], [LUPUS], "inpatient", True),
        ([lab("wbc", 4.0, "10*9/L")], [LUPUS], "inpatient", False),
        ([lab("wbc", 3.0, hours=7 * DAY)], [LUPUS], "inpatient", True),
        ([lab("wbc", 3.0, hours=7 * DAY + 1)], [LUPUS], "inpatient", False),
        ([lab("wbc", 3.0, hours=30 * DAY)], [LUPUS], "outpatient", True),
        ([lab("wbc", 3.0, hours=30 * DAY + 1)], [LUPUS], "outpatient", False),
        ([], [LUPUS, LISTED], "inpatient", True),
        ([], [LUPUS, problem("D72.819")], "inpatient", True),
        ([lab("wbc", 6.0)], [LUPUS, LISTED], "inpatient", False),
        ([lab("wbc", 6.0, hours=7 * DAY + 1)], [LUPUS, LISTED], "inpatient", True),
        ([], [LUPUS], "inpatient", False),
        ([lab("wbc", 3.0)], [], "inpatient", False),
        ([lab("wbc", 3.0), lab("mg", 2.0, hours=30 * DAY)], [LUPUS], "inpatient", False),
        ([lab("wbc", 3.0), lab("mg", 2.0, hours=30 * DAY + 1)], [LUPUS], "inpatient", True),
    ],
)
def test_r43_lupus_with_leukopenia_and_no_magnesium_in_30_days_is_told(
    ask: Any, results: list[Json], problems: list[Json], place: str, expected: bool
) -> None:
    cards = ask(chart(*results, problems=problems, place=place))
    assert rows(cards) == ({"A6": "info"} if expected else {})
    assert ordered_tests(cards) == (["19123-9"] if expected else [])
    assert drugs(cards) == []


# R43: C6, orders without results


def bag(dose: str) -> Json:
    return draft("magnesium sulfate bag", dose, rate="1 g/h")


@pytest.mark.parametrize(
    ("drafted", "expected"),
    [
        (bag("1.9 g"), {}),
        (bag("2 g"), {"C6": "warning"}),
        (bag("4"), {"C6": "warning"}),
        (draft("magnesium oxide", "400 mg", route="oral"), {}),
        (tablets(), {"C6": "warning"}),
        (drip(), {"C6": "warning"}),
    ],
)
def test_r43_unknown_kidneys_ask_before_2_g_of_iv_magnesium_or_any_potassium(
    ask: Any, drafted: Json, expected: dict[str, str]
) -> None:
    cards = ask(chart(lab("mg", 2.0), lab("k", 3.6), kidneys="unknown", drafts=[drafted]))
    assert rows(cards) == expected
    assert ordered_tests(cards) == (["2160-0"] if expected else [])


@pytest.mark.parametrize(
    ("potassium", "row", "tests"),
    [
        ([lab("k", 3.6, hours=24)], None, []),
        ([lab("k", 3.6, hours=24.1)], "C6", ["2823-3"]),
        ([], "C6", ["2823-3"]),
        ([lab("k", 5.6, status="preliminary")], "C4", []),
        ([lab("k", 3.0, status="preliminary")], "C6", ["2823-3"]),
    ],
)
def test_r43_potassium_without_a_usable_potassium_asks_for_one(
    ask: Any, potassium: list[Json], row: str | None, tests: list[str]
) -> None:
    cards = ask(chart(lab("mg", 2.0), *potassium, drafts=[tablets()]))
    assert set(rows(cards)) == ({row} if row else set())
    assert ordered_tests(cards) == tests


def test_r43_both_tests_are_ordered_where_both_are_missing(ask: Any) -> None:
    cards = ask(chart(lab("mg", 2.0), kidneys="unknown", drafts=[tablets()]))
    assert rows(cards) == {"C6": "warning"}
    assert sorted(ordered_tests(cards)) == ["2160-0", "2823-3"]


# R44: samples that may be diluted


def diluted(
    calcium: float = 5.4, potassium: float = 2.9, creatinine: float = 0.7, before: float = 20
) -> list[Json]:
    """A draw 4 h ago with these values, and potassium 4.0 and creatinine 1.0 before it."""
    values = {"ca": calcium, "k": potassium, "cr": creatinine}
    earlier = {"k": 4.0, "cr": 1.0}
    return [
        *(lab(what, value) for what, value in values.items()),
        *(lab(what, value, hours=before) for what, value in earlier.items()),
    ]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (diluted(), True),
        (diluted(calcium=5.5), False),
        (diluted(potassium=3.0), False),
        (diluted(creatinine=0.75), False),
        (diluted(creatinine=1.0), False),
        (diluted(before=24), True),
        (diluted(before=28.1), False),
    ],
)
def test_r44_a_possible_dilution_is_a_line_on_the_card(
    ask: Any, results: list[Json], expected: bool
) -> None:
    text = words(*ask(chart(lab("mg", 1.5), *results)))
    assert ("possible drip-arm or diluted sample" in text) is expected
    assert ("repeat before treating" in text) is expected


def test_r44_a_possible_dilution_sets_nothing_aside(ask: Any) -> None:
    found = rows(ask(chart(lab("mg", 1.5), *diluted(), medications=[order("digoxin")])))
    assert found["B0"] == found["D2"] == "warning"
