"""Counts as a table for a terminal and as CSV for a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

Row = Sequence[str | int]

EMPTY = "-"
# What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(heads: Sequence[str], rows: Iterable[Row]) -> tuple[str, ...]:
    """One line a row under the heads; numbers stand right, and what is empty is a dash."""
    told = list(rows)
    cells = [[*heads], *([_legible(cell) or EMPTY for cell in row] for row in told)]
    right = [all(isinstance(cell, int) for cell in column) for column in zip(*told, strict=True)]
    wide = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return tuple("  ".join(_placed(line, wide, right)).rstrip() for line in cells)


def as_csv(heads: Sequence[str], rows: Iterable[Row]) -> str:
    """The same for a spreadsheet, without a line end after the last row. A text that would be taken
    for a formula gets an apostrophe before it."""
    out = io.StringIO()
    harmless = ([_harmless(cell) for cell in row] for row in rows)
    csv.writer(out, lineterminator="\n").writerows([heads, *harmless])
    return out.getvalue().removesuffix("\n")


def _placed(line: Sequence[str], wide: Sequence[int], right: Sequence[bool]) -> Iterable[str]:
    for index, cell in enumerate(line):
        number = index < len(right) and right[index]
        yield cell.rjust(wide[index]) if number else cell.ljust(wide[index])


def _harmless(cell: str | int) -> str | int:
    if isinstance(cell, int):
        return cell
    return f"'{_legible(cell)}" if cell.startswith(_FORMULA) else _legible(cell)


def _legible(cell: str | int) -> str:
    """A byte that is no text, in a database that was changed, must not stop the whole table."""
    return str(cell).encode("utf-8", "replace").decode()
