"""The record of a patient as it is written, without writing again what was written before.

While an order is edited, an EHR sends the same results at every step, and the chart hands on the
very same entries (`cds.fhir.memo`). They are known again by identity, never by equality: 1.0 and
1.00 are equal and spelled otherwise. What is remembered says nothing of whom it is about but what
the entry itself says. It is bounded, whatever is sent, and dies with the process.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec

from cds.audit.codec import CodecError, canonical, encode
from cds.facts.record import Listing, Record

MOST = 4096  # entries of lists
LONGEST = 2048  # bytes of one; a longer one is written every time

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
    """Entries as they were written. Two threads that write the same one only do the work twice."""

    def __init__(self, most: int = MOST, longest: int = LONGEST) -> None:
        self._most = most
        self._longest = longest
        # With the entry itself, so that its identity is not given to another.
        self._known: dict[int, tuple[object, msgspec.Raw]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def written(self, item: object) -> msgspec.Raw:
        """The canonical JSON of an entry. Raises CodecError naming the field."""
        known = self._known.get(id(item))
        if known is not None:
            return known[1]
        raw = msgspec.Raw(canonical(encode(item)))
        if len(raw) <= self._longest:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[id(item)] = (item, raw)
        return raw


_pieces = Pieces()


def record_tree(record: Record, pieces: Pieces = _pieces) -> dict[str, Any]:
    """What `encode` makes of a record, the entries of its lists as JSON already.

    Raises CodecError naming the field.
    """
    full: dict[str, Listing[object]] = {name: getattr(record, name) for name in LISTS}
    full = {name: listing for name, listing in full.items() if listing.items}
    bare: dict[str, Any] = {name: replace(listing, items=()) for name, listing in full.items()}
    tree = encode(replace(record, **bare))
    for name, listing in full.items():
        try:
            tree[name]["items"] = [pieces.written(item) for item in listing.items]
        except CodecError as error:
            raise CodecError(f"Record.{name}: Listing.items: {error}") from None
    return tree
