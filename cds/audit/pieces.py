"""The record of a patient as it is written, without writing again what was written before.

While an order is edited, an EHR sends the same results at every step, and the chart hands on the
very same entries and lists (`cds.fhir.memo`), and the engine the same facts. They are known again
by identity, never by equality: 1.0 and 1.00 are equal and spelled otherwise. What is remembered
says nothing of whom it is about but what the thing itself says. It is bounded, whatever is sent,
and dies with the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cds.audit.codec import canonical, encode, ways_of
from cds.audit.objects import Way, writer
from cds.facts.model import Fact
from cds.facts.record import Listing, Record

MOST = 4096  # entries of lists, and facts
LONGEST = 2048  # bytes of one; a longer one is written every time
MOST_LISTS = 48  # whole lists
LONGEST_LIST = 32 * 1024  # bytes of one
FEW = 8  # entries; so short a list is kept with its like, and takes no long one's place
MOST_SHORT = 512  # short lists: seven of a patient
LONGEST_SHORT = 4096  # bytes of one

# Where most of a record stands.
LISTS = (
    "labs",
    "medications",
    "administrations",
    "problems",
    "procedures",
    "allergies",
    "lab_orders",
)


class Pieces:
    """What was written, as it was. Two threads that write the same thing only do the work twice."""

    def __init__(self, most: int, longest: int) -> None:
        self._most = most
        self._longest = longest
        # With the thing itself, so that its identity is not given to another.
        self._known: dict[int, tuple[object, msgspec.Raw]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def written(self, item: object, write: Callable[[Any], Any] = encode) -> msgspec.Raw:
        """The canonical JSON of what `write`, always the same, makes of it. Raises CodecError
        naming the field."""
        known = self._known.get(id(item))
        if known is not None:
            return known[1]
        raw = msgspec.Raw(canonical(write(item)))
        if len(raw) <= self._longest:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[id(item)] = (item, raw)
        return raw


class Written:
    """Writes records and facts, and remembers the pieces."""

    def __init__(
        self,
        most: int = MOST,
        longest: int = LONGEST,
        most_lists: int = MOST_LISTS,
        longest_list: int = LONGEST_LIST,
        most_short: int = MOST_SHORT,
    ) -> None:
        self.pieces, self.lists = Pieces(most, longest), Pieces(most_lists, longest_list)
        self.short = Pieces(most_short, LONGEST_SHORT)
        items = ((n, self._entries(way) if n == "items" else way) for n, way in ways_of(_LISTING))
        self._listing = writer(Listing, tuple(items))
        fields = ((name, self._field(name, way)) for name, way in ways_of(Record))
        self._record = writer(Record, tuple(fields))

    def record(self, record: Record) -> dict[str, Any]:
        """What `encode` makes of a record, most of it as JSON already. Raises CodecError naming the
        field."""
        tree: dict[str, Any] = self._record(record)
        return tree

    def fact(self, fact: Fact) -> msgspec.Raw:
        """A fact as JSON. Raises as `record`."""
        return self.pieces.written(fact)

    def _field(self, name: str, way: Way) -> Way:
        if name in LISTS:
            return Way(self._list, way.read)
        return self._entries(way) if name == "drafts" else way

    def _list(self, listing: Listing[Any]) -> Any:
        memory = self.short if len(listing.items) <= FEW else self.lists
        return memory.written(listing, self._listing)

    def _entries(self, way: Way) -> Way:
        written = self.pieces.written
        return Way(lambda found: [written(item) for item in found], way.read, way.empty)


_LISTING = Listing[str]  # of whatever: its entries are written here
WRITTEN = Written()
