"""Clauses as sentences that can be read aloud.

A named clause is said by its `means`; `number` gives the number of its entry in the glossary, so
that a reader of the book can look it up. Without numbers the sentences stand alone (`cds diff`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from cds.facts.show import both_units
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Definition,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    LabSource,
    Operand,
    Rulebook,
    ToFact,
    ToQuantity,
    ToThreshold,
)
from cds.rulebook.prose.facts import has_label, is_missing, noun
from cds.rulebook.prose.limits import amount, limit
from cds.rulebook.prose.presence import is_there

OPERATORS = {
    "below": "is below",
    "at_least": "is at least",
    "above": "is above",
    "at_most": "is at most",
}
ALL, ANY = "all of these are true", "at least one of these is true"
_BRACKETS = re.compile(r"\s*\([^()]*\)")
_COMPOUND = re.compile(r",| and | or ")
_VERB = re.compile(r" (is|are|may|can) ")
_WORD = re.compile(r"^(a|an) ")

# What the `unless` of `repeat` looks back to: the moment a reason was given.
SINCE = "since then"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Says the clauses of one rulebook. `numbers`: definition -> its number in the glossary;
    `against`: what a value has risen or fallen against."""

    book: Rulebook
    numbers: Mapping[str, int] = field(default_factory=dict)
    against: str = "against the result before it"

    def sentence(self, clause: Clause) -> str:
        """The clause as half a sentence, without a full stop."""
        match clause:
            case All():
                return ", and ".join(self._part(x) for x in merged(clause))
            case AnyOf():
                return self._any(clause)
            case Holds() | CannotTell():
                return self._named(clause)
            case Compare() | Between() | Change():
                return self._compared(clause, noun(self.book.facts[clause.fact], self.book))
            case IsIn():
                return has_label(self.book.facts[clause.fact], clause.labels, self.book)
            case IsMissing():
                return is_missing(self.book.facts[clause.fact], self.book, clause.reasons)
            case _:
                return is_there(self.book.facts[clause.fact], clause.wanted, self.book)

    def lines(self, clause: Clause, depth: int = 0) -> Iterator[tuple[int, str]]:
        """The clause as a nested list: (depth, half a sentence)."""
        if isinstance(clause, All | AnyOf) and not _is_one_sentence(clause):
            parts = merged(clause) if isinstance(clause, All) else clause.children
            if len(parts) > 1:
                yield depth, f"{ALL if isinstance(clause, All) else ANY}:"
            for part in parts:
                deeper = depth + (len(parts) > 1)
                if isinstance(part, Together):
                    yield deeper, self._part(part)
                else:
                    yield from self.lines(part, deeper)
        else:
            yield depth, self.sentence(clause)

    def means(self, definition: Definition) -> str:
        """What a person calls a definition; without `means` its clause, or its name in words."""
        if definition.means:
            return definition.means
        if not isinstance(definition.clause, All | AnyOf):
            return replace(self, numbers={}).sentence(definition.clause)
        return f"“{definition.name.replace('_', ' ')}” holds"

    def _named(self, clause: Holds | CannotTell) -> str:
        open_ = doubted(self.book.definitions[clause.name])
        if open_ and clause == Holds(clause.name, False, clause.where):
            return self._not_certain(open_)
        said = self.means(self.book.definitions[clause.name])
        if isinstance(clause, CannotTell):
            said = f"it cannot be told whether {said}"
        elif clause.negated:
            said = negated(said)
        number = self.numbers.get(clause.name)
        return f"{said} (term {number})" if number else said

    def _part(self, part: Clause | Together) -> str:
        if not isinstance(part, Together):
            return self.sentence(part)
        there = is_there(self.book.facts[part.clause.fact], True, self.book)
        return f"{there} and {self._compared(part.clause, '').strip()}"

    def _any(self, clause: AnyOf) -> str:
        open_ = _not_certain(clause)
        if open_:
            return self._not_certain(open_)
        parts = [self.sentence(child) for child in clause.children]
        if len(parts) == 1:
            return parts[0]
        if len(parts) == 2 and not any(" and " in part or "; " in part for part in parts):
            return f"either {parts[0]}, or {parts[1]}"
        lettered = (f"({chr(ord('a') + i)}) {part}" for i, part in enumerate(parts))
        return f"{ANY}: {'; '.join(lettered)}"

    def _not_certain(self, open_: CannotTell) -> str:
        said = self._named(Holds(open_.name, False, open_.where))
        return f"it is not true, or cannot be told, that {said}"

    def _compared(self, clause: Compare | Between | Change, name: str) -> str:
        if isinstance(clause, Change):
            moved = "risen" if clause.direction == "rising" else "fallen"
            by = both_units(clause.by, amount(clause.by))
            return f"{name} has {moved} by at least {by} {self.against}"
        if isinstance(clause, Between):
            low, high = self.operand(clause.lower), self.operand(clause.upper)
            return f"{name} is at least {low} and below {high}"
        return f"{name} {OPERATORS[clause.operator]} {self.operand(clause.operand)}"

    def operand(self, operand: Operand) -> str:
        """The right-hand side of a comparison."""
        match operand:
            case ToThreshold():
                return limit(self.book.thresholds[operand.name])
            case ToQuantity():
                return amount(operand.quantity)
            case ToFact():
                said = noun(self.book.facts[operand.name], self.book)
                is_lab = isinstance(self.book.facts[operand.name].source, LabSource)
                return f"the {said} in use" if is_lab else said
            case _:
                return f"the dose of the table “{self.book.tables[operand.name].why}”"


def doubted(definition: Definition) -> CannotTell | None:
    """What a definition that only says `not x, or x cannot be told` is about."""
    clause = definition.clause
    return _not_certain(clause) if isinstance(clause, AnyOf) else None


def _is_one_sentence(clause: Clause) -> bool:
    return isinstance(clause, AnyOf) and _not_certain(clause) is not None


def _not_certain(clause: AnyOf) -> CannotTell | None:
    """The half of `not x, or x cannot be told` that says so: one doubt, said in one breath."""
    match clause.children:
        case (Holds(negated=True) as no, CannotTell() as open_) if no.name == open_.name:
            return open_
        case _:
            return None


@dataclass(frozen=True, slots=True)
class Together:
    """`x: present` and a comparison of `x`, said in one breath."""

    clause: Compare | Between | Change


def merged(clause: All) -> tuple[Clause | Together, ...]:
    """The parts of an `all`; a result and what is asked of it become one part."""
    there = {c.fact for c in clause.children if isinstance(c, IsPresent) and c.wanted}
    asked = {c.fact for c in clause.children if isinstance(c, Compare | Between | Change)}
    found: list[Clause | Together] = []
    for child in clause.children:
        if isinstance(child, IsPresent) and child.fact in there & asked:
            continue
        if isinstance(child, Compare | Between | Change) and child.fact in there:
            found.append(Together(child))
        else:
            found.append(child)
    return tuple(found)


def negated(said: str) -> str:
    """The opposite of half a sentence; one with several parts is denied as a whole."""
    bare = _BRACKETS.sub("", said)
    if _COMPOUND.search(bare) or not _VERB.search(bare):
        return f"it is not true that {said}"
    if _WORD.match(said):
        return _WORD.sub("no ", said)
    return _VERB.sub(lambda found: f" {found.group(1)} not ", said, count=1)
