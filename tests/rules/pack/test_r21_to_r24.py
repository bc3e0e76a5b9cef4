"""Clinical pack R21 to R24: by mouth or into a vein, and the QT interval."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    card,
    chart,
    draft,
    lab,
    offered,
    order,
    problem,
    rows,
    words,
)

Json = dict[str, Any]
DAY = 24
NORMAL = lab("mg", 2.0)


def level(ask: Any, request: Json, row: str) -> str | None:
    """The indicator of the card that shows the row, or nothing."""
    return rows(ask(request)).get(row)


# R21 to R23: by mouth or IV


def plan(ask: Any, *results: Json, **lists: Any) -> tuple[str, list[tuple[str, str]]]:
    """The row of a low magnesium, and what is offered for it."""
    cards = ask(chart(lab("mg", 1.5), *results, **lists))
    (row,) = {"A1", "A1-iv"} & set(rows(cards))
    return row, offered(cards)


ORAL = ("A1", [("198741", "400 mg")])
IV = ("A1-iv", [("829757", "2 g")])
GUT = ["32230006", "K90.0", "26629001", "34000006", "236071009", "55525008", "K56.7", "K56.60"]


@pytest.mark.parametrize("code", GUT)
def test_r21_a_gut_that_does_not_absorb_is_a_reason_to_give_it_iv(ask: Any, code: str) -> None:
    assert plan(ask, problems=[problem(code)]) == IV
    assert plan(ask, problems=[problem(code, clinical="resolved")]) == ORAL


def test_r21_the_card_says_that_fasting_is_not_read(ask: Any) -> None:
    text = words(card(ask(chart(lab("mg", 1.5))), "A1"))
    assert any(word in text for word in ("npo", "may eat", "fasting", "nil by mouth"))


@pytest.mark.parametrize("drug", ["cetuximab", "panitumumab", "cisplatin", "oxaliplatin"])
def test_r22_an_active_platinum_or_anti_egfr_drug_is_an_iv_trigger(ask: Any, drug: str) -> None:
    assert plan(ask, medications=[order(drug)]) == IV
    assert plan(ask, unselected=[draft(drug)]) == ORAL


def test_r22_without_a_trigger_magnesium_is_given_by_mouth(ask: Any) -> None:
    assert plan(ask) == ORAL


WEEK = 7 * DAY


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        *((problem(code, onset=WEEK), IV) for code in ("31722008", "25569003", "71908006")),
        *((problem(code, onset=WEEK + 1), ORAL) for code in ("31722008", "25569003", "71908006")),
        (problem("44103008", onset=WEEK), IV),
        (problem("44103008", recorded=WEEK), IV),
        (problem("44103008", onset=WEEK + 1), ORAL),
        (problem("44103008"), ORAL),
        *((problem(code), IV) for code in ("9651007", "442917000", "111975006", "I45.81")),
        (problem("9651007", clinical="resolved"), ORAL),
        (problem("49436004", onset=2), ORAL),
    ],
)
def test_r23_a_recent_ventricular_arrhythmia_or_a_long_qt_is_an_iv_trigger(
    ask: Any, listed: Json, expected: Any
) -> None:
    assert plan(ask, problems=[listed]) == expected


@pytest.mark.parametrize(
    ("qtc", "hours", "expected"), [(499, 2, ORAL), (500, 2, IV), (500, 48, IV), (500, 49, ORAL)]
)
def test_r23_a_qtc_of_500_in_its_window_is_an_iv_trigger(
    ask: Any, qtc: int, hours: float, expected: Any
) -> None:
    assert plan(ask, lab("qtc", qtc, hours=hours)) == expected


# R24: D2


@pytest.mark.parametrize(
    ("drug", "qtc", "potassium", "magnesium", "expected"),
    [
        ("amiodarone", None, 3.5, 1.7, None),
        ("digoxin", None, 3.5, 1.7, None),
        ("", 500, 3.5, 1.7, None),
        ("", 499, 3.4, 1.6, None),
        ("amiodarone", 499, 3.5, 1.7, None),
        ("amiodarone", None, 3.4, 1.7, "warning"),
        ("amiodarone", 499, 3.5, 1.6, "warning"),
        ("amiodarone", None, 3.5, 1.1, "warning"),
        ("digoxin", None, 3.4, 1.7, "warning"),
        ("digoxin", None, 3.5, 1.6, "warning"),
        ("amiodarone", 500, 3.5, 1.7, "critical"),
        ("digoxin", 500, 3.5, 1.7, "critical"),
        ("", 500, 3.4, 1.7, "critical"),
        ("", 500, 3.5, 1.6, "critical"),
    ],
)
def test_r24_a_long_qtc_or_a_qt_drug_needs_company_to_fire(
    ask: Any, drug: str, qtc: int | None, potassium: float, magnesium: float, expected: str | None
) -> None:
    heart = [lab("qtc", qtc)] if qtc else []
    active = [order(drug)] if drug else []
    cards = ask(chart(lab("k", potassium), lab("mg", magnesium), *heart, medications=active))
    assert rows(cards).get("D2") == expected
    if expected:
        shown = card(cards, "D2")
        assert "suggestions" not in shown or shown["suggestions"] == []
        assert "correct" in words(shown)


def test_r24_a_selected_qt_drug_counts_and_an_unselected_draft_does_not(ask: Any) -> None:
    low = (NORMAL, lab("k", 3.4))
    assert level(ask, chart(*low, drafts=[draft("amiodarone")]), "D2") == "warning"
    assert level(ask, chart(*low, unselected=[draft("amiodarone")]), "D2") is None


def test_r24_a_stale_qtc_does_not_count(ask: Any) -> None:
    request = chart(
        NORMAL, lab("k", 4.0), lab("qtc", 520, hours=49), medications=[order("digoxin")]
    )
    assert level(ask, request, "D2") is None


def test_r24_the_card_names_the_drug_to_reconsider_and_the_digoxin_risk(ask: Any) -> None:
    active = [order("amiodarone"), order("digoxin")]
    text = words(card(ask(chart(NORMAL, lab("k", 3.4), medications=active)), "D2"))
    for said in ("reconsider", "amiodarone", "heart-block risk with digoxin"):
        assert said in text
