"""What leaves the house: cards and OperationOutcomes as JSON without nulls and without empties.

CDS Hooks 2.0.1 "Use of JSON": no element is null or empty; the exceptions are `cards` and
`services`, which are there even when they hold nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cds.errors import BadRequest

_OBJECT = (dict, Mapping)  # a dictionary first: that of any mapping is a slow question
_LIST = (list, tuple)


def _as_dict(value: Any) -> dict[str, Any]:
    """A mapping that is no dictionary, for the encoder."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return dict(value)


# Decimals leave with the digits they came with: 3.10 stays 3.10, and no binary float is made.
_encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=_as_dict)


def encode(document: Mapping[str, Any]) -> bytes:
    """JSON bytes of a document that may not hold nulls or empties (discovery, health, errors)."""
    wire = _encoder.encode(document)
    return _encoder.encode(_members(document)) if _may_say_nothing(wire) else wire


def encode_cards(cards: Iterable[Mapping[str, Any]]) -> bytes:
    """The body of an answered call. No card is `{"cards": []}`."""
    shown = list(cards)
    wire = _encoder.encode({"cards": shown})
    if shown and _may_say_nothing(wire):
        return _encoder.encode({"cards": [_members(card) for card in shown]})
    return wire


def encode_discovery(document: Mapping[str, Any]) -> bytes:
    """The discovery body; `services` stays even when there are none."""
    return _encoder.encode({"services": [_members(entry) for entry in document["services"]]})


def outcome(message: str, *, code: str, where: str = "", severity: str = "error") -> dict[str, Any]:
    """An OperationOutcome (FHIR R4) with one issue. `where` is a path such as `context.userId`."""
    issue: dict[str, Any] = {"severity": severity, "code": code, "diagnostics": message}
    if where:
        issue["expression"] = [where]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def refusal(error: BadRequest) -> dict[str, Any]:
    """The OperationOutcome of a call that cannot be answered."""
    return outcome(str(error), code=error.code, where=error.where)


def _may_say_nothing(wire: bytes) -> bool:
    """Whether a null or an empty may be in it, to be pruned: a text may hold the same signs."""
    return b"null" in wire or b'""' in wire or b"[]" in wire or b"{}" in wire


def _members(value: Mapping[str, Any]) -> dict[str, Any]:
    found = {}
    for name, item in value.items():
        # Most are texts: what is no container is looked at without a further step.
        kept = item if item.__class__ is str else _pruned(item)
        if kept or not _is_empty(kept):
            found[name] = kept
    return found


def _pruned(value: Any) -> Any:
    if isinstance(value, _OBJECT):
        return _members(value)
    if isinstance(value, _LIST):
        return _items(value)
    return value


def _items(value: Iterable[Any]) -> list[Any]:
    """A list keeps its places: FHIR pads arrays of primitives with null to line up `_name`.

    A list of nothing but nulls and empties says nothing and goes.
    """
    items = [_pruned(item) for item in value]
    return [] if all(not item and _is_empty(item) for item in items) else items


def _is_empty(value: Any) -> bool:
    """Whether a value that counts as false says nothing: 0 and false say something."""
    return value is None or isinstance(value, str | list | dict | tuple)
