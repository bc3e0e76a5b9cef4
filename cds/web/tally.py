"""How often each rule came to what, counted without a step for every rule that says nothing.

Of a thousand rules nearly all are ruled out in every call. Those are not counted one by one: how
often that was is the number of calls less the calls in which the rule was told of, and is worked
out when somebody looks.
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

Labels = tuple[str, str]


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

    def add(self, service: str, items: Sequence[Decision]) -> list[Decision]:
        """What every rule of one call came to; given back are those of which more is told than
        that they are silent."""
        # A rule has one decision that is ruled out without an order, or none.
        told = [item for item in items if not item.ruled_out or item.order is not None]
        self._found.update([(item.rule.id, outcome_of(item)) for item in told])
        if len(told) < len(items):
            self._add_silent(service, items, told)
        return told

    def _add_silent(self, service: str, items: Sequence[Decision], told: list[Decision]) -> None:
        group = self._group(service, items)
        about = {item.rule.id for item in told}
        if len(items) - len(told) == len(group.rules) - len(about):
            group.calls += 1
            group.told.update(about)
        else:  # not every rule of the group was judged: count what is there
            silent = (item for item in items if item.ruled_out and item.order is None)
            self._found.update((item.rule.id, _SILENT) for item in silent)

    def drain(self) -> Iterator[tuple[Labels, int]]:
        """Rule and outcome, and how often; then it begins anew."""
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
