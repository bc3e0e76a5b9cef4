"""The trace as prose: every rule with its outcome, every row with its clauses, every reason."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds.engine.decide import decide_rule, judge_rule
from cds.engine.decision import Decision, Decisions, Outcome
from cds.facts.record import MedicationOrder, OrderKind
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import IsPresent, Rule, Rulebook, Where
from cds.trace import prose
from cds.trial import case_facts, stated

RULES = Path(__file__).parents[2] / "rules"
SEVERE = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL"}
BAG = MedicationOrder("MedicationRequest/1", "magnesium sulfate 4 g", OrderKind.DRAFT)


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(RULES)


def rule(book: Rulebook, name: str = "hypomagnesemia") -> Rule:
    return next(item for item in book.rules if item.id == name)


def told(book: Rulebook, item: Rule, order: Any = None, **given: str) -> list[str]:
    facts = case_facts(book, {name: stated(book.facts[name], text) for name, text in given.items()})
    return prose(Decisions((judge_rule(item, facts, order),))).splitlines()


def test_a_card_is_told_with_its_row_its_clauses_and_its_offer(book: Rulebook) -> None:
    lines = told(book, rule(book), **SEVERE)
    assert lines[1:4] == [
        "  Row A2, critical: Severe low magnesium 1.0 mg/dL (0.41 mmol/L): IV replacement unless "
        "contraindicated",
        "  Because:",
        "    magnesium level is severe: yes, magnesium 1.0 mg/dL: severe",
    ]
    assert re.fullmatch(r"Low magnesium \(hypomagnesemia@[\d.]+\) fired\.", lines[0])
    assert lines[4].startswith(
        "  Row A3, emergency on the problem list: no, because torsades: no, "
    )
    assert (
        "  Offered: Magnesium sulfate 4 g (16.24 mmol, 32.48 meq) IV infusion over 4 h at 1 g/h"
        in lines
    )


def test_a_card_that_is_held_back_is_told_with_the_reason(book: Rulebook) -> None:
    facts = case_facts(
        book, {name: stated(book.facts[name], text) for name, text in SEVERE.items()}
    )
    decision = replace(judge_rule(rule(book), facts), held_back="overridden 3 h ago")
    lines = prose(Decisions((decision,))).splitlines()
    assert lines[0].endswith(" fired.")
    assert lines[2] == "  No card now: overridden 3 h ago."
    assert [line for line in lines if line != lines[2]] == told(book, rule(book), **SEVERE)


def test_what_was_withheld_and_what_was_not_judged_is_told(book: Rulebook) -> None:
    given = {**SEVERE, "magnesium": "<1.5 mg/dL", "pregnancy": "present"}
    lines = told(book, rule(book), **given)
    open_ = lines.index("  Row A2, severe low magnesium: cannot tell, because")
    assert lines[open_ + 1] == (
        "    magnesium level is severe: cannot tell, magnesium <1.5 mg/dL: severe or low"
    )
    assert (
        "  Could not be checked: severe low magnesium (magnesium <1.5 mg/dL: severe or low)"
        in lines
    )
    at = lines.index("  Withheld, magnesium oral:")
    assert lines[at + 1] == (
        "    - pregnancy or (pre-)eclampsia on the problem list: obstetric team and protocol decide"
    )


def test_a_rule_that_stays_silent_tells_each_row_in_one_line_with_what_rules_it_out(
    book: Rulebook,
) -> None:
    lines = told(book, rule(book), magnesium="2.0 mg/dL")
    assert lines[0].endswith(" stayed silent.")
    rows = [line.split(",")[0] for line in lines if line.startswith("  Row ")]
    assert rows == [f"  Row {row}" for row in dict.fromkeys(x.row for x in rule(book).levels)]
    assert (
        "  Row A2, severe low magnesium: no, because magnesium level is severe: no, "
        "magnesium 2.0 mg/dL: normal" in lines
    )
    assert not [line for line in lines if "Offered" in line or "Withheld" in line]


def test_a_rule_nobody_could_judge_says_what_was_missing(book: Rulebook) -> None:
    lines = told(book, rule(book))
    assert lines[0].endswith(" could not be judged.")
    assert any("magnesium: nothing recorded" in line for line in lines)


def test_a_rule_about_an_order_names_it(book: Rulebook) -> None:
    lines = told(book, rule(book, "magnesium-order"), BAG, order_dose="4 g")
    assert lines[0].endswith(" stayed silent for magnesium sulfate 4 g.")


def test_named_clauses_with_several_reasons_hold_them_together(book: Rulebook) -> None:
    given = {"magnesium": "1.5 mg/dL", "gut_disease": "present", "long_qt": "present"}
    lines = told(book, rule(book), **given)
    at = lines.index("    iv trigger: yes".replace("iv", "IV"))
    assert lines[at + 1 : at + 3] == [
        "      gut disease: yes, gut disease present",
        "      long QT: yes, long qt present",
    ]


def test_questions_with_one_and_the_same_answer_stand_together(book: Rulebook) -> None:
    lines = told(book, rule(book, "low-potassium"), potassium="2.4 mmol/L", magnesium="2.0 mg/dL")
    assert "    potassium, potassium below 2.5 mmol/L: yes, potassium 2.4 mmol/L" in lines


def test_a_rule_about_orders_says_that_there_is_none(book: Rulebook) -> None:
    facts = case_facts(book, {})
    decisions = decide_rule(rule(book, "magnesium-order"), facts)
    assert "  Because: no selected order is of the kind it is about." in prose(
        Decisions(tuple(decisions))
    )


def test_a_silent_rule_says_that_it_gives_no_card(book: Rulebook) -> None:
    lines = told(book, replace(rule(book), status="silent"), **SEVERE)
    assert lines[0].endswith(" fired (silent mode: no card).")


def test_a_rule_that_broke_says_so_and_the_next_one_follows(book: Rulebook) -> None:
    broken = Decision(rule(book), Outcome.ERROR, "KeyError while judging hypomagnesemia")
    facts = case_facts(book, {})
    where = Where("test", 1)
    one = replace(rule(book), unless=IsPresent("torsades", False, where))
    lines = prose(Decisions((broken, judge_rule(one, facts)))).split("\n")
    version = rule(book).version
    assert lines == [
        f"Low magnesium (hypomagnesemia@{version}) broke.",
        "  Because: KeyError while judging hypomagnesemia.",
        "",
        f"Low magnesium (hypomagnesemia@{version}) stayed silent.",
        "  Because: not wanted here: torsades absent (torsades: nothing recorded).",
        "",
    ]
    assert prose(Decisions(())) == ""
