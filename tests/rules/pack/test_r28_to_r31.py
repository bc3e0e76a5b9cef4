"""Clinical pack R28 to R31: tests that are ordered already, what counts as an order, the total of
24 hours, and how a dose is written."""

from __future__ import annotations

from typing import Any

import pytest
from pack_kit import (
    ago,
    card,
    chart,
    draft,
    drip,
    drugs,
    given,
    lab,
    lab_order,
    offered,
    order,
    ordered_tests,
    per_day,
    rows,
    tablets,
    words,
)

Json = dict[str, Any]
RISK = [order("cisplatin")]  # row A4 asks for a magnesium level


# R28: a test is not ordered twice


@pytest.mark.parametrize(
    ("open_order", "expected"),
    [
        (lab_order("19123-9", hours=1), []),
        (lab_order("19123-9", hours=24), []),
        (lab_order("19123-9", hours=24.1), ["19123-9"]),
        (lab_order("19123-9", hours=1, status="revoked"), ["19123-9"]),
        (lab_order("2823-3", hours=1), ["19123-9"]),
    ],
)
def test_r28_a_test_that_was_ordered_in_the_last_24_hours_is_not_ordered_again(
    ask: Any, open_order: Json, expected: list[str]
) -> None:
    cards = ask(chart(medications=RISK, lab_orders=[open_order]))
    assert rows(cards) == {"A4": "info"}
    assert ordered_tests(cards) == expected


def test_r28_a_test_that_is_drafted_is_not_ordered_again(ask: Any) -> None:
    drafted = lab_order("19123-9", hours=0, status="draft")
    assert ordered_tests(ask(chart(medications=RISK, unselected=[drafted]))) == []


def test_r28_open_orders_that_are_not_known_are_said_and_the_test_is_still_offered(
    ask: Any,
) -> None:
    cards = ask(chart(medications=RISK, without=["lab_orders"]))
    assert ordered_tests(cards) == ["19123-9"]
    assert "not visible" in words(*cards)
    assert "not visible" not in words(*ask(chart(medications=RISK)))


def test_r28_a_test_that_several_cards_want_stands_on_the_most_severe(ask: Any) -> None:
    cards = ask(chart(lab("k", 2.4), medications=RISK))
    assert rows(cards) == {"B4": "critical", "A4": "warning"}
    assert ordered_tests(cards) == ordered_tests([card(cards, "B4")]) == ["19123-9"]
    blind = chart(lab("mg", 1.0), lab("k", 4.0), kidneys="unknown", drafts=[tablets()])
    cards = ask(blind)
    assert rows(cards)["C6"] == "warning"
    assert ordered_tests(cards) == ordered_tests([card(cards, "A2")]) == ["2160-0"]


# R29: what is active, drafted, given


PAST = {"start": ago(100), "end": ago(1)}
AHEAD = {"start": ago(100), "end": ago(-100)}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        *(
            ({"intent": intent}, True)
            for intent in (
                *("order", "original-order", "reflex-order", "filler-order", "instance-order"),
            )
        ),
        *(({"intent": intent}, False) for intent in ("proposal", "plan", "option")),
        *(
            ({"status": status}, False)
            for status in ("on-hold", "cancelled", "completed", "stopped", "draft", "unknown")
        ),
        ({"status": "entered-in-error"}, False),
        ({"doNotPerform": True}, False),
        ({"doNotPerform": False}, True),
        ({"dispenseRequest": {"validityPeriod": PAST}}, False),
        ({"dispenseRequest": {"validityPeriod": AHEAD}}, True),
        ({"repeat": {"boundsPeriod": PAST}}, False),
        ({"repeat": {"boundsPeriod": AHEAD}}, True),
    ],
)
def test_r29_an_order_is_active_by_status_intent_and_period(
    ask: Any, members: Json, expected: bool
) -> None:
    found = rows(ask(chart(lab("mg", 1.5), medications=[order("furosemide", **members)])))
    assert ("A5" in found) is expected


def test_r29_a_drug_that_does_not_reach_the_blood_is_no_exposure(ask: Any) -> None:
    skin = order("magnesium sulfate 0.4 mg/mg topical ointment")
    drops = order("gentamicin ophthalmic solution")
    cards = ask(chart(lab("mg", 1.0), medications=[skin, drops]))
    assert rows(cards) == {"A2": "critical"}
    assert offered(cards) == [("829757", "4 g")]


BAG = "magnesium sulfate bag"


@pytest.mark.parametrize(
    ("lists", "covered"),
    [
        ({"unselected": [draft(BAG, "1 g")]}, True),
        ({"medications": [order(BAG, "1 g", route="iv")]}, True),
        ({"administrations": [given(BAG, "1 g", hours=24)]}, True),
        ({"administrations": [given(BAG, "1 g", hours=24.1)]}, False),
        ({"administrations": [given(BAG, "1 g", hours=1, status="in-progress")]}, True),
        ({"administrations": [given(BAG, "1 g", hours=1, status="not-done")]}, False),
    ],
)
def test_r29_drafted_active_and_given_magnesium_cover(
    ask: Any, lists: dict[str, Any], covered: bool
) -> None:
    cards = ask(chart(lab("mg", 1.0), **lists))
    assert rows(cards)["A2"] == ("info" if covered else "critical")
    assert offered(cards) == ([] if covered else [("829757", "4 g")])


# R29, R30: the total of 24 hours, seen by the line on more than 8 g

ONCE = {"count": 1}


def above_8_g(ask: Any, **lists: Any) -> bool:
    text = words(card(ask(chart(lab("mg", 1.0), **lists)), "A2"))
    return "24 h total is above 8 g" in text


def bags(dose: str, repeat: Json, status: str = "draft", **more: Any) -> Json:
    return order(BAG, dose, route="iv", repeat=repeat, status=status, **{"hours": 1} | more)


NUMBER = [{"system": "urn:prescription", "value": "7"}]
REPEATED = [
    ({"hours": 2}, False),
    ({"hours": 2, "basedOn": [{"reference": "MedicationRequest/one"}]}, True),
    ({"hours": 2, "identifier": NUMBER}, True),
    ({"hours": 1}, True),
]


@pytest.mark.parametrize(("members", "same"), REPEATED)
def test_r29_the_same_order_seen_twice_among_the_active_ones_counts_once(
    ask: Any, members: Json, same: bool
) -> None:
    first = bags("5 g", ONCE, "active", id="one", identifier=NUMBER)
    twice = [first, bags("5 g", ONCE, "active", **members)]
    assert above_8_g(ask, medications=twice, unselected=[bags("1 g", ONCE)]) is not same


@pytest.mark.parametrize(("members", "same"), REPEATED)
def test_r29_the_same_order_seen_as_active_and_as_draft_counts_once(
    ask: Any, members: Json, same: bool
) -> None:
    first = bags("5 g", ONCE, "active", id="one", identifier=NUMBER)
    drafted = [bags("5 g", ONCE, **members)]
    assert above_8_g(ask, medications=[first], unselected=drafted) is not same


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({"unselected": [bags("4 g", ONCE), bags("4 g", ONCE, hours=0)]}, False),
        ({"unselected": [bags("4 g", ONCE), bags("5 g", ONCE)]}, True),
        ({"unselected": [bags("2 g", per_day(4))]}, False),
        ({"unselected": [bags("3 g", per_day(4))]}, True),
        (
            {
                "unselected": [bags("4 g", ONCE)],
                "medications": [bags("5 g", ONCE, "active", hours=2)],
            },
            True,
        ),
        (
            {"unselected": [bags("4 g", ONCE)], "administrations": [given(BAG, "5 g", hours=23)]},
            True,
        ),
        (
            {"unselected": [bags("4 g", ONCE)], "administrations": [given(BAG, "5 g", hours=25)]},
            False,
        ),
    ],
)
def test_r30_the_total_is_what_was_given_and_what_is_due_in_24_hours(
    ask: Any, lists: dict[str, Any], expected: bool
) -> None:
    assert above_8_g(ask, **lists) is expected


def test_r30_oral_magnesium_is_named_and_not_added(ask: Any) -> None:
    oral = order("magnesium oxide", "400 mg", route="oral", repeat=per_day(2))
    lists: dict[str, Any] = {"unselected": [bags("8 g", ONCE)], "medications": [oral]}
    assert above_8_g(ask, **lists) is False
    assert "magnesium oxide" in words(card(ask(chart(lab("mg", 1.0), **lists)), "A2"))


@pytest.mark.parametrize(
    ("kind", "row", "beside", "expected"),
    [
        (tablets("20 meq", 3), "C4-po", tablets("20 meq", 2, status="active", hours=2), None),
        (tablets("20 meq", 3), "C4-po", tablets("20 meq", 3, status="active", hours=2), "warning"),
        (drip("40 meq", times=3), "C4-iv", drip("40 meq", times=2, status="active", hours=2), None),
        (
            drip("40 meq", times=3),
            "C4-iv",
            drip("40 meq", times=3, status="active", hours=2),
            "warning",
        ),
    ],
)
def test_r30_the_potassium_of_24_hours_counts_every_order_against_r17_and_r18(
    ask: Any, kind: Json, row: str, beside: Json, expected: str | None
) -> None:
    request = chart(lab("mg", 2.0), lab("k", 3.4), drafts=[kind], medications=[beside])
    assert rows(ask(request)).get(row) == expected


@pytest.mark.parametrize(
    ("dose", "one_gram"),
    [
        ("4 g", "1 g"),
        ("4000 mg", "1000 mg"),
        ("32.48 meq", "8.12 meq"),
        ("16.24 mmol", "4.06 mmol"),
        ("400 mL", "100 mL"),
        ("4 {bag}", "1 {bag}"),
    ],
)
def test_r30_a_draft_is_read_in_six_units(ask: Any, dose: str, one_gram: str) -> None:
    cards = ask(chart(lab("mg", 2.0), kidneys="low", drafts=[draft(BAG, dose)]))
    assert rows(cards) == {"C1": "critical"}
    assert offered(cards, "update") == [("829757", one_gram)]


@pytest.mark.parametrize(
    ("drug", "dose"),
    [(BAG, "4"), (BAG, "4 [iU]"), (BAG, ""), ("magnesium sulfate", "400 mL")],
)
def test_r30_nothing_else_is_read_and_then_nothing_is_offered(
    ask: Any, drug: str, dose: str
) -> None:
    cards = ask(chart(lab("mg", 2.0), kidneys="low", drafts=[draft(drug, dose)]))
    assert rows(cards) == {"C1": "critical"}
    assert drugs(cards, "update") == []
    cards = ask(chart(lab("mg", 1.0), unselected=[draft(drug, dose)]))
    assert offered(cards) == []


# R31


@pytest.mark.parametrize(
    ("kidneys", "shown"),
    [
        ("full", ("4 g", "16.24 mmol", "32.48 meq")),
        ("half", ("2 g", "8.12 mmol", "16.24 meq")),
        ("low", ("1 g", "4.06 mmol", "8.12 meq")),
    ],
)
def test_r31_a_dose_is_shown_in_g_mmol_and_meq(
    ask: Any, kidneys: str, shown: tuple[str, ...]
) -> None:
    found = card(ask(chart(lab("mg", 1.0), kidneys=kidneys)), "A2")
    (offer,) = [item for item in found["suggestions"] if "sulfate" in item["label"]]
    for amount in shown:
        assert amount in offer["label"]
