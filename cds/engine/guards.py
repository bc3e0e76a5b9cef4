"""Which rules are silent for this patient, told by a few clauses instead of all (1000 rules must
not cost 1000 judgements).

A level is silent when a clause that it needs is No. Such a clause is a guard. Levels, named clauses
and what is listed under `any of` are nodes of a net: a node goes when as many of its parts are No
as it can lose, and takes what needs it along. Limits of one fact are sorted: which of them a value
misses is a look-up. Facts that are dear to work out are asked last, and only for what is left.

What cannot be told rules nothing out: a rule left over may fire, may be silent, or may be one of
which it cannot be told; it is judged as ever. One that is ruled out is silent whatever its other
clauses say (Kleene logic: one No decides).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from cds.engine.drafted import asks, facts_about_drafts, facts_about_one_order
from cds.engine.facts import Facts
from cds.engine.ladders import FactGuards, Leaf, Nodes, is_no
from cds.facts.record import MedicationOrder
from cds.rulebook.model import (
    All,
    AllergySource,
    AnyOf,
    Clause,
    DerivedSource,
    Holds,
    LabOrderSource,
    MedicationSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    Rule,
    Rulebook,
    SuppliedSource,
)

_KINDS = 16  # of hooks and kinds of drafts for which is kept what is left over of one patient


@dataclass(frozen=True, slots=True)
class Guards:
    """Guards about one fact, the cheapest facts first, and the others."""

    facts: tuple[tuple[str, FactGuards], ...]
    others: tuple[tuple[Clause, Nodes], ...]


@dataclass(frozen=True, slots=True, eq=False)  # known by identity
class Net:
    """The rules of one hook and their guards: those that stand whatever is drafted, then those that
    look at draft orders.

    `levels`: the nodes of the levels of each rule. `parts`: how many parts of a node may be No
    before it goes. `above`: the nodes that lose a part when a node goes. `orders`: places of the
    rules about orders with one of these roles.
    """

    rules: tuple[Rule, ...]
    levels: tuple[Nodes, ...]
    orders: tuple[tuple[frozenset[str], tuple[int, ...]], ...]
    standing: Guards
    drafted: Guards
    parts: tuple[int, ...]
    above: tuple[Nodes, ...]

    def left_over(self, facts: Facts) -> list[int]:
        """The places of the rules that are not surely silent, in their order."""
        known = facts.drafting.left
        found = known.get(self)
        if found is None:
            found = known[self] = self._left_over(facts)
        return found

    def _left_over(self, facts: Facts) -> list[int]:
        known, drafts = facts.standing.left, facts.record.drafts
        out = self._about_no(drafts)
        found = known.get((self, out))
        if found is None:
            found = self._standing(out, facts)
            if len(known) < _KINDS:
                known[self, out] = found
        left = _Left(list(found.parts), self.above)
        left.ask(self.drafted, facts)
        places = [place for place in found.places if left.any(self.levels[place])]
        unread = any(order.selected and not order.identified for order in drafts)
        # An order that nobody can read may be any drug: of these rules it cannot be told.
        return sorted((*places, *out)) if unread else places

    def _standing(self, out: frozenset[int], facts: Facts) -> Standing:
        left = _Left(list(self.parts), self.above)
        for place in out:
            for node in self.levels[place]:
                left.lose((node,))
        left.ask(self.standing, facts)
        places = (n for n, nodes in enumerate(self.levels) if n not in out and left.any(nodes))
        return Standing(left.parts, tuple(places))

    def _about_no(self, drafts: Sequence[MedicationOrder]) -> frozenset[int]:
        """The places of the rules that are about orders of which none can be seen."""
        meant = {
            role for order in drafts if order.selected and order.systemic for role in order.roles
        }
        return frozenset(
            place for roles, places in self.orders if roles.isdisjoint(meant) for place in places
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What is left after the guards that stand: how many parts each node may lose still, and the
    places of rules."""

    parts: list[int]
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left while guards are asked."""

    parts: list[int]
    above: tuple[Nodes, ...]

    def any(self, nodes: Iterable[int]) -> bool:
        """Is one of these nodes left?"""
        parts = self.parts
        return any(parts[node] > 0 for node in nodes)

    def lose(self, nodes: Iterable[int]) -> None:
        """A part of each of these nodes is No."""
        parts, open_ = self.parts, list(nodes)
        while open_:
            node = open_.pop()
            parts[node] -= 1
            if parts[node] == 0:
                open_ += self.above[node]

    def ask(self, guards: Guards, facts: Facts) -> None:
        """What these guards rule out goes."""
        for name, about in guards.facts:
            if self.any(about.nodes):
                # A fact that breaks rules nothing out: the rule itself will say so (law 6).
                with suppress(Exception):
                    for nodes in about.no(facts.fact(name), facts, self.any):
                        self.lose(nodes)
        for clause, nodes in guards.others:
            if self.any(nodes) and is_no(clause, facts):
                self.lose(nodes)


def net(book: Rulebook, rules: Iterable[Rule]) -> Net:
    """The guards of these rules."""
    search, found = _Search(book), tuple(rules)
    levels: list[Nodes] = []
    orders: dict[frozenset[str], list[int]] = {}
    for place, rule in enumerate(found):
        own = []
        for level in rule.levels:
            node = search.node()
            with suppress(Exception):  # then no guard is found, and the rule is judged (law 6)
                search.need(level.when, node)
            own.append(node)
        levels.append(tuple(own))
        if rule.for_each is not None:
            orders.setdefault(frozenset(rule.for_each.roles), []).append(place)
    about = tuple((roles, tuple(places)) for roles, places in orders.items())
    standing, drafted = search.guarded()
    above = tuple(tuple(nodes) for nodes in search.above)
    return Net(found, tuple(levels), about, standing, drafted, search.left(), above)


@dataclass(slots=True)
class _Search:
    """Goes through the clauses of all levels; equal clauses are one guard, wherever they stand."""

    book: Rulebook
    parts: list[int] = field(default_factory=list)
    above: list[list[int]] = field(default_factory=list)
    guards: dict[object, tuple[Clause, list[int]]] = field(default_factory=dict)
    named: dict[object, int] = field(default_factory=dict)

    def node(self, parts: int = 1) -> int:
        """A new one."""
        self.parts.append(parts)
        self.above.append([])
        return len(self.parts) - 1

    def need(self, clause: Clause, node: int) -> None:
        """Where the clause is No, the node loses a part."""
        if isinstance(clause, All):
            for child in clause.children:
                self.need(child, node)
        elif isinstance(clause, AnyOf):
            self._any(clause, node)
        elif isinstance(clause, Holds) and not clause.negated:
            if clause.name not in self.named:
                self.named[clause.name] = self.node()
                self.need(self.book.definitions[clause.name].clause, self.named[clause.name])
            self.above[self.named[clause.name]].append(node)
        elif not asks_order(clause, self.book):  # that is asked order by order
            self.guards.setdefault(_key(clause), (clause, []))[1].append(node)

    def _any(self, clause: AnyOf, node: int) -> None:
        key = _key(clause)
        if key not in self.named:
            among = self.named[key] = self.node(len(clause.children))
            for child in clause.children:
                each = self.node()
                self.above[each].append(among)
                self.need(child, each)
        self.above[self.named[key]].append(node)

    def left(self) -> tuple[int, ...]:
        """How many parts each node may lose; of nothing at all none holds."""
        found = _Left(list(self.parts), tuple(tuple(nodes) for nodes in self.above))
        for node, parts in enumerate(self.parts):
            if parts == 0:
                found.lose(self.above[node])
        return tuple(found.parts)

    def guarded(self) -> tuple[Guards, Guards]:
        """The guards that stand, and those that look at draft orders."""
        drafted = self.book.remembered(facts_about_drafts)
        found: tuple[list[tuple[Clause, Nodes]], ...] = ([], [])
        for clause, nodes in self.guards.values():
            found[asks(clause, drafted, self.book)].append((clause, tuple(nodes)))
        return _guards(self.book, found[0]), _guards(self.book, found[1])


def _guards(book: Rulebook, found: Iterable[tuple[Clause, Nodes]]) -> Guards:
    by_fact: dict[str, FactGuards] = {}
    others = []
    for clause, nodes in found:
        if isinstance(clause, Leaf):
            by_fact.setdefault(clause.fact, FactGuards()).put(clause, nodes)
        else:
            others.append((clause, nodes))
    facts = sorted(by_fact.items(), key=lambda item: (_cost(book, item[0]), -len(item[1].nodes)))
    return Guards(tuple(facts), tuple(others))


_LISTED = (
    AllergySource
    | LabOrderSource
    | MedicationSource
    | PatientSource
    | ProblemSource
    | ProcedureSource
    | SuppliedSource
)


def _cost(book: Rulebook, name: str) -> int:
    """Results first: they decide most. Then lists, then what is worked out of several facts."""
    spec = book.facts.get(name)  # None: the rule that asks for it will say so (law 6)
    if spec is None or isinstance(spec.source, DerivedSource):
        return 2
    return 1 if isinstance(spec.source, _LISTED) else 0


def _key(clause: Clause) -> object:
    """What is asked, wherever it is written."""
    if isinstance(clause, All | AnyOf):
        return (clause.__class__, *(_key(child) for child in clause.children))
    members = (name for name in clause.__slots__ if name != "where")
    return (clause.__class__, *(getattr(clause, name) for name in members))


def asks_order(clause: Clause, book: Rulebook) -> bool:
    """Does it look at the order a `for_each` rule is judged for?"""
    return asks(clause, book.remembered(facts_about_one_order), book)
