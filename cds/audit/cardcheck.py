"""Is what is looked up of cards what the sealed bodies of their records say?

The value band is in no body, so it is not compared: whoever edits it changes a count of
`cds audit feedback`, and no decision.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.cardindex import AT_ONCE
from cds.audit.findings import CARDS, Finding, Inspection
from cds.audit.names import CodecError
from cds.audit.store import AuditStore, DamagedRecord
from cds.audit.stored import opened

MOST = 100  # bad records of a chain after which no more are counted: an emptied table has them all
# A card has one name however often its call comes, and is looked up under the decision that was
# kept first. Once that was purged, later ones of the same call miss it. Calls come again soon.
_AGAIN = timedelta(days=1)
# Keys are sorted: cards stand first, and the long rest of a body need not be read.
_FIRST = b'{"cards":'
_json = json.JSONDecoder()

Card = tuple[str, ...]  # card, patient, rule, version, row, indicator


@dataclass(frozen=True, slots=True)
class _Seen:
    """What matters here of a record. `cards`: None where the body cannot be read."""

    seq: int
    at: datetime
    client: str
    decision: str
    cards: frozenset[Card] | None


class CardCheck:
    """Sees the records of one chain after the other, from `start` to `end`. Raises StoreError."""

    def __init__(self, store: AuditStore, chains: Sequence[str]) -> None:
        """`chains`: those whose records this key can have purged."""
        self._store, self._chains = store, chains
        self._after_purge = 0
        self.start()

    def start(self) -> None:
        """A chain begins, maybe the same one anew."""
        self._batch: list[_Seen] = []
        self._bad: list[tuple[int, str]] = []
        self._late = 0

    def saw(self, record: Sealed) -> None:
        """A record whose seal holds."""
        entry = record.entry
        cards = cards_in(entry.body, entry.patient)
        self._batch.append(_Seen(record.seq, entry.at, entry.client, entry.id, cards))
        if len(self._batch) == AT_ONCE:
            self._compare()

    def end(self, chain: str, done: Inspection) -> None:
        """All records of this chain were seen, and it is good."""
        self._compare()
        self._after_purge += self._late
        if not self._bad:
            return
        (seq, words), more = self._bad[0], len(self._bad) - 1
        words = f"what is looked up of the cards of record {seq} is not what it says ({words})"
        if more:
            words += f", nor of {'at least ' if more + 1 >= MOST else ''}{more} more"
        done.findings.append(Finding(chain, seq, CARDS, words))

    def close(self, done: Inspection) -> None:
        """All chains were seen: look for cards that nothing tells of."""
        if self._after_purge:
            done.remarks.append(
                f"{self._after_purge} records from soon after what was purged have other cards "
                "than are looked up, as a call that came again leaves them"
            )
        strays = sum(1 for _ in self._strays())
        if strays:
            words = f"{strays} cards are looked up whose decision has no record: they were added"
            done.findings.append(Finding("", None, CARDS, f"{words}, or it was deleted"))

    def _compare(self) -> None:
        batch, self._batch = self._batch, []
        if not batch or len(self._bad) >= MOST:
            return
        rows: dict[tuple[str, str], set[Card]] = {}
        for client, card, decision, *rest in self._store.cards.of([one.decision for one in batch]):
            rows.setdefault((client, decision), set()).add((card, *rest[:-1]))
        for item in batch:
            if item.cards is None or rows.get((item.client, item.decision), set()) == item.cards:
                continue
            if words := self._wrong(item):
                if self._purged_until and item.at < self._purged_until:
                    self._late += 1
                else:
                    self._bad.append((item.seq, words))

    def _wrong(self, item: _Seen) -> str:
        """What is wrong with the cards of a decision, looked at with all its records; the same
        call asked later may have had other cards."""
        try:
            records, rows = self._now(item)
        except DamagedRecord:  # another record of this id, which has a finding of its own
            return ""
        said = [card for cards in records for card in cards]
        named, there = {card[0] for card in said}, {row[0] for row in rows}
        wrong = Counter(
            "changed" if row[0] in named else "added"
            for row in rows
            if not any(_agree(card, row) for card in said)
        )
        missed = {card[0] for card in said} - there
        # One that another decision was kept with first is looked at there.
        wrong["missing"] = sum(not self._store.cards.has(item.client, card) for card in missed)
        return ", ".join(f"{number} {what}" for what, number in wrong.items() if number)

    def _now(self, item: _Seen) -> tuple[list[frozenset[Card]], list[Card]]:
        """What the records of a decision say and what is looked up, both of one moment: a purge
        and the service may go on."""
        records = self._records(item)
        while True:
            found = self._store.cards.of([item.decision])
            rows = [(row[1], *row[3:-1]) for row in found if row[0] == item.client]
            if (again := self._records(item)) == records:
                return records, rows
            records = again

    def _records(self, item: _Seen) -> list[frozenset[Card]]:
        found = (one.entry for one in self._store.get(item.decision))
        mine = (one for one in found if one.client == item.client)
        return [cards_in(one.body, one.patient) or frozenset() for one in mine]

    @cached_property
    def _purged_until(self) -> datetime | None:
        """Until when a purged record may be why a card is missed; None where none was purged."""
        if not any(self._store.tombstones(chain) for chain in self._chains):
            return None
        began = []
        for chain in self._chains:
            with suppress(DamagedRecord):
                began += [one.entry.at for one in islice(self._store.read(chain), 1)]
        return min(began) + _AGAIN if began else None

    def _strays(self) -> Iterator[str]:
        """Cards whose decision no record tells of."""
        rows = self._store.cards.all()
        while page := list(islice(rows, AT_ONCE)):
            asked = [decision for _, _, decision in page if _is_text(decision)]
            known = self._store.cards.decided(asked) if asked else set()
            for client, card, decision in page:
                if (client, decision) not in known and self._is_there(client, card):
                    yield card

    def _is_there(self, client: Any, card: Any) -> bool:
        """Still: a purge that goes on takes cards and records away together."""
        return not (_is_text(client) and _is_text(card)) or self._store.cards.has(client, card)


def cards_in(body: bytes, patient: str) -> frozenset[Card] | None:
    """The cards that the body of a record of this patient tells of; None where it tells nothing
    that can be read."""
    try:
        body = opened(body)
        if body.startswith(_FIRST):
            cards, _ = _json.raw_decode(body[len(_FIRST) :].decode())
        else:
            cards = _json.decode(body.decode()).get("cards", [])
        return frozenset(_card(card, patient) for card in cards)
    except (CodecError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _card(card: dict[str, Any], patient: str) -> Card:
    about = card["extension"]
    rule, _, version = about["rule"].partition("@")
    row = next(iter(about["rows"]), "")
    return card["uuid"], patient, rule, version, row, card["indicator"]


def _agree(said: Card, row: Card) -> bool:
    """A body in which the id of a patient was replaced also where it was a part of the name of a
    rule does not tell that name."""
    return said[:2] == row[:2] and all(
        one == other or "hmac:" in one for one, other in zip(said[2:], row[2:], strict=True)
    )


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(value.encode() or True)
    except UnicodeEncodeError:
        return False
