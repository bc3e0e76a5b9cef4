"""Limits and doses against two frozen lists that a pharmacist has read (design section 6).

`rules/boundaries.csv` says for each constant, in each unit, the last value on its lower side and
the first on its upper side; `rules/doses.csv` says each dose. Both were copied by hand from the
clinical pack and are never computed from the rules: a constant that moves is noticed here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds.engine.evaluate import judge
from cds.engine.tables import cell
from cds.facts.model import Category, Fact
from cds.given import stated
from cds.kernel.quantity import Quantity
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    BandSource,
    Between,
    Clause,
    Compare,
    FactSpec,
    Rulebook,
    ToThreshold,
    Where,
)
from cds.rulebook.mutate.mutant import rule_clauses
from cds.rulebook.mutate.words import amount, written
from cds.rulebook.walk import nodes, operands
from cds.trial.given import defaults, facts_with

BOUNDARIES, DOSES = "boundaries.csv", "doses.csv"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One constant in one unit: the values on both sides of it, as texts with their unit."""

    threshold: str
    unit: str
    lower: str
    upper: str
    where: Where


@dataclass(frozen=True, slots=True)
class FrozenDose:
    """One cell of a table: its labels, and its dose with the unit, or `none`."""

    table: str
    labels: tuple[str, ...]
    dose: str
    where: Where


@dataclass(frozen=True, slots=True)
class Frozen:
    """The two lists. `faults`: lines that cannot be read."""

    boundaries: tuple[Boundary, ...] = ()
    doses: tuple[FrozenDose, ...] = ()
    faults: tuple[str, ...] = ()


def read_frozen(directory: Path) -> Frozen:
    """Both lists of a rules directory; one that is not there is empty, and every number of the
    rules then lacks its line."""
    faults: list[str] = []
    boundaries = [
        Boundary(row[0], row[1], f"{row[2]} {row[1]}", f"{row[4]} {row[1]}", where)
        for where, row in _rows(directory, BOUNDARIES, 7, faults)
    ]
    doses = [
        FrozenDose(row[0], tuple(row[1].split(" / ")), row[2], where)
        for where, row in _rows(directory, DOSES, 4, faults)
    ]
    return Frozen(tuple(boundaries), tuple(doses), tuple(faults))


def _rows(
    directory: Path, name: str, columns: int, faults: list[str]
) -> Iterator[tuple[Where, list[str]]]:
    path = directory / name
    if not path.is_file():
        return
    shown = f"{directory.name}/{name}"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        next(reader, None)
        for row in reader:
            where = Where(shown, reader.line_num)
            if len(row) == columns and all(row):
                yield where, row
            else:
                faults.append(f"{where}: a line has {columns} cells, none of them empty.")


def limit_faults(book: Rulebook, frozen: Frozen) -> tuple[str, ...]:
    """Everything in which the rulebook and the lists differ."""
    return (*frozen.faults, *_unlisted(book, frozen), *differing(book, frozen))


def differing(book: Rulebook, frozen: Frozen) -> Iterator[str]:
    """Lines that do not hold. A line about something that is gone does not hold either."""
    asked = Asked.of(book)
    for line in frozen.boundaries:
        known = book.thresholds.get(line.threshold)
        if known is None or line.unit not in known.values:
            yield f"{line.where}: there is no `{line.threshold}` in {line.unit} (any more)."
        else:
            yield from asked.faults(line)
    yield from _of_doses(book, frozen)


def _unlisted(book: Rulebook, frozen: Frozen) -> Iterator[str]:
    """Numbers without a line."""
    limits = {(line.threshold, line.unit) for line in frozen.boundaries}
    for threshold in book.thresholds.values():
        for unit in threshold.values:
            if (threshold.name, unit) not in limits:
                name = f"`{threshold.name}` in {unit}"
                yield f"{threshold.where}: {name} has no line in {BOUNDARIES}."
    doses = {(line.table, line.labels) for line in frozen.doses}
    for table in book.tables.values():
        for labels in table.rows:
            if (table.name, labels) not in doses:
                name = f"`{table.name}` for {' / '.join(labels)}"
                yield f"{table.where}: {name} has no line in {DOSES}."


@dataclass(frozen=True, slots=True)
class Asked:
    """The clauses and bands of a rulebook that compare with a threshold, by its name."""

    book: Rulebook
    clauses: dict[str, tuple[Clause, ...]]
    bands: tuple[tuple[FactSpec, BandSource], ...]
    base: dict[str, Fact]

    @classmethod
    def of(cls, book: Rulebook) -> Asked:
        """Every clause is judged alone, wherever it stands."""
        whole = [definition.clause for definition in book.definitions.values()]
        whole += [clause for rule in book.rules for clause in rule_clauses(rule)]
        found: dict[str, dict[Clause, None]] = {}
        for node in (node for clause in whole for node in nodes(clause)):
            for operand in operands(node):
                if isinstance(operand, ToThreshold):
                    found.setdefault(operand.name, {})[node] = None
        bands = tuple(
            (spec, spec.source)
            for spec in book.facts.values()
            if isinstance(spec.source, BandSource)
        )
        return cls(book, {k: tuple(v) for k, v in found.items()}, bands, defaults(book))

    def faults(self, line: Boundary) -> Iterator[str]:
        """What says yes on the wrong side of one constant."""
        for clause in self.clauses.get(line.threshold, ()):
            yield from self._of_clause(clause, line)
        for spec, source in self.bands:
            if line.threshold in source.thresholds:
                yield from self._of_band(spec, source, line)

    def _of_clause(self, clause: Clause, line: Boundary) -> Iterator[str]:
        if not isinstance(clause, Compare | Between):
            return
        lower_yes = _lower_says_yes(clause, line.threshold)
        for text, yes in ((line.lower, lower_yes), (line.upper, not lower_yes)):
            known = {**self.base, clause.fact: stated(self.book.facts[clause.fact], text)}
            verdict = judge(clause, facts_with(self.book, known)).verdict
            wanted = Verdict.YES if yes else Verdict.NO
            if verdict is not wanted:
                yield (
                    f"{line.where}: at {text} `{written(clause)}` ({clause.where}) is "
                    f"{verdict.value}, expected {wanted.value}."
                )

    def _of_band(self, spec: FactSpec, source: BandSource, line: Boundary) -> Iterator[str]:
        at = source.thresholds.index(line.threshold)
        for text, label in ((line.lower, source.labels[at]), (line.upper, source.labels[at + 1])):
            known = {**self.base, source.of: stated(self.book.facts[source.of], text)}
            state = facts_with(self.book, known).fact(spec.name).state
            if state != Category(frozenset({label})):
                found = " or ".join(sorted(state.labels)) if isinstance(state, Category) else "open"
                yield f"{line.where}: at {text} `{spec.name}` is {found}, expected {label}."


def _lower_says_yes(clause: Compare | Between, threshold: str) -> bool:
    """Whether a value on the lower side of the threshold fulfils the clause."""
    if isinstance(clause, Compare):
        return clause.operator in ("below", "at_most")
    return clause.upper == ToThreshold(threshold)


def _of_doses(book: Rulebook, frozen: Frozen) -> Iterator[str]:
    base = defaults(book)
    for line in frozen.doses:
        known = book.tables.get(line.table)
        if known is None or line.labels not in known.rows:
            yield f"{line.where}: `{line.table}` has no cell {' / '.join(line.labels)} (any more)."
            continue
        given = {name: _label(book.facts[name], label) for name, label in _pairs(known.by, line)}
        found = _dose(cell(known, facts_with(book, {**base, **given})).quantity)
        if found != line.dose:
            name = f"`{line.table}` for {' / '.join(line.labels)}"
            yield f"{line.where}: {name} gives {found}, expected {line.dose}."


def _pairs(by: Sequence[str], line: FrozenDose) -> Iterator[tuple[str, str]]:
    yield from zip(by, line.labels, strict=True)


def _label(spec: FactSpec, label: str) -> Fact:
    """`unknown` is a label of some facts; of the others it is read when they are missing."""
    return stated(spec, label if label in spec.type.labels else "missing")


def _dose(quantity: Quantity | None) -> str:
    return "none" if quantity is None else amount(quantity)
