"""Table look-up: the cell for what is known, the row `unknown` for what is not."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from cds.engine.facts import Facts
from cds.facts.model import Category
from cds.kernel.quantity import Quantity
from cds.rulebook.model import Table

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: None = no dose. `key` names the labels in words."""

    quantity: Quantity | None
    key: str


def cell(table: Table, facts: Facts) -> Cell:
    """The cell of a table for this patient.

    Undecided labels (an interval over a threshold) use their cells only when all agree; otherwise
    the row `unknown` is read, so that doubt never picks the larger dose.
    """
    axes: list[tuple[str, ...]] = []
    for name in table.by:
        state = facts.fact(name).state
        labels = tuple(sorted(state.labels)) if isinstance(state, Category) else (UNKNOWN,)
        axes.append(labels)
    cells = {table.rows[key] for key in product(*axes)}
    if len(cells) == 1:
        return Cell(cells.pop(), " / ".join(" or ".join(labels) for labels in axes))
    doubtful = tuple(labels[0] if len(labels) == 1 else UNKNOWN for labels in axes)
    return Cell(table.rows[doubtful], " / ".join(doubtful))
