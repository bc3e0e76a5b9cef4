"""clause + facts -> Judgement, the explanation tree (design section 3; laws 1, 3 and 5).

Every child is judged, also when a sibling already decided: a pharmacist wants to see all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from cds.engine.change import previous_change
from cds.engine.decision import Judgement
from cds.engine.facts import Facts
from cds.engine.phrases import fill, limit_words, spoken
from cds.engine.reasons import ALL_OF, ANY_OF, causes
from cds.engine.tables import cell
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
)
from cds.kernel.quantity import Comparison, Quantity, above, at_least, at_most, below
from cds.kernel.verdict import Verdict, all_of, any_of, from_bool
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Operand,
    Operator,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
)

_COMPARE: dict[str, Comparison] = {
    "below": below,
    "at_least": at_least,
    "above": above,
    "at_most": at_most,
}
# Nothing is allowed: every amount is above it, and none has anything to stay below.
_WITH_NOTHING: dict[Operator, Verdict] = {
    "below": Verdict.NO,
    "at_least": Verdict.YES,
    "above": Verdict.YES,
    "at_most": Verdict.NO,
}
Kleene = Callable[[list[Verdict]], Verdict]


def judge(clause: Clause, facts: Facts) -> Judgement:  # noqa: C901  one case per clause class
    """The verdict on one clause, with everything it looked at."""
    match clause:
        case All():
            return _group(ALL_OF, all_of, clause.children, facts)
        case AnyOf():
            return _group(ANY_OF, any_of, clause.children, facts)
        case Holds():
            return judge_definition(clause.name, facts, negated=clause.negated)
        case CannotTell():
            return _cannot_tell(clause, facts)
        case Compare():
            return _compare(clause, facts)
        case Between():
            return _between(clause, facts)
        case IsIn():
            return _is_in(clause, facts)
        case IsPresent():
            return _is_present(clause, facts)
        case IsMissing():
            return _is_missing(clause, facts)
        case Change():
            return previous_change(clause, facts)
        case _:
            assert_never(clause)


def judge_definition(name: str, facts: Facts, *, negated: bool = False) -> Judgement:
    """A named clause; its sentence is filled so that a card can print it."""
    judged = facts.definitions.get(name)
    if judged is None:
        judged = facts.definitions[name] = _judge_named(name, facts)
    if not negated:
        return judged
    verdict = judged.verdict.negated()
    return replace(judged, verdict=verdict, clause=f"not {judged.clause}", say="")


def _judge_named(name: str, facts: Facts) -> Judgement:
    definition = facts.book.definitions[name]
    inner = judge(definition.clause, facts)
    return Judgement(
        verdict=inner.verdict,
        clause=spoken(name),
        why=inner.why,
        children=(inner,),
        definition=name,
        say=fill(definition.say, facts),
    )


def _cannot_tell(clause: CannotTell, facts: Facts) -> Judgement:
    inner = judge_definition(clause.name, facts)
    verdict = from_bool(inner.verdict is Verdict.CANNOT_TELL)
    words = f"cannot be told: {spoken(clause.name)}"
    why = "; ".join(causes(inner)) if verdict is Verdict.YES else f"it is {inner.verdict.value}"
    return Judgement(verdict, words, why, children=(inner,))


def _group(
    word: str,
    kleene: Callable[[list[Verdict]], Verdict],
    clauses: tuple[Clause, ...],
    facts: Facts,
) -> Judgement:
    children = tuple(judge(child, facts) for child in clauses)
    return Judgement(kleene([child.verdict for child in children]), word, children=children)


def _undecidable(fact: Fact) -> Verdict | None:
    """Missing is never false, not known is never missing; what does not exist is a plain No."""
    if isinstance(fact.state, Missing | NotKnown):
        return Verdict.CANNOT_TELL
    return Verdict.NO if isinstance(fact.state, Nothing) else None


def _compare(clause: Compare, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    right, words, names, open_ = _right(clause.operand, clause.operator, facts, fact)
    text = f"{spoken(clause.fact)} {clause.operator.replace('_', ' ')} {words}"
    verdict = _undecidable(fact)
    if verdict is None:
        verdict = open_ if right is None else _COMPARE[clause.operator](_quantity(fact), right)
    return Judgement(verdict, text, fact.explained, fact, names=names)


def _between(clause: Between, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    low, low_words, low_names, low_open = _right(clause.lower, "at_least", facts, fact)
    high, high_words, high_names, high_open = _right(clause.upper, "below", facts, fact)
    text = f"{spoken(clause.fact)} between {low_words} and {high_words}"
    verdict = _undecidable(fact)
    if verdict is None:
        verdict = all_of(
            [
                low_open if low is None else at_least(_quantity(fact), low),
                high_open if high is None else below(_quantity(fact), high),
            ]
        )
    return Judgement(verdict, text, fact.explained, fact, names=low_names + high_names)


def _quantity(fact: Fact) -> Quantity:
    if not isinstance(fact.state, Measured):
        raise TypeError(f"`{fact.name}` is compared but is not a quantity")
    return fact.state.quantity


def _right(
    operand: Operand, operator: Operator, facts: Facts, left: Fact
) -> tuple[Quantity | None, str, tuple[str, ...], Verdict]:
    """(quantity, words, names, verdict when there is no quantity)."""
    unit = left.state.quantity.unit if isinstance(left.state, Measured) else ""
    match operand:
        case ToThreshold():
            threshold = facts.book.thresholds[operand.name]
            constant = threshold.for_unit(unit or next(iter(threshold.values)))
            return constant, limit_words(constant), (operand.name,), Verdict.CANNOT_TELL
        case ToQuantity():
            quantity = operand.quantity
            return quantity, limit_words(quantity), (), Verdict.CANNOT_TELL
        case ToFact():
            other = facts.fact(operand.name)
            open_ = _undecidable(other)
            quantity_or = None if open_ else _quantity(other)
            return quantity_or, other.explained, (operand.name,), open_ or Verdict.CANNOT_TELL
        case ToTable():
            found = cell(facts.book.tables[operand.name], facts)
            if found.quantity is None:
                return None, "what is allowed (none)", (operand.name,), _WITH_NOTHING[operator]
            words = f"what is allowed ({limit_words(found.quantity)})"
            return found.quantity, words, (operand.name,), Verdict.CANNOT_TELL
        case _:
            assert_never(operand)


def _is_in(clause: IsIn, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    text = f"{spoken(clause.fact)} is {' or '.join(sorted(clause.labels))}"
    verdict = _undecidable(fact)
    if verdict is None:
        if not isinstance(fact.state, Category):
            raise TypeError(f"`{clause.fact}` has no labels")
        labels = fact.state.labels
        if labels <= clause.labels:
            verdict = Verdict.YES
        else:
            verdict = Verdict.CANNOT_TELL if labels & clause.labels else Verdict.NO
    return Judgement(verdict, text, fact.explained, fact)


def _is_present(clause: IsPresent, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    match fact.state:
        case Presence(present=present):
            there = from_bool(present)
        case NotKnown():
            there = Verdict.CANNOT_TELL
        case Missing():
            # Of a lab this asks for a usable value; of a finding, whether it is there: law 1.
            finding = facts.book.facts[clause.fact].type.kind == "presence"
            there = Verdict.CANNOT_TELL if finding else Verdict.NO
        case Nothing():
            there = Verdict.NO
        case Measured() | Category():
            there = Verdict.YES
        case _:
            assert_never(fact.state)
    verdict = there if clause.wanted else there.negated()
    text = f"{spoken(clause.fact)} {'present' if clause.wanted else 'absent'}"
    return Judgement(verdict, text, fact.explained, fact)


def _is_missing(clause: IsMissing, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    text = f"{spoken(clause.fact)} missing"
    if clause.reasons:
        text += f" ({' or '.join(sorted(reason.value for reason in clause.reasons))})"
    if isinstance(fact.state, NotKnown):
        verdict = Verdict.CANNOT_TELL
    elif isinstance(fact.state, Missing):
        verdict = from_bool(not clause.reasons or fact.state.reason in clause.reasons)
    else:
        verdict = Verdict.NO
    return Judgement(verdict, text, fact.explained, fact)
