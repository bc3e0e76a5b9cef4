"""Walking clause trees: which definitions, facts and thresholds does a clause use?"""

from __future__ import annotations

from collections.abc import Iterator

from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Clause,
    Compare,
    Holds,
    Operand,
    ToFact,
    ToThreshold,
    Where,
)


def nodes(clause: Clause) -> Iterator[Clause]:
    """The clause and everything below it, not following definitions."""
    yield clause
    if isinstance(clause, All | AnyOf):
        for child in clause.children:
            yield from nodes(child)


def holds_in(clause: Clause) -> Iterator[tuple[str, Where]]:
    """Definitions named in the clause."""
    for node in nodes(clause):
        if isinstance(node, Holds | CannotTell):
            yield node.name, node.where


def facts_in(clause: Clause) -> Iterator[str]:
    """Facts asked in the clause itself (operands included)."""
    for node in nodes(clause):
        if isinstance(node, All | AnyOf | Holds | CannotTell):
            continue
        yield node.fact
        for operand in operands(node):
            if isinstance(operand, ToFact):
                yield operand.name


def thresholds_in(clause: Clause) -> Iterator[str]:
    """Thresholds the clause compares with."""
    for node in nodes(clause):
        for operand in operands(node):
            if isinstance(operand, ToThreshold):
                yield operand.name


def operands(clause: Clause) -> tuple[Operand, ...]:
    """Right-hand sides of one clause."""
    if isinstance(clause, Compare):
        return (clause.operand,)
    if isinstance(clause, Between):
        return (clause.lower, clause.upper)
    return ()
