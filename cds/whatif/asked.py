"""Which facts each rule asks: in its clauses, doses and sentences, and what those are worked out
from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cds.facts.derived.registry import DERIVED
from cds.kernel.text import HOLE
from cds.rulebook.model import (
    BandSource,
    Clause,
    Compare,
    DerivedSource,
    ExactSource,
    FactSource,
    ReferenceLowSource,
    Rule,
    Rulebook,
    Suggestion,
    ToTable,
    TwoResultsSource,
)
from cds.rulebook.walk import facts_in, holds_in, nodes, operands


def inputs(source: FactSource) -> tuple[str, ...]:
    """The declared facts that one fact is worked out from."""
    match source:
        case DerivedSource():
            return DERIVED[source.function].reads
        case BandSource():
            return (source.of, *(source.contested[2:] if source.contested else ()))
        case ReferenceLowSource() | TwoResultsSource() | ExactSource():
            return (source.of,)
        case _:
            return ()


def rests_on(book: Rulebook, name: str) -> frozenset[str]:
    """Every fact that takes part in this one, near and far, without itself."""
    found: set[str] = set()
    wanted = [name]
    while wanted:
        for more in inputs(book.facts[wanted.pop()].source):
            if more not in found and more in book.facts:
                found.add(more)
                wanted.append(more)
    return frozenset(found)


def asking(book: Rulebook) -> Mapping[str, tuple[str, ...]]:
    """For each fact the ids of the rules that ask it, in the order of the rulebook."""
    found: dict[str, list[str]] = {name: [] for name in book.facts}
    for rule in book.rules:
        for name in _asked(rule, book):
            found[name].append(rule.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _asked(rule: Rule, book: Rulebook) -> frozenset[str]:
    direct: set[str] = set()
    for clause in _clauses(rule):
        direct.update(_of_clause(clause, book, set()))
    for suggestion in rule.suggestions.values():
        direct.update(_of_suggestion(suggestion, book))
    direct.update(_shown(_texts(rule), book))
    return frozenset(direct.union(*(rests_on(book, name) for name in direct)))


def _clauses(rule: Rule) -> Iterator[Clause]:
    found: list[Clause | None] = [rule.unless]
    for level in rule.levels:
        found += [level.when, level.critical_when, level.info_when]
    for note in (*rule.notes, *(note for level in rule.levels for note in level.notes)):
        found.append(note.if_)
    for suggestion in rule.suggestions.values():
        found += [suggestion.if_, *suggestion.unless]
    yield from (clause for clause in found if clause is not None)


def _of_clause(clause: Clause, book: Rulebook, seen: set[str]) -> Iterator[str]:
    yield from facts_in(clause)
    for node in nodes(clause):
        for operand in operands(node) if isinstance(node, Compare) else ():
            if isinstance(operand, ToTable):
                yield from book.tables[operand.name].by
    for name, _ in holds_in(clause):
        if name not in seen:
            seen.add(name)
            definition = book.definitions[name]
            yield from _of_clause(definition.clause, book, seen)
            yield from _shown([definition.say], book)


def _of_suggestion(suggestion: Suggestion, book: Rulebook) -> Iterator[str]:
    if suggestion.dose is not None:
        yield from book.tables[suggestion.dose.table].by
    if suggestion.total is not None:
        yield suggestion.total[0]
    if suggestion.duplicate_of is not None:
        yield from _of_clause(book.definitions[suggestion.duplicate_of].clause, book, set())


def _texts(rule: Rule) -> Iterator[str]:
    for level in rule.levels:
        yield from (level.summary, level.info_summary, *level.detail)
        yield from (text for note in level.notes for text in (note.say, note.unknown))
    yield from (text for note in rule.notes for text in (note.say, note.unknown))
    yield from (suggestion.label for suggestion in rule.suggestions.values())


def _shown(texts: Iterable[str], book: Rulebook) -> Iterator[str]:
    for text in texts:
        for name, _ in HOLE.findall(text):
            if name in book.facts:
                yield name
            elif name in book.tables:
                yield from book.tables[name].by
