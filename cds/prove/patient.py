"""One arbitrary patient: every fact a rule or a law asks, as terms, declared when first asked.

Bands, table cells and the order of a `for_each` rule are worked out here as the engine does
(`engine.bands`, `engine.tables`); other derived facts are free, within what `axioms` states.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import z3

from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS
from cds.prove.smt import (
    Bool,
    Truth,
    all_of,
    any_of,
    by_case,
    compare,
    conj,
    constant,
    disj,
    implies,
    neg,
)
from cds.prove.variables import VALUE, FactTerms, declare
from cds.rulebook.model import BandSource, ExactSource, FactSpec, Rulebook, Table, Threshold

UNKNOWN = "unknown"
NEVER = Truth(False, False)  # no cut on this side: neither below nor above it


class Patient:
    """The facts of one patient under one rulebook. `prefix` tells two patients apart.

    `stated` are facts somebody fixed; `holds` is what always holds of the facts asked so far.
    """

    def __init__(
        self, book: Rulebook, prefix: str = "", stated: Mapping[str, FactTerms] | None = None
    ) -> None:
        self.book = book
        self.prefix = prefix
        self.holds: list[Bool] = []
        self.facts: dict[str, FactTerms] = dict(stated or {})
        self.tags: dict[str, Bool] = {}
        self.editable: Bool = z3.Bool(f"{prefix}order:editable")

    def fact(self, name: str) -> FactTerms:
        """A declared fact."""
        if name not in self.facts:
            spec = self.book.facts[name]
            match spec.source:
                case BandSource():
                    self.facts[name] = self._band(name, spec.source)
                case ExactSource():
                    self.facts[name] = self._exact(spec, self.fact(spec.source.of))
                case _:
                    self.facts[name] = self.free(spec)
        return self.facts[name]

    def free(self, spec: FactSpec) -> FactTerms:
        """A fact that follows from no other: any state its source can give."""
        fact, holds = declare(spec, self.prefix)
        self.holds += holds
        return fact

    def _exact(self, spec: FactSpec, of: FactTerms) -> FactTerms:
        found = of.range
        one = (
            False
            if found is None
            else conj((of.is_(VALUE), found.exact, neg(found.low_open), neg(found.high_open)))
        )
        return FactTerms(spec, {VALUE: True}, None, {}, {}, one, {})

    def asked(self, kind: type) -> list[FactTerms]:
        """The facts of one kind of source asked so far."""
        return [fact for fact in self.facts.values() if isinstance(fact.spec.source, kind)]

    def tag(self, name: str) -> Bool:
        """The order carries this role or ingredient."""
        if name not in self.tags:
            self.tags[name] = z3.Bool(f"{self.prefix}order:{name}")
        return self.tags[name]

    def with_offer(self, facts: Mapping[str, FactTerms]) -> Patient:
        """The same patient, looked at from one offer."""
        view = Patient(self.book, self.prefix, {**self.facts, **facts})
        view.holds, view.tags, view.editable = self.holds, self.tags, self.editable
        return view

    def cell(self, table: Table) -> list[tuple[Quantity | None, Bool]]:
        """Each value the table holds, with when it is the cell of this patient."""
        axes = [self._axis(name) for name in table.by]
        values = list(dict.fromkeys(table.rows.values()))
        agreed = {
            value: conj(
                neg(conj(axis[label][0] for axis, label in zip(axes, key, strict=True)))
                for key, cell in table.rows.items()
                if cell != value
            )
            for value in values
        }
        nothing_agreed = neg(disj(agreed.values()))
        doubtful = {
            value: disj(
                conj(axis[label][1] for axis, label in zip(axes, key, strict=True))
                for key, cell in table.rows.items()
                if cell == value
            )
            for value in values
        }
        return [
            (value, disj((agreed[value], conj((nothing_agreed, doubtful[value])))))
            for value in values
        ]

    def _axis(self, name: str) -> dict[str, tuple[Bool, Bool]]:
        """Per label: is it possible, and is it the one that doubt reads?"""
        fact = self.fact(name)
        settled = disj(fact.label_is(label) for label in fact.labels)
        known = fact.is_(VALUE)
        axis = {
            label: (conj((known, term)), fact.label_is(label))
            for label, term in fact.labels.items()
        }
        possible, read = axis.get(UNKNOWN, (False, False))
        axis[UNKNOWN] = (disj((possible, neg(known))), disj((read, neg(settled))))
        return axis

    def _band(self, name: str, source: BandSource) -> FactTerms:
        of = self.fact(source.of)
        under = [self._under(of, limit, source) for limit in source.thresholds]
        count = len(source.thresholds) + 1
        labels: dict[str, Bool] = {}
        for i in range(count):
            from_below = True if i == 0 else neg(under[i - 1].yes)
            to_above = True if i == count - 1 else neg(under[i].no)
            labels[source.labels[i]] = conj((from_below, to_above))
        if source.contested is not None:
            labels = self._contested(source, of, labels)
        spec = self.book.facts[name]
        return FactTerms(spec, of.states, None, {}, labels, True, of.reasons)

    def _under(self, of: FactTerms, limit: str, source: BandSource) -> Truth:
        operator = "at_most" if limit in source.inclusive else "below"
        return against_threshold(of, operator, self.book.thresholds[limit])

    def _contested(
        self, source: BandSource, of: FactTerms, labels: dict[str, Bool]
    ) -> dict[str, Bool]:
        """Clinical pack R6, as `engine.bands`: one more step between two limits that differ."""
        if source.contested is None:
            return labels
        label, limit, by = source.contested
        own, at = self.fact(by), source.thresholds.index(limit)
        ours, theirs = self._under(of, limit, source), against_fact(of, "below", own)
        first, last = all_of((ours, theirs)), any_of((ours, theirs))
        lower, upper = source.labels[at], source.labels[at + 1]
        beyond, short = self._own_beside(source, of, own, at)
        one = conj((own.is_(VALUE), False if own.range is None else own.range.exact))
        changed = dict(labels)
        changed[lower] = conj((labels[lower], implies(one, conj((neg(first.no), beyond)))))
        changed[upper] = conj((labels[upper], implies(one, conj((neg(last.yes), short)))))
        prev = NEVER if at == 0 else self._under(of, source.thresholds[at - 1], source)
        next_ = (
            NEVER
            if at + 1 == len(source.thresholds)
            else self._under(of, source.thresholds[at + 1], source)
        )
        differ = disj(self._own_is(of, own, word, limit) for word in ("below", "above"))
        inside = (neg(prev.yes), neg(first.yes), neg(next_.no), neg(last.no))
        changed[label] = conj((one, *inside, differ))
        return changed

    def _own_beside(
        self, source: BandSource, of: FactTerms, own: FactTerms, at: int
    ) -> tuple[Bool, Bool]:
        """The laboratory's limit leaves room above the cut before, and below the one after."""
        beyond: Bool = True
        if at > 0:
            beyond = self._own_is(of, own, "above", source.thresholds[at - 1])
        short: Bool = True
        if at + 1 < len(source.thresholds):
            after = source.thresholds[at + 1]
            word = "at_most" if after in source.inclusive else "below"
            short = self._own_is(of, own, word, after)
        return beyond, short

    def _own_is(self, of: FactTerms, own: FactTerms, operator: str, limit: str) -> Bool:
        """The laboratory's limit against one of ours, both in the unit of the result."""
        if own.range is None or own.spec.type.analyte is None:
            return False
        factors, threshold = UNITS[own.spec.type.analyte].factors, self.book.thresholds[limit]
        found = by_case(
            (
                conj((mine, theirs)),
                compare(
                    operator,
                    own.range.times(factors[v], factors[u]),
                    constant(threshold.for_unit(u).interval),
                ),
            )
            for (u, mine), (v, theirs) in product(of.units.items(), own.units.items())
        )
        return found.yes


def against_threshold(fact: FactTerms, operator: str, threshold: Threshold) -> Truth:
    """Compared in the unit of the fact, with that unit's own constant."""
    if fact.range is None:
        raise TypeError(f"`{fact.spec.name}` is compared but is not a quantity")
    return by_case(
        (chosen, compare(operator, fact.range, constant(threshold.for_unit(unit).interval)))
        for unit, chosen in fact.units.items()
    )


def against_quantity(fact: FactTerms, operator: str, quantity: Quantity) -> Truth:
    """Compared in the unit of the fact."""
    if fact.range is None:
        raise TypeError(f"`{fact.spec.name}` is compared but is not a quantity")
    return by_case(
        (chosen, compare(operator, fact.range, constant(quantity.to(unit).interval)))
        for unit, chosen in fact.units.items()
    )


def against_fact(fact: FactTerms, operator: str, other: FactTerms) -> Truth:
    """Compared in the unit of the left one; both are supposed to hold a value."""
    if fact.range is None or other.range is None or fact.spec.type.analyte is None:
        raise TypeError(f"`{fact.spec.name}` is compared but is not a quantity")
    factors = UNITS[fact.spec.type.analyte].factors
    return by_case(
        (
            conj((mine, theirs)),
            compare(operator, fact.range, other.range.times(factors[v], factors[u])),
        )
        for (u, mine), (v, theirs) in product(fact.units.items(), other.units.items())
    )
