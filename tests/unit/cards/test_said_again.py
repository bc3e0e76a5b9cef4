"""A decision may be rendered more than once: what is remembered with it changes no card."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from cds.cards.render import MOST_SAID, render
from cds.engine.decision import Decision, Decisions, Withheld
from cds.facts.model import presence
from cds.rulebook.model import Review

KIDNEYS = ("eGFR 95 mL/min/1.73 m2 (CKD-EPI 2021)", "CrCl 82 mL/min (Cockcroft-Gault), decided")
OTHER_KIDNEYS = ("no estimate: creatinine is not known",)


def full(make: Any) -> Decision:
    """About a drug: so the kidneys matter."""
    drug = make.suggestion("create", "magnesium-oxide-tablet")
    found: Decision = make.decision(
        detail=("Verify renal function.",),
        offers=(make.infusion("4"), make.test()),
        withheld=(Withheld(drug, ("oral route not usable.",), ("mg_stop",)),),
        undecided=("A3: problems were not supplied",),
        facts=(presence("torsades", False, "no torsades"),),
    )
    return found


def said(item: Decision, context: Any, kidneys: tuple[str, ...] = KIDNEYS) -> Any:
    return render(Decisions((item,), fine_print=kidneys), context)


def anew(item: Decision) -> Decision:
    """An equal decision with which nothing is remembered."""
    return replace(item)


CONTEXTS: dict[str, dict[str, Any]] = {
    "another call": {"hook_instance": "another", "body_digest": "0" * 64, "decision_id": "another"},
    "another patient": {"patient_id": "another"},
    "no encounter": {"encounter_id": None},
    "another client": {"client": "another"},
    "another day": {"today": date(2031, 1, 1)},
}


@pytest.mark.parametrize("about", CONTEXTS.values(), ids=CONTEXTS)
def test_a_decision_rendered_for_another_call_says_what_it_would_say_at_first(
    make: Any, about: dict[str, Any]
) -> None:
    item, usual = full(make), make.context()
    other = replace(usual, **about)
    first = said(item, usual)
    assert said(item, other) == said(anew(item), other) != first
    assert said(item, usual) == first


def test_other_kidneys_are_told(make: Any) -> None:
    item, context = full(make), make.context()
    before = said(item, context)
    assert said(item, context, OTHER_KIDNEYS) == said(anew(item), context, OTHER_KIDNEYS) != before


def test_a_review_that_falls_due_is_told_on_its_day(make: Any) -> None:
    due = date(2026, 12, 1)
    item = full(make)
    rule = replace(item.rule, reviewed=Review("pending", date(2026, 1, 1), due))
    item, context = replace(item, rule=rule), make.context()
    days = [date(2026, 11, 30), date(2026, 12, 2), *(date(2027, 1, n) for n in range(1, 10))]
    assert len(days) > 2 * MOST_SAID
    found = [said(item, replace(context, today=day)) for day in days]
    assert found == [said(anew(item), replace(context, today=day)) for day in days]
    assert found[0] != found[1]


def test_a_line_more_is_said_on_this_card_only(make: Any) -> None:
    """As what could not be read, or that another card is not shown."""
    item, context = full(make), make.context()
    decisions = Decisions((item,), fine_print=KIDNEYS)
    for unread in ((), ("Observation/x: no code",), ()):
        (card,) = render(replace(decisions, unread=unread), context)
        (alone,) = render(replace(decisions, items=(anew(item),), unread=unread), context)
        assert card == alone
        assert ("Observation/x" in card["detail"]) is (unread != ())


def test_a_card_that_is_written_over_leaves_the_next_as_it_was(make: Any) -> None:
    item, context = full(make), make.context()
    (card,) = said(item, context)
    whole = deepcopy(card)
    card["source"]["topic"]["code"] = "another"
    card["extension"]["rows"].append("Z9")
    card["suggestions"][0]["actions"][0]["resource"]["subject"]["reference"] = "Patient/another"
    card["suggestions"][0]["label"] = "another"
    for reason in card.get("overrideReasons", ()):
        reason["code"] = "another"
    assert said(item, context) == (whole,)
