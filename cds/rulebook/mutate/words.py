"""Clauses as their author wrote them, so that a changed one can be found in its file."""

from __future__ import annotations

from typing import assert_never

from cds.kernel.quantity import Quantity
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
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
)


def written(clause: Clause) -> str:  # noqa: C901  one case per clause class
    """The clause in the words of the rule language: `magnesium: {below: mg_lln}`."""
    match clause:
        case All():
            return f"all: [{', '.join(written(child) for child in clause.children)}]"
        case AnyOf():
            return f"any: [{', '.join(written(child) for child in clause.children)}]"
        case Holds():
            return f"{'not' if clause.negated else 'holds'}: {clause.name}"
        case CannotTell():
            return f"cannot_tell: {clause.name}"
        case Compare():
            return f"{clause.fact}: {{{clause.operator}: {_operand(clause.operand)}}}"
        case Between():
            ends = f"{_operand(clause.lower)}, {_operand(clause.upper)}"
            return f"{clause.fact}: {{between: [{ends}]}}"
        case IsIn():
            return f"{clause.fact}: {{in: [{', '.join(sorted(clause.labels))}]}}"
        case IsPresent():
            return f"{clause.fact}: {'present' if clause.wanted else 'absent'}"
        case IsMissing():
            reasons = sorted(reason_word(reason.name) for reason in clause.reasons)
            tail = f"{{missing: [{', '.join(reasons)}]}}" if reasons else "missing"
            return f"{clause.fact}: {tail}"
        case Change():
            return f"{clause.fact}: {{{clause.direction}_by: {amount(clause.by)}}}"
        case _:
            assert_never(clause)


def amount(quantity: Quantity) -> str:
    """`1.2 mg/dL`."""
    return f"{quantity.value:f} {quantity.unit}"


def reason_word(name: str) -> str:
    """The word of a reason in rule files: `NONE_FOUND` is `none-found`."""
    return name.lower().replace("_", "-")


def _operand(operand: Operand) -> str:
    match operand:
        case ToQuantity():
            return amount(operand.quantity)
        case ToTable():
            return f"{{table: {operand.name}}}"
        case ToThreshold() | ToFact():
            return operand.name
        case _:
            assert_never(operand)
