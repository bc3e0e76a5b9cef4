"""A card before it is written: what `fold` may still reorder, merge and drop.

Everything a card says is kept in lists of finished Markdown blocks, so that folding is moving
tuples about and never parsing text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds.rulebook.model import Indicator, OverrideReason, Remembers


@dataclass(frozen=True, slots=True)
class SuggestionDraft:
    """One suggestion with its single action.

    `ingredient` is set for a drug create, `test` (LOINC) for a laboratory create, `target`
    (`Type/id`) for an edit of a draft: the three things an answer may hold only once (law 11).
    """

    uuid: str
    label: str
    action: Mapping[str, Any]
    ingredient: str = ""
    test: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Said(Remembers):
    """What a card says: the same for the same decision, whoever the call is from.

    `rows` are the decision-table rows it speaks for, most severe first. `body` are sentences,
    `lines` what was withheld or folded away, `evidence` the facts and kidney estimates,
    `fine_print` remarks on what is offered, `sources` citations, `rules` who vouches for it.
    """

    rule: str  # id@version
    family: str
    rows: tuple[str, ...]
    indicator: Indicator
    summary: str
    source: Mapping[str, Any]
    body: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    kidneys: tuple[str, ...] = ()
    fine_print: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    overrides: tuple[OverrideReason, ...] = ()
    alone: bool = False  # shown only where no other card is


@dataclass(frozen=True, slots=True)
class CardDraft:
    """One finding.

    `position` is the place of its decision in the rulebook, `order` the draft it was judged for.
    """

    position: int
    uuid: str
    said: Said
    order: str = ""
    suggestions: tuple[SuggestionDraft, ...] = ()

    def saying(self, line: str) -> CardDraft:
        """The card with one more line."""
        return replace(self, said=replace(self.said, lines=(*self.said.lines, line)))

    def without(self, suggestion: SuggestionDraft, line: str) -> CardDraft:
        """The card without a suggestion, and a line that says so."""
        kept = tuple(item for item in self.suggestions if item is not suggestion)
        return replace(self.saying(line), suggestions=kept)
