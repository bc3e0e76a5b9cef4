"""rulebook + record + clinical now + hook -> Decisions. Pure; knows no ids and no JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from cds.engine.decision import (
    Decision,
    Decisions,
    Judgement,
    Later,
    LevelJudged,
    Outcome,
)
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.fired import Fired, undecided
from cds.engine.guards import Net
from cds.engine.reasons import decisive, facts_of, gather
from cds.engine.repeat import held_back
from cds.engine.select import net_of, rules_of
from cds.engine.standing import Patients
from cds.facts.model import Fact, Missing
from cds.facts.record import MedicationOrder, Record
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Rule, Rulebook

_patients = Patients()
NO_ROW = "no row of this rule applies"
NO_ORDER = "no selected order is of the kind it is about"


def decide(
    book: Rulebook,
    record: Record,
    now: datetime,
    hook: str,
    no_drugs: str = "",
    *,
    whole: bool = True,
    asked: datetime | None = None,
) -> Decisions:
    """One Decision per rule of this hook (and per selected order, for `for_each` rules).

    `no_drugs` is the reason why this hook suggests no drug (clinical pack R1), "" where it may.
    With `whole=False` a rule that is surely silent is told to be silent and no more, and facts only
    it looks at are not worked out: outcomes and cards are the same, its clauses are not judged.
    `asked` is the very moment of the call where `now` is a rounded one: by it ends what was
    overridden (`repeat`).
    """
    standing = None if whole else _patients.standing(book, record, now)
    facts = Facts(book, record, now, no_drugs=no_drugs, standing=standing)
    facts.asked = asked or now
    items, told = _each(rules_of(book, hook), facts) if whole else _known(hook, facts)
    if record.overridden:
        items = tuple(_quiet_if_told(item, facts) for item in items)
    kidneys = facts.fact("kidney_estimates").explained if "kidney_estimates" in book.facts else ""
    kidney_lines = tuple(kidneys.splitlines())
    facts.forget()
    looked_at = facts.looked_at() if whole else told
    return Decisions(items, looked_at, kidney_lines, record.unreadable)


_Items = tuple[tuple[Decision, ...], tuple[Fact, ...]]


def _each(rules: Sequence[Rule], facts: Facts) -> _Items:
    """Every rule judged to its end."""
    return tuple(one for rule in rules for one in _decide_safely(rule, facts)), ()


def _known(hook: str, facts: Facts) -> _Items:
    """What was decided a moment ago with the same drafts, as when a selected order is signed, is
    decided: it rests on nothing else."""
    found = net_of(facts.book, hook)
    if found is None:
        return (), ()
    known, about = facts.drafting.decided, (found, facts.no_drugs)
    if about not in known:
        items = tuple(_quickly(found, facts))
        known[about] = (items, _facts_told(items))
    decided: _Items = known[about]
    return decided


def _facts_told(items: Iterable[Decision]) -> tuple[Fact, ...]:
    """The facts that the judged clauses asked: the same whatever was known before."""
    found: dict[str, Fact] = {}
    for item in items:
        if not item.ruled_out:
            gather((one.judgement for one in item.levels), found)
            for lost in item.withheld:
                gather(lost.judgements, found)
            for fact in item.facts:
                found.setdefault(fact.name, fact)
    return tuple(found.values())


def _quickly(found: Net, facts: Facts) -> list[Decision]:
    """Only what is left over is judged; the others are silent, for each order they are about."""
    silent = facts.book.remembered(_silences)
    items = [silent[rule.id] for rule in found.rules]
    made: dict[int, Sequence[Decision]] = {
        place: _decide_safely(found.rules[place], facts) for place in found.left_over(facts)
    }
    for roles, places in found.orders:
        orders = [order for order in facts.record.drafts if meant(roles, order)]
        if orders:
            for place in places:
                rule = found.rules[place]
                made.setdefault(place, [_silent(rule, NO_ROW, order) for order in orders])
    for place in sorted(made, reverse=True):  # the last first: one may be several
        items[place : place + 1] = made[place]
    return items


def _silences(book: Rulebook) -> Mapping[str, Decision]:
    return {
        rule.id: _silent(rule, NO_ROW if rule.for_each is None else NO_ORDER) for rule in book.rules
    }


def _silent(rule: Rule, why: str, order: MedicationOrder | None = None) -> Decision:
    quiet = rule.status == "silent" and why is NO_ROW
    return Decision(rule, Outcome.SILENT, why, order=order, silent_mode=quiet, ruled_out=True)


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
        return [Decision(rule, Outcome.SILENT, NO_ORDER)]
    return [_judged_for(order, rule, facts) for order in orders]


def _judged_for(order: MedicationOrder, rule: Rule, facts: Facts) -> Decision:
    view = facts.for_order(order)
    found = judge_rule(rule, view, order)
    view.forget()
    return found


def concerns(rule: Rule, order: MedicationOrder) -> bool:
    """Whether a rule about one order is about this one: selected, and with one of its roles."""
    return meant(rule.for_each.roles if rule.for_each else (), order)


def meant(roles: Iterable[str], order: MedicationOrder) -> bool:
    """Whether rules about orders with one of these roles are about this one."""
    return order.selected and order.systemic and not order.roles.isdisjoint(roles)


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
            return Fired(rule, facts, order, tuple(judged), blocked).decision()
    open_ = [item for item in judged if item.judgement.verdict is Verdict.CANNOT_TELL]
    levels = tuple(judged)
    reason = "; ".join(undecided(open_)) if open_ else Later(partial(_no_row, levels))
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
        undecided=undecided(open_) if open_ else (),
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
    return "; ".join((NO_ROW, *dict.fromkeys(absent)))
