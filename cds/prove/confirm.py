"""A witness through the real engine: what it decides, and whether the law is broken there too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

from cds.engine.decide import judge_rule
from cds.engine.decision import Decision, Offer, Outcome
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.facts.model import Category, Fact, Measured, Missing, Nothing, Reason, State, presence
from cds.given import ORDER, given_facts, in_words
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.verdict import Verdict
from cds.prove.filters import card_fits, is_shown, offer_fits
from cds.prove.numbers import numbers_of
from cds.prove.witness import Witness
from cds.rulebook.model import Clause, ExactSource, OfferSource, Rule, Rulebook
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
class Answered:
    """What the engine says about a witness: one decision per rule that applies."""

    facts: Facts
    decisions: tuple[Decision, ...]
    given: Mapping[str, Fact]


def answer(book: Rulebook, patient: Witness, hook: str) -> Answered:
    """Every shown rule of the hook, judged by the engine."""
    given = {
        name: Fact(name, state, f"{name.replace('_', ' ')} {in_words(state)}")
        for name, state in patient.states.items()
    }
    order = replace(ORDER, editable=patient.editable)
    given |= _exact(given_facts(book, given, order))
    facts = given_facts(book, given, order)
    rules = (rule for rule in book.rules if is_shown(rule, hook) and applies(rule, patient))
    return Answered(facts, tuple(judged(rule, facts) for rule in rules), given)


def _exact(facts: Facts) -> dict[str, Fact]:
    """Facts only laws ask: is a value one number?"""
    found = {}
    for spec in facts.book.facts.values():
        if isinstance(spec.source, ExactSource):
            state = facts.fact(spec.source.of).state
            one = isinstance(state, Measured) and state.quantity.interval.exact
            found[spec.name] = presence(spec.name, one, "one number" if one else "not one number")
    return found


def applies(rule: Rule, patient: Witness) -> bool:
    """A `for_each` rule needs an order of its kind."""
    return rule.for_each is None or bool(patient.tags & set(rule.for_each.roles))


def judged(rule: Rule, facts: Facts) -> Decision:
    """One rule; the order of the case stands for every selected order."""
    return judge_rule(rule, facts, facts.order if rule.for_each else None)


def breaks(law: Law, patient: Witness, found: Answered) -> bool:
    """The engine's answer about this patient violates the law."""
    if law.for_each is not None and not patient.tags & set(law.for_each.roles):
        return False
    if law.each_offer is None:
        return _given(law, found.facts) and _broken(law, found, found.facts)
    return any(
        _given(law, found.facts) and _broken(law, found, _from_offer(found, offer))
        for offer in offers(law.each_offer, found)
    )


def silenced(book: Rulebook, law: Law, patient: Witness) -> bool:
    """The engine tells nothing in doubt, though it would under each label that is possible."""
    doubt = patient.states.get(law.fact)
    if not isinstance(doubt, Category):
        return False
    sure = (Category(frozenset({label})) for label in doubt.labels)
    settled = (replace(patient, states={**patient.states, law.fact: one}) for one in sure)
    told = (_tells(law, answer(book, one, law.hook)) for one in settled)
    return not _tells(law, answer(book, patient, law.hook)) and all(told)


def _tells(law: Law, found: Answered) -> bool:
    meant = CardFilter(rules=law.rules)
    return any(_is_shown_as(meant, decision) for decision in found.decisions)


def offers(wanted: OfferFilter, found: Answered) -> Iterator[Offer]:
    """The offers a filter means, among those the engine made."""
    for decision in found.decisions:
        if decision.fired is None or not card_fits(wanted.cards, decision.rule, decision.fired):
            continue
        for offer in decision.offers:
            if offer_fits(wanted, offer.suggestion, found.facts.book):
                yield offer


def _given(law: Law, facts: Facts) -> bool:
    return law.given is None or _yes(law.given, facts)


def _yes(clause: Clause, facts: Facts) -> bool:
    return judge(clause, facts).verdict is Verdict.YES


def _broken(law: Law, found: Answered, facts: Facts) -> bool:
    if law.claim is None:
        raise TypeError(f"`{law.name}` claims nothing")
    held = _claim(law.claim, found, facts)
    return held if law.kind == "never" else not held


def _claim(claim: Claim, found: Answered, facts: Facts) -> bool:
    match claim:
        case Asks():
            return _yes(claim.clause, facts)
        case Fires():
            return any(_is_shown_as(claim.cards, decision) for decision in found.decisions)
        case Offers():
            return any(True for _ in offers(claim.offers, found))
        case MoreThanOne():
            return len(list(offers(claim.offers, found))) > 1
        case Together():
            held = (_claim(item, found, facts) for item in claim.claims)
            return all(held) if claim.every else any(held)
        case _:
            assert_never(claim)


def _is_shown_as(wanted: CardFilter, decision: Decision) -> bool:
    if decision.outcome is not Outcome.FIRES or decision.fired is None:
        return False
    fits = card_fits(wanted, decision.rule, decision.fired)
    return fits and (not wanted.indicators or decision.indicator in wanted.indicators)


def _from_offer(found: Answered, offer: Offer) -> Facts:
    """The same patient, looked at from one offer."""
    facts = found.facts
    about = {
        spec.name: Fact(spec.name, _number(spec.source, offer, facts), spec.name)
        for spec in facts.book.facts.values()
        if isinstance(spec.source, OfferSource)
    }
    return given_facts(facts.book, {**found.given, **about}, facts.order)


def _number(source: OfferSource, offer: Offer, facts: Facts) -> State:
    if offer.dose is None:
        return Nothing("the offer has no dose")
    if source.what == "total" and offer.dose.analyte is source.analyte:
        return _total(facts.fact(source.fact).state, offer.dose)
    found = numbers_of(offer.dose, offer.rate, offer.hours).get(source.what)
    if found is None or found.analyte is not source.analyte:
        return Nothing("the offer has no such number")
    return Measured(found, f"{found.value:f} {found.unit}")


def _total(sofar: State, dose: Quantity) -> State:
    if not isinstance(sofar, Measured):
        return Missing(Reason.DOSE_UNCLEAR)
    found = sofar.quantity.to(dose.unit).interval
    low = None if found.low is None else found.low + dose.value
    high = None if found.high is None else found.high + dose.value
    both = Interval(low, high, found.low_open, found.high_open)
    return Measured(Quantity(dose.analyte, both, dose.unit), "with the offer")
