"""The laws of the engine (design section 5), one test each, under the name of the law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds.engine.decide import decide, judge_rule
from cds.engine.decision import Outcome
from cds.engine.evaluate import judge
from cds.errors import UnitMismatch
from cds.facts.model import Fact, Measured, Missing, NotKnown, Presence, Reason
from cds.facts.record import Listing, Person, Place, Record, Setting
from cds.kernel.quantity import Interval, Quantity, below
from cds.kernel.units import UNITS, Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
    CannotTell,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    OrderSource,
    Rulebook,
    ToThreshold,
    Where,
)
from cds.rulebook.walk import facts_in, nodes
from cds.trace import prose
from cds.trial import case_facts, stated

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HERE = Where("test", 1)
HOOKS = ("order-select", "order-sign", "patient-view")


def given_facts(book: Rulebook, **texts: str) -> dict[str, Fact]:
    return {name: stated(book.facts[name], text) for name, text in texts.items()}


def empty_record() -> Record:
    return Record(
        Person("Patient/p"),
        Place(Setting.INPATIENT),
        Listing("observations"),
        Listing("medications"),
    )


ASKED = [
    Compare("potassium", "below", ToThreshold("k_low"), HERE),
    Compare("potassium", "at_least", ToThreshold("k_low"), HERE),
    Compare("potassium", "above", ToThreshold("k_low"), HERE),
    Compare("potassium", "at_most", ToThreshold("k_low"), HERE),
    IsIn("mg_class", frozenset({"low"}), HERE),
    IsPresent("torsades", True, HERE),
    IsPresent("torsades", False, HERE),
]


@pytest.mark.parametrize("clause", ASKED)
@pytest.mark.parametrize("state", ["missing", "missing stale", "not known"])
def test_missing_is_never_false(book: Rulebook, clause: Clause, state: str) -> None:
    if state != "not known" and isinstance(clause, IsPresent):
        state = "not known"  # a list is never missing: it is supplied or not
    facts = case_facts(
        book,
        given_facts(book, potassium=state, magnesium=state, torsades=state)
        if state == "not known"
        else given_facts(book, potassium=state, magnesium=state),
    )
    assert judge(clause, facts).verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("missing", Verdict.YES),
        ("missing stale", Verdict.YES),
        ("not known", Verdict.CANNOT_TELL),
        ("3.0 mmol/L", Verdict.NO),
    ],
)
def test_not_known_is_never_missing(book: Rulebook, state: str, verdict: Verdict) -> None:
    facts = case_facts(book, given_facts(book, potassium=state))
    assert judge(IsMissing("potassium", frozenset(), HERE), facts).verdict is verdict


@pytest.mark.parametrize(
    ("reason", "verdict"), [("stale", Verdict.YES), ("none-found", Verdict.NO)]
)
def test_missing_asks_for_its_reasons(book: Rulebook, reason: str, verdict: Verdict) -> None:
    facts = case_facts(book, given_facts(book, potassium=f"missing {reason}"))
    assert judge(IsMissing("potassium", frozenset({Reason.STALE}), HERE), facts).verdict is verdict


def hypomagnesemia(book: Rulebook, unless: Clause | None, **texts: str):  # type: ignore[no-untyped-def]
    rule = next(rule for rule in book.rules if rule.id == "hypomagnesemia")
    return judge_rule(replace(rule, unless=unless), case_facts(book, given_facts(book, **texts)))


SEVERE = {"magnesium": "1.0 mg/dL", "creatinine": "0.9 mg/dL"}


def test_unless_trumps_when(book: Rulebook) -> None:
    unless = IsPresent("torsades", False, HERE)
    assert hypomagnesemia(book, None, **SEVERE).outcome is Outcome.FIRES
    assert hypomagnesemia(book, unless, **SEVERE).outcome is Outcome.SILENT


def test_an_unless_that_cannot_be_told_keeps_the_card_and_withholds_the_suggestion(
    book: Rulebook,
) -> None:
    unless = IsPresent("alcohol_use", True, HERE)
    decision = hypomagnesemia(book, unless, alcohol_use="not known", **SEVERE)
    assert decision.outcome is Outcome.FIRES
    assert decision.offers == ()
    assert decision.undecided == ("whether this card is wanted (alcohol use not known)",)


def test_a_stop_that_cannot_be_told_withholds_and_names_what_could_not_be_checked(
    book: Rulebook,
) -> None:
    decision = hypomagnesemia(book, None, myasthenia_gravis="not known", **SEVERE)
    assert decision.offers == ()
    (withheld,) = decision.withheld
    assert withheld.codes == ("cannot-tell",)
    assert "could not be checked: myasthenia" in withheld.reasons[0]


# --- more information ------------------------------------------------------------------------


def clauses_that_do_not_ask_for_gaps(book: Rulebook) -> list[Clause]:
    """Clauses, definitions followed, without `missing`, `cannot_tell` or a lab's `present`."""
    found: list[Clause] = [d.clause for d in book.definitions.values()]
    found += [level.when for rule in book.rules for level in rule.levels]
    return [clause for clause in found if not _asks(book, clause)]


def _asks(book: Rulebook, clause: Clause) -> bool:
    for node in nodes(clause):
        if isinstance(node, IsMissing | CannotTell):
            return True
        if isinstance(node, IsPresent) and book.facts[node.fact].type.kind != "presence":
            return True
        if isinstance(node, Holds) and _asks(book, book.definitions[node.name].clause):
            return True
    return False


def _leaf_facts(book: Rulebook, clause: Clause) -> Iterator[str]:
    for node in nodes(clause):
        if isinstance(node, Holds):
            yield from _leaf_facts(book, book.definitions[node.name].clause)
    for name in facts_in(clause):
        source = book.facts[name].source
        if isinstance(source, BandSource):
            yield source.of
            if source.contested:
                yield source.contested[2]
        elif not isinstance(source, OrderSource):
            yield name


def _interval(draw: st.DrawFn, analyte: Analyte) -> tuple[Measured, Measured]:
    """A wider and a narrower interval of one analyte."""
    unit = draw(st.sampled_from(sorted(UNITS[analyte].factors)))
    numbers = st.integers(min_value=10, max_value=60_000)
    low, a, b, high = (Decimal(n) / 100 for n in sorted(draw(st.tuples(*[numbers] * 4))))
    exact = draw(st.booleans())
    narrow = Interval(a, a) if exact else Interval(a, b)
    wide = draw(st.sampled_from([Interval(low, high), Interval(None, high), Interval(low, None)]))
    return (
        Measured(Quantity(analyte, wide, unit), "wide", NOW),
        Measured(Quantity(analyte, narrow, unit), "narrow", NOW),
    )


def less_and_more(draw, book: Rulebook, names: list[str]):  # type: ignore[no-untyped-def]
    """The same patient known worse and known better."""
    less, more = {}, {}
    for name in names:
        spec = book.facts[name]
        unknown = draw(st.sampled_from([Missing(Reason.STALE), NotKnown("k", "not supplied")]))
        if spec.type.kind == "quantity":
            assert spec.type.analyte is not None
            wide, narrow = _interval(draw, spec.type.analyte)
            worse = draw(st.sampled_from([unknown, wide, narrow]))
        elif spec.type.kind == "presence":
            narrow = Presence(draw(st.booleans()), ("x",))
            worse = draw(st.sampled_from([unknown, narrow]))
        else:
            label = draw(st.sampled_from(spec.type.labels))
            narrow = stated(spec, label).state
            worse = draw(st.sampled_from([unknown, narrow]))
        less[name], more[name] = Fact(name, worse, "less"), Fact(name, narrow, "more")
    return less, more


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_more_information_is_monotone(book: Rulebook, data: st.DataObject) -> None:
    clauses = clauses_that_do_not_ask_for_gaps(book)
    clause = clauses[data.draw(st.integers(0, len(clauses) - 1))]
    names = sorted(set(_leaf_facts(book, clause)))
    less, more = less_and_more(data.draw, book, names)
    before = judge(clause, case_facts(book, less)).verdict
    after = judge(clause, case_facts(book, more)).verdict
    assert before in (Verdict.CANNOT_TELL, after)


def test_the_monotone_law_looks_at_most_of_the_rulebook(book: Rulebook) -> None:
    assert len(clauses_that_do_not_ask_for_gaps(book)) >= 20


# --- outcomes and explanations ---------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS)
def test_every_rule_has_an_outcome(book: Rulebook, hook: str) -> None:
    decisions = decide(book, empty_record(), NOW, hook).items
    assert {item.rule.id for item in decisions} == {r.id for r in book.rules if hook in r.hooks}
    assert all(item.reason for item in decisions)
    assert Outcome.ERROR not in {item.outcome for item in decisions}


def test_the_answer_carries_its_explanation(book: Rulebook) -> None:
    decision = hypomagnesemia(book, None, myasthenia_gravis="present", **SEVERE)
    text = prose(replace(decide(book, empty_record(), NOW, "order-select"), items=(decision,)))
    assert decision.levels[-1].judgement.verdict is Verdict.YES
    assert all(reason in text for item in decision.withheld for reason in item.reasons)
    assert "magnesium level is severe: yes, magnesium 1.0 mg/dL: severe" in text


def test_one_broken_rule_never_takes_the_others_down(book: Rulebook) -> None:
    broken = replace(
        book.rules[0],
        levels=(replace(book.rules[0].levels[0], when=Holds("no_such_definition", False, HERE)),),
    )
    others = decide(book, empty_record(), NOW, "order-select").items
    found = decide(
        replace(book, rules=(broken, *book.rules[1:])), empty_record(), NOW, "order-select"
    ).items
    assert found[0].outcome is Outcome.ERROR
    assert "KeyError while judging" in found[0].reason
    assert found[1:] == others[1:]


def test_same_input_same_answer(book: Rulebook) -> None:
    first, second = (decide(book, empty_record(), NOW, "order-select") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("left", list(Analyte))
@pytest.mark.parametrize("right", list(Analyte))
def test_units_never_mix(left: Analyte, right: Analyte) -> None:
    a = Quantity.of(left, Decimal(1), UNITS[left].canonical)
    b = Quantity.of(right, Decimal(1), UNITS[right].canonical)
    if left is right:
        assert below(a, b) is Verdict.NO
    else:
        with pytest.raises(UnitMismatch):
            below(a, b)


def test_kleene_groups_judge_every_child(book: Rulebook) -> None:
    clauses = tuple(ASKED[:3])
    for group in (All(clauses, HERE), AnyOf(clauses, HERE)):
        judged = judge(group, case_facts(book, given_facts(book, potassium="3.0 mmol/L")))
        assert len(judged.children) == 3
