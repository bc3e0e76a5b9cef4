"""The shape of an answer, checked in a sandbox before it leaves: integrators must never build on an
answer that breaks the contract.

The same shapes stand in `cds.hooks.openapi` for the documents, and a test holds the two together;
these take a tenth of the time, of a call and of a start.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Anything = dict[str, msgspec.Raw]  # an object, whatever is in it


class _Shape(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    pass


class Coding(_Shape):
    code: str
    system: str | None = None
    display: str | None = None


class Source(_Shape):
    label: str
    url: str | None = None
    icon: str | None = None
    topic: Coding | None = None


class Link(_Shape):
    label: str
    url: str
    type: Literal["absolute", "smart"]
    appContext: str | None = None


class Action(_Shape):
    type: Literal["create", "update", "delete"]
    description: str
    resource: Anything | None = None
    resourceId: str | None = None
    extension: Anything | None = None


class Suggestion(_Shape):
    label: str
    uuid: str
    isRecommended: bool | None = None
    actions: list[Action] | None = None
    extension: Anything | None = None


class Why(msgspec.Struct, gc=False):
    decision: str
    rule: str
    rulebook: str
    rows: list[str]


class Card(_Shape):
    uuid: str
    summary: Annotated[str, msgspec.Meta(max_length=139)]
    indicator: Literal["info", "warning", "critical"]
    source: Source
    extension: Why
    detail: str | None = None
    suggestions: list[Suggestion] | None = None
    selectionBehavior: Literal["at-most-one", "any"] | None = None
    overrideReasons: list[Coding] | None = None
    links: list[Link] | None = None


class Cards(_Shape):
    cards: list[Card]


_cards = msgspec.json.Decoder(Cards)


def check_contract(wire: bytes) -> None:
    """Raises msgspec.ValidationError when this is no answer as CDS Hooks and our documents say."""
    _cards.decode(wire)
