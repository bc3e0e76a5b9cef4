"""Laws -> verdicts. A law is proved when no patient can break it; otherwise one is shown, and the
real engine says whether it breaks the law there too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

import z3

from cds.facts.model import Category
from cds.prove.axioms import axioms
from cds.prove.claims import Laws, LawTerm
from cds.prove.clauses import Judge
from cds.prove.confirm import answer, breaks, offers, silenced
from cds.prove.filters import card_fits, offer_fits
from cds.prove.fixed import terms_of
from cds.prove.patient import Patient
from cds.prove.refine import refines
from cds.prove.rules import LevelTerm, Rules
from cds.prove.smt import Bool, conj, disj, exactly_one, implies, neg
from cds.prove.variables import VALUE, FactTerms
from cds.prove.witness import Witness, equals, witness
from cds.rulebook.model import Rule, Rulebook
from cds.rulebook.model.laws import Claim, Fires, Law, LawBook, OfferFilter, Together


class Standing(Enum):
    """What became of a law. Only the first three are good."""

    PROVED = "proved"
    VACUOUS = "vacuous"
    SILENCED = "silenced at this site"
    NOTHING_TO_SAY = "vacuous without a reason"
    NO_LONGER_VACUOUS = "no longer vacuous"
    BROKEN = "broken"
    UNCONFIRMED = "broken in the proof, not in the engine"
    UNDECIDED = "undecided"


GOOD = frozenset({Standing.PROVED, Standing.VACUOUS, Standing.SILENCED})


@dataclass(frozen=True, slots=True)
class Proof:
    """One law, what became of it, and the patient or the parts that show it."""

    law: Law
    standing: Standing
    patient: Witness | None = None
    said: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Nothing to mend."""
        return self.standing in GOOD


class Prover:
    """One rulebook with its laws; the rules are translated once."""

    def __init__(self, laws: LawBook) -> None:
        self.book = laws.book
        self.laws = laws.laws
        self.patient, self.terms = _translated(laws.book, laws.book.rules, "")

    def prove(self, wanted: Callable[[Law], bool] | None = None) -> Iterator[Proof]:
        """The laws, in their order."""
        asked = [law for law in self.laws if wanted is None or wanted(law)]
        terms = {law.name: self.terms.law(law) for law in asked if law.claim is not None}
        solver = _solver(self.patient)
        for law in asked:
            match law.kind:
                case "levels-can-fire":
                    yield self._possible(law, solver)
                case "unknown-never-adds":
                    yield self._refined(law)
                case "doubt-never-silences":
                    yield self._doubted(law)
                case _:
                    yield self._one(terms[law.name], solver)

    def _one(self, term: LawTerm, solver: z3.Solver) -> Proof:
        law = term.law
        speaks, broken = _check(solver, term.speaks), _check(solver, term.violated)
        if z3.unknown in (speaks, broken):
            return Proof(law, Standing.UNDECIDED)
        if broken == z3.sat:
            return self._shown(law, solver, term.violated)
        if law.vacuous:
            empty = speaks == z3.unsat or self._offers_nothing(law, solver)
            return Proof(law, Standing.VACUOUS if empty else Standing.NO_LONGER_VACUOUS)
        return Proof(law, Standing.PROVED if speaks == z3.sat else Standing.NOTHING_TO_SAY)

    def _offers_nothing(self, law: Law, solver: z3.Solver) -> bool:
        """The claim is about offers that no patient ever gets."""
        made = self.terms.claimed(law)
        return bool(_check(solver, made) == z3.unsat)

    def _shown(self, law: Law, solver: z3.Solver, violated: Bool) -> Proof:
        silent = tuple(
            f"{rule.id} is {rule.status} at {self.book.site}"
            for rule in self.book.rules
            if self.book.site and rule.status != "active" and rule.id in fired(law.claim)
        )
        if silent:
            return Proof(law, Standing.SILENCED, None, silent)
        solver.push()
        solver.add(_term(violated))
        found = witness(solver, self.patient)
        solver.pop()
        confirmed = breaks(law, found, answer(self.book, found, law.hook))
        return Proof(law, Standing.BROKEN if confirmed else Standing.UNCONFIRMED, found)

    def _possible(self, law: Law, solver: z3.Solver) -> Proof:
        """Every level, every indicator it names and every offer it lists happens to somebody."""
        dead = [
            words
            for term in self.terms.rules
            if not law.rules or term.rule.id in law.rules
            for level in term.levels
            for words, happens in _parts(level)
            if _check(solver, happens) != z3.sat
        ]
        return Proof(law, Standing.BROKEN if dead else Standing.PROVED, None, tuple(dead))

    def _refined(self, law: Law) -> Proof:
        """What is offered while facts are not known is offered whatever they turn out to be."""
        wanted = law.each_offer or OfferFilter()
        rules = [rule for rule in self.book.rules if _may_offer(rule, wanted, self.book)]
        known, before = _translated(self.book, rules, "")
        real, after = _translated(self.book, rules, "real:")
        made = _by_template(before, wanted, law.hook)
        still = _by_template(after, wanted, law.hook)
        lost = disj(conj((made[name], neg(still[name]))) for name in made)
        shared = list(refines(known, real))
        solver = _solver(known, real)
        for term in shared:
            solver.add(_term(term))
        broken = _check(solver, lost)
        if broken == z3.unsat:
            speaks = _check(solver, disj(made.values())) == z3.sat
            return Proof(law, Standing.PROVED if speaks else Standing.NOTHING_TO_SAY)
        if broken == z3.unknown:
            return Proof(law, Standing.UNDECIDED)
        solver.add(_term(lost))
        first, then = _pair(solver, known, real)
        agrees = self._lost(law, wanted, first, then)
        told = tuple(f"{name}: {text}" for name, text in then.given().items())
        return Proof(law, Standing.BROKEN if agrees else Standing.UNCONFIRMED, first, told)

    def _doubted(self, law: Law) -> Proof:
        """What each possible label alone would tell is told in doubt too."""
        rules = [rule for rule in self.book.rules if rule.id in law.rules]
        patient, laws = _translated(self.book, rules, "")
        fact = patient.fact(law.fact)
        told = [neg(laws.tells(law.hook)), fact.is_(VALUE)]
        for label, possible in fact.labels.items():
            sure = {law.fact: terms_of(fact.spec, Category(frozenset({label})))}
            told.append(implies(possible, _told(self.book, rules, sure, law.hook)))
        solver = _solver(patient)
        broken = _check(solver, conj(told))
        if broken == z3.unsat:
            speaks = _check(solver, conj((*told[1:], neg(exactly_one(fact.labels.values())))))
            return Proof(law, Standing.PROVED if speaks == z3.sat else Standing.NOTHING_TO_SAY)
        if broken == z3.unknown:
            return Proof(law, Standing.UNDECIDED)
        solver.add(_term(conj(told)))
        found = witness(solver, patient)
        agrees = silenced(self.book, law, found)
        return Proof(law, Standing.BROKEN if agrees else Standing.UNCONFIRMED, found)

    def _lost(self, law: Law, wanted: OfferFilter, first: Witness, then: Witness) -> bool:
        made, still = (
            {
                offer.suggestion.template
                for offer in offers(wanted, answer(self.book, patient, law.hook))
            }
            for patient in (first, then)
        )
        return not made <= still


def fired(claim: Claim | None) -> frozenset[str]:
    """The rules whose card a claim asks for."""
    match claim:
        case Fires():
            return claim.cards.rules
        case Together():
            return frozenset().union(*(fired(item) for item in claim.claims))
        case _:
            return frozenset()


def _told(book: Rulebook, rules: Iterable[Rule], sure: Mapping[str, FactTerms], hook: str) -> Bool:
    """One of the rules fires, with some facts of the same patient settled."""
    judge = Judge(Patient(book, "", sure))
    terms = Rules(judge)
    return Laws(judge, [terms.rule(rule) for rule in rules]).tells(hook)


def _translated(book: Rulebook, wanted: Iterable[Rule], prefix: str) -> tuple[Patient, Laws]:
    patient = Patient(book, prefix)
    judge = Judge(patient)
    rules = Rules(judge)
    return patient, Laws(judge, [rules.rule(rule) for rule in wanted])


def _may_offer(rule: Rule, wanted: OfferFilter, book: Rulebook) -> bool:
    """Some level may make such an offer; the other rules need no second patient."""
    return any(
        card_fits(wanted.cards, rule, level) and offer_fits(wanted, rule.suggestions[name], book)
        for level in rule.levels
        for name in level.suggest
    )


def _solver(*patients: Patient) -> z3.Solver:
    """A solver that knows what holds of every patient."""
    solver = z3.Solver()
    for patient in patients:
        facts = axioms(patient)  # may ask facts that nobody asked before
        for term in (*patient.holds, *facts):
            solver.add(_term(term))
    return solver


def _term(term: Bool) -> z3.BoolRef:
    return z3.BoolVal(term) if isinstance(term, bool) else term


def _check(solver: z3.Solver, term: Bool) -> z3.CheckSatResult:
    return solver.check(_term(term))


def _parts(level: LevelTerm) -> Iterator[tuple[str, Bool]]:
    where = f"{level.level.where}: row {level.level.row} of {level.rule.id}"
    yield f"{where} can never fire", level.fires
    if level.level.info_when is not None:
        yield f"{where} is never info", conj((level.fires, level.info))
    if level.level.critical_when is not None:
        yield f"{where} is never critical", level.shown_as("critical")
    for offer in level.offers:
        yield f"{where} can never offer `{offer.suggestion.name}`", offer.offered


def _by_template(laws: Laws, wanted: OfferFilter, hook: str) -> dict[str, Bool]:
    found: dict[str, list[Bool]] = {}
    for offer in laws.offered(wanted, hook):
        found.setdefault(offer.suggestion.template or "", []).append(offer.offered)
    return {name: disj(terms) for name, terms in found.items()}


def _pair(solver: z3.Solver, known: Patient, real: Patient) -> tuple[Witness, Witness]:
    """The patient as known, and one whom that patient may turn out to be."""
    first = witness(solver, known)
    for name, state in first.states.items():
        solver.add(_term(equals(known.fact(name), state)))
    return first, witness(solver, real)
