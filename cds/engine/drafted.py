"""Which facts and clauses look at draft orders. All others stand while an order is edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from cds.facts.derived.registry import DERIVED
from cds.kernel.text import HOLE
from cds.rulebook.model import (
    All,
    AnyOf,
    BandSource,
    CannotTell,
    Clause,
    DerivedSource,
    ExactSource,
    FactSource,
    Holds,
    LabOrderSource,
    MedicationSource,
    OfferSource,
    OrderSource,
    ReferenceLowSource,
    Rule,
    Rulebook,
    ToFact,
    ToTable,
    TwoResultsSource,
)

_DRAFTS = frozenset({"draft", "selected"})


def facts_about_drafts(book: Rulebook) -> frozenset[str]:
    """Names of the facts that look at draft orders, at one of them, or at such a fact."""
    return _with_all_above(book, {x for x, spec in book.facts.items() if _looks(spec.source)})


def facts_about_one_order(book: Rulebook) -> frozenset[str]:
    """Names of the facts about the order a `for_each` rule is judged for, and of those worked out
    of them (a band of its dose)."""
    about = (x for x, spec in book.facts.items() if isinstance(spec.source, OrderSource))
    return _with_all_above(book, set(about))


def _with_all_above(book: Rulebook, found: set[str]) -> frozenset[str]:
    while True:
        more = {
            name
            for name, spec in book.facts.items()
            if name not in found and not found.isdisjoint(_inputs(spec.source))
        }
        if not more:
            return frozenset(found)
        found |= more


def _looks(source: FactSource) -> bool:
    if isinstance(source, MedicationSource):
        return not _DRAFTS.isdisjoint(source.which)
    if isinstance(source, DerivedSource):
        return DERIVED[source.function].drafts
    return isinstance(source, OrderSource | LabOrderSource | OfferSource)


def _inputs(source: FactSource) -> tuple[str, ...]:
    """The facts that are worked into this one."""
    if isinstance(source, DerivedSource):
        return DERIVED[source.function].reads
    if isinstance(source, BandSource):
        return (source.of, *(source.contested[2:] if source.contested else ()))
    if isinstance(source, ReferenceLowSource | TwoResultsSource | ExactSource):
        return (source.of,)
    return ()


@dataclass(slots=True)
class Stand:
    """Which clauses ask for none of some facts: all of a rulebook by identity, and the named ones
    by name. Of a named one the sentence must not show any either, nor may what asks for it."""

    book: Rulebook
    without: frozenset[str]
    clauses: set[int] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict)  # of each named clause

    def look(self, clause: Clause | None) -> bool:
        """Note it and all in it."""
        if clause is None:
            return False
        if isinstance(clause, All | AnyOf):
            answers = [self.look(child) for child in clause.children]  # every one is noted
            stands = all(answers)
        elif isinstance(clause, Holds | CannotTell):
            stands = self._named(clause.name)
        else:
            stands = self.without.isdisjoint(_asked(clause, self.book))
        if stands:
            self.clauses.add(id(clause))
        return stands

    def _named(self, name: str) -> bool:
        if name not in self._known:
            found = self.book.definitions[name]
            stands = self.look(found.clause) and text_stands(found.say, self.book, self.without)
            self._known[name] = stands
            if stands:
                self.names.add(name)
        return self._known[name]


def what_stands(book: Rulebook) -> Stand:
    """What stands whatever is drafted."""
    return _looked(Stand(book, book.remembered(facts_about_drafts)), book)


def what_is_shared(book: Rulebook) -> Stand:
    """What stands for all orders of one draft: it is not about the one a rule is judged for."""
    return _looked(Stand(book, book.remembered(facts_about_one_order)), book)


def nothing_stands(book: Rulebook) -> Stand:
    """For who keeps nothing from call to call."""
    return Stand(book, book.remembered(facts_about_drafts))


def nothing_is_shared(book: Rulebook) -> Stand:
    """The same, of the orders of one draft."""
    return Stand(book, book.remembered(facts_about_one_order))


def _looked(found: Stand, book: Rulebook) -> Stand:
    for rule in book.rules:
        with suppress(Exception):  # what cannot be understood is judged every time (law 6)
            for clause in _clauses(rule):
                found.look(clause)
    return found


def _clauses(rule: Rule) -> Iterator[Clause | None]:
    yield rule.unless
    for level in rule.levels:
        yield from (level.when, level.critical_when, level.info_when)
    for note in (*rule.notes, *(note for level in rule.levels for note in level.notes)):
        yield note.if_
    for suggestion in rule.suggestions.values():
        yield from (suggestion.if_, *suggestion.unless)


def text_stands(text: str, book: Rulebook, without: frozenset[str]) -> bool:
    """Whether what stands in its holes is about none of these facts and no single order."""
    for name, _ in HOLE.findall(text):
        if name == "order" or not without.isdisjoint(_shown(name, book)):
            return False
    return True


def _shown(name: str, book: Rulebook) -> tuple[str, ...]:
    """The facts that decide what stands in a hole. A limit is shown in the unit of the fact that is
    called like what it limits."""
    if name in book.thresholds:
        return (book.thresholds[name].analyte.value,)
    table = book.tables.get(name)
    return table.by if table else (name,)


def asks(clause: Clause, names: Collection[str], book: Rulebook) -> bool:
    """Does a clause look at one of these facts?"""
    return any(name in names for name in _asked(clause, book))


def _asked(clause: Clause, book: Rulebook) -> Iterator[str]:
    if isinstance(clause, All | AnyOf):
        for child in clause.children:
            yield from _asked(child, book)
        return
    if isinstance(clause, Holds | CannotTell):
        yield from _asked(book.definitions[clause.name].clause, book)
        return
    yield clause.fact
    for operand in (getattr(clause, name, None) for name in ("operand", "lower", "upper")):
        if isinstance(operand, ToFact):
            yield operand.name
        if isinstance(operand, ToTable):
            yield from book.tables[operand.name].by
