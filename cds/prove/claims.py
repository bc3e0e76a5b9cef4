"""Laws as terms: when one is violated, and when it has something to say at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import assert_never

import z3

from cds.engine.dosing import Dosed
from cds.kernel.quantity import Quantity
from cds.prove.clauses import Judge
from cds.prove.filters import card_fits, is_shown, offer_fits
from cds.prove.numbers import numbers_of
from cds.prove.patient import Patient
from cds.prove.rules import LevelTerm, OfferTerm, RuleTerm
from cds.prove.smt import Bool, Range, conj, constant, disj, neg, number
from cds.prove.variables import MISSING, NOTHING, VALUE, FactTerms
from cds.rulebook.model import FactSpec, OfferSource
from cds.rulebook.model.laws import (
    Asks,
    CardFilter,
    Claim,
    Fires,
    Law,
    MoreThanOne,
    OfferFilter,
    Offers,
    Together,
)


@dataclass(frozen=True, slots=True)
class LawTerm:
    """`violated`: some patient breaks the law. `speaks`: some patient is one it is about."""

    law: Law
    violated: Bool
    speaks: Bool


class Laws:
    """Laws over the rules of one patient."""

    def __init__(self, judge: Judge, rules: Iterable[RuleTerm]) -> None:
        self.judge = judge
        self.patient = judge.patient
        self.rules = tuple(rules)

    def law(self, law: Law) -> LawTerm:
        """An `always` or `never` law."""
        given = True if law.given is None else self.judge.verdict(law.given).yes
        if law.for_each is not None:
            given = conj((given, disj(self.patient.tag(role) for role in law.for_each.roles)))
        shown = self._shown(law.hook)
        if law.each_offer is None:
            broken, speaks = self._broken(law, self.judge, shown), True
            return LawTerm(law, conj((given, broken)), conj((given, speaks)))
        broken_ones, speaking = [], []
        for made, when, judge in self._looked_at(law.each_offer, shown):
            here = conj((made, when, given))
            speaking.append(here)
            broken_ones.append(conj((here, self._broken(law, judge, shown))))
        return LawTerm(law, disj(broken_ones), disj(speaking))

    def tells(self, hook: str) -> Bool:
        """Some card is shown."""
        return disj(item.fires for item in self._shown(hook))

    def offered(self, wanted: OfferFilter, hook: str) -> list[OfferTerm]:
        """The offers a filter means."""
        return list(self._offers(wanted, self._shown(hook)))

    def claimed(self, law: Law) -> Bool:
        """Some offer the claim of the law speaks of is made."""
        shown, found = self._shown(law.hook), []
        todo = [law.claim] if law.claim is not None else []
        while todo:
            claim = todo.pop()
            if isinstance(claim, Together):
                todo += claim.claims
            if isinstance(claim, Offers | MoreThanOne):
                found += [offer.offered for offer in self._offers(claim.offers, shown)]
        return disj(found)

    def _shown(self, hook: str) -> list[RuleTerm]:
        return [item for item in self.rules if is_shown(item.rule, hook)]

    def _offers(self, wanted: OfferFilter, shown: Iterable[RuleTerm]) -> Iterator[OfferTerm]:
        for level in _levels(wanted.cards, shown):
            for offer in level.offers:
                if offer_fits(wanted, offer.suggestion, self.patient.book):
                    yield offer

    def _broken(self, law: Law, judge: Judge, shown: list[RuleTerm]) -> Bool:
        if law.claim is None:
            raise TypeError(f"`{law.name}` claims nothing")
        held = self._claim(law.claim, judge, shown)
        return held if law.kind == "never" else neg(held)

    def _claim(self, claim: Claim, judge: Judge, shown: list[RuleTerm]) -> Bool:
        match claim:
            case Asks():
                return judge.verdict(claim.clause).yes
            case Fires():
                return disj(_cards(claim.cards, shown))
            case Offers():
                return disj(offer.offered for offer in self._offers(claim.offers, shown))
            case MoreThanOne():
                made = [offer.offered for offer in self._offers(claim.offers, shown)]
                return disj(conj(pair) for pair in combinations(made, 2))
            case Together():
                found = [self._claim(item, judge, shown) for item in claim.claims]
                return conj(found) if claim.every else disj(found)
            case _:
                assert_never(claim)

    def _looked_at(
        self, wanted: OfferFilter, shown: list[RuleTerm]
    ) -> Iterator[tuple[Bool, Bool, Judge]]:
        """Each offer, each dose it may have, and the patient seen from there."""
        for offer in self._offers(wanted, shown):
            if not offer.doses:
                yield offer.offered, True, self.judge
            for item in offer.doses:
                facts = {
                    spec.name: self._number(spec, spec.source, item.dosed)
                    for spec in self.patient.book.facts.values()
                    if isinstance(spec.source, OfferSource)
                }
                yield offer.offered, item.when, Judge(self.patient.with_offer(facts))

    def _number(self, spec: FactSpec, source: OfferSource, dosed: Dosed) -> FactTerms:
        numbers = numbers_of(dosed.dose, dosed.rate, dosed.hours)
        if source.what == "total" and dosed.dose.analyte is source.analyte:
            return _with_dose(spec, self.patient, dosed)
        found = numbers.get(source.what)
        if found is None or found.analyte is not source.analyte:
            return _fixed(spec, NOTHING)
        return _fixed(spec, VALUE, constant(found.interval), found.unit)


def _fixed(spec: FactSpec, state: str, found: Range | None = None, unit: str = "") -> FactTerms:
    zero = number(Decimal(0))
    return FactTerms(spec, {state: True}, found or Range(zero, zero), {unit: True}, {}, True, {})


def _with_dose(spec: FactSpec, patient: Patient, dosed: Dosed) -> FactTerms:
    """The amount of 24 h together with the offer, in the unit of the dose."""
    source = spec.source
    if not isinstance(source, OfferSource):
        raise TypeError(f"`{spec.name}` is not about an offer")
    sofar = patient.fact(source.fact)
    if sofar.range is None:
        raise TypeError(f"`{source.fact}` is no amount")
    low, high = sofar.range.low, sofar.range.high
    for unit, chosen in sofar.units.items():
        one = Quantity.of(dosed.dose.analyte, 1, unit).to(dosed.dose.unit).value
        low = z3.If(chosen, sofar.range.low * number(one), low)
        high = z3.If(chosen, sofar.range.high * number(one), high)
    dose = number(dosed.dose.value)
    both = Range(low + dose, high + dose, sofar.range.low_none, sofar.range.high_none)
    states = {VALUE: sofar.is_(VALUE), MISSING: neg(sofar.is_(VALUE))}
    return FactTerms(spec, states, both, {dosed.dose.unit: True}, {}, True, {})


def _cards(wanted: CardFilter, shown: Iterable[RuleTerm]) -> Iterator[Bool]:
    for level in _levels(wanted, shown):
        if not wanted.indicators:
            yield level.fires
        for indicator in sorted(wanted.indicators):
            yield level.shown_as(indicator)


def _levels(wanted: CardFilter, shown: Iterable[RuleTerm]) -> Iterator[LevelTerm]:
    for item in shown:
        for level in item.levels:
            if card_fits(wanted, item.rule, level.level):
                yield level
