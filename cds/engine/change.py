"""`rising_by` / `falling_by`: the used value against the usable value before it, or in the `unless`
of `repeat` against the value that was in use when the card was overridden."""

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
    before = _earlier(fact.state, clause.fact, source, facts)
    if before is None:
        return Judgement(Verdict.CANNOT_TELL, text, "no earlier usable value", fact)
    now, then = fact.state.quantity, before.quantity.to(fact.state.quantity.unit)
    if not (now.interval.exact and then.interval.exact):
        return Judgement(Verdict.CANNOT_TELL, text, "one of the two values is not exact", fact)
    delta = now.value - then.value if clause.direction == "rising" else then.value - now.value
    moved = Quantity.of(now.analyte, delta, now.unit)
    why = f"{before.as_received} before, now {fact.state.as_received}"
    # `by` is above zero, or it would not have been loaded: no change is never enough
    return Judgement(at_least(moved, clause.by), text, why, fact)


def _earlier(used: Measured, name: str, source: LabSource, facts: Facts) -> Measured | None:
    if facts.then is not None:
        state = facts.then.fact(name).state
        return state if isinstance(state, Measured) else None
    found = labs.previous(facts.results, source.analyte, used.when or facts.now)
    return found.measured if found else None
