"""Guards that look at one fact: which of them are No, given what the fact is.

Limits of one fact are sorted: which of them a value misses is a look-up, however many there are.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.facts.model import Fact, Measured, Nothing
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    Between,
    Change,
    Clause,
    Compare,
    IsIn,
    IsMissing,
    IsPresent,
    Operator,
    Remembers,
    ToQuantity,
    ToThreshold,
)

Leaf = Compare | Between | IsIn | IsPresent | IsMissing | Change
Nodes = tuple[int, ...]  # what goes when a guard is No (`guards.Net`)

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
    """Limits, the lowest first, and what goes with each."""

    limits: tuple[Decimal, ...]
    nodes: tuple[Nodes, ...]

    def missed(self, operator: Operator, value: Decimal) -> tuple[Nodes, ...]:
        """What goes with the limits that the value misses."""
        place, lower = _MISSED[operator]
        at = place(self.limits, value)
        return self.nodes[:at] if lower else self.nodes[at:]


@dataclass(slots=True)
class FactGuards(Remembers):
    """The guards that look at one fact, with what goes when they are No."""

    leaves: list[tuple[Leaf, Nodes]] = field(default_factory=list)
    limits: dict[Operator, list[tuple[Compare, Nodes]]] = field(default_factory=dict)
    nodes: set[int] = field(default_factory=set)  # of all of them

    def put(self, clause: Leaf, nodes: Nodes) -> None:
        """One more guard."""
        self.nodes.update(nodes)
        if isinstance(clause, Compare) and isinstance(clause.operand, ToThreshold | ToQuantity):
            self.limits.setdefault(clause.operator, []).append((clause, nodes))
        else:
            self.leaves.append((clause, nodes))

    def no(self, fact: Fact, facts: Facts, open_: Callable[[Nodes], bool]) -> Iterator[Nodes]:
        """What goes because of this fact. `open_` says whether anything of it is there still."""
        state = fact.state
        for operator, compared in self.limits.items():
            if isinstance(state, Measured) and state.quantity.interval.exact:
                value = state.quantity
                yield from self._ladder(operator, value.unit, facts).missed(operator, value.value)
            elif isinstance(state, Measured | Nothing):
                yield from _judged_no(compared, facts, open_)
        yield from _judged_no(self.leaves, facts, open_)

    def _ladder(self, operator: Operator, unit: str, facts: Facts) -> _Ladder:
        """The limits in one unit: there are as many units as the analyte has."""
        known = self.remembered(_ladders)
        found = known.get((operator, unit))
        if found is None:
            compared = self.limits[operator]
            rungs = sorted((_limit(clause, unit, facts), nodes) for clause, nodes in compared)
            found = _Ladder(tuple(at for at, _ in rungs), tuple(nodes for _, nodes in rungs))
            known[operator, unit] = found
        return found


def _ladders(_guards: FactGuards) -> dict[tuple[Operator, str], _Ladder]:
    return {}


def _limit(clause: Compare, unit: str, facts: Facts) -> Decimal:
    """The constant in the unit of the value, as comparing takes it."""
    operand = clause.operand
    if isinstance(operand, ToThreshold):
        return facts.limit(operand.name, unit).value
    if not isinstance(operand, ToQuantity):  # pragma: no cover - `put` keeps no other here
        raise TypeError("only constants have an order")
    return operand.quantity.to(unit).value


def _judged_no(
    guards: Sequence[tuple[Leaf, Nodes]], facts: Facts, open_: Callable[[Nodes], bool]
) -> Iterator[Nodes]:
    for clause, nodes in guards:
        if open_(nodes) and is_no(clause, facts):
            yield nodes


def is_no(clause: Clause, facts: Facts) -> bool:
    """Is it surely No? One that breaks is not: the rule itself will say so (law 6)."""
    try:
        return judge(clause, facts).verdict is Verdict.NO
    except Exception:
        return False
