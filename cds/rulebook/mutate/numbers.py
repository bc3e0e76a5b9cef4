"""Every small change of what rules share: limits, bands, tables of doses, doses and stops."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from cds.kernel.quantity import Quantity
from cds.rulebook.model import (
    BandSource,
    DoseSpec,
    FactSpec,
    Suggestion,
    Table,
    Threshold,
    Where,
)
from cds.rulebook.mutate.clauses import changes, moved, nudged
from cds.rulebook.mutate.context import Context
from cds.rulebook.mutate.words import amount, written


@dataclass(frozen=True, slots=True)
class PartChange:
    """A threshold, band, table or suggestion with one change."""

    kind: str
    where: Where
    part: str
    words: str
    changed: Any


def threshold_changes(threshold: Threshold) -> Iterator[PartChange]:
    """Each constant one last digit down and up; each unit is a constant of its own."""
    for unit, value in threshold.values.items():
        for other in nudged(value):
            values = {**threshold.values, unit: other}
            words = f"{value:f} {unit} moved to {other:f} {unit}"
            yield PartChange(
                "nudged",
                threshold.where,
                f"thresholds.{threshold.name}",
                words,
                replace(threshold, values=values),
            )


def band_changes(spec: FactSpec, source: BandSource) -> Iterator[PartChange]:
    """Each limit with its value on the other side; the contested label removed."""
    part = f"bands.{spec.name}"
    for name in source.thresholds:
        other = replace(source, inclusive=source.inclusive ^ {name})
        words = f"a value that equals {name} stands on its other side"
        yield PartChange("boundary", spec.where, part, words, replace(spec, source=other))
    if source.contested is not None:
        label = source.contested[0]
        plain = replace(source, contested=None)
        words = f"{label} removed"
        yield PartChange("guard", spec.where, part, words, replace(spec, source=plain))


def table_changes(table: Table) -> Iterator[PartChange]:
    """Each dose one last digit down and up, and taken away; each `none` turned into a dose."""
    for key, cell in table.rows.items():
        for other in _cells(table, key, cell):
            old = amount(cell) if cell else "none"
            words = f"{' / '.join(key)}: {old} turned into {amount(other) if other else 'none'}"
            changed = replace(table, rows={**table.rows, key: other})
            yield PartChange("dose", table.where, f"tables.{table.name}", words, changed)


def _cells(table: Table, key: tuple[str, ...], cell: Quantity | None) -> list[Quantity | None]:
    if cell is None:
        return [*_neighbour(table, key)]
    return [*(item for item in moved(cell) if item.value > 0), None]


def _neighbour(table: Table, key: tuple[str, ...]) -> Iterator[Quantity]:
    """The dose of the nearest cell that has one: what a `none` is most likely mistaken for."""
    rows = list(table.rows)
    at = rows.index(key)
    for row in sorted(rows, key=lambda row: abs(rows.index(row) - at)):
        cell = table.rows[row]
        if cell is not None:
            yield cell
            return


def suggestion_changes(
    suggestion: Suggestion, context: Context, tables: Mapping[str, Table]
) -> Iterator[PartChange]:
    """Each guard removed, the condition changed, the infusion faster or slower."""
    part, where = f"suggestions.{suggestion.name}", suggestion.where
    if suggestion.if_ is not None:
        words = f"`{written(suggestion.if_)}` removed"
        bare = replace(suggestion, if_=None)
        yield PartChange("guard", suggestion.if_.where, f"{part}.if", words, bare)
        for found in changes(suggestion.if_, context):
            changed = replace(suggestion, if_=found.clause)
            yield PartChange(found.kind, found.where, f"{part}.if{found.at}", found.words, changed)
    for stop in suggestion.unless:
        rest = tuple(item for item in suggestion.unless if item is not stop)
        changed = replace(suggestion, unless=rest)
        yield PartChange("guard", stop.where, f"{part}.unless", f"{stop.name} dropped", changed)
    for word in ("duplicate_of", "total"):
        if getattr(suggestion, word) is not None:
            without: Any = {word: None}
            changed = replace(suggestion, **without)
            yield PartChange("guard", where, f"{part}.{word}", "removed", changed)
    if suggestion.dose is not None:
        for words, dose in (*_paces(suggestion.dose), *_tables(suggestion.dose, tables)):
            changed = replace(suggestion, dose=dose)
            yield PartChange("dose", where, f"{part}.dose", words, changed)


def _paces(dose: DoseSpec) -> Iterator[tuple[str, DoseSpec]]:
    for word in ("rate", "over"):
        old = getattr(dose, word)
        for new in moved(old) if old is not None else ():
            if new.value > Decimal(0):
                words = f"{word} {amount(old)} moved to {amount(new)}"
                changed: Any = {word: new}
                yield words, replace(dose, **changed)


def _tables(dose: DoseSpec, tables: Mapping[str, Table]) -> Iterator[tuple[str, DoseSpec]]:
    """Another table that is read the same way and gives the same kind of dose."""
    own = tables[dose.table]
    for name, table in tables.items():
        if name != dose.table and (table.by, table.analyte) == (own.by, own.analyte):
            yield f"table {dose.table} turned into {name}", replace(dose, table=name)
