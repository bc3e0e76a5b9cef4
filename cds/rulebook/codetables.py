"""Code-set files as tables: one row per line of a block, cells between `|`, each with its line.

The compact form keeps a thousand codes readable, one change one line of a diff, and quick to load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds.errors import Problem
from cds.kernel.codes import ATC, ICD10, LOINC, RXNORM, SNOMED
from cds.rulebook.source import At, Source

NONE = "-"
MUST_NOT_MATCH = "must_not_match"  # the member that lists what a code must not be taken for
SYSTEMS = {"loinc": LOINC, "rxnorm": RXNORM, "atc": ATC, "snomed": SNOMED, "icd10": ICD10}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: its cells (a `-` is the empty text) and where it stands."""

    line: int
    cells: tuple[str, ...]


@dataclass(slots=True)
class Sheet:
    """A code-set file being read; problems are collected, never raised one by one."""

    source: Source
    problems: list[Problem] = field(default_factory=list)

    def problem(self, line: int, message: str, fix: str = "") -> None:
        """Note a finding on a line."""
        self.problems.append(Problem(self.source.file, line, message, fix))

    def line(self, *path: str | int) -> int:
        """The line of a path."""
        return self.source.where(*path).line

    def sections(self, *path: str | int) -> Mapping[str, Any]:
        """The mapping at a path; anything else is a problem and reads as empty."""
        found = _at(self.source.data, path)
        if isinstance(found, dict):
            return found
        self.problem(self.line(*path), f"`{path[-1]}` must be a mapping of names.")
        return {}

    def words(self, separator: str | None, *path: str | int) -> tuple[str, ...]:
        """The words of a text; absent reads as none."""
        found = _at(self.source.data, path)
        if found is None:
            return ()
        if not isinstance(found, str):
            self.problem(self.line(*path), f"`{path[-1]}` must be one text.")
            return ()
        return tuple(word.strip() for word in found.split(separator) if word.strip())

    def rows(self, columns: int, *path: str | int) -> Iterator[Row]:
        """The rows of a table. The last cell names sources, each of which must be declared."""
        text = _at(self.source.data, path)
        if text is None:
            return
        first = self.line(*path) + 1
        if not isinstance(text, str):
            self.problem(first - 1, f"`{path[-1]}` must be a table: a block of text after `|`.")
            return
        for offset, raw in enumerate(text.splitlines()):
            cells = tuple(_empty(cell.strip()) for cell in raw.split("|"))
            if len(cells) != columns:
                self.problem(
                    first + offset,
                    f"a row of {len(cells)} cells; {columns} are expected.",
                    "Separate the cells with `|`, write `-` for an empty one.",
                )
                continue
            self.check_sources(first + offset, cells[-1])
            yield Row(first + offset, cells)

    def check_sources(self, line: int, named: str) -> None:
        """The words of `named` are declared sources, at least one."""
        known = self.source.data.get("sources") or {}
        unknown = [name for name in named.split() if name not in known]
        if unknown or not named:
            missing = (
                f"source `{unknown[0]}` is not declared." if unknown else "no source is named."
            )
            self.problem(line, missing, "Declare it under `sources`.")

    def check_head(self, body: frozenset[str]) -> None:
        """Every file says its date and sources, and has no member nobody reads."""
        data = self.source.data
        for name in ("date", "sources"):
            if not data.get(name):
                self.problem(1, f"`{name}` is missing.", "Every code set says where it comes from.")
        for name in data:
            if name not in body | {"date", "sources", "left_out"}:
                self.problem(self.line(name), f"`{name}` is not a member of this file.")


def _empty(cell: str) -> str:
    return "" if cell == NONE else cell


def _at(data: Any, path: At) -> Any:
    for step in path:
        if not isinstance(data, dict):
            return None
        data = data.get(step)
    return data
