"""`rising_by` / `falling_by`: the used value against the usable value before it."""

from __future__ import annotations

from cds.engine.decision import Judgement
from cds.engine.facts import Facts
from cds.facts import labs
from cds.facts.model import Measured, Missing, NotKnown
from cds.kernel.quantity import Quantity, at_least
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Change, LabSource


def previous_change(clause: Change, facts: Facts) -> Judgement:
    """Yes when the change in that direction is at least `by`; no earlier value = cannot tell."""
    fact = facts.fact(clause.fact)
    text = f"{clause.fact} {clause.direction} by {clause.by.value:f} {clause.by.unit}"
    source = facts.book.facts[clause.fact].source
    if not isinstance(fact.state, Measured) or not isinstance(source, LabSource):
        verdict = Verdict.CANNOT_TELL if isinstance(fact.state, Missing | NotKnown) else Verdict.NO
        return Judgement(verdict, text, fact.explained, fact)
    when = fact.state.when or facts.now
    before = labs.previous(facts.record.labs, source.analyte, when)
    if before is None:
        return Judgement(Verdict.CANNOT_TELL, text, "no earlier usable value", fact)
    now, then = fact.state.quantity, before.quantity.to(fact.state.quantity.unit)
    if not (now.interval.exact and then.interval.exact):
        return Judgement(Verdict.CANNOT_TELL, text, "one of the two values is not exact", fact)
    delta = now.value - then.value if clause.direction == "rising" else then.value - now.value
    moved = Quantity.of(now.analyte, delta, now.unit)
    why = f"{before.face} before, now {fact.state.as_received}"
    # `by` is above zero, or it would not have been loaded: no change is never enough
    return Judgement(at_least(moved, clause.by), text, why, fact)
