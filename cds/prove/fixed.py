"""One known patient through the translation: what the terms say where nothing is left open.

This is how the translation itself is tested: for every patient it must say what the engine says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import assert_never

import z3

from cds.facts.model import (
    Category,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    State,
)
from cds.given import unstated
from cds.kernel.units import UNITS
from cds.prove.clauses import Judge
from cds.prove.patient import Patient
from cds.prove.rules import LevelTerm, Rules
from cds.prove.smt import Bool, Range, constant, number
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms
from cds.rulebook.model import FactSpec, Rule, Rulebook


@dataclass(frozen=True, slots=True)
class TranslatedAnswer:
    """Outcome of one rule; `offers`: suggestion -> dose in its own unit, None for a test."""

    outcome: str
    level: int | None = None
    indicator: str | None = None
    offers: Mapping[str, Decimal | None] | None = None


def terms_of(spec: FactSpec, state: State) -> FactTerms:
    """A fact that is known, as terms."""
    zero = number(Decimal(0))
    nothing = Range(zero, zero)
    analyte = spec.type.analyte
    units: dict[str, Bool] = dict.fromkeys(UNITS[analyte].factors, False) if analyte else {}
    labels: dict[str, Bool] = dict.fromkeys(spec.type.labels, False)
    empty = nothing if analyte else None
    match state:
        case Measured():
            units[state.quantity.unit] = True
            found = constant(state.quantity.interval)
            return FactTerms(spec, {VALUE: True}, found, units, labels, True, {})
        case Category():
            labels |= dict.fromkeys(state.labels, True)
            return FactTerms(spec, {VALUE: True}, empty, units, labels, True, {})
        case Presence():
            return FactTerms(spec, {VALUE: True}, empty, units, labels, state.present, {})
        case Missing():
            reasons = {state.reason: True}
            return FactTerms(spec, {MISSING: True}, empty, units, labels, False, reasons)
        case NotKnown():
            return FactTerms(spec, {NOT_KNOWN: True}, empty, units, labels, False, {})
        case Nothing():
            return FactTerms(spec, {NOTHING: True}, empty, units, labels, False, {})
        case _:
            assert_never(state)


class KnownPatient(Patient):
    """A patient with nothing left open; facts that are not stated are as in a case."""

    def __init__(self, book: Rulebook, states: Mapping[str, State], *, editable: bool) -> None:
        super().__init__(book)
        self.states = states
        self.editable = editable

    def free(self, spec: FactSpec) -> FactTerms:
        """As stated."""
        known = self.states.get(spec.name)
        return terms_of(spec, unstated(self.book, spec).state if known is None else known)


class Translation:
    """The rules as terms, about one known patient."""

    def __init__(
        self, book: Rulebook, states: Mapping[str, State], *, editable: bool = True
    ) -> None:
        self.patient = KnownPatient(book, states, editable=editable)
        self.rules = Rules(Judge(self.patient))

    def answer(self, rule: Rule) -> TranslatedAnswer:
        """What the translated rule says; with `for_each`, about the order of the case."""
        for role in rule.for_each.roles if rule.for_each else ():
            self.patient.tags[role] = True
        term = self.rules.rule(rule)
        for i, level in enumerate(term.levels):
            if is_true(level.fires):
                return TranslatedAnswer("fires", i, _indicator(level), _offers(level))
        return TranslatedAnswer("cannot-tell" if is_true(term.cannot_tell) else "silent")


def is_true(term: Bool) -> bool:
    """A term without variables, worked out. Raises ValueError where something is left open."""
    if isinstance(term, bool):
        return term
    found = z3.simplify(term)
    if not (z3.is_true(found) or z3.is_false(found)):
        raise ValueError(f"left open: {found}")
    return bool(z3.is_true(found))


def _indicator(level: LevelTerm) -> str:
    names = ("info", "warning", "critical")
    return next(name for name in names if is_true(level.shown_as(name)))


def _offers(level: LevelTerm) -> Mapping[str, Decimal | None]:
    found: dict[str, Decimal | None] = {}
    for offer in level.offers:
        if is_true(offer.offered):
            doses = [d.dosed.dose.value for d in offer.doses if is_true(d.when)]
            found[offer.suggestion.name] = doses[0] if doses else None
    return found
