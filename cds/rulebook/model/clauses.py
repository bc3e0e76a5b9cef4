"""Clauses: one line of a rule file, one node of the explanation tree, one mutant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cds.facts.model import Reason
from cds.kernel.quantity import Quantity
from cds.rulebook.model.base import Where


@dataclass(frozen=True, slots=True)
class All:
    """Kleene and."""

    children: tuple[Clause, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Kleene or."""

    children: tuple[Clause, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Holds:
    """A definition, by name; `negated` for `not: name`."""

    name: str
    negated: bool
    where: Where


@dataclass(frozen=True, slots=True)
class CannotTell:
    """Is it impossible to tell whether the definition holds? Asked on purpose, like `missing`."""

    name: str
    where: Where


@dataclass(frozen=True, slots=True)
class ToThreshold:
    """Right-hand side: a named threshold."""

    name: str


@dataclass(frozen=True, slots=True)
class ToQuantity:
    """Right-hand side: a quantity written in the clause."""

    quantity: Quantity


@dataclass(frozen=True, slots=True)
class ToFact:
    """Right-hand side: another fact of the same analyte."""

    name: str


@dataclass(frozen=True, slots=True)
class ToTable:
    """Right-hand side: a table cell. A cell `none` makes every `above` Yes (nothing is allowed)."""

    name: str


Operand = ToThreshold | ToQuantity | ToFact | ToTable


Operator = Literal["below", "at_least", "above", "at_most"]


@dataclass(frozen=True, slots=True)
class Compare:
    """`fact operator operand`."""

    fact: str
    operator: Operator
    operand: Operand
    where: Where


@dataclass(frozen=True, slots=True)
class Between:
    """lower <= fact < upper."""

    fact: str
    lower: Operand
    upper: Operand
    where: Where


@dataclass(frozen=True, slots=True)
class IsIn:
    """The fact's label is one of these."""

    fact: str
    labels: frozenset[str]
    where: Where


@dataclass(frozen=True, slots=True)
class IsPresent:
    """`present` (wanted=True) or `absent`. For a lab: a usable value is (not) there."""

    fact: str
    wanted: bool
    where: Where


@dataclass(frozen=True, slots=True)
class IsMissing:
    """Asked, nothing usable; `reasons` empty = whatever the reason."""

    fact: str
    reasons: frozenset[Reason]
    where: Where


@dataclass(frozen=True, slots=True)
class Change:
    """`rising_by` / `falling_by` against the previous usable value."""

    fact: str
    direction: Literal["rising", "falling"]
    by: Quantity
    where: Where


Clause = (
    All | AnyOf | Holds | CannotTell | Compare | Between | IsIn | IsPresent | IsMissing | Change
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A named clause. `say` is the sentence a card prints when it stops or withholds something;
    `means` says it in half a sentence to a reader of the rules, and decides nothing."""

    name: str
    clause: Clause
    say: str
    where: Where
    means: str = ""
