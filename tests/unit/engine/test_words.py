"""Words that are made when somebody reads them: once, and never at the price of a finding."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

from cds.engine.decide import decide
from cds.engine.decision import Decision, Judgement, Later, Outcome
from cds.engine.evaluate import judge_definition
from cds.facts.model import presence
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Rulebook
from cds.trace import prose
from cds.trial import case_facts, stated
from tests.unit.facts.standin import MGSO4, NOW, grams, k, mg, order, view

FACT = presence("torsades", False, "none on the list")


def counted(told: list[str], text: str) -> Any:
    def make() -> str:
        told.append(text)
        return text

    return make


def test_words_are_made_when_they_are_read_and_only_once() -> None:
    told: list[str] = []
    clause, why, say = (counted(told, text) for text in ("clause", "why", "say"))
    judged = Judgement(Verdict.NO, clause, why, FACT, say=say)
    later = Later(counted(told, "reason"))
    assert told == []
    for _ in range(2):
        assert (judged.clause, judged.why, judged.say, str(later)) == (
            "clause", "why", "say", "reason",
        )  # fmt: skip
    assert told == ["clause", "why", "say", "reason"]


def test_a_reason_may_be_that_of_another_judgement() -> None:
    inner = Judgement(Verdict.NO, "inner", lambda: "none on the list")
    assert Judgement(Verdict.NO, "outer", inner, None, (inner,)).why == "none on the list"
    negated = Judgement(Verdict.NO, "iv stop", inner, None, (inner,), "iv_stop", "say").negated()
    assert (negated.verdict, negated.clause, negated.why) == (
        Verdict.YES, "not iv stop", "none on the list",
    )  # fmt: skip
    assert (negated.children, negated.definition, negated.say) == ((inner,), "iv_stop", "")


def test_what_says_the_same_is_equal_however_it_was_written() -> None:
    written = Judgement(Verdict.NO, "a", "b", FACT, say="c")
    made = Judgement(Verdict.NO, lambda: "a", lambda: "b", FACT, say=lambda: "c")
    assert written == made
    assert hash(written) == hash(made)
    assert repr(made) == "Judgement(Verdict.NO, 'a', 'b')"
    assert made != Judgement(Verdict.NO, "a", "other", FACT, say="c")
    assert made != "a"
    later = Later(lambda: "a")
    assert later == "a"
    assert later == Later(lambda: "a")
    assert hash(later) == hash("a")
    assert repr(later) == "'a'"
    assert later != Later(lambda: "b")
    assert later != 1


def test_words_that_cannot_be_made_cost_no_finding(book: Rulebook) -> None:
    """Law 6: the sentence is lost, and says so; rule, verdict and card stay."""
    name = "iv_stop"
    broken = replace(book.definitions[name], say="{no_such_fact} stops it")
    other = replace(book, definitions={**book.definitions, name: broken})
    given = {"magnesium": stated(book.facts["magnesium"], "1.0 mg/dL")}
    good, bad = (judge_definition(name, case_facts(one, given)) for one in (book, other))
    assert bad.verdict is good.verdict
    assert bad.say == "(KeyError while putting this into words)"
    patient = view(labs=(mg("1.0 mg/dL", 2),)).record
    one, two = (decide(each, patient, NOW, "order-select") for each in (book, other))
    assert [item.outcome for item in two.items] == [item.outcome for item in one.items]
    assert Outcome.ERROR not in {item.outcome for item in two.items}


def test_nothing_of_a_patient_waits_for_the_collector_of_cycles(book: Rulebook) -> None:
    """Answers let go of the chart as soon as nobody holds them."""
    bag = order(0, substances=MGSO4, selected=True, dose=grams(4), parenteral=True)
    patient = view(labs=(mg("1.0 mg/dL", 2), k("3.0", 3)), drafts=(bag,)).record
    decide(book, patient, NOW, "order-select")
    gc.collect()
    gc.disable()
    try:
        decisions = decide(book, patient, NOW, "order-select")
        assert any(item.order is bag and item.levels for item in decisions.items)
        del decisions
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_reason_that_cannot_be_made_is_told_in_the_trace_as_that(book: Rulebook) -> None:
    def lost() -> str:
        raise ValueError("a patient may stand here")

    item = Decision(book.rules[0], Outcome.SILENT, Later(lost))
    assert item.reason == "(ValueError while putting this into words)"
    decisions = decide(book, view().record, NOW, "none")
    assert "(ValueError while putting" in prose(replace(decisions, items=(item,)))
    assert "patient" not in item.reason
