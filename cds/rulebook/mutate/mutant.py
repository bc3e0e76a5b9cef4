"""A rulebook with one change, and whom the change can reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cds.rulebook.model import BandSource, Clause, Note, Rule, Rulebook, Suggestion, ToTable, Where
from cds.rulebook.walk import facts_in, holds_in, nodes, operands, thresholds_in


@dataclass(frozen=True, slots=True)
class Mutant:
    """`book` with one change.

    `part`: what was changed, as a path in the rule language; `words`: how, for a reader; `rules`:
    the rules that may answer differently; `definition`: the named clause it stands in, "" for none.
    """

    kind: str
    where: Where
    part: str
    words: str
    rules: frozenset[str]
    book: Rulebook
    definition: str = ""

    @property
    def change(self) -> str:
        """What was changed and how; names the mutant within its file (`defence_in_depth`)."""
        return f"{self.part}: {self.words}"


def suggestion_clauses(suggestion: Suggestion) -> Iterator[Clause]:
    """The condition and the stops of a suggestion."""
    if suggestion.if_ is not None:
        yield suggestion.if_
    yield from suggestion.unless


def rule_clauses(rule: Rule) -> Iterator[Clause]:
    """Every clause that stands in a rule, or in a suggestion it may offer."""
    notes: list[Note] = list(rule.notes)
    for level in rule.levels:
        yield level.when
        yield from (item for item in (level.info_when, level.critical_when) if item is not None)
        notes += level.notes
    yield from (note.if_ for note in notes if note.if_ is not None)
    if rule.unless is not None:
        yield rule.unless
    for suggestion in rule.suggestions.values():
        yield from suggestion_clauses(suggestion)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which rules lean on a name: definition, fact, threshold or table."""

    rules: Mapping[str, frozenset[str]]

    def of(self, *names: str) -> frozenset[str]:
        """Ids of the rules that lean on one of these names."""
        return frozenset().union(*(self.rules.get(name, frozenset()) for name in names))


def reach(book: Rulebook) -> Reach:
    """Who leans on what, through definitions, bands and tables."""
    found: dict[str, set[str]] = {}
    for rule in book.rules:
        for name in _names(book, rule):
            found.setdefault(name, set()).add(rule.id)
    return Reach({name: frozenset(ids) for name, ids in found.items()})


def _names(book: Rulebook, rule: Rule) -> set[str]:
    seen: set[str] = set()
    todo = list(rule_clauses(rule))
    for suggestion in rule.suggestions.values():
        seen |= _direct(suggestion)
        if suggestion.duplicate_of is not None:
            todo += _opened(book, (suggestion.duplicate_of,), seen)
    while todo:
        clause = todo.pop()
        seen |= set(thresholds_in(clause)) | _tables(clause)
        for name in facts_in(clause):
            seen |= _band(book, name)
        todo += _opened(book, (name for name, _ in holds_in(clause)), seen)
    for name in [name for name in seen if name in book.tables]:
        seen = seen.union(*(_band(book, fact) for fact in book.tables[name].by))
    return seen


def _direct(suggestion: Suggestion) -> set[str]:
    names = {suggestion.dose.table} if suggestion.dose else set()
    return names | (set(suggestion.total) if suggestion.total else set())


def _tables(clause: Clause) -> set[str]:
    found = [operand for node in nodes(clause) for operand in operands(node)]
    return {operand.name for operand in found if isinstance(operand, ToTable)}


def _opened(book: Rulebook, names: Iterable[str], seen: set[str]) -> list[Clause]:
    """The clauses of definitions not met before."""
    new = [name for name in names if name not in seen]
    seen.update(new)
    return [book.definitions[name].clause for name in new]


def _band(book: Rulebook, fact: str) -> set[str]:
    """The fact itself, and what stands behind a band."""
    source = book.facts[fact].source
    return {fact, *source.thresholds, source.of} if isinstance(source, BandSource) else {fact}
