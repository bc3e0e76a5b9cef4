"""Clauses that compare with another fact or with a table, and what the explanation says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from cds.engine.decision import Judgement
from cds.engine.evaluate import judge, judge_definition
from cds.facts.model import Fact, Measured, Missing, Reason
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Clause,
    Compare,
    Definition,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Rulebook,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
    Where,
)
from cds.trial import case_facts, stated

HERE = Where("test", 1)
MARKS = {"Y": Verdict.YES, "N": Verdict.NO, "?": Verdict.CANNOT_TELL}
LOW_TO_HIGH = Between("magnesium", ToThreshold("mg_lln"), ToThreshold("mg_high"), HERE)


def asked(book: Rulebook, clause: Clause, **given: str) -> Judgement:
    return judge(clause, case_facts(book, {k: stated(book.facts[k], v) for k, v in given.items()}))


FACTS = [
    # magnesium    the laboratory's limit   below at_least
    ("1.6 mg/dL",   "1.9 mg/dL",   "Y",  "N"),
    ("1.9 mg/dL",   "1.9 mg/dL",   "N",  "Y"),
    ("2.0 mg/dL",   "1.9 mg/dL",   "N",  "Y"),
    ("1.6 mg/dL",   "missing",     "?",  "?"),
    ("1.6 mg/dL",   "not known",   "?",  "?"),
    ("missing",     "1.9 mg/dL",   "?",  "?"),
    ("not known",   "not known",   "?",  "?"),
    ("1.6 mg/dL",   None,          "N",  "N"),  # no such limit: nothing can be below it
]  # fmt: skip


@pytest.mark.parametrize(("value", "limit", "below", "at_least"), FACTS)
def test_a_fact_may_be_compared_with_another_fact(
    book: Rulebook, value: str, limit: str | None, below: str, at_least: str
) -> None:
    given = {"magnesium": value} | ({} if limit is None else {"magnesium_lab_low": limit})
    other = ToFact("magnesium_lab_low")
    assert asked(book, Compare("magnesium", "below", other, HERE), **given).verdict is MARKS[below]
    judged = asked(book, Compare("magnesium", "at_least", other, HERE), **given)
    assert judged.verdict is MARKS[at_least]
    assert judged.names == ("magnesium_lab_low",)


TABLE = [
    # order        kidneys   below at_least above at_most (mg_iv_allowed with low magnesium)
    ("2 g",         "full",   "N",  "Y",     "N",  "Y"),
    ("3 g",         "full",   "N",  "Y",     "Y",  "N"),
    ("1 g",         "full",   "Y",  "N",     "N",  "Y"),
    ("1 g",         "hold",   "N",  "Y",     "Y",  "N"),  # nothing is allowed: any dose is above
    ("missing dose-unclear", "full", "?", "?", "?", "?"),
]  # fmt: skip


@pytest.mark.parametrize(("dose", "kidneys", "below", "at_least", "above", "at_most"), TABLE)
def test_a_dose_may_be_compared_with_what_the_table_allows(
    book: Rulebook, dose: str, kidneys: str, below: str, at_least: str, above: str, at_most: str
) -> None:
    given = {"order_dose": dose, "renal_band": kidneys, "magnesium": "1.5 mg/dL"}
    wanted = {"below": below, "at_least": at_least, "above": above, "at_most": at_most}
    for operator, mark in wanted.items():
        clause = Compare("order_dose", operator, ToTable("mg_iv_allowed"), HERE)  # type: ignore[arg-type]
        judged = asked(book, clause, **given)
        assert judged.verdict is MARKS[mark], operator
        assert judged.names == ("mg_iv_allowed",)


@pytest.mark.parametrize(
    ("kidneys", "words"),
    [
        ("full", "order dose above what is allowed (2 g)"),
        ("hold", "order dose above what is allowed (none)"),
    ],
)
def test_the_explanation_says_what_the_table_allows(
    book: Rulebook, kidneys: str, words: str
) -> None:
    clause = Compare("order_dose", "above", ToTable("mg_iv_allowed"), HERE)
    given = {"order_dose": "4 g", "renal_band": kidneys, "magnesium": "1.5 mg/dL"}
    assert asked(book, clause, **given).clause == words


BETWEEN = [
    # lower and upper limit                                          1.8 mg/dL is between
    (ToThreshold("mg_lln"), ToThreshold("mg_high"),                  "Y"),
    (ToFact("magnesium_lab_low"), ToThreshold("mg_high"),            "?"),
    (ToThreshold("mg_lln"), ToFact("magnesium_lab_low"),             "?"),
    (ToThreshold("mg_high"), ToFact("magnesium_lab_low"),            "N"),  # below the lower one
]  # fmt: skip


@pytest.mark.parametrize(("lower", "upper", "mark"), BETWEEN)
def test_between_cannot_be_told_where_one_limit_is_missing_unless_the_other_decides(
    book: Rulebook, lower: ToThreshold, upper: ToThreshold, mark: str
) -> None:
    clause = Between("magnesium", lower, upper, HERE)
    judged = asked(book, clause, magnesium="1.8 mg/dL", magnesium_lab_low="missing")
    assert judged.verdict is MARKS[mark]


FOUR_GRAMS = ToQuantity(Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 4, "g"))
ALLOWED = ToTable("mg_iv_allowed")


@pytest.mark.parametrize(
    ("lower", "upper", "kidneys", "mark"),
    [
        (ALLOWED, FOUR_GRAMS, "full", "Y"),  # from 2 g up to 4 g
        (ALLOWED, FOUR_GRAMS, "hold", "Y"),  # from nothing up to 4 g
        (FOUR_GRAMS, ALLOWED, "hold", "N"),
        (ToQuantity(Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 1, "g")), ALLOWED, "hold", "N"),
    ],
)
def test_where_nothing_is_allowed_every_dose_lies_above_it(
    book: Rulebook, lower: ToTable, upper: ToTable, kidneys: str, mark: str
) -> None:
    given = {"order_dose": "3 g", "renal_band": kidneys, "magnesium": "1.5 mg/dL"}
    clause = Between("order_dose", lower, upper, HERE)
    assert asked(book, clause, **given).verdict is MARKS[mark]


def test_between_names_both_limits_in_the_unit_of_the_value(book: Rulebook) -> None:
    judged = asked(book, LOW_TO_HIGH, magnesium="0.75 mmol/L")
    assert judged.clause == "magnesium between 0.70 mmol/L and 1.07 mmol/L"
    assert judged.names == ("mg_lln", "mg_high")
    assert judged.why == "magnesium 0.75 mmol/L"
    assert judged.fact is not None
    assert (judged.fact.name, judged.children) == ("magnesium", ())
    assert asked(book, LOW_TO_HIGH, magnesium="missing").verdict is Verdict.CANNOT_TELL


ONE = Quantity.of(Analyte.MAGNESIUM, Decimal("1.0"), "mg/dL")
WORDS: list[tuple[Clause, str]] = [
    (Compare("magnesium", "at_most", ToThreshold("mg_lln"), HERE),
     "magnesium at most 1.7 mg/dL"),
    (Compare("magnesium", "below", ToQuantity(ONE), HERE), "magnesium below 1.0 mg/dL"),
    (IsIn("mg_class", frozenset({"severe", "low"}), HERE), "magnesium level is low or severe"),
    (IsPresent("torsades", True, HERE), "torsades present"),
    (IsPresent("torsades", False, HERE), "torsades absent"),
    (IsMissing("magnesium", frozenset(), HERE), "magnesium missing"),
    (IsMissing("magnesium", frozenset({Reason.STALE, Reason.UNIT}), HERE),
     "magnesium missing (stale or unit not understood)"),
    (Holds("magnesium_low", True, HERE), "not magnesium low"),
    (CannotTell("magnesium_low", HERE), "cannot be told: magnesium low"),
    (All((IsPresent("torsades", True, HERE),), HERE), "all of"),
    (AnyOf((IsPresent("torsades", True, HERE),), HERE), "any of"),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "words"), WORDS)
def test_every_clause_reads_as_words(book: Rulebook, clause: Clause, words: str) -> None:
    assert asked(book, clause).clause == words


@pytest.mark.parametrize(
    ("state", "present"),
    [("low", "Y"), ("not known", "?"), ("missing stale", "N")],
)
def test_a_class_is_present_when_there_is_one(book: Rulebook, state: str, present: str) -> None:
    clause = IsPresent("mg_class", True, HERE)
    facts = case_facts(book, {"mg_class": stated(book.facts["mg_class"], state)})
    assert judge(clause, facts).verdict is MARKS[present]


def test_a_finding_that_cannot_be_worked_out_is_not_absent(book: Rulebook) -> None:
    unclear = Fact("refractory_hypokalemia", Missing(Reason.DOSE_UNCLEAR), "dose unclear")
    facts = case_facts(book, {"refractory_hypokalemia": unclear})
    for wanted in (True, False):
        clause = IsPresent("refractory_hypokalemia", wanted, HERE)
        assert judge(clause, facts).verdict is Verdict.CANNOT_TELL


def test_what_does_not_exist_is_neither_present_nor_low(book: Rulebook) -> None:
    clause = IsPresent("magnesium_lab_low", True, HERE)
    assert asked(book, clause).verdict is Verdict.NO
    below = Compare("magnesium_lab_low", "below", ToThreshold("mg_lln"), HERE)
    assert asked(book, below).verdict is Verdict.NO


@pytest.mark.parametrize(
    ("magnesium", "verdict", "why"),
    [
        ("missing", Verdict.YES, "magnesium missing"),
        ("1.5 mg/dL", Verdict.NO, "it is yes"),
        ("2.0 mg/dL", Verdict.NO, "it is no"),
    ],
)
def test_cannot_tell_says_what_keeps_it_open_or_how_it_was_decided(
    book: Rulebook, magnesium: str, verdict: Verdict, why: str
) -> None:
    judged = asked(book, CannotTell("magnesium_low", HERE), magnesium=magnesium)
    assert (judged.verdict, judged.why) == (verdict, why)


@pytest.mark.parametrize(
    "clause",
    [
        Compare("magnesium", "below", ToThreshold("mg_lln"), HERE),
        LOW_TO_HIGH,
        IsPresent("magnesium", True, HERE),
        IsMissing("magnesium", frozenset(), HERE),
    ],
)
def test_a_clause_says_which_fact_it_looked_at_and_what_that_was(
    book: Rulebook, clause: Clause
) -> None:
    judged = asked(book, clause, magnesium="1.5 mg/dL")
    assert judged.why == "magnesium 1.5 mg/dL"
    assert judged.fact is not None
    assert (judged.fact.name, judged.children) == ("magnesium", ())


def test_a_group_has_no_reason_of_its_own_and_a_definition_that_of_its_clause(
    book: Rulebook,
) -> None:
    clauses = (IsPresent("torsades", True, HERE), IsPresent("pregnancy", True, HERE))
    given = {"torsades": "not known", "pregnancy": "not known"}
    group = asked(book, AnyOf(clauses, HERE), **given)
    assert (group.why, group.fact, len(group.children)) == ("", None, 2)
    magnesium = asked(book, Holds("magnesium_low", False, HERE), magnesium="1.5 mg/dL")
    assert magnesium.why == magnesium.children[0].why != ""
    open_ = Definition("both_open", AnyOf(clauses, HERE), "", HERE)
    both = replace(book, definitions={**book.definitions, "both_open": open_})
    judged = asked(both, CannotTell("both_open", HERE), **given)
    assert judged.why == "torsades not known; pregnancy not known"
    assert [child.definition for child in judged.children] == ["both_open"]
    assert [child.say for child in judged.children] == [""]


def test_a_definition_is_judged_once_and_its_sentence_belongs_to_the_yes(book: Rulebook) -> None:
    facts = case_facts(book, {"pregnancy": stated(book.facts["pregnancy"], "present")})
    first = judge_definition("obstetric", facts)
    assert first.say.startswith("pregnancy or (pre-)eclampsia on the problem list")
    assert judge_definition("obstetric", facts) is first
    negated = judge_definition("obstetric", facts, negated=True)
    assert (negated.verdict, negated.say) == (Verdict.NO, "")
    assert negated.clause == "not pregnancy or (pre-)eclampsia"


def test_a_clause_that_was_not_checked_at_load_breaks_by_name(book: Rulebook) -> None:
    value = Fact("mg_class", Measured(ONE, "1.0 mg/dL"), "x")
    facts = case_facts(book, {"mg_class": value})
    with pytest.raises(TypeError, match="`mg_class` has no labels"):
        judge(IsIn("mg_class", frozenset({"low"}), HERE), facts)
    with pytest.raises(TypeError, match="`torsades` is compared but is not a quantity"):
        judge(Compare("torsades", "below", ToQuantity(ONE), HERE), facts)


def test_a_kind_of_clause_nobody_taught_the_engine_breaks_and_never_reads_as_no(
    book: Rulebook,
) -> None:
    odd: Any = object()
    facts = case_facts(book, {"magnesium": stated(book.facts["magnesium"], "1.0 mg/dL")})
    for clause in (odd, Compare("magnesium", "below", odd, HERE)):
        with pytest.raises(AssertionError, match="unreachable, but got: <object"):
            judge(clause, facts)
    strange = case_facts(book, {"torsades": Fact("torsades", odd, "strange")})
    with pytest.raises(AssertionError, match="unreachable, but got: <object"):
        judge(IsPresent("torsades", True, HERE), strange)
