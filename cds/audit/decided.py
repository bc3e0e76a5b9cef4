"""What a record says of decisions whoever they were made for: their tables, their marks and the
value bands of what fired.

The engine hands on the very same decisions while neither chart nor draft orders nor the minute
change. They are known again by identity, with the rules they are told by, so all this is made once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cds.audit.kept import Mark
from cds.audit.marks import marks_of
from cds.audit.trees import tables
from cds.audit.valueband import band_of
from cds.engine.decision import Decisions
from cds.rulebook.model import Rulebook

MOST = 16  # decisions; each keeps the facts of a patient alive
LONGEST = 64 * 1024  # bytes of the tables of one; longer ones are written every time


@dataclass(frozen=True, slots=True)
class Decided:
    """`decisions` and `book` are held, so that no identity is given to another. `bands`: by rule
    and row that fired, and by headline, for a rule about orders may have fired for several."""

    decisions: Decisions
    book: Rulebook
    tables: Mapping[str, msgspec.Raw]
    marks: tuple[Mark, ...]
    bands: Mapping[tuple[str, str], Mapping[str, str]]

    def band(self, rule: str, row: str, summary: str) -> str:
        """That of the card of this rule and row with this headline. A headline that had to be cut
        tells no order, and the first one stands for all."""
        found = self.bands.get((rule, row))
        if found is None:
            return ""
        return found[summary] if summary in found else next(iter(found.values()))

    def of(self, decisions: Decisions, book: Rulebook) -> bool:
        """Whether it was made of these very items and facts, by these very rules."""
        mine = self.decisions
        return mine.items is decisions.items and mine.facts is decisions.facts and self.book is book


class Known:
    """What was made of the last decisions. Two threads only do the same work twice."""

    def __init__(self, most: int = MOST, longest: int = LONGEST) -> None:
        self._most = most
        self._longest = longest
        self._known: dict[int, Decided] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, decisions: Decisions, book: Rulebook) -> Decided:
        """That of one answer, by the rules it was given by."""
        known = self._known.get(id(decisions.items))
        if known is not None and known.of(decisions, book):
            return known
        made = Decided(
            decisions, book, tables(decisions), marks_of(decisions.items), _bands(decisions, book)
        )
        if sum(map(len, made.tables.values())) <= self._longest:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[id(decisions.items)] = made
        return made


def _bands(decisions: Decisions, book: Rulebook) -> dict[tuple[str, str], dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for item in decisions.items:
        if item.fired is not None:
            bands = found.setdefault((item.rule.id, item.fired.row), {})
            if item.summary not in bands:
                bands[item.summary] = band_of(item, book)
    return found


DECIDED = Known()
