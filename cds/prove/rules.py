"""Rules as terms: which level fires, how severe, what is offered and how much, as
`engine.decide`, `engine.offers` and `engine.dosing` do with a patient who is known."""

from __future__ import annotations

from dataclasses import dataclass

from cds.engine.dosing import Dosed, NoDose, dosed
from cds.kernel.quantity import Quantity
from cds.prove.clauses import NO, Judge
from cds.prove.patient import Patient
from cds.prove.smt import Bool, Range, Truth, compare, conj, constant, disj, neg, number
from cds.prove.variables import VALUE
from cds.rulebook.model import Level, Rule, Suggestion


@dataclass(frozen=True, slots=True)
class DoseTerm:
    """One dose an offer may have, and when."""

    dosed: Dosed
    when: Bool


@dataclass(frozen=True, slots=True)
class OfferTerm:
    """One suggestion of one level: when it is offered, with which dose (none for tests, edits)."""

    rule: Rule
    level: Level
    suggestion: Suggestion
    offered: Bool
    doses: tuple[DoseTerm, ...]


@dataclass(frozen=True, slots=True)
class LevelTerm:
    """One level: when it is the one that fires, and how severe it is then."""

    rule: Rule
    level: Level
    fires: Bool
    info: Bool
    critical: Bool
    offers: tuple[OfferTerm, ...]

    def shown_as(self, indicator: str) -> Bool:
        """It fires with this indicator."""
        own = self.level.indicator
        base = conj((neg(self.info), neg(self.critical)))
        cases = {"info": self.info, "critical": conj((neg(self.info), self.critical))}
        found = disj((cases.get(indicator, False), base if own == indicator else False))
        return conj((self.fires, found))


@dataclass(frozen=True, slots=True)
class RuleTerm:
    """One rule: its levels, and when it cannot tell."""

    rule: Rule
    applies: Bool
    levels: tuple[LevelTerm, ...]
    cannot_tell: Bool

    @property
    def fires(self) -> Bool:
        """Some level does."""
        return disj(item.fires for item in self.levels)


class Rules:
    """The rules of one patient."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.patient: Patient = judge.patient

    def rule(self, rule: Rule) -> RuleTerm:
        """All of one rule; with `for_each`, about the one selected order of the patient."""
        applies: Bool = True
        if rule.for_each is not None:
            applies = disj(self.patient.tag(role) for role in rule.for_each.roles)
        unless = NO if rule.unless is None else self.judge.verdict(rule.unless)
        open_: Bool = conj((applies, neg(unless.yes)))
        levels: list[LevelTerm] = []
        unsure: list[Bool] = []
        for level in rule.levels:
            when = self.judge.verdict(level.when)
            levels.append(self._level(rule, level, conj((open_, when.yes)), unless))
            unsure.append(when.open)
            open_ = conj((open_, neg(when.yes)))
        return RuleTerm(rule, applies, tuple(levels), conj((open_, disj(unsure))))

    def _level(self, rule: Rule, level: Level, fires: Bool, unless: Truth) -> LevelTerm:
        return LevelTerm(
            rule,
            level,
            fires,
            self.judge.yes(level.info_when),
            self.judge.yes(level.critical_when),
            tuple(
                self._offer(rule, level, rule.suggestions[name], fires, unless)
                for name in level.suggest
            ),
        )

    def _offer(
        self, rule: Rule, level: Level, suggestion: Suggestion, fires: Bool, unless: Truth
    ) -> OfferTerm:
        template = self.patient.book.templates.get(suggestion.template or "")
        needs = [fires]
        if suggestion.if_ is not None:
            needs.append(self.judge.verdict(suggestion.if_).yes)
        needs += [self.judge.verdict(item).no for item in suggestion.unless]
        if suggestion.duplicate_of is not None:
            needs.append(neg(self.judge.definition(suggestion.duplicate_of).yes))
        if template is None or template.kind == "MedicationRequest":
            needs.append(unless.no)  # law 2: a drug waits where the card itself is in doubt
        if suggestion.action == "update":
            needs.append(self.patient.editable)
        doses = self._doses(suggestion)
        if suggestion.dose is not None:
            needs.append(disj(item.when for item in doses))
        return OfferTerm(rule, level, suggestion, conj(needs), doses)

    def _doses(self, suggestion: Suggestion) -> tuple[DoseTerm, ...]:
        if suggestion.dose is None:
            return ()
        template = self.patient.book.templates.get(suggestion.template or "")
        table = self.patient.book.tables[suggestion.dose.table]
        found = []
        for value, when in self.patient.cell(table):
            made = NoDose("") if value is None else dosed(value, suggestion.dose, template)
            if isinstance(made, Dosed):
                fits = self._total(suggestion, made.dose)
                found.append(DoseTerm(made, conj((when, fits))))
        return tuple(found)

    def _total(self, suggestion: Suggestion, dose: Quantity) -> Bool:
        """Clinical pack R11, R30: the amount of 24 h with the dose is known and in the limit."""
        if suggestion.total is None:
            return True
        fact = self.patient.fact(suggestion.total[0])
        most = self.patient.book.thresholds[suggestion.total[1]].for_unit(dose.unit)
        limit = constant(most.interval)
        if fact.range is None:
            raise TypeError(f"`{fact.spec.name}` is no amount")
        fits = []
        for unit, chosen in fact.units.items():
            amount = Quantity.of(dose.analyte, 1, unit).to(dose.unit).value
            total = fact.range.low * number(amount) + number(dose.value)
            fits.append(conj((chosen, compare("at_most", Range(total, total), limit).yes)))
        return conj((fact.is_(VALUE), fact.range.exact, disj(fits)))
