"""Which suggestions of a fired level are offered, and why the others are withheld (laws 2, 9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds.engine.decision import Judgement, Offer, Withheld
from cds.engine.dosing import Dosed, NoDose, work_out_dose
from cds.engine.evaluate import judge, judge_definition
from cds.engine.facts import Facts
from cds.engine.phrases import fill
from cds.engine.reasons import causes, sentences, stops
from cds.facts.model import Measured
from cds.kernel.quantity import Quantity, at_most, point
from cds.kernel.verdict import Verdict
from cds.rulebook.model import OrderTemplate, Suggestion

Answer = Offer | Withheld | None

# Clinical pack R28: open orders not known = the test is still offered, and the card says so.
NOT_VISIBLE = (
    "Open laboratory orders are not visible to this service: check that the test is not ordered "
    "already."
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One suggestion to be weighed. `blocked` = the rule's own `unless` could not be told."""

    suggestion: Suggestion
    facts: Facts
    because: tuple[str, ...]
    blocked: Judgement | None = None


def weigh(ask: Ask) -> Answer:
    """An Offer, a Withheld with every reason, or None when it is not meant for this patient."""
    suggestion, facts = ask.suggestion, ask.facts
    condition = judge(suggestion.if_, facts) if suggestion.if_ is not None else None
    if condition is not None and condition.verdict is Verdict.NO:
        return None
    known = judge_definition(suggestion.duplicate_of, facts) if suggestion.duplicate_of else None
    if known is not None and known.verdict is Verdict.YES:
        return _from(suggestion, (known,))
    template = facts.book.templates.get(suggestion.template or "")
    is_drug = template is None or template.kind == "MedicationRequest"
    if facts.no_drugs and suggestion.action == "create" and is_drug:
        return Withheld(suggestion, (facts.no_drugs,), ("no-drugs",))
    stopped = _stopped(ask, is_drug, condition)
    offer = _with_dose(ask, template)
    if stopped:
        return _from(suggestion, stopped)
    if isinstance(offer, Withheld):
        return offer
    if known is not None and known.verdict is Verdict.CANNOT_TELL:
        return replace(offer, lines=(NOT_VISIBLE,))
    return offer


def _stopped(ask: Ask, is_drug: bool, condition: Judgement | None) -> tuple[Judgement, ...]:
    """Law 2: each `unless` must be definitely No, and the condition definitely Yes."""
    asked = [judge_definition(item.name, ask.facts) for item in ask.suggestion.unless]
    if ask.blocked is not None and is_drug:
        asked.append(ask.blocked)
    stopped = tuple(item for item in asked if item.verdict is not Verdict.NO)
    if condition is not None and condition.verdict is Verdict.CANNOT_TELL:
        return (condition, *stopped)
    return stopped


def _from(suggestion: Suggestion, judgements: tuple[Judgement, ...]) -> Withheld:
    codes = [name for item in judgements for name in stops(item) or ("cannot-tell",)]
    reasons = dict.fromkeys(_said(judgements))
    return Withheld(suggestion, tuple(reasons), tuple(dict.fromkeys(codes)), judgements)


def _said(judgements: tuple[Judgement, ...]) -> tuple[str, ...]:
    """Every judgement is heard: by the names in it, else by the causes at its leaves."""
    unnamed = [item for item in judgements if not sentences((item,))]
    causes_ = [why for item in unnamed for why in causes(item)]
    return (*sentences(judgements), *(f"could not be checked ({why})" for why in causes_))


def _with_dose(ask: Ask, template: OrderTemplate | None) -> Offer | Withheld:
    suggestion, facts = ask.suggestion, ask.facts
    order = facts.order if suggestion.action != "create" else None
    if suggestion.action == "update" and (order is None or not order.editable):
        return Withheld(
            suggestion,
            ("this order cannot be changed safely from here: change it by hand",),
            ("not-editable",),
        )
    dosed = work_out_dose(suggestion.dose, template, facts) if suggestion.dose else None
    if isinstance(dosed, NoDose):
        return Withheld(suggestion, (dosed.why,), ("no-dose",))
    offer = Offer(
        suggestion,
        fill(suggestion.label, facts, dosed.words if dosed else None),
        template.ingredient if template else "",
        order=order,
        because=ask.because,
    )
    return _dosed(offer, dosed, facts) if dosed else offer


def _dosed(offer: Offer, dosed: Dosed, facts: Facts) -> Offer | Withheld:
    return _over_total(offer.suggestion, dosed, facts) or replace(
        offer,
        dose=dosed.dose,
        dose_text=dosed.words["dose"],
        units=dosed.units,
        per_day=dosed.per_day,
        rate=dosed.rate,
        hours=dosed.hours,
    )


def _over_total(suggestion: Suggestion, dosed: Dosed, facts: Facts) -> Withheld | None:
    """Clinical pack R11, R30: what is given, ordered and suggested together stays in the limit."""
    if suggestion.total is None:
        return None
    name, limit_name = suggestion.total
    fact = facts.fact(name)
    limit = facts.limit(limit_name, dosed.dose.unit)
    if not isinstance(fact.state, Measured):
        why = f"the amount of the last and next 24 h is not known ({fact.explained})"
        return Withheld(suggestion, (why,), ("total-unknown",))
    sofar = fact.state.quantity.to(dosed.dose.unit)
    if not sofar.interval.exact:
        return Withheld(suggestion, ("the amount of 24 h is not exact",), ("total-unknown",))
    total = Quantity(dosed.dose.analyte, point(sofar.value + dosed.dose.value), dosed.dose.unit)
    if at_most(total, limit) is Verdict.YES:
        return None
    why = (
        f"with this dose the 24 h total would be {total.value.normalize():f} {total.unit}, above "
        f"{limit.value.normalize():f} {limit.unit}"
    )
    return Withheld(suggestion, (why,), ("total",))
