"""The rules as terms say what the engine says, rule by rule, for patients near every branch.

`CDS_NIGHTLY=100000` in the environment asks for that many comparisons a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from random import Random

import pytest
import z3
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from terms import NIGHTLY, Translated, book, free_facts
from terms import RULES as RULES_FOLDER

from cds.engine.decide import judge_rule
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.given import GIVEN_NOW, ORDER, given_facts, in_words, stated, unstated
from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import UNITS, Analyte
from cds.prove.axioms import axioms
from cds.prove.fixed import TranslatedAnswer, Translation
from cds.prove.prover import Prover
from cds.prove.rules import RuleTerm
from cds.prove.smt import conj, neg
from cds.prove.variables import VALUE, possible_states
from cds.prove.witness import _state as state_of
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Case, FactSpec, Rule

RULES = {rule.id: rule for rule in book().rules}
EACH = NIGHTLY or 60  # comparisons a rule, of each kind


def engine(rule: Rule, states: Mapping[str, State], editable: bool = True) -> TranslatedAnswer:
    """What the engine says, in the same form."""
    given = {name: Fact(name, state, name) for name, state in states.items()}
    order = replace(ORDER, editable=editable)
    facts = given_facts(book(), given, order)
    found = judge_rule(rule, facts, order if rule.for_each else None)
    if found.fired is None:
        return TranslatedAnswer(found.outcome.value)
    doses = {o.suggestion.name: o.dose.value if o.dose else None for o in found.offers}
    return TranslatedAnswer("fires", len(found.levels) - 1, found.indicator, doses)


@cache
def translated(rule: str) -> Translated:
    return Translated(book(), RULES[rule])


@cache
def usual() -> dict[str, State]:
    """A patient of whom nothing is recorded."""
    return {name: unstated(book(), book().facts[name]).state for name in free_facts(book())}


def compare(rule: Rule, states: Mapping[str, State], editable: bool = True) -> TranslatedAnswer:
    """Both answers, which must be one."""
    everything = {**usual(), **states}
    wanted = engine(rule, everything, editable)
    if translated(rule.id).answer(everything, editable) != wanted:
        small = smallest(rule, states, editable)
        told = {name: in_words(state) for name, state in small.items()}
        assert translated(rule.id).answer({**usual(), **small}, editable) == wanted, told
    return wanted


def smallest(rule: Rule, states: Mapping[str, State], editable: bool) -> dict[str, State]:
    """The patient without any fact that is not needed for the two answers to differ."""
    kept = dict(states)
    for name in states:
        fewer = {**usual(), **{n: s for n, s in kept.items() if n != name}}
        if translated(rule.id).answer(fewer, editable) != engine(rule, fewer, editable):
            del kept[name]
    return kept


@cache
def limits(analyte: Analyte) -> tuple[tuple[Decimal, str], ...]:
    """Every constant of this analyte in the rules, in the unit it is written in and in others."""
    found = {
        (value, unit)
        for threshold in book().thresholds.values()
        if threshold.analyte is analyte
        for unit, value in threshold.values.items()
    }
    cells = (cell for table in book().tables.values() for cell in table.rows.values())
    found |= {(c.value, c.unit) for c in cells if c is not None and c.analyte is analyte}
    found |= {
        (Quantity.of(analyte, value, unit).to(other).value.quantize(Decimal("0.001")), other)
        for value, unit in found
        for other in UNITS[analyte].factors
    }
    return tuple(sorted(found)) or ((Decimal(1), UNITS[analyte].canonical),)


def quantities(random: Random, analyte: Analyte) -> Quantity:
    """On a limit, or one last digit beside it: one number, or an interval that touches it."""
    value, unit = random.choice(limits(analyte))
    step = Decimal(1).scaleb(int(value.as_tuple().exponent))
    at = max(value + random.choice((-step, Decimal(0), step)), Decimal(0))
    kinds: list[Interval] = [
        point(at),
        Interval(None, at, high_open=random.random() < 0.5),
        Interval(at, None, low_open=random.random() < 0.5),
        Interval(None, None),
        Interval(at, at + step, random.random() < 0.5, random.random() < 0.5),
        Interval(at, at * 3 + step, random.random() < 0.5, random.random() < 0.5),
    ]
    return Quantity(analyte, random.choice([point(at)] * 4 + kinds), unit)


def states_of(random: Random, spec: FactSpec) -> State:
    """One of the states its source can give."""
    match random.choice([VALUE, VALUE, VALUE, *possible_states(spec)]):
        case "missing":
            return Missing(random.choice(list(Reason)))
        case "not-known":
            return NotKnown(spec.name, "not supplied")
        case "nothing":
            return Nothing("nothing there")
        case _:
            return _value(random, spec)


def _value(random: Random, spec: FactSpec) -> State:
    if spec.type.kind == "presence":
        return Presence(random.random() < 0.6, ())
    if spec.type.kind == "category":
        many = random.choice((1, 1, 1, 2, 3))
        labels = random.sample(spec.type.labels, min(many, len(spec.type.labels)))
        return Category(frozenset(labels))
    assert spec.type.analyte is not None
    quantity = quantities(random, spec.type.analyte)
    return Measured(quantity, "a value", GIVEN_NOW)


def given_by(case: Case) -> dict[str, State]:
    """What the case states."""
    return {
        n: stated(book().facts[n], text).state for n, text in case.given.items() if n in usual()
    }


def neighbour(random: Random, rule: Rule, states: Mapping[str, State]) -> dict[str, State]:
    """The same patient with one of the facts that the rule asks in another state."""
    name = random.choice(translated(rule.id).asked)
    return {**states, name: states_of(random, book().facts[name])}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_each_case_and_its_neighbours_are_answered_as_the_engine_does(rule: Rule) -> None:
    random = Random(rule.id)
    for case in rule.cases:
        compare(rule, given_by(case))
        for _ in range(max(EACH // len(rule.cases), 2)):
            compare(rule, neighbour(random, rule, given_by(case)), random.random() < 0.8)


@cache
def prover() -> Prover:
    return Prover(load_laws(RULES_FOLDER, load_rulebook(RULES_FOLDER)))


def parts_of(term: RuleTerm) -> Iterator[z3.BoolRef]:
    """Everything a rule may answer: rows, severities, offers made and withheld, silence, doubt."""
    fires = [level.fires for level in term.levels]
    yield from (term.cannot_tell, conj((term.applies, *(neg(f) for f in fires))))
    for level in term.levels:
        yield from (level.shown_as(name) for name in ("info", "warning", "critical"))
        for offer in level.offers:
            yield conj((level.fires, neg(offer.offered)))
            yield offer.offered
            yield from (conj((offer.offered, dose.when)) for dose in offer.doses)


@cache
def patients_of(rule: str) -> list[tuple[dict[str, State], bool]]:
    """For each part of a rule that can happen, a patient to whom the solver lets it happen."""
    (term,) = (item for item in prover().terms.rules if item.rule.id == rule)
    patient, found = prover().patient, []
    solver = z3.Solver()
    solver.add(*(t for t in (*axioms(patient), *patient.holds) if z3.is_expr(t)))
    for part in parts_of(term):
        if part is not False and solver.check(part) == z3.sat:
            model = solver.model()
            states = {
                name: state_of(model, fact)
                for name, fact in patient.facts.items()
                if name in usual()
            }
            found.append((states, z3.is_true(model.eval(patient.editable, True))))
    return found


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_whatever_a_rule_may_answer_the_engine_answers_too(rule: Rule) -> None:
    random = Random(rule.id)
    answers = set()
    for states, editable in patients_of(rule.id):
        answers.add(repr(compare(rule, states, editable)))
        for _ in range(max(EACH // len(patients_of(rule.id)), 2)):
            compare(rule, neighbour(random, rule, states), editable)
    assert len(answers) > len(rule.levels)  # each row, and at least one way to show none


def test_random_patients_are_answered_as_the_engine_does() -> None:
    @given(st.integers(0, 2**64 - 1))
    @settings(
        max_examples=NIGHTLY or 300,
        deadline=None,
        database=None,
        derandomize=not NIGHTLY,
        phases=[Phase.explicit, Phase.generate],  # a smaller seed is no smaller patient
    )
    def patient(seed: int) -> None:
        random = Random(seed)
        for rule in random.sample(list(RULES.values()), 3):
            asked = translated(rule.id).asked
            names = random.sample(asked, min(len(asked), random.choice((0, 1, 3, 6, 12, 60))))
            states = {name: states_of(random, book().facts[name]) for name in names}
            compare(rule, states, random.random() < 0.8)

    patient()


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_terms_that_were_worked_out_on_the_way_answer_the_same(rule: Rule) -> None:
    # what is known folds while the terms are made: other ways through the same code
    random = Random(rule.id)
    for case in rule.cases[:: max(len(rule.cases) // 5, 1)]:
        states = neighbour(random, rule, given_by(case))
        assert Translation(book(), states).answer(rule) == engine(rule, {**usual(), **states})
