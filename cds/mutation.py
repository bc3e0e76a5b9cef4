"""`cds check --mutate`: would anybody notice if a clause, a number or a guard were changed?

Each mutant of the rulebook is held against the cases of the rules it can reach, then against the
frozen limits and doses, then against the laws. What nobody notices is listed with file and line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cds.rulebook.model import Rule, Rulebook
from cds.rulebook.model.rules import Excuse
from cds.rulebook.mutate import Mutant, mutants
from cds.trial.cases import Prepared, prepare, run_prepared
from cds.trial.limits import Frozen, differing

# The kinds of change that the frozen lists can notice: a number, or the side it counts to.
_NUMBERS = frozenset({"nudged", "boundary", "dose"})


@dataclass(frozen=True, slots=True)
class MutationReport:
    """How many mutants there were, who noticed them, and what nobody noticed.

    `excused`: survivors that a `defence_in_depth` of their file allows; `stale`: such words that
    allow nothing (any more).
    """

    total: int
    by_case: int
    by_boundary: int
    by_law: int
    survivors: tuple[Mutant, ...]
    excused: tuple[Mutant, ...]
    stale: tuple[Excuse, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """One line for each survivor, and for each excuse that is not needed."""
        alive = [
            f"{item.where}: {item.change} survives: no case, boundary or law notices"
            for item in self.survivors
        ]
        unneeded = [
            f"{item.where}: `defence_in_depth` allows `{item.change}`, which no mutant needs: "
            "it is noticed, or there is no such change. Remove it."
            for item in self.stale
        ]
        return (*alive, *unneeded)

    @property
    def summary(self) -> str:
        """The closing line."""
        return (
            f"{self.total} mutants: {self.by_case} noticed by cases, {self.by_boundary} by "
            f"boundaries and doses, {self.by_law} by laws; {len(self.excused)} excused, "
            f"{len(self.survivors)} survive"
        )


def mutate(
    book: Rulebook,
    frozen: Frozen,
    laws: Callable[[Mutant], bool] | None = None,
    only: str | None = None,
) -> MutationReport:
    """Judge every mutant; with `only`, those that can reach this rule.

    `laws` says whether a law notices the mutant; it is slow, so it is asked last, and not about
    what is excused.
    """
    trial = _Trial(book, frozen)
    excuses = {(item.where.file, item.change): item for item in book.excuses}
    found: dict[str, list[Mutant]] = {"case": [], "boundary": [], "excuse": [], "law": [], "": []}
    for mutant in mutants(book):
        if only is not None and only not in mutant.rules:
            continue
        by = trial.noticed_by(mutant)
        if by is None and (mutant.where.file, mutant.change) in excuses:
            by = "excuse"
        if by is None:
            by = "law" if laws is not None and laws(mutant) else ""
        found[by].append(mutant)
    needed = {(item.where.file, item.change) for item in found["excuse"]}
    return MutationReport(
        sum(map(len, found.values())),
        len(found["case"]),
        len(found["boundary"]),
        len(found["law"]),
        tuple(found[""]),
        tuple(found["excuse"]),
        tuple(item for key, item in excuses.items() if only is None and key not in needed),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    """A case under the rulebook as it is: what it finds wrong, and what it asked."""

    case: Prepared
    faults: frozenset[str]
    definitions: frozenset[str]


class _Trial:
    def __init__(self, book: Rulebook, frozen: Frozen) -> None:
        self.frozen = frozen
        self.known = frozenset(differing(book, frozen))
        self.tried: dict[str, list[_Tried]] = {}
        self.recent: deque[_Tried] = deque(maxlen=24)
        rules = {rule.id: rule for rule in book.rules}
        for case in prepare(book):
            result, facts = run_prepared(book, rules[case.rule], case)
            seen = frozenset(facts.definitions)
            found = _Tried(case, frozenset(result.faults), seen)
            self.tried.setdefault(case.rule, []).append(found)

    def noticed_by(self, mutant: Mutant) -> str | None:
        """`case`, `boundary`, or None. A rulebook that breaks is noticed."""
        if mutant.kind in _NUMBERS and self._by_limits(mutant):
            return "boundary"
        return "case" if self._by_cases(mutant) else None

    def _by_cases(self, mutant: Mutant) -> bool:
        rules = {rule.id: rule for rule in mutant.book.rules}
        for item in self._likely_first(mutant):
            if self._differs(mutant.book, rules[item.case.rule], item):
                if item not in self.recent:
                    self.recent.appendleft(item)
                return True
        return False

    def _likely_first(self, mutant: Mutant) -> Iterator[_Tried]:
        """The cases that can notice it. Neighbours are often noticed by the same case, so those
        that noticed something lately come first."""
        near = [item for item in self.recent if self._can_notice(mutant, item)]
        yield from near
        for name in sorted(mutant.rules):
            for item in self.tried.get(name, ()):
                if item not in near and self._can_notice(mutant, item):
                    yield item

    def _can_notice(self, mutant: Mutant, item: _Tried) -> bool:
        """A case that never asks a definition cannot tell one from another."""
        asked = not mutant.definition or mutant.definition in item.definitions
        return asked and item.case.rule in mutant.rules

    def _differs(self, book: Rulebook, rule: Rule, item: _Tried) -> bool:
        try:
            faults = run_prepared(book, rule, item.case)[0].faults
        except Exception:
            return True
        return not item.faults.issuperset(faults)

    def _by_limits(self, mutant: Mutant) -> bool:
        """Only lines about something the change names can notice it."""
        near = Frozen(
            tuple(x for x in self.frozen.boundaries if x.threshold in mutant.change),
            tuple(x for x in self.frozen.doses if x.table in mutant.change),
        )
        try:
            return any(fault not in self.known for fault in differing(mutant.book, near))
        except Exception:
            return True
