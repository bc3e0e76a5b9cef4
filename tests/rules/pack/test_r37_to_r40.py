"""Clinical pack R37 to R40: names of facts, contraindicated infusions, several results of one draw,
and refractory potassium exactly."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pack_kit import (
    actions,
    ago,
    card,
    chart,
    draft,
    drugs,
    given,
    lab,
    offered,
    order,
    per_day,
    problem,
    rows,
    words,
)

from cds.rulebook.load import load_rulebook

Json = dict[str, Any]
DAY = 24


@cache
def names() -> frozenset[str]:
    """Every fact and definition a rule may read."""
    book = load_rulebook(Path(__file__).parents[3] / "rules")
    return frozenset((*book.facts, *book.definitions))


# R37. `qt_risk_drug` is called qt_drug here and `set_aside.<analyte>` <analyte>_set_aside.


@pytest.mark.parametrize(
    "name",
    [
        *("mg_class", "renal_band", "mg_emergency", "magnesium_covered", "iv_trigger", "iv_stop"),
        *("mg_stop", "refractory_hypokalemia", "refractory_hypocalcemia", "qt_arrhythmia"),
        *("qt_drug", "obstetric", "magnesium_set_aside", "potassium_set_aside"),
        *("calcium_set_aside", "calcium_ionized_set_aside"),
    ],
)
def test_r37_rows_read_facts_by_the_names_of_the_pack(name: str) -> None:
    assert name in names()


# R38: C7

BAG = draft("magnesium sulfate bag", "1 g", rate="1 g/h")
BLOCKS = ["27885002", "I44.2", "195042002", "I44.1", "233916004", "233917008"]
WEEK = 7 * DAY


@pytest.mark.parametrize(
    ("problems", "said"),
    [
        *(([problem(code)], "heart block") for code in BLOCKS),
        ([problem("91637004")], "myasthenia"),
        ([problem("G70.00")], "myasthenia"),
        ([problem("420422005", onset=WEEK)], "ketoacidosis"),
        ([problem("420422005", recorded=WEEK)], "ketoacidosis"),
        ([problem("422126006", onset=WEEK)], "coma"),
        ([problem("91637004"), problem("441509002")], "myasthenia"),
    ],
)
def test_r38_a_contraindication_of_the_label_is_critical_named_and_edits_nothing(
    ask: Any, problems: list[Json], said: str
) -> None:
    cards = ask(chart(lab("mg", 2.0), drafts=[BAG], problems=problems))
    assert rows(cards) == {"C7": "critical"}
    assert said in words(*cards)
    assert actions(cards) == []


@pytest.mark.parametrize(
    "problems",
    [
        *([problem(code), problem("441509002")] for code in BLOCKS[:1]),
        [problem("27885002"), problem("Z95.0")],
        [problem("27885002", clinical="resolved")],
        [problem("270492004")],
        [problem("420422005", onset=WEEK + 1)],
        [problem("420422005")],
        [problem("22298006", onset=24)],
        [problem("77386006")],
        [problem("84114007")],
    ],
)
def test_r38_these_are_no_contraindication_of_the_label(ask: Any, problems: list[Json]) -> None:
    assert "C7" not in rows(ask(chart(lab("mg", 2.0), drafts=[BAG], problems=problems)))


def test_r38_tablets_and_unselected_drafts_are_not_judged(ask: Any) -> None:
    listed = [problem("91637004")]
    oral = [draft("magnesium oxide", "400 mg", route="oral")]
    assert "C7" not in rows(ask(chart(lab("mg", 2.0), drafts=oral, problems=listed)))
    assert "C7" not in rows(ask(chart(lab("mg", 2.0), unselected=[BAG], problems=listed)))


# R39: several results of one draw


@pytest.mark.parametrize("status", ["corrected", "amended"])
def test_r39_a_correction_goes_before_what_was_issued_later(ask: Any, status: str) -> None:
    corrected = lab("mg", 1.5, status=status, issued=ago(3))
    final = lab("mg", 1.0, issued=ago(2))
    assert rows(ask(chart(corrected, final))) == {"A1": "warning"}


@pytest.mark.parametrize(("later", "expected"), [(1.5, "A1"), (1.0, "A2")])
def test_r39_else_the_one_that_was_issued_later_counts(
    ask: Any, later: float, expected: str
) -> None:
    earlier = lab("mg", 2.5 - later, issued=ago(3))
    assert list(rows(ask(chart(earlier, lab("mg", later, issued=ago(2)))))) == [expected]


def test_r39_a_tie_decides_what_both_decide(ask: Any) -> None:
    cards = ask(chart(lab("mg", 1.0), lab("mg", 1.1)))
    assert rows(cards) == {"A2": "critical"}
    assert offered(cards) == [("829757", "4 g")]
    assert all(value in words(*cards) for value in ("1.0", "1.1"))


def test_r39_a_tie_decides_nothing_else(ask: Any) -> None:
    cards = ask(chart(lab("mg", 1.0), lab("mg", 1.5)))
    assert "A2" not in rows(cards)
    assert drugs(cards) == []
    assert all(value in words(*cards) for value in ("1.0", "1.5"))
    undecided = ask(chart(lab("mg", 1.6), lab("mg", 2.0)))
    assert rows(undecided) == {"D4": "info"}


@pytest.mark.parametrize(("other", "expected"), [(0.8, [("829757", "4 g")]), (1.6, []), (2.6, [])])
def test_r39_a_tie_of_creatinine_gives_no_dose_unless_both_are_in_one_band(
    ask: Any, other: float, expected: list[Any]
) -> None:
    cards = ask(chart(lab("mg", 1.0), lab("cr", 0.9), lab("cr", other)))
    assert rows(cards)["A2"] == "critical"
    assert offered(cards) == expected


# R40: refractory potassium, exactly

LOW = (lab("mg", 1.5), lab("k", 3.0, hours=2), lab("k", 3.0, hours=32))
CHARTED = [given("potassium chloride", "40 meq", hours=6)]


@pytest.mark.parametrize(
    ("between", "row"),
    [
        (lab("k", 3.49, hours=20), "B1"),
        (lab("k", 3.5, hours=20), "B0"),
        (lab("k", 3.6, hours=20, status="preliminary"), "B1"),
        (lab("k", 3.6, hours=33), "B1"),
    ],
)
def test_r40_a_usable_value_of_3_5_in_between_starts_afresh(
    ask: Any, between: Json, row: str
) -> None:
    assert row in rows(ask(chart(*LOW, between, administrations=CHARTED)))


@pytest.mark.parametrize(
    "drug",
    [
        "potassium phosphate",
        "potassium acetate",
        "potassium citrate",
        "potassium bicarbonate",
        "potassium chloride 20 mEq in sodium chloride 0.9 % 1000 mL",
    ],
)
def test_r40_every_salt_and_iv_fluid_counts_when_its_meq_can_be_read(ask: Any, drug: str) -> None:
    enough, little = ([given(drug, meq, hours=6)] for meq in ("40 meq", "39 meq"))
    assert "B1" in rows(ask(chart(*LOW, administrations=enough)))
    assert "B0" in rows(ask(chart(*LOW, administrations=little)))


def test_r40_an_amount_that_cannot_be_read_leaves_it_undecided_and_the_card_says_so(
    ask: Any,
) -> None:
    unread = [order("potassium chloride", "2", route="oral", repeat=per_day(2), hours=12)]
    near = (lab("mg", 1.5), lab("k", 3.0, hours=2), lab("k", 3.0, hours=15))
    cards = ask(chart(*near, medications=unread))
    assert "B1" not in rows(cards)
    assert "cannot be read" in words(card(cards, "B0"))


def test_r40_a_running_order_decides_although_its_amount_cannot_be_read(ask: Any) -> None:
    unread = [order("potassium chloride", "2", route="oral", repeat=per_day(2), hours=12)]
    assert "B1" in rows(ask(chart(*LOW, medications=unread)))
