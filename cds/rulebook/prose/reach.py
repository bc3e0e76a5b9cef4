"""What a rule rests on: definitions, facts, thresholds, tables, windows, followed to the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cds.facts.derived.registry import DERIVED
from cds.kernel.text import HOLE
from cds.rulebook.model import (
    BandSource,
    Clause,
    DerivedSource,
    FactSource,
    LabSource,
    ReferenceLowSource,
    Rule,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    Suggestion,
    ToTable,
    TwoResultsSource,
)
from cds.rulebook.walk import facts_in, holds_in, nodes, operands, thresholds_in


@dataclass(slots=True)
class Reach:
    """Names, each once, in the order in which they were met."""

    definitions: dict[str, None] = field(default_factory=dict)
    facts: dict[str, None] = field(default_factory=dict)
    thresholds: dict[str, None] = field(default_factory=dict)
    tables: dict[str, None] = field(default_factory=dict)
    windows: dict[str, None] = field(default_factory=dict)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)

    def names(self) -> set[str]:
        """Everything but the suggestions."""
        return {
            *self.definitions,
            *self.facts,
            *self.thresholds,
            *self.tables,
            *self.windows,
        }


def reach(rule: Rule, book: Rulebook) -> Reach:
    """Everything whose change may change what the rule does."""
    found = Reach()
    for clause in clauses_of(rule):
        _clause(clause, book, found)
    for text in texts_of(rule):
        _text(text, book, found)
    for name, suggestion in offered(rule).items():
        found.suggestions[name] = suggestion
        _suggestion(suggestion, book, found)
    return found


def offered(rule: Rule) -> dict[str, Suggestion]:
    """The suggestions that a level of the rule weighs, in the order of the levels."""
    names = dict.fromkeys(name for level in rule.levels for name in level.suggest)
    return {name: rule.suggestions[name] for name in names}


def clauses_of(rule: Rule) -> Iterator[Clause]:
    """Every clause of the rule itself, without those of its suggestions."""
    for level in rule.levels:
        yield from (c for c in (level.when, level.critical_when, level.info_when) if c)
        yield from (note.if_ for note in level.notes if note.if_)
    yield from (note.if_ for note in rule.notes if note.if_)
    if rule.unless:
        yield rule.unless
    if rule.repeat and rule.repeat.unless:
        yield rule.repeat.unless


def texts_of(rule: Rule) -> Iterator[str]:
    """Every sentence that a card of the rule may say."""
    for level in rule.levels:
        yield from (level.summary, level.info_summary, *level.detail)
        yield from (text for note in level.notes for text in (note.say, note.unknown))
    yield from (text for note in rule.notes for text in (note.say, note.unknown))


def _suggestion(item: Suggestion, book: Rulebook, found: Reach) -> None:
    for clause in (item.if_, *item.unless):
        if clause is not None:
            _clause(clause, book, found)
    if item.duplicate_of:
        _definition(item.duplicate_of, book, found)
    if item.dose:
        _table(item.dose.table, book, found)
    if item.total:
        _fact(item.total[0], book, found)
        found.thresholds.setdefault(item.total[1])


def _clause(clause: Clause, book: Rulebook, found: Reach) -> None:
    for name in facts_in(clause):
        _fact(name, book, found)
    for name in thresholds_in(clause):
        found.thresholds.setdefault(name)
    for node in nodes(clause):
        for operand in operands(node):
            if isinstance(operand, ToTable):
                _table(operand.name, book, found)
    for name, _ in holds_in(clause):
        _definition(name, book, found)


def _definition(name: str, book: Rulebook, found: Reach) -> None:
    if name in found.definitions:
        return
    found.definitions[name] = None
    definition = book.definitions[name]
    _clause(definition.clause, book, found)
    _text(definition.say, book, found)


def _table(name: str, book: Rulebook, found: Reach) -> None:
    if name not in found.tables:
        found.tables[name] = None
        for key in book.tables[name].by:
            _fact(key, book, found)


def _text(text: str, book: Rulebook, found: Reach) -> None:
    for name, _ in HOLE.findall(text):
        if name in book.facts:
            _fact(name, book, found)
        elif name in book.thresholds:
            found.thresholds.setdefault(name)
        elif name in book.tables:
            _table(name, book, found)


def _fact(name: str, book: Rulebook, found: Reach) -> None:
    if name not in found.facts:
        found.facts[name] = None
        if name in book.facts:
            _source(book.facts[name].source, book, found)


def _source(source: FactSource, book: Rulebook, found: Reach) -> None:
    """What the source of a fact reads itself."""
    thresholds: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    match source:
        case LabSource():
            windows = (source.window,)
        case SetAsideSource():
            windows = (source.window, source.within)
        case SetAsideReasonSource():
            windows = (source.of.window, source.of.within)
        case ReferenceLowSource() | TwoResultsSource():
            others = (source.of,)
        case BandSource():
            thresholds = source.thresholds
            others = (source.of, *(source.contested or ())[2:])
        case DerivedSource():
            made = DERIVED[source.function]
            thresholds, windows, others = made.thresholds, made.windows, made.reads
        case _:
            return
    found.thresholds.update(dict.fromkeys(thresholds))
    found.windows.update(dict.fromkeys(windows))
    for other in others:
        _fact(other, book, found)
