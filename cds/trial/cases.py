"""Runs the cases embedded in rule files: each states facts and the outcome they must have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from cds.engine.decide import concerns, judge_rule
from cds.engine.decision import Decision, Judgement, Offer, Outcome
from cds.engine.facts import Facts
from cds.engine.phrases import fill, sentence, short_amount
from cds.facts.model import Fact
from cds.given import stated
from cds.kernel.quantity import Quantity
from cds.rulebook.model import Case, Level, Rule, Rulebook
from cds.trial.given import defaults, facts_with, order_with, unknown


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case with what the engine said; `faults` empty = the case holds."""

    rule: Rule
    case: Case
    decision: Decision | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A case whose patient is read once and may be judged by many rulebooks.

    `known` is empty where a `given` cannot be read, which is the `fault`.
    """

    rule: str
    case: Case
    known: Mapping[str, Fact]
    fault: str = ""


def run_cases(book: Rulebook) -> tuple[CaseResult, ...]:
    """Every case of every rule, in file order."""
    return tuple(result for result, _ in try_cases(book))


def try_cases(book: Rulebook) -> Iterator[tuple[CaseResult, Facts]]:
    """Every case of every rule, in file order, with all that was asked about its patient."""
    rules = {rule.id: rule for rule in book.rules}
    for item in prepare(book):
        yield run_prepared(book, rules[item.rule], item)


def run_case(book: Rulebook, rule: Rule, case: Case) -> CaseResult:
    """One case. A `given` that cannot be read is a fault of the case."""
    return run_prepared(book, rule, _prepared(book, rule, case, defaults(book)))[0]


def prepare(book: Rulebook) -> tuple[Prepared, ...]:
    """The patients of all cases, in file order."""
    base = defaults(book)
    return tuple(_prepared(book, rule, case, base) for rule in book.rules for case in rule.cases)


def _prepared(book: Rulebook, rule: Rule, case: Case, base: Mapping[str, Fact]) -> Prepared:
    try:
        given = {name: stated(book.facts[name], text) for name, text in case.given.items()}
    except ValueError as error:
        return Prepared(rule.id, case, {}, str(error))
    rest = unknown(book) if case.otherwise else {}
    return Prepared(rule.id, case, {**base, **rest, **given})


def run_prepared(book: Rulebook, rule: Rule, item: Prepared) -> tuple[CaseResult, Facts]:
    """One case, and the facts with all that was asked of them."""
    facts = facts_with(book, item.known)
    if item.fault:
        return CaseResult(rule, item.case, None, (item.fault,)), facts
    decision = _decision(rule, item.case, facts)
    return CaseResult(rule, item.case, decision, tuple(_faults(item.case, decision, facts))), facts


def _decision(rule: Rule, case: Case, facts: Facts) -> Decision:
    """A rule about one order is tried on an order with the role the case names, else with all."""
    if rule.for_each is None:
        return judge_rule(rule, facts)
    roles = frozenset({case.role} if case.role else rule.for_each.roles)
    facts.order = order = order_with(roles)
    if not concerns(rule, order):
        return Decision(rule, Outcome.SILENT, "the order is not of the kind it is about")
    return judge_rule(rule, facts, order)


def _faults(case: Case, decision: Decision, facts: Facts) -> Iterator[str]:
    if decision.outcome.value != case.expect:
        yield f"expected {case.expect}, got {decision.outcome.value}: {decision.reason}"
        return
    if decision.fired is not None:
        yield from _of_level(case, decision, decision.fired)
    yield from _of_suggestions(case, decision)
    if case.says is not None:
        yield from _unsaid(case.says, conditional_sentences(decision, facts))
    if case.because:
        looked = {name for item in decision.levels for name in _names(item.judgement)}
        missing = [name for name in case.because if name not in looked]
        yield from (f"`{name}` was not part of the reason" for name in missing)


def _of_level(case: Case, decision: Decision, fired: Level) -> Iterator[str]:
    if case.row is not None and fired.row != case.row:
        yield f"expected row {case.row}, got {fired.row}"
    if case.indicator is not None and decision.indicator != case.indicator:
        yield f"expected {case.indicator}, got {decision.indicator}"
    if case.summary not in decision.summary:
        yield f"expected a headline with `{case.summary}`, got `{decision.summary}`"
    for part in case.detail:
        if not any(part in text for text in decision.detail):
            yield f"expected a sentence with `{part}`, got {list(decision.detail)}"
    if case.alone is not None and fired.alone is not case.alone:
        yield f"expected alone: {str(case.alone).lower()}, got {str(fired.alone).lower()}"


def _of_suggestions(case: Case, decision: Decision) -> Iterator[str]:
    offered = {offer.suggestion.name: offer for offer in decision.offers}
    if case.suggests is not None and set(case.suggests) != set(offered):
        reasons = "; ".join(r for item in decision.withheld for r in item.reasons)
        yield f"expected suggestions {list(case.suggests)}, got {list(offered)} ({reasons})"
    codes = {item.suggestion.name: sorted(item.codes) for item in decision.withheld}
    wanted = {name: sorted(item) for name, item in (case.withheld or {}).items()}
    if case.withheld is not None and wanted != codes:
        yield f"expected {wanted or 'nothing'} to be withheld, got {codes or 'nothing'}"
    for name, dose in case.dose.items():
        got_dose = dose_words(offered[name]) if name in offered else "no such offer"
        if got_dose != dose:
            yield f"expected `{name}` to give {dose}, got {got_dose}"


def dose_words(offer: Offer) -> str:
    """The dose of an offer as a case writes it: `4 g over 4 h`, `2 g over 15 min`, `800 mg a day`;
    "" where it has none."""
    if offer.dose is None:
        return ""
    dose = short_amount(offer.dose)
    if offer.per_day is not None:
        return f"{dose} a day"
    return dose if offer.hours is None else f"{dose} over {_duration(offer.hours)}"


def _duration(hours: Quantity) -> str:
    shown = hours if hours.value >= 1 else hours.to("min")
    # An hour is 60 minutes; the factor of the unit table has 22 digits and not all of them.
    return f"{shown.value.quantize(Decimal('0.0001')).normalize():f} {shown.unit}"


def conditional_sentences(decision: Decision, facts: Facts) -> tuple[str, ...]:
    """What the card says because of this patient: notes with an `if`, and `unknown` sentences."""
    if decision.fired is None:
        return ()
    notes = (*decision.fired.notes, *decision.rule.notes)
    texts = (*decision.fired.detail, *(note.say for note in notes if note.if_ is None))
    always = {sentence(fill(text, facts)) for text in texts}
    return tuple(said for said in decision.detail if said not in always)


def _unsaid(fragments: tuple[str, ...], said: tuple[str, ...]) -> Iterator[str]:
    """Each fragment stands in one sentence of its own, and no sentence is left over."""
    left = list(said)
    for fragment in sorted(fragments, key=len, reverse=True):
        found = next((text for text in left if fragment in text), None)
        if found is None:
            yield f"expected it to say `{fragment}`, got {left}"
        else:
            left.remove(found)
    yield from (f"it also says `{text}`" for text in left)


def _names(judgement: Judgement) -> set[str]:
    """Facts, thresholds, tables and definitions that took part in a judgement."""
    own = {*judgement.names, judgement.definition}
    if judgement.fact is not None:
        own.add(judgement.fact.name)
    return own.union(*(_names(child) for child in judgement.children)) - {""}
