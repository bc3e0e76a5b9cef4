"""Which levels cannot apply to this patient, told by a few clauses instead of all (1000 rules must
not cost 1000 judgements).

A level applies when its `when` is Yes. A clause that has to be Yes for that is a guard: where it is
not, no level with this guard applies. Levels are bits of one number, so what a guard rules out is
a single operation whatever the number of rules. Limits of one fact are sorted: which of them a
value misses is a look-up.

Only rules out, never decides: what is left over is judged as ever, and so is what no guard is for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate
from operator import or_

from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.facts.model import Fact, Measured
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    Operator,
    OrderSource,
    Remembers,
    Rule,
    Rulebook,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
)

Leaf = Compare | Between | IsIn | IsPresent | IsMissing | Change

# How to find the value's place among the limits; True: those before that place are missed, else
# those from it on.
_MISSED: Mapping[Operator, tuple[Callable[[Sequence[Decimal], Decimal], int], bool]] = {
    "below": (bisect_right, True),
    "at_most": (bisect_left, True),
    "above": (bisect_left, False),
    "at_least": (bisect_right, False),
}


@dataclass(frozen=True, slots=True)
class _Ladder:
    """Sorted limits, and what is ruled out by missing all up to, or all from, each of them."""

    limits: tuple[Decimal, ...]
    up_to: tuple[int, ...]
    from_: tuple[int, ...]

    def ruled_out(self, operator: Operator, value: Decimal) -> int:
        """The levels whose limit the value misses."""
        place, lower = _MISSED[operator]
        at = place(self.limits, value)
        return self.up_to[at] if lower else self.from_[at]


@dataclass(slots=True)
class _Guards(Remembers):
    """The guards that look at one fact, with the levels each of them stands in."""

    leaves: list[tuple[Leaf, int]] = field(default_factory=list)
    limits: dict[Operator, list[tuple[Compare, int]]] = field(default_factory=dict)
    limited: int = 0  # the bits of all limits

    def put(self, clause: Leaf, levels: int) -> None:
        """One more guard, and the bits it stands for."""
        if isinstance(clause, Compare) and isinstance(clause.operand, ToThreshold | ToQuantity):
            self.limits.setdefault(clause.operator, []).append((clause, levels))
            self.limited |= levels
        else:
            self.leaves.append((clause, levels))

    def ruled_out(self, fact: Fact, facts: Facts) -> int:
        """The levels that do not apply because of this fact."""
        found, state = _missed(self.leaves, facts), fact.state
        if not isinstance(state, Measured):
            return found | self.limited
        value = state.quantity
        for operator, compared in self.limits.items():
            if value.interval.exact:
                found |= self._ladder(operator, value.unit, facts).ruled_out(operator, value.value)
            else:
                found |= _missed(compared, facts)
        return found

    def _ladder(self, operator: Operator, unit: str, facts: Facts) -> _Ladder:
        """The limits in one unit: there are as many units as the analyte has."""
        known = self.remembered(_ladders)
        found = known.get((operator, unit))
        if found is None:
            compared = self.limits[operator]
            rungs = [(_limit(clause, unit, facts), levels) for clause, levels in compared]
            found = known[operator, unit] = _ladder(rungs)
        return found


def _ladders(_guards: _Guards) -> dict[tuple[Operator, str], _Ladder]:
    return {}


def _ladder(rungs: Iterable[tuple[Decimal, int]]) -> _Ladder:
    ordered = sorted(rungs)
    levels = [bits for _, bits in ordered]
    return _Ladder(
        tuple(limit for limit, _ in ordered),
        tuple(accumulate(levels, or_, initial=0)),
        tuple(accumulate(reversed(levels), or_, initial=0))[::-1],
    )


def _limit(clause: Compare, unit: str, facts: Facts) -> Decimal:
    """The constant in the unit of the value, as comparing takes it."""
    operand = clause.operand
    if isinstance(operand, ToThreshold):
        return facts.limit(operand.name, unit).value
    if not isinstance(operand, ToQuantity):  # pragma: no cover - `put` keeps no other here
        raise TypeError("only constants have an order")
    return operand.quantity.to(unit).value


def _missed(guards: Iterable[tuple[Clause, int]], facts: Facts) -> int:
    found = 0
    for clause, levels in guards:
        if judge(clause, facts).verdict is not Verdict.YES:
            found |= levels
    return found


@dataclass(frozen=True, slots=True)
class Watch:
    """The rules of one hook with their guards: those about one fact, and the others, each with the
    bits it stands for. `rules` come with the bits of their levels.

    Bits beside those of levels stand for named clauses and for what is listed under `any of`:
    `either` tells which bits go when all of some others are gone, the innermost first.
    """

    rules: tuple[tuple[Rule, int], ...]
    facts: tuple[tuple[str, _Guards], ...]
    others: tuple[tuple[Clause, int], ...]
    either: tuple[tuple[int, int], ...]
    all_bits: int

    def left_over(self, facts: Facts) -> list[Rule]:
        """The rules of which some level may apply, in their order."""
        open_ = self.all_bits
        for name, guards in self.facts:
            open_ &= ~_by_fact(name, guards, facts)
        for clause, bits in self.others:
            open_ &= ~_by_clause(clause, bits, facts)
        for some, bits in self.either:
            if not open_ & some:
                open_ &= ~bits
        return [rule for rule, own in self.rules if own & open_]


def _by_fact(name: str, guards: _Guards, facts: Facts) -> int:
    """A guard that breaks rules nothing out: the rule itself will say so (law 6)."""
    try:
        return guards.ruled_out(facts.fact(name), facts)
    except Exception:
        return 0


def _by_clause(clause: Clause, bits: int, facts: Facts) -> int:
    try:
        return _missed(((clause, bits),), facts)
    except Exception:
        return 0


def watch(book: Rulebook, rules: Iterable[Rule]) -> Watch:
    """The guards of these rules."""
    found = _Search(book)
    watched = []
    for rule in rules:
        own = 0
        for level in rule.levels:
            bit = found.bit()
            with suppress(Exception):  # then no guard is found, and the rule is judged (law 6)
                found.need(level.when, bit)
            own |= bit
        watched.append((rule, own))
    return found.watch(tuple(watched))


@dataclass(slots=True)
class _Search:
    """Goes through the clauses of all levels; equal clauses are one guard, wherever they stand."""

    book: Rulebook
    bits: int = 0
    guards: dict[object, tuple[Clause, int]] = field(default_factory=dict)
    either: dict[object, tuple[int, int]] = field(default_factory=dict)

    def bit(self) -> int:
        """One that is not taken yet."""
        self.bits += 1
        return 1 << (self.bits - 1)

    def need(self, clause: Clause, bit: int) -> None:
        """Unless the clause is Yes, the bit goes."""
        if isinstance(clause, All):
            for child in clause.children:
                self.need(child, bit)
        elif isinstance(clause, AnyOf):
            self._need_one(_key(clause), clause.children, bit)
        elif isinstance(clause, Holds) and not clause.negated:
            self._need_one(clause.name, (self.book.definitions[clause.name].clause,), bit)
        elif not asks_order(clause, self.book):  # that is asked order by order
            key = _key(clause)
            first, bits = self.guards.get(key, (clause, 0))
            self.guards[key] = (first, bits | bit)

    def _need_one(self, key: object, clauses: tuple[Clause, ...], bit: int) -> None:
        if key not in self.either:
            some = 0
            for clause in clauses:
                own = self.bit()
                some |= own
                self.need(clause, own)
            self.either[key] = (some, 0)  # after what stands in it
        some, bits = self.either[key]
        self.either[key] = (some, bits | bit)

    def watch(self, rules: tuple[tuple[Rule, int], ...]) -> Watch:
        """What was found."""
        by_fact: dict[str, _Guards] = {}
        others = []
        for clause, bits in self.guards.values():
            if isinstance(clause, Leaf):
                by_fact.setdefault(clause.fact, _Guards()).put(clause, bits)
            else:
                others.append((clause, bits))
        either, every = tuple(self.either.values()), (1 << self.bits) - 1
        return Watch(rules, tuple(by_fact.items()), tuple(others), either, every)


def _key(clause: Clause) -> object:
    """What is asked, wherever it is written."""
    if isinstance(clause, All | AnyOf):
        return (clause.__class__, *(_key(child) for child in clause.children))
    members = (name for name in clause.__slots__ if name != "where")
    return (clause.__class__, *(getattr(clause, name) for name in members))


def asks_order(clause: Clause, book: Rulebook) -> bool:
    """Does it look at the order a `for_each` rule is judged for?"""
    if isinstance(clause, All | AnyOf):
        return any(asks_order(child, book) for child in clause.children)
    if isinstance(clause, Holds | CannotTell):
        return asks_order(book.definitions[clause.name].clause, book)
    names = {clause.fact}
    for operand in (getattr(clause, name, None) for name in ("operand", "lower", "upper")):
        if isinstance(operand, ToFact):
            names.add(operand.name)
        if isinstance(operand, ToTable):
            names |= set(book.tables[operand.name].by)
    return any(isinstance(book.facts[name].source, OrderSource) for name in names)
