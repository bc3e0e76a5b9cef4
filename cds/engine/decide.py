"""rulebook + record + clinical now + hook -> Decisions. Pure; knows no ids and no JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from cds.engine.decision import (
    Decision,
    Decisions,
    Judgement,
    Later,
    LevelJudged,
    Offer,
    Outcome,
    Withheld,
)
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.offers import Ask, weigh
from cds.engine.phrases import fill, finding, sentence
from cds.engine.reasons import causes, decisive, facts_of
from cds.engine.repeat import SEVERITY, held_back
from cds.engine.select import rules_left_over, rules_of
from cds.facts.model import Fact, Missing
from cds.facts.record import MedicationOrder, Record
from cds.kernel.text import HOLE
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Clause, Indicator, Level, Note, Rule, Rulebook


def decide(
    book: Rulebook,
    record: Record,
    now: datetime,
    hook: str,
    no_drugs: str = "",
    *,
    whole: bool = True,
) -> Decisions:
    """One Decision per rule of this hook (and per selected order, for `for_each` rules).

    `no_drugs` is the reason why this hook suggests no drug (clinical pack R1), "" where it may.
    With `whole=False` rules that cannot fire are left out, and so are the facts only they look at:
    the cards are the same, but there is nothing to tell of the others.
    """
    facts = Facts(book, record, now, no_drugs=no_drugs)
    items: list[Decision] = []
    for rule in rules_of(book, hook) if whole else rules_left_over(hook, facts):
        items += _decide_safely(rule, facts)
    if record.overridden:
        items = [_quiet_if_told(item, facts) for item in items]
    kidneys = facts.fact("kidney_estimates").explained if "kidney_estimates" in book.facts else ""
    kidney_lines = tuple(kidneys.splitlines())
    facts.forget()
    return Decisions(tuple(items), facts.looked_at(), kidney_lines, record.unreadable)


def _decide_safely(rule: Rule, facts: Facts) -> list[Decision]:
    """Law 6: a rule that breaks is an outcome of its own; the others go on."""
    try:
        return decide_rule(rule, facts)
    except Exception as error:
        where = f"{type(error).__name__} while judging {rule.id}"
        return [Decision(rule, Outcome.ERROR, where)]


def _quiet_if_told(item: Decision, facts: Facts) -> Decision:
    """With `held_back`, where the rule's `repeat` keeps its card away."""
    try:
        why = held_back(item, facts, judge_rule)
    except Exception:  # a card too many, never one too few
        why = ""
    return replace(item, held_back=why) if why else item


def decide_rule(rule: Rule, facts: Facts) -> list[Decision]:
    """The decisions of one rule."""
    if rule.for_each is None:
        return [judge_rule(rule, facts)]
    orders = [order for order in facts.record.drafts if concerns(rule, order)]
    unread = [o for o in facts.record.drafts if o.selected and not o.identified]
    if not orders and unread:
        why = "a selected draft order names no drug that can be read"
        return [Decision(rule, Outcome.CANNOT_TELL, why, undecided=(why,))]
    if not orders:
        return [Decision(rule, Outcome.SILENT, "no selected order is of the kind it is about")]
    return [_judged_for(order, rule, facts) for order in orders]


def _judged_for(order: MedicationOrder, rule: Rule, facts: Facts) -> Decision:
    view = facts.for_order(order)
    found = judge_rule(rule, view, order)
    view.forget()
    return found


def concerns(rule: Rule, order: MedicationOrder) -> bool:
    """Whether a rule about one order is about this one: selected, and with one of its roles."""
    wanted = set(rule.for_each.roles) if rule.for_each else set()
    return order.selected and order.systemic and bool(order.roles & wanted)


def judge_rule(rule: Rule, facts: Facts, order: MedicationOrder | None = None) -> Decision:
    """One rule, for one patient (and one order): levels top down, the first Yes wins."""
    blocked: Judgement | None = None
    if rule.unless is not None:
        unless = judge(rule.unless, facts)
        if unless.verdict is Verdict.YES:
            return _without_card(rule, order, f"not wanted here: {_because(unless)}")
        blocked = unless if unless.verdict is Verdict.CANNOT_TELL else None
    judged: list[LevelJudged] = []
    for level in rule.levels:
        found = LevelJudged(level, judge(level.when, facts))
        judged.append(found)
        if found.judgement.verdict is Verdict.YES:
            return _Fired(rule, facts, order, tuple(judged), blocked).decision()
    open_ = [item for item in judged if item.judgement.verdict is Verdict.CANNOT_TELL]
    levels = tuple(judged)
    reason = "; ".join(_undecided(open_)) if open_ else Later(partial(_no_row, levels))
    return _without_card(rule, order, reason, levels, open_)


def _without_card(
    rule: Rule,
    order: MedicationOrder | None,
    reason: str | Later,
    levels: tuple[LevelJudged, ...] = (),
    open_: Sequence[LevelJudged] = (),
) -> Decision:
    return Decision(
        rule,
        Outcome.CANNOT_TELL if open_ else Outcome.SILENT,
        reason,
        levels,
        order=order,
        undecided=_undecided(open_) if open_ else (),
        silent_mode=rule.status == "silent",
    )


def _because(judgement: Judgement) -> str:
    """What made it Yes, in the words of the leaves that decided."""
    found = [f"{leaf.clause} ({leaf.why})" for leaf in decisive(judgement)]
    return "; ".join(dict.fromkeys(found))


def _no_row(levels: Sequence[LevelJudged]) -> str:
    """Silence with its reason: also which results the rule asked for and did not find."""
    facts = facts_of(item.judgement for item in levels)
    absent = [fact.explained for fact in facts if isinstance(fact.state, Missing)]
    return "; ".join(("no row of this rule applies", *dict.fromkeys(absent)))


def _undecided(levels: Sequence[LevelJudged]) -> tuple[str, ...]:
    """What might be found as well, and what keeps it open; one phrase for the same causes."""
    found: dict[tuple[str, ...], list[str]] = {}
    for item in levels:
        found.setdefault(causes(item.judgement), []).append(finding(item.level.summary))
    return tuple(
        f"{'; '.join(dict.fromkeys(names))} ({'; '.join(whys)})" for whys, names in found.items()
    )


def _says_more(open_: Level, fired: Level, indicator: Indicator) -> bool:
    """A level of the row that fired is news only where it would have been more severe."""
    return open_.row != fired.row or SEVERITY[open_.indicator] > SEVERITY[indicator]


@dataclass(frozen=True, slots=True)
class _Fired:
    """Putting together what a fired level says and offers."""

    rule: Rule
    facts: Facts
    order: MedicationOrder | None
    judged: tuple[LevelJudged, ...]
    blocked: Judgement | None

    def decision(self) -> Decision:
        level, judgement = self.judged[-1].level, self.judged[-1].judgement
        looked_at = facts_of((judgement,))
        because = tuple(
            dict.fromkeys(
                evidence.source
                for fact in looked_at
                for evidence in fact.evidence
                if evidence.source.startswith("Observation/")
            )
        )
        offers, withheld = self._offers(level, because)
        indicator = self._indicator(level)
        above = [
            item
            for item in self.judged[:-1]
            if item.judgement.verdict is Verdict.CANNOT_TELL
            and _says_more(item.level, level, indicator)
        ]
        return Decision(
            self.rule,
            Outcome.FIRES,
            f"row {level.row} applies",
            self.judged,
            level,
            indicator,
            self.order,
            sentence(fill(self._summary(level), self.facts)),
            self._sentences(level),
            offers,
            withheld,
            (*self._blocked(), *_undecided(above)),
            self._facts(level, looked_at),
            tuple(dict.fromkeys((*level.cite, *self.rule.cite))),
            self.rule.status == "silent",
        )

    def _blocked(self) -> tuple[str, ...]:
        """Law 2: an `unless` that cannot be told keeps the card, and is said."""
        if self.blocked is None:
            return ()
        why = "; ".join(causes(self.blocked))
        return (f"whether this card is wanted ({why})",)

    def _summary(self, level: Level) -> str:
        return (level.info_summary if self._yes(level.info_when) else "") or level.summary

    def _indicator(self, level: Level) -> Indicator:
        """Info (already dealt with) before critical; what cannot be told changes nothing."""
        if self._yes(level.info_when):
            return "info"
        return "critical" if self._yes(level.critical_when) else level.indicator

    def _yes(self, clause: Clause | None) -> bool:
        return clause is not None and judge(clause, self.facts).verdict is Verdict.YES

    def _offers(
        self, level: Level, because: tuple[str, ...]
    ) -> tuple[tuple[Offer, ...], tuple[Withheld, ...]]:
        answers = [
            weigh(Ask(self.rule.suggestions[name], self.facts, because, self.blocked))
            for name in level.suggest
        ]
        return (
            tuple(a for a in answers if isinstance(a, Offer)),
            tuple(a for a in answers if isinstance(a, Withheld)),
        )

    def _sentences(self, level: Level) -> tuple[str, ...]:
        found = [fill(text, self.facts) for text in level.detail]
        for note in (*level.notes, *self.rule.notes):
            said = self._note(note)
            if said:
                found.append(fill(said, self.facts))
        return tuple(dict.fromkeys(sentence(text) for text in found))

    def _note(self, note: Note) -> str:
        if note.if_ is None:
            return note.say
        verdict = judge(note.if_, self.facts).verdict
        if verdict is Verdict.YES:
            return note.say
        return note.unknown if verdict is Verdict.CANNOT_TELL else ""

    def _facts(self, level: Level, looked_at: Sequence[Fact]) -> tuple[Fact, ...]:
        """What its texts show, then what else the level looked at."""
        found: dict[str, Fact] = {}
        for text in (level.summary, *level.detail):
            for name, _ in HOLE.findall(text):
                if name in self.facts.book.facts:
                    found.setdefault(name, self.facts.fact(name))
        for fact in looked_at:
            found.setdefault(fact.name, fact)
        return tuple(found.values())
