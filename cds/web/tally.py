"""How often each rule came to what, counted without a step for every rule that says nothing.

Of a thousand rules nearly all are ruled out in every call. Those are not counted one by one: how
often that was is the number of calls less the calls in which the rule was told of, and is worked
out when somebody looks. Calls that come to the very same decisions, as when a selected order is
signed, are looked through once for all of them.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cds.audit.marks import outcome_of
from cds.engine.decision import Decision, Outcome
from cds.rulebook.model import Rule

_SILENT = Outcome.SILENT.value
_MOST_GROUPS = 32  # a service and a rulebook make one; new rulebooks are rare
_MOST_SEEN = 8  # no more than are asked about at the same time: they are about patients

Labels = tuple[str, str]


@dataclass(slots=True)
class _Seen:
    """Calls that came to the very same decisions."""

    service: str
    items: Sequence[Decision]  # held, so that no others can have their identity
    told: list[Decision]
    calls: int = 0


@dataclass(slots=True)
class _Group:
    """The calls that ask the same rules."""

    first: Rule  # held, so that no other rule can have its identity
    rules: tuple[str, ...]
    calls: int = 0
    told: Tally[str] = field(default_factory=Tally)  # calls that had more to say of a rule


class Outcomes:
    """Counts by rule and outcome, since somebody last looked."""

    def __init__(self) -> None:
        self._found: Tally[Labels] = Tally()
        self._groups: dict[tuple[str, int], _Group] = {}
        self._seen: dict[tuple[str, int], _Seen] = {}

    def add(self, service: str, items: Sequence[Decision]) -> list[Decision]:
        """What every rule of one call came to; given back are those of which more is told than
        that they are silent."""
        key = (service, id(items))
        seen = self._seen.get(key)
        if seen is None:
            # A rule has one decision that is ruled out without an order, or none.
            told = [item for item in items if not item.ruled_out or item.order is not None]
            if len(self._seen) >= _MOST_SEEN:
                self._count(self._seen.pop(next(iter(self._seen))))
            seen = self._seen[key] = _Seen(service, items, told)
        seen.calls += 1
        return seen.told

    def _count(self, seen: _Seen) -> None:
        for item in seen.told:
            self._found[item.rule.id, outcome_of(item)] += seen.calls
        if len(seen.told) < len(seen.items):
            self._add_silent(seen)

    def _add_silent(self, seen: _Seen) -> None:
        group = self._group(seen.service, seen.items)
        about = {item.rule.id for item in seen.told}
        if len(seen.items) - len(seen.told) == len(group.rules) - len(about):
            group.calls += seen.calls
            for rule in about:
                group.told[rule] += seen.calls
        else:  # not every rule of the group was judged: count what is there
            for item in seen.items:
                if item.ruled_out and item.order is None:
                    self._found[item.rule.id, _SILENT] += seen.calls

    def drain(self) -> Iterator[tuple[Labels, int]]:
        """Rule and outcome, and how often; then it begins anew."""
        for seen in self._seen.values():
            self._count(seen)
        self._seen.clear()
        self._settle()
        found, self._found = self._found, Tally()
        yield from found.items()

    def _settle(self) -> None:
        for group in self._groups.values():
            for rule in group.rules:
                if silent := group.calls - group.told[rule]:
                    self._found[rule, _SILENT] += silent
        self._groups.clear()

    def _group(self, service: str, items: Sequence[Decision]) -> _Group:
        first = items[0].rule
        key = (service, id(first))
        if key not in self._groups:
            if len(self._groups) >= _MOST_GROUPS:
                self._settle()
            self._groups[key] = _Group(first, tuple({item.rule.id: None for item in items}))
        return self._groups[key]
