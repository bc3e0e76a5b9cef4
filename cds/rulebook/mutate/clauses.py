"""Every small change of one clause: something dropped, turned round, or moved by a digit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from cds.kernel.quantity import Quantity
from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
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
    OrderSource,
    ToQuantity,
    Where,
)
from cds.rulebook.mutate.context import Context
from cds.rulebook.mutate.words import amount, reason_word, written

# A value that equals the limit changes sides.
_FLIPPED: Mapping[Operator, Operator] = {
    "below": "at_most",
    "at_most": "below",
    "at_least": "above",
    "above": "at_least",
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A clause with one change.

    `kind` of change; the line and place (`at`: `.all.2` is the second of an `all`) of what was
    changed; how, in words.
    """

    kind: str
    where: Where
    words: str
    clause: Clause
    at: str = ""


def nudged(value: Decimal) -> tuple[Decimal, Decimal]:
    """The value moved by one in its last digit, down and up."""
    exponent = value.as_tuple().exponent
    step = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    return value - step, value + step


def moved(quantity: Quantity) -> tuple[Quantity, Quantity]:
    """An exact quantity moved by one in its last digit, down and up."""
    down, up = nudged(quantity.value)
    return (
        Quantity.of(quantity.analyte, down, quantity.unit),
        Quantity.of(quantity.analyte, up, quantity.unit),
    )


def changes(clause: Clause, context: Context) -> Iterator[Changed]:
    """The clause with one change, for each change there is; without those that cannot matter
    where the clause stands."""
    match clause:
        case All() | AnyOf():
            yield from _of_group(clause, context)
        case Holds():
            other = replace(clause, negated=not clause.negated)
            yield _one("negated", clause, f"turned into `{written(other)}`", other)
        case CannotTell():
            plain = Holds(clause.name, negated=False, where=clause.where)
            yield _one("cannot-tell", clause, f"turned into `{written(plain)}`", plain)
        case IsPresent():
            turned = replace(clause, wanted=not clause.wanted)
            yield _one("negated", clause, f"turned into `{written(turned)}`", turned)
        case IsMissing():
            yield from _of_missing(clause, context)
        case IsIn():
            yield from _of_labels(clause, context)
        case _:
            yield from _of_quantity(clause)


def _one(kind: str, old: Clause, words: str, new: Clause) -> Changed:
    return Changed(kind, old.where, f"`{written(old)}` {words}", new)


def _of_group(group: All | AnyOf, context: Context) -> Iterator[Changed]:
    children = group.children
    if len(children) > 1:
        other = AnyOf if isinstance(group, All) else All
        words = "read as any" if isinstance(group, All) else "read as all"
        yield _one("swapped", group, words, other(children, group.where))
    for i, child in enumerate(children):
        at = f".{'all' if isinstance(group, All) else 'any'}.{i + 1}"
        rest = (*children[:i], *children[i + 1 :])
        if rest and not _implied(child, rest, group, context):
            less = replace(group, children=rest)
            yield Changed("dropped", child.where, f"`{written(child)}` dropped", less, at)
        near = context.beside(rest) if isinstance(group, All) else context
        for found in changes(child, near):
            whole = replace(group, children=(*children[:i], found.clause, *children[i + 1 :]))
            yield replace(found, clause=whole, at=at + found.at)


def _implied(
    child: Clause, others: tuple[Clause, ...], group: All | AnyOf, context: Context
) -> bool:
    """`present` beside a comparison of the same fact or its band, where only a yes counts: what
    is not there compares as "cannot tell", which is as good as no."""
    if not (context.only_yes and isinstance(group, All)):
        return False
    if not (isinstance(child, IsPresent) and child.wanted):
        return False
    compared = {other.fact for other in others if isinstance(other, Compare | Between | IsIn)}
    sources = [context.facts[name].source for name in compared]
    compared |= {source.of for source in sources if isinstance(source, BandSource)}
    return child.fact in compared


def _of_missing(clause: IsMissing, context: Context) -> Iterator[Changed]:
    if not clause.reasons:
        there = IsPresent(clause.fact, wanted=True, where=clause.where)
        yield _one("negated", clause, f"turned into `{written(there)}`", there)
    # A property of an order is missing for one reason only: it cannot be read.
    one_reason = isinstance(context.facts[clause.fact].source, OrderSource)
    for reason in () if one_reason else sorted(clause.reasons, key=lambda item: item.name):
        less = replace(clause, reasons=clause.reasons - {reason})
        # Without its only reason it asks for a missing fact, whatever the reason.
        yield _one("dropped", clause, f"without {reason_word(reason.name)}", less)


def _of_labels(clause: IsIn, context: Context) -> Iterator[Changed]:
    for label in context.facts[clause.fact].type.labels:
        if label in clause.labels:
            less = replace(clause, labels=clause.labels - {label})
            yield _one("dropped", clause, f"without {label}", less)
        elif context.possible(clause, label):
            more = replace(clause, labels=clause.labels | {label})
            yield _one("widened", clause, f"with {label} too", more)


def _of_quantity(clause: Compare | Between | Change) -> Iterator[Changed]:
    match clause:
        case Compare():
            flipped = replace(clause, operator=_FLIPPED[clause.operator])
            yield _one("boundary", clause, f"turned into {flipped.operator}", flipped)
            for operand in _moved_operand(clause.operand):
                yield _moved(clause, replace(clause, operand=operand))
        case Between():
            for operand in _moved_operand(clause.lower):
                yield _moved(clause, replace(clause, lower=operand))
            for operand in _moved_operand(clause.upper):
                yield _moved(clause, replace(clause, upper=operand))
        case _:
            for by in moved(clause.by):
                yield _one("nudged", clause, f"moved to {amount(by)}", replace(clause, by=by))
            other = replace(
                clause, direction="falling" if clause.direction == "rising" else "rising"
            )
            yield _one("negated", clause, f"turned into {other.direction}", other)


def _moved(old: Clause, new: Clause) -> Changed:
    return _one("nudged", old, f"moved to `{written(new)}`", new)


def _moved_operand(operand: Operand) -> tuple[Operand, ...]:
    """A number written in the clause; thresholds and tables are changed where they stand."""
    if not isinstance(operand, ToQuantity):
        return ()
    return tuple(ToQuantity(quantity) for quantity in moved(operand.quantity))
