"""The terms of a proof, worked out for one patient whose facts are known.

The terms are those the proofs use, made once with every fact left open. A patient is a z3 model
that gives a value to each variable of each fact.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import z3

from cds.facts.model import Category, Measured, Missing, Nothing, NotKnown, Presence, State
from cds.given import WORKED_OUT
from cds.kernel.units import UNITS
from cds.prove.clauses import Judge
from cds.prove.fixed import TranslatedAnswer
from cds.prove.patient import Patient
from cds.prove.rules import Rules, RuleTerm
from cds.prove.smt import Bool, number
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import LabSource, Rule, Rulebook

RULES = Path(__file__).parents[3] / "rules"
NIGHTLY = int(os.environ.get("CDS_NIGHTLY", "0"))
_YES = z3.BoolVal(True)
_STATES: Mapping[type, str] = {
    Measured: VALUE,
    Category: VALUE,
    Presence: VALUE,
    Missing: MISSING,
    NotKnown: NOT_KNOWN,
    Nothing: NOTHING,
}


@cache
def book() -> Rulebook:
    """The real rules, with the names that laws declare."""
    return load_laws(RULES, load_rulebook(RULES)).book


def free_facts(rulebook: Rulebook) -> list[str]:
    """Facts that follow from no other and belong to no offer."""
    specs = rulebook.facts.values()
    return [spec.name for spec in specs if not isinstance(spec.source, WORKED_OUT)]


_variables: dict[int, tuple[Any, Any]] = {}  # the term is kept, so that its id stays its own


def _variable(term: Any) -> Any:
    """The declaration of a variable; None for anything else."""
    if id(term) not in _variables:
        free = z3.is_const(term) and term.decl().kind() == z3.Z3_OP_UNINTERPRETED
        _variables[id(term)] = (term, term.decl() if free else None)
    return _variables[id(term)][1]


class NotStatable(Exception):
    """The fact is in a state that its declaration calls impossible."""


class Known:
    """A z3 model: every variable of some facts, fixed."""

    def __init__(self) -> None:
        self.model = z3.Model()

    def set(self, term: Any, value: bool | Decimal) -> None:
        """A variable, if it is one. Nothing need be done for false and 0: see `holds`."""
        variable = _variable(term) if value else None
        if variable is not None:
            fixed = _YES if value is True else number(Decimal(value))
            # `update_value` checks its arguments each time, which takes longer than all the rest
            z3.Z3_add_const_interp(variable.ctx_ref(), self.model.model, variable.ast, fixed.ast)

    def holds(self, term: Bool) -> bool:
        """A term of which every variable is fixed (others count as false or 0)."""
        if isinstance(term, bool):
            return term
        return bool(z3.is_true(self.model.eval(term, model_completion=True)))

    def state(self, fact: FactTerms, state: State) -> None:
        """Fix a fact. Raises NotStatable where its declaration has no such state."""
        name = _STATES[type(state)]
        if name not in fact.states:
            raise NotStatable(f"`{fact.spec.name}` is {name}: {state}")
        for other, term in fact.states.items():
            self.set(term, other == name)
        wanted = state.reason if isinstance(state, Missing) else next(iter(fact.reasons), None)
        for reason, term in fact.reasons.items():
            self.set(term, reason is wanted)
        labels = state.labels if isinstance(state, Category) else frozenset(fact.spec.type.labels)
        for label, term in fact.labels.items():
            self.set(term, label in labels)
        self.set(fact.present, isinstance(state, Presence) and state.present)
        self._range(fact, state)

    def _range(self, fact: FactTerms, state: State) -> None:
        if fact.range is None or fact.spec.type.analyte is None:
            return
        table = UNITS[fact.spec.type.analyte]
        unit, low, high = table.canonical, _usual(fact), _usual(fact)
        flags = [False] * 4
        if isinstance(state, Measured):
            stated, unit = state.quantity.interval, state.quantity.unit
            flags = [stated.low is None, stated.high is None, stated.low_open, stated.high_open]
            # an end that is not there is neither open nor closed
            flags[2:] = [flags[2] and not flags[0], flags[3] and not flags[1]]
            low, high = stated.low or Decimal(0), stated.high or Decimal(0)
        for name, chosen in fact.units.items():
            self.set(chosen, name == unit)
        self.set(fact.range.low, low)
        self.set(fact.range.high, high)
        ends = (
            fact.range.low_none,
            fact.range.high_none,
            fact.range.low_open,
            fact.range.high_open,
        )
        for term, value in zip(ends, flags, strict=True):
            self.set(term, value)


def _usual(fact: FactTerms) -> Decimal:
    """A number where none is asked for: one that the declaration allows."""
    analyte = fact.spec.type.analyte
    low = UNITS[analyte].low if analyte and isinstance(fact.spec.source, LabSource) else None
    return low or Decimal(0)


class Translated:
    """One rule, translated with everything left open."""

    def __init__(self, rulebook: Rulebook, rule: Rule) -> None:
        self.rule = rule
        self.patient = Patient(rulebook)
        self.term: RuleTerm = Rules(Judge(self.patient)).rule(rule)

    @property
    def asked(self) -> list[str]:
        """The facts it asks that somebody may state."""
        facts = self.patient.facts.values()
        return [f.spec.name for f in facts if not isinstance(f.spec.source, WORKED_OUT)]

    def known(self, states: Mapping[str, State], editable: bool) -> Known:
        """The patient; for a rule about one order, that order is of its kind."""
        known = Known()
        for name in self.asked:
            known.state(self.patient.fact(name), states[name])
        for role in self.rule.for_each.roles if self.rule.for_each else ():
            known.set(self.patient.tag(role), True)
        known.set(self.patient.editable, editable)
        return known

    def answer(self, states: Mapping[str, State], editable: bool = True) -> TranslatedAnswer:
        """What the terms say about the patient."""
        known = self.known(states, editable)
        for i, level in enumerate(self.term.levels):
            if known.holds(level.fires):
                shown = [
                    name
                    for name in ("info", "warning", "critical")
                    if known.holds(level.shown_as(name))
                ]
                assert len(shown) == 1, f"{self.rule.id}: shown as {shown}"
                return TranslatedAnswer("fires", i, shown[0], dict(self._offers(known, i)))
        told = "cannot-tell" if known.holds(self.term.cannot_tell) else "silent"
        return TranslatedAnswer(told)

    def _offers(self, known: Known, level: int) -> Iterator[tuple[str, Decimal | None]]:
        for offer in self.term.levels[level].offers:
            if known.holds(offer.offered):
                doses = [item.dosed.dose.value for item in offer.doses if known.holds(item.when)]
                assert len(doses) == (offer.suggestion.dose is not None)
                yield offer.suggestion.name, (doses[0] if doses else None)


def first_broken(known: Known, terms: Iterable[Bool]) -> Bool | None:
    """The first of the terms that does not hold."""
    return next((term for term in terms if not known.holds(term)), None)
