"""clause + facts -> Judgement, the explanation tree (design section 3; laws 1, 3 and 5).

Every child is judged, also when a sibling already decided: a pharmacist wants to see all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Never, assert_never

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
    Reason,
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

_CLAUSES = 8192  # how many clauses of one kind keep their words: those of several rulebooks
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


def judge(clause: Clause, facts: Facts) -> Judgement:
    """The verdict on one clause, with everything it looked at."""
    name = id(clause)
    judged = facts.standing.judged.get(name) or facts.drafting.judged.get(name)
    if judged is None:
        judged = _JUDGE.get(clause.__class__, _unheard_of)(clause, facts)
        facts.keep(name, judged)
    return judged


def _unheard_of(clause: Never, _: Facts) -> Never:
    assert_never(clause)


def judge_definition(name: str, facts: Facts, *, negated: bool = False) -> Judgement:
    """A named clause; its sentence is filled so that a card can print it."""
    known = facts.judged(name, negated=negated)
    judged = known.get(name)
    if judged is None:
        judged = judge_definition(name, facts).negated() if negated else _judge_named(name, facts)
        known[name] = judged
    return judged


def _judge_named(name: str, facts: Facts) -> Judgement:
    definition = facts.book.definitions[name]
    inner, say = judge(definition.clause, facts), definition.say
    said = partial(fill, say, facts) if "{" in say else say
    return Judgement(inner.verdict, spoken(name), inner, None, (inner,), name, said)


def _holds(clause: Holds, facts: Facts) -> Judgement:
    return judge_definition(clause.name, facts, negated=clause.negated)


def _cannot_tell(clause: CannotTell, facts: Facts) -> Judgement:
    inner = judge_definition(clause.name, facts)
    verdict = from_bool(inner.verdict is Verdict.CANNOT_TELL)
    words = f"cannot be told: {spoken(clause.name)}"
    return Judgement(verdict, words, lambda: _why_told(inner), children=(inner,))


def _why_told(inner: Judgement) -> str:
    if inner.verdict is Verdict.CANNOT_TELL:
        return "; ".join(causes(inner))
    return f"it is {inner.verdict.value}"


def _all(clause: All, facts: Facts) -> Judgement:
    children = [judge(child, facts) for child in clause.children]
    verdict = all_of([child.verdict for child in children])
    return Judgement(verdict, ALL_OF, "", None, tuple(children))


def _any_of(clause: AnyOf, facts: Facts) -> Judgement:
    children = [judge(child, facts) for child in clause.children]
    verdict = any_of([child.verdict for child in children])
    return Judgement(verdict, ANY_OF, "", None, tuple(children))


def _undecidable(fact: Fact) -> Verdict | None:
    """Missing is never false, not known is never missing; what does not exist is a plain No."""
    if isinstance(fact.state, Missing | NotKnown):
        return Verdict.CANNOT_TELL
    return Verdict.NO if isinstance(fact.state, Nothing) else None


def _compare(clause: Compare, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    right, open_ = _right(clause.operand, clause.operator, facts, fact)
    verdict = _undecidable(fact)
    if verdict is None:
        verdict = open_ if right is None else _COMPARE[clause.operator](_quantity(fact), right)
    words = partial(_compare_words, clause, right, facts)
    return Judgement(verdict, words, fact.explained, fact, names=_names(clause.operand))


def _compare_words(clause: Compare, right: Quantity | None, facts: Facts) -> str:
    operator = clause.operator.replace("_", " ")
    return f"{spoken(clause.fact)} {operator} {_right_words(clause.operand, right, facts)}"


def _between(clause: Between, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    low, low_open = _right(clause.lower, "at_least", facts, fact)
    high, high_open = _right(clause.upper, "below", facts, fact)
    verdict = _undecidable(fact)
    if verdict is None:
        verdict = all_of(
            [
                low_open if low is None else at_least(_quantity(fact), low),
                high_open if high is None else below(_quantity(fact), high),
            ]
        )
    words = partial(_between_words, clause, low, high, facts)
    names = _names(clause.lower) + _names(clause.upper)
    return Judgement(verdict, words, fact.explained, fact, names=names)


def _between_words(
    clause: Between, low: Quantity | None, high: Quantity | None, facts: Facts
) -> str:
    lower = _right_words(clause.lower, low, facts)
    return f"{spoken(clause.fact)} between {lower} and {_right_words(clause.upper, high, facts)}"


def _quantity(fact: Fact) -> Quantity:
    if not isinstance(fact.state, Measured):
        raise TypeError(f"`{fact.name}` is compared but is not a quantity")
    return fact.state.quantity


def _right(
    operand: Operand, operator: Operator, facts: Facts, left: Fact
) -> tuple[Quantity | None, Verdict]:
    """The other side of a comparison, and the verdict when it is no quantity."""
    match operand:
        case ToThreshold():
            threshold = facts.book.thresholds[operand.name]
            state = left.state
            unit = state.quantity.unit if isinstance(state, Measured) else ""
            constant = threshold.for_unit(unit or next(iter(threshold.values)))
            return constant, Verdict.CANNOT_TELL
        case ToQuantity():
            return operand.quantity, Verdict.CANNOT_TELL
        case ToFact():
            other = facts.fact(operand.name)
            open_ = _undecidable(other)
            return None if open_ else _quantity(other), open_ or Verdict.CANNOT_TELL
        case ToTable():
            found = cell(facts.book.tables[operand.name], facts).quantity
            return found, _WITH_NOTHING[operator] if found is None else Verdict.CANNOT_TELL
        case _:
            assert_never(operand)


def _right_words(operand: Operand, quantity: Quantity | None, facts: Facts) -> str:
    if isinstance(operand, ToFact):
        return facts.fact(operand.name).explained
    words = "none" if quantity is None else limit_words(quantity)
    return f"what is allowed ({words})" if isinstance(operand, ToTable) else words


def _names(operand: Operand) -> tuple[str, ...]:
    return () if isinstance(operand, ToQuantity) else (operand.name,)


def _is_in(clause: IsIn, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    verdict = _undecidable(fact)
    if verdict is None:
        if not isinstance(fact.state, Category):
            raise TypeError(f"`{clause.fact}` has no labels")
        labels = fact.state.labels
        if labels <= clause.labels:
            verdict = Verdict.YES
        else:
            verdict = Verdict.CANNOT_TELL if labels & clause.labels else Verdict.NO
    words = _label_words(clause.fact, clause.labels)
    return Judgement(verdict, words, fact.explained, fact)


@lru_cache(_CLAUSES)
def _label_words(name: str, labels: frozenset[str]) -> str:
    return f"{spoken(name)} is {' or '.join(sorted(labels))}"


def _is_present(clause: IsPresent, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    match fact.state:
        case Presence():
            there = Verdict.YES if fact.state.present else Verdict.NO
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
    words = _presence_words(clause.fact, clause.wanted)
    return Judgement(verdict, words, fact.explained, fact)


@lru_cache(_CLAUSES)
def _presence_words(name: str, wanted: bool) -> str:
    return f"{spoken(name)} {'present' if wanted else 'absent'}"


def _is_missing(clause: IsMissing, facts: Facts) -> Judgement:
    fact = facts.fact(clause.fact)
    if isinstance(fact.state, NotKnown):
        verdict = Verdict.CANNOT_TELL
    elif isinstance(fact.state, Missing):
        verdict = from_bool(not clause.reasons or fact.state.reason in clause.reasons)
    else:
        verdict = Verdict.NO
    words = _missing_words(clause.fact, clause.reasons)
    return Judgement(verdict, words, fact.explained, fact)


@lru_cache(_CLAUSES)
def _missing_words(name: str, reasons: frozenset[Reason]) -> str:
    text = f"{spoken(name)} missing"
    if reasons:
        text += f" ({' or '.join(sorted(reason.value for reason in reasons))})"
    return text


# One way to judge for each class of `Clause`: a test holds the two together.
_JUDGE: Mapping[type, Callable[[Any, Facts], Judgement]] = {
    All: _all,
    AnyOf: _any_of,
    Holds: _holds,
    CannotTell: _cannot_tell,
    Compare: _compare,
    Between: _between,
    IsIn: _is_in,
    IsPresent: _is_present,
    IsMissing: _is_missing,
    Change: previous_change,
}
