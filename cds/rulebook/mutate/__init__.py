"""The rulebook with one small change, for each change there is (design section 6).

A change that no case, boundary or law notices is a clause, number or guard nobody would miss. What
rules share is changed once, where it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from cds.rulebook.model import BandSource, Definition, Rule, Rulebook, Suggestion
from cds.rulebook.mutate.clauses import changes
from cds.rulebook.mutate.context import Context, asked_for_more_than_yes
from cds.rulebook.mutate.mutant import Mutant, Reach, reach
from cds.rulebook.mutate.numbers import (
    PartChange,
    band_changes,
    suggestion_changes,
    table_changes,
    threshold_changes,
)
from cds.rulebook.mutate.rules import rule_changes

__all__ = ["Mutant", "mutants"]


def mutants(book: Rulebook) -> Iterator[Mutant]:
    """Every mutant of a rulebook. Drafts and retired rules are not judged and not changed."""
    judged = tuple(rule for rule in book.rules if rule.status in ("active", "silent"))
    near = reach(replace(book, rules=judged))
    anywhere = Context(book.facts, book.definitions)
    full = asked_for_more_than_yes(judged, book.definitions)
    yield from _numbers(book, near)
    for name, definition in book.definitions.items():
        context = anywhere if name in full else anywhere.yes_counts()
        yield from _definition(book, definition, near, context)
    yield from _suggestions(book, judged, anywhere)
    for rule in judged:
        for found in rule_changes(rule, anywhere):
            changed = _with_rules(book, {rule.id: found.rule})
            ids = frozenset({rule.id})
            yield Mutant(found.kind, found.where, found.part, found.words, ids, changed)


def _numbers(book: Rulebook, near: Reach) -> Iterator[Mutant]:
    for threshold in book.thresholds.values():
        for found in threshold_changes(threshold):
            yield _shared(book, "thresholds", threshold.name, found, near)
    for spec in book.facts.values():
        if isinstance(spec.source, BandSource):
            for found in band_changes(spec, spec.source):
                yield _shared(book, "facts", spec.name, found, near)
    for table in book.tables.values():
        for found in table_changes(table):
            yield _shared(book, "tables", table.name, found, near)


def _shared(book: Rulebook, word: str, name: str, found: PartChange, near: Reach) -> Mutant:
    """`word`: the member of the rulebook that holds what was changed."""
    part: dict[str, Any] = {word: {**getattr(book, word), name: found.changed}}
    changed = replace(book, **part)
    return Mutant(found.kind, found.where, found.part, found.words, near.of(name), changed)


def _definition(
    book: Rulebook, definition: Definition, near: Reach, context: Context
) -> Iterator[Mutant]:
    name = definition.name
    for found in changes(definition.clause, context):
        other = replace(definition, clause=found.clause)
        changed = replace(book, definitions={**book.definitions, name: other})
        part, ids = f"define.{name}{found.at}", near.of(name)
        yield Mutant(found.kind, found.where, part, found.words, ids, changed, name)


def _suggestions(book: Rulebook, judged: tuple[Rule, ...], context: Context) -> Iterator[Mutant]:
    """A shared suggestion stands in every rule that may offer it, and is one suggestion."""
    known: dict[tuple[str, str], Suggestion] = {}
    for rule in judged:
        for item in rule.suggestions.values():
            known.setdefault((item.name, str(item.where)), item)
    for item in known.values():
        holders = [rule for rule in judged if rule.suggestions.get(item.name) == item]
        ids = frozenset(rule.id for rule in holders)
        for found in suggestion_changes(item, context, book.tables):
            new = {
                rule.id: replace(rule, suggestions={**rule.suggestions, item.name: found.changed})
                for rule in holders
            }
            changed = _with_rules(book, new)
            yield Mutant(found.kind, found.where, found.part, found.words, ids, changed)


def _with_rules(book: Rulebook, changed: dict[str, Rule]) -> Rulebook:
    return replace(book, rules=tuple(changed.get(rule.id, rule) for rule in book.rules))
