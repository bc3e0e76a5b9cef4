"""What is known where a clause stands. A change that cannot matter there is no mutant.

Two things are known. *Only a yes counts* for conditions of sentences and indicators, and for the
definitions that nothing else asks. And where a clause is asked only beside a yes of another one,
the labels a fact can still have are limited by that other clause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
    Between,
    CannotTell,
    Clause,
    Compare,
    Definition,
    FactSpec,
    Holds,
    IsIn,
    IsMissing,
    Level,
    Rule,
)
from cds.rulebook.walk import nodes

Labels = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Context:
    """`only_yes`: no and "cannot tell" have the same consequence here. `labels`: for facts that
    a clause beside this one pins down, the labels that are left."""

    facts: Mapping[str, FactSpec]
    definitions: Mapping[str, Definition]
    only_yes: bool = False
    labels: Labels = field(default_factory=dict)

    def beside(self, others: Iterable[Clause]) -> Context:
        """The context of a member of an `all`, beside the other members."""
        labels = _both((self.labels, *(self.pinned(clause) for clause in others)))
        return Context(self.facts, self.definitions, self.only_yes, labels)

    def yes_counts(self) -> Context:
        """The same where only a yes has a consequence."""
        return Context(self.facts, self.definitions, True, self.labels)

    def possible(self, clause: IsIn, label: str) -> bool:
        """Whether the fact can have the label where the clause can still be a yes that counts."""
        left = self.labels.get(clause.fact)
        return not self.only_yes or left is None or label in left

    def pinned(self, clause: Clause, *, yes: bool = True) -> Labels:
        """The labels that facts can have where the clause is yes (or no)."""
        match clause:
            case IsIn():
                known = frozenset(self.facts[clause.fact].type.labels)
                return {clause.fact: clause.labels if yes else known - clause.labels}
            case Holds():
                inner = self.definitions[clause.name].clause
                return self.pinned(inner, yes=yes is not clause.negated)
            case All() | AnyOf() if yes is isinstance(clause, All):
                return _both(self.pinned(child, yes=yes) for child in clause.children)
            case _:
                return {}

    def exclusive(self, first: Clause, second: Clause) -> bool:
        """Whether no patient fulfils both: a fact with two labels, or missing and used."""
        one, other = self.pinned(first), self.pinned(second)
        if any(not one[name] & other[name] for name in one.keys() & other.keys()):
            return True
        return bool(
            self._used(first) & self._missing(second) or self._used(second) & self._missing(first)
        )

    def _used(self, clause: Clause) -> frozenset[str]:
        """Facts that have a value where the clause is yes."""
        return self._asked(clause, lambda node: isinstance(node, IsIn | Compare | Between))

    def _missing(self, clause: Clause) -> frozenset[str]:
        """Facts that are missing where the clause is yes."""
        return self._asked(clause, lambda node: isinstance(node, IsMissing))

    def _asked(self, clause: Clause, kind: Callable[[Clause], bool]) -> frozenset[str]:
        match clause:
            case All():
                return frozenset().union(*(self._asked(item, kind) for item in clause.children))
            case Holds() if not clause.negated:
                return self._asked(self.definitions[clause.name].clause, kind)
            case IsIn() | Compare() | Between() | IsMissing() if kind(clause):
                source = self.facts[clause.fact].source
                of = (source.of,) if isinstance(source, BandSource) else ()
                return frozenset({clause.fact, *of})
            case _:
                return frozenset()


def _both(parts: Iterable[Labels]) -> Labels:
    """What is left where all of them hold."""
    found: dict[str, frozenset[str]] = {}
    for part in parts:
        for name, labels in part.items():
            found[name] = found.get(name, labels) & labels
    return found


def asked_for_more_than_yes(
    rules: Iterable[Rule], definitions: Mapping[str, Definition]
) -> frozenset[str]:
    """Definitions of which a no or a "cannot tell" has a consequence of its own somewhere."""
    full: set[str] = set()
    todo: list[tuple[Clause, bool]] = [item for rule in rules for item in _uses(rule)]
    seen: set[tuple[str, bool]] = set()
    while todo:
        clause, only_yes = todo.pop()
        for node in nodes(clause):
            if not isinstance(node, Holds | CannotTell):
                continue
            plain = only_yes and isinstance(node, Holds) and not node.negated
            if not plain:
                full.add(node.name)
            if (node.name, plain) not in seen:
                seen.add((node.name, plain))
                todo.append((definitions[node.name].clause, plain))
    return frozenset(full)


def _uses(rule: Rule) -> Iterator[tuple[Clause, bool]]:
    """The clauses of a rule, and whether only a yes of them counts."""
    if rule.unless is not None:
        yield rule.unless, False
    for level in rule.levels:
        yield level.when, False
        yield from ((clause, True) for clause in _indicators(level))
    for note in (*rule.notes, *(note for level in rule.levels for note in level.notes)):
        if note.if_ is not None:
            yield note.if_, not note.unknown
    for suggestion in rule.suggestions.values():
        yield from ((stop, False) for stop in suggestion.unless)
        if suggestion.if_ is not None:
            yield suggestion.if_, False
        if suggestion.duplicate_of is not None:
            yield Holds(suggestion.duplicate_of, False, suggestion.where), False


def _indicators(level: Level) -> Iterator[Clause]:
    yield from (clause for clause in (level.info_when, level.critical_when) if clause is not None)
