"""Clinical pack R9 and R10: magnesium that is on order already, and what stops a dose."""

from __future__ import annotations

import re
from typing import Any

import pack_kit as kit
import pytest

BAG, TABLET = "829757", "198741"
CROHN = kit.problem("34000006")
TORSADES = kit.problem("31722008", onset=1)
INFUSION = kit.order("magnesium sulfate bag", "2 g", route="iv")
REFRACTORY_K = [kit.lab("k", 3.0), kit.lab("k", 3.0, hours=30)]
K_GIVEN = kit.given("potassium chloride", "40 meq", hours=20)

# R9: every way in which parenteral magnesium is on order or was given, and what names it.
COVERED: dict[str, tuple[dict[str, Any], str]] = {
    "active order": ({"medications": [INFUSION]}, "magnesium sulfate"),
    "into the muscle": (
        {"medications": [kit.order("magnesium sulfate vial", "1 g", route="im")]},
        "magnesium sulfate",
    ),
    "selected draft": (
        {"drafts": [kit.draft("magnesium sulfate bag", "2 g")]},
        "magnesium sulfate",
    ),
    "other draft": (
        {"unselected": [kit.draft("magnesium sulfate bag", "2 g")]},
        "magnesium sulfate",
    ),
    "given 23.9 h ago": (
        {"administrations": [kit.given("magnesium sulfate bag", "2 g", hours=23.9)]},
        "magnesium sulfate",
    ),
    "running": (
        {
            "administrations": [
                kit.given("magnesium sulfate bag", "2 g", hours=20, status="in-progress")
            ]
        },
        "magnesium sulfate",
    ),
    "nutrition": ({"medications": [kit.order("parenteral nutrition")]}, "parenteral nutrition"),
}
NOT_COVERED: dict[str, dict[str, Any]] = {
    "given 24.1 h ago": {
        "administrations": [kit.given("magnesium sulfate bag", "2 g", hours=24.1)]
    },
    "not given": {
        "administrations": [kit.given("magnesium sulfate bag", "2 g", hours=2, status="not-done")]
    },
    "stopped": {"medications": [kit.order("magnesium sulfate bag", "2 g", status="stopped")]},
    "cancelled": {"medications": [kit.order("magnesium sulfate bag", "2 g", status="cancelled")]},
}
INFO_ROWS = {"A1": (1.5, []), "A1-iv": (1.5, [CROHN]), "A2": (1.0, [])}


@pytest.mark.parametrize("how", COVERED)
@pytest.mark.parametrize("row", INFO_ROWS)
def test_r09_covered_magnesium_cards_become_information(row: str, how: str, ask: Any) -> None:
    (mg, problems), (lists, name) = INFO_ROWS[row], COVERED[how]
    cards = ask(kit.chart(kit.lab("mg", mg), problems=problems, **lists))
    assert kit.rows(cards)[row] == "info"
    assert kit.drugs(cards) == []
    text = kit.words(kit.card(cards, row))
    assert "already ordered" in text
    assert re.search(r"check (the dose|dose|it)", text)
    assert name in text


@pytest.mark.parametrize("how", NOT_COVERED)
def test_r09_what_was_not_given_and_is_no_order_covers_nothing(how: str, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0), **NOT_COVERED[how]))
    assert kit.rows(cards) == {"A2": "critical"}
    assert kit.offered(cards) == [(BAG, "4 g")]


@pytest.mark.parametrize("how", COVERED)
def test_r09_the_emergency_and_the_potassium_cards_keep_their_level(how: str, ask: Any) -> None:
    lists = COVERED[how][0]
    cards = ask(kit.chart(kit.lab("mg", 1.0), problems=[TORSADES], **lists))
    assert kit.rows(cards)["A3"] == "critical"
    assert kit.drugs(cards) == []
    for labs, row in (([kit.lab("k", 3.2)], "B0"), (REFRACTORY_K, "B1")):
        given = [K_GIVEN, *lists.get("administrations", [])]
        more = lists | {"administrations": given}
        cards = ask(kit.chart(kit.lab("mg", 1.5), *labs, **more))
        assert kit.rows(cards)[row] == "warning"
        assert kit.drugs(cards) == []


TABLETS = [kit.order("magnesium oxide")]


def test_r09_oral_magnesium_on_order_makes_a1_information_without_more(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.5), medications=TABLETS))
    assert kit.rows(cards) == {"A1": "info"}
    assert kit.drugs(cards) == []
    assert "magnesium oxide" in kit.words(*cards)


@pytest.mark.parametrize(
    ("mg", "problems", "row", "level", "dose"),
    [
        (1.0, [], "A2", "critical", "4 g"),
        (1.5, [CROHN], "A1-iv", "warning", "2 g"),
        (1.5, [TORSADES], "A3", "critical", "2 g"),
    ],
)
def test_r09_oral_magnesium_on_order_blocks_no_infusion_and_is_named(
    mg: float, problems: list[Any], row: str, level: str, dose: str, ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", mg), problems=problems, medications=TABLETS))
    assert kit.rows(cards) == {row: level}
    assert kit.offered(cards) == [(BAG, dose)]
    assert "magnesium oxide" in kit.words(*cards)


def test_r09_the_potassium_card_names_oral_magnesium_and_adds_none(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.5), kit.lab("k", 3.2), medications=TABLETS))
    assert kit.rows(cards) == {"B0": "warning"}
    assert kit.drugs(cards) == []
    assert "magnesium oxide" in kit.words(*cards)


def allergic(code: str, name: str) -> dict[str, Any]:
    return {"allergies": [kit.allergy(code, name)]}


def has(*codes: str, **more: Any) -> dict[str, Any]:
    return {"problems": [kit.problem(code, **more) for code in codes]}


# R10: stops for every magnesium order, and the word by which the card names each.
STOPS: dict[str, tuple[dict[str, Any], str]] = {
    "17 years": ({"age": 17}, "weight-based"),
    "age unknown": ({"age": None}, "age not known"),
    "39.9 kg": ({"weight": 39.9}, "39.9 kg"),
    "pregnant": (has("77386006") | {"sex": "female"}, "pregnancy"),
    "pre-eclampsia": (has("398254007") | {"sex": "female"}, "eclampsia"),
    "eclampsia": (has("15938005") | {"sex": "female"}, "eclampsia"),
    "renal hold": ({"kidneys": "hold"}, "kidney"),
    "renal unknown": ({"kidneys": "unknown"}, "kidney"),
    "laxative": ({"medications": [kit.order("magnesium citrate")]}, "magnesium citrate"),
    "antacid draft": ({"drafts": [kit.draft("magnesium hydroxide")]}, "magnesium hydroxide"),
    "bowel preparation, other draft": ({"unselected": [kit.draft("suprep")]}, "suprep"),
    "allergies not known": ({"without": ["allergies"]}, "allergies"),
    "problems not known": ({"without": ["problems"]}, "problems"),
    "medications not known": ({"without": ["medications"]}, "medications"),
}
NO_STOPS: dict[str, dict[str, Any]] = {
    "18 years": {"age": 18},
    "40 kg": {"weight": 40},
    "weight unknown": {"weight": None},
    "pregnancy over": has("77386006", clinical="resolved") | {"sex": "female"},
    "allergy to another salt": allergic("8591", "Potassium Chloride"),
    "other laxative": {"medications": [kit.order("polyethylene glycol 3350")]},
}
LEVELS = {1.0: {"A2": "critical"}, 1.5: {"A1": "warning"}}


@pytest.mark.parametrize("mg", LEVELS)
@pytest.mark.parametrize("why", STOPS)
def test_r10_a_stop_removes_the_suggestion_names_itself_and_keeps_the_level(
    why: str, mg: float, ask: Any
) -> None:
    words, name = STOPS[why]
    cards = ask(kit.chart(kit.lab("mg", mg), **words))
    assert LEVELS[mg].items() <= kit.rows(cards).items()
    assert kit.drugs(cards) == []
    assert name in kit.withheld(kit.card(cards, "A2" if mg == 1.0 else "A1"))


@pytest.mark.parametrize("mg", LEVELS)
@pytest.mark.parametrize("why", NO_STOPS)
def test_r10_what_is_no_stop_leaves_the_suggestion(why: str, mg: float, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", mg), **NO_STOPS[why]))
    assert kit.rows(cards) == LEVELS[mg]
    assert [code for code, _ in kit.offered(cards)] == [BAG if mg == 1.0 else TABLET]


@pytest.mark.parametrize(
    ("mg", "code", "name"),
    [(1.0, "6585", "Magnesium Sulfate"), (1.5, "198741", "magnesium oxide 400 mg tablet")],
)
def test_r10_an_allergy_to_that_substance_stops_it(
    mg: float, code: str, name: str, ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", mg), **allergic(code, name)))
    assert kit.rows(cards) == LEVELS[mg]
    assert kit.drugs(cards) == []
    assert "allergy" in kit.withheld(*cards)


MI, DKA, COMA = "22298006", "420422005", "422126006"
WEEK, MONTH = 7 * 24, 28 * 24
IV_STOPS: dict[str, tuple[dict[str, Any], str]] = {
    "second degree block": (has("195042002"), "heart block"),
    "complete block": (has("27885002"), "heart block"),
    "heart block": (has("233916004"), "heart block"),
    "infarction 28 days ago": (has(MI, onset=MONTH), "infarction"),
    "infarction recorded 28 days ago": (has(MI, recorded=MONTH), "infarction"),
    "infarction, undated": (has(MI), "infarction"),
    "myasthenia": (has("91637004"), "myasthenia"),
    "ketoacidosis of a week": (has(DKA, onset=WEEK), "ketoacidosis"),
    "ketoacidosis recorded": (has(DKA, recorded=WEEK), "ketoacidosis"),
    "hyperosmolar coma": (has(COMA, onset=1), "diabetic coma"),
    "outpatient": ({"encounter": kit.ambulatory()}, "outpatient"),
    "encounter not known": ({"without": ["encounter"]}, "encounter"),
}
NO_IV_STOPS: dict[str, dict[str, Any]] = {
    "first degree block": has("270492004"),
    "complete block and pacemaker": has("27885002", "441509002"),
    "heart block and pacemaker": has("233916004", "441509002"),
    "infarction before that": has(MI, onset=MONTH + 0.1),
    "infarction long ago, recorded today": has(MI, onset=9000, recorded=1),
    "old infarction": has("I25.2"),
    "heart failure": has("84114007"),
    "ketoacidosis before that": has(DKA, onset=WEEK + 0.1),
    "ketoacidosis, undated": has(DKA),
}


@pytest.mark.parametrize("why", IV_STOPS)
def test_r10_an_iv_stop_removes_the_infusion_and_keeps_the_level(why: str, ask: Any) -> None:
    words, name = IV_STOPS[why]
    cards = ask(kit.chart(kit.lab("mg", 1.0), **words))
    assert kit.rows(cards) == LEVELS[1.0]
    assert kit.drugs(cards) == []
    assert name in kit.withheld(*cards)


@pytest.mark.parametrize("why", IV_STOPS)
def test_r10_an_iv_stop_leaves_the_tablets(why: str, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.5), **IV_STOPS[why][0]))
    assert kit.rows(cards) == LEVELS[1.5]
    assert kit.offered(cards) == [(TABLET, "400 mg")]


@pytest.mark.parametrize("why", NO_IV_STOPS)
def test_r10_what_is_no_iv_stop_leaves_the_infusion(why: str, ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0), **NO_IV_STOPS[why]))
    assert kit.offered(cards) == [(BAG, "4 g")]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("administrations", ["doses given", "not visible", "orders only"]),
        ("procedures", ["dialysis procedures", "not visible"]),
    ],
)
def test_r10_doses_or_procedures_not_known_stop_nothing_and_are_said(
    key: str, said: list[str], ask: Any
) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0), without=[key]))
    assert kit.offered(cards) == [(BAG, "4 g")]
    text = kit.words(*cards)
    assert [words for words in said if words not in text] == []


def test_r10_an_encounter_that_is_not_known_has_inpatient_windows(ask: Any) -> None:
    cards = ask(kit.chart(kit.lab("mg", 1.0, hours=24.1), without=["encounter"]))
    assert kit.rows(cards) == {"D4": "info"}
