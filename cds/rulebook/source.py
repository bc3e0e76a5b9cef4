"""A rule file as plain text data that remembers its lines. No YAML here: see `reading`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cds.errors import Problem
from cds.rulebook.model import Where

At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One file: `data` of dicts, lists, strings and None, and the line of every path."""

    file: str
    data: Any
    lines: dict[At, int]

    def where(self, *path: str | int) -> Where:
        """The line of a path, or of its nearest known parent."""
        at = path
        while at and at not in self.lines:
            at = at[:-1]
        return Where(self.file, self.lines.get(at, 1))

    def problem(self, path: At, message: str, fix: str = "") -> Problem:
        """A finding at a path."""
        where = self.where(*path)
        return Problem(where.file, where.line, message, fix)
