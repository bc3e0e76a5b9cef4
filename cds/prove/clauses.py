"""Clauses as terms, case by case what `engine.evaluate` does with a patient who is known."""

from __future__ import annotations

from typing import assert_never

import z3

from cds.facts.model import Reason
from cds.prove.patient import (
    Patient,
    against_fact,
    against_quantity,
    against_threshold,
)
from cds.prove.smt import (
    CANNOT_TELL,
    Bool,
    Truth,
    all_of,
    any_of,
    by_case,
    conj,
    decided,
    disj,
    neg,
)
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Operand,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
)

YES, NO = Truth(True, False), Truth(False, True)


class Judge:
    """Verdicts about one patient; definitions are translated once."""

    def __init__(self, patient: Patient) -> None:
        self.patient = patient
        self._named: dict[str, Truth] = {}
        self._changes: dict[Change, Truth] = {}

    def verdict(self, clause: Clause) -> Truth:  # noqa: C901  one case per clause class
        """The verdict on a clause, for every patient at once."""
        match clause:
            case All():
                return all_of([self.verdict(child) for child in clause.children])
            case AnyOf():
                return any_of([self.verdict(child) for child in clause.children])
            case Holds():
                found = self.definition(clause.name)
                return found.negated() if clause.negated else found
            case CannotTell():
                return decided(self.definition(clause.name).open)
            case Compare():
                return self._compared(clause)
            case Between():
                return self._between(clause)
            case IsIn():
                return self._is_in(clause)
            case IsPresent():
                return self._is_present(clause)
            case IsMissing():
                return self._is_missing(clause)
            case Change():
                return self._change(clause)
            case _:
                assert_never(clause)

    def definition(self, name: str) -> Truth:
        """A named clause."""
        if name not in self._named:
            self._named[name] = self.verdict(self.patient.book.definitions[name].clause)
        return self._named[name]

    def yes(self, clause: Clause | None) -> Bool:
        """It is there and it is Yes."""
        return False if clause is None else self.verdict(clause).yes

    def _compared(self, clause: Compare) -> Truth:
        fact = self.patient.fact(clause.fact)
        return _stated(fact, self._against(fact, clause.operator, clause.operand))

    def _between(self, clause: Between) -> Truth:
        fact = self.patient.fact(clause.fact)
        lower = self._against(fact, "at_least", clause.lower)
        upper = self._against(fact, "below", clause.upper)
        return _stated(fact, all_of((lower, upper)))

    def _against(self, fact: FactTerms, operator: str, operand: Operand) -> Truth:
        match operand:
            case ToThreshold():
                return against_threshold(fact, operator, self.patient.book.thresholds[operand.name])
            case ToQuantity():
                return against_quantity(fact, operator, operand.quantity)
            case ToFact():
                other = self.patient.fact(operand.name)
                there = against_fact(fact, operator, other)
                cases = [
                    (other.is_(VALUE), there),
                    (other.undecidable, CANNOT_TELL),
                    (other.is_(NOTHING), NO),
                ]
                return by_case(cases)
            case ToTable():
                return self._against_table(fact, operator, operand)
            case _:
                assert_never(operand)

    def _against_table(self, fact: FactTerms, operator: str, operand: ToTable) -> Truth:
        """A cell `none`: nothing is allowed, so any amount is above it."""
        empty = YES if operator in ("above", "at_least") else NO
        cells = self.patient.cell(self.patient.book.tables[operand.name])
        return by_case(
            (when, empty if value is None else against_quantity(fact, operator, value))
            for value, when in cells
        )

    def _is_in(self, clause: IsIn) -> Truth:
        fact = self.patient.fact(clause.fact)
        wanted = disj(term for label, term in fact.labels.items() if label in clause.labels)
        other = disj(term for label, term in fact.labels.items() if label not in clause.labels)
        return _stated(fact, Truth(neg(other), neg(wanted)))

    def _is_present(self, clause: IsPresent) -> Truth:
        fact = self.patient.fact(clause.fact)
        finding = fact.spec.type.kind == "presence"
        there = by_case(
            (
                (fact.is_(VALUE), decided(fact.present) if finding else YES),
                (fact.is_(NOT_KNOWN), CANNOT_TELL),
                (fact.is_(MISSING), CANNOT_TELL if finding else NO),
                (fact.is_(NOTHING), NO),
            )
        )
        return there if clause.wanted else there.negated()

    def _is_missing(self, clause: IsMissing) -> Truth:
        fact = self.patient.fact(clause.fact)
        wanted: list[Bool] = [fact.reasons.get(r, False) for r in Reason if r in clause.reasons]
        fits = disj(wanted) if clause.reasons else True
        yes = conj((fact.is_(MISSING), fits))
        return Truth(yes, conj((neg(fact.is_(NOT_KNOWN)), neg(yes))))

    def _change(self, clause: Change) -> Truth:
        """Earlier results are not part of the patient: free where there is a value now."""
        if clause not in self._changes:
            name = f"{self.patient.prefix}{clause.where}:{clause.direction}"
            yes, no = z3.Bool(f"{name}:yes"), z3.Bool(f"{name}:no")
            self.patient.holds.append(neg(conj((yes, no))))
            self._changes[clause] = Truth(yes, no)
        return _stated(self.patient.fact(clause.fact), self._changes[clause])


def _stated(fact: FactTerms, truth: Truth) -> Truth:
    """Missing is never false, not known is never missing; what does not exist is a plain No."""
    return Truth(
        conj((fact.is_(VALUE), truth.yes)),
        disj((conj((fact.is_(VALUE), truth.no)), fact.is_(NOTHING))),
    )
