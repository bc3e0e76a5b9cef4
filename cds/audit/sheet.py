"""A page of decisions with the cards of each and what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cds.audit.browse import Filter, Listed
from cds.audit.schema import CARD_COLUMNS
from cds.audit.store import AuditStore, ToldCard


@dataclass(frozen=True, slots=True)
class Line:
    """A decision in a list, with its cards (each a row of `schema.CARD_COLUMNS` by name) and what
    became of them, by time."""

    listed: Listed
    cards: tuple[Mapping[str, str], ...]
    told: tuple[ToldCard, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Decisions, newest first; `older` is the cursor of those that follow ("" = none)."""

    lines: tuple[Line, ...]
    older: str


def sheet(store: AuditStore, wanted: Filter, cursor: str, most: int) -> Sheet:
    """Up to `most` decisions (at most 64) from behind the cursor. Raises StoreError, and ValueError
    for a filter or cursor nobody can look for."""
    page = store.browse.page(wanted, cursor, most)
    shown = [item.id for item in page.items if item.cards]
    cards: dict[str, list[Mapping[str, str]]] = {}
    for row in store.cards.of(shown) if shown else ():
        card = dict(zip(CARD_COLUMNS, row, strict=True))
        cards.setdefault(card["decision"], []).append(card)
    told = {name: store.browse.feedback_of(name) for name in dict.fromkeys(shown)}
    return Sheet(
        tuple(Line(x, tuple(cards.get(x.id, ())), told.get(x.id, ())) for x in page.items),
        page.older,
    )
