"""What can be looked up of the cards that were shown, many decisions at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from cds.audit import sql
from cds.audit.database import Database

AT_ONCE = sql.AT_ONCE


class CardIndex:
    """The table `cards`, for those who compare it with the records. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        """Use `AuditStore.cards`."""
        self._database = database

    def of(self, decisions: Sequence[str]) -> list[tuple[Any, ...]]:
        """All rows of these decisions, at most `AT_ONCE` of them, in `schema.CARD_COLUMNS`."""
        return self._database.ask(sql.CARDS_OF, _filled(decisions))

    def has(self, client: str, card: str) -> bool:
        """Whether this card of this client can be looked up, whatever its decision is."""
        return bool(self._database.ask(sql.CARD_KNOWN, (client, card)))

    def all(self) -> Iterator[tuple[Any, ...]]:
        """Client, card and decision of every row, in no order."""
        return self._database.rows("SELECT client, card, decision FROM cards")

    def decided(self, decisions: Sequence[str]) -> set[tuple[Any, ...]]:
        """Client and id of those decisions, at most `AT_ONCE`, of which there is a record."""
        return set(self._database.ask(sql.DECIDED, _filled(decisions)))


def _filled(names: Sequence[str]) -> Sequence[str]:
    """As many as the statement has places, so that there is one statement to prepare."""
    return [*names, *[names[-1]] * (AT_ONCE - len(names))]
