"""What became of cards: accepted or overridden, as a client reports it, perhaps hours later.

CDS Hooks 2.0.1 "Feedback"; one body may tell of several cards and calls, and of one card again.
Some clients write `overrideReasons` for `overrideReason`, or put a reason of their own list into
an extension; both are read for every client (docs/CLIENTS.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

import msgspec

from cds.errors import BadRequest
from cds.hooks.wire import decode, missing, utf8

LONGEST_ID = 256  # characters; our own card ids are UUIDs
OWN_REASON = "com.epic.cdshooks.feedback.overrideReason"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a card was overridden. `system` is `OWN_REASON` where the code is of the client's own
    list."""

    code: str
    system: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """The end of one card. `card` and `accepted` are ids as received, not always UUIDs; `at` is in
    UTC. `comment` is free text of a clinician and may name the patient: it never goes into logs.
    """

    card: str
    outcome: Literal["accepted", "overridden"]
    at: datetime
    accepted: tuple[str, ...] = ()
    reason: Reason | None = None
    comment: str = field(default="", repr=False)


class _Coding(msgspec.Struct, gc=False):
    code: str | None = None
    system: str | None = None
    display: str | None = None


class _Own(msgspec.Struct, gc=False):
    category: str = msgspec.field(default="", name=f"{OWN_REASON}.reasonCategory")
    shown: str = msgspec.field(default="", name=f"{OWN_REASON}.reasonDisplay")
    title: str = msgspec.field(default="", name=f"{OWN_REASON}.reasonTitle")


class _Override(msgspec.Struct, gc=False):
    reason: _Coding | None = None
    userComment: str | None = None
    extension: _Own | None = None


class _Accepted(msgspec.Struct, gc=False):
    id: str


class _Item(msgspec.Struct, gc=False):
    card: str
    outcome: str
    outcomeTimestamp: str
    acceptedSuggestions: list[_Accepted] | None = None
    overrideReason: _Override | None = None
    overrideReasons: _Override | None = None


class _Body(msgspec.Struct, gc=False):
    feedback: list[_Item]


_body = msgspec.json.Decoder(_Body)


def read_feedback(body: bytes) -> tuple[Feedback, ...]:
    """Every item of a feedback body, in order; ids of cards nobody knows are not refused here.

    Raises BadRequest naming the first field that cannot be used. Nothing of the body counts then:
    a client may send it again as a whole, since one card may be reported twice.
    """
    items = decode(_body, utf8(body), "").feedback
    return tuple(_read(item, f"feedback[{index}]") for index, item in enumerate(items))


def _read(item: _Item, where: str) -> Feedback:
    if not item.card.strip():
        raise _empty(f"{where}.card")
    _check_id(item.card, f"{where}.card")
    at = _moment(item.outcomeTimestamp, f"{where}.outcomeTimestamp")
    if item.outcome == "accepted":
        return Feedback(item.card, "accepted", at, _suggestions(item, where))
    if item.outcome != "overridden":
        at_fault = f"{where}.outcome"
        raise BadRequest(f"`{at_fault}` is neither accepted nor overridden", where=at_fault)
    name = "overrideReasons" if item.overrideReason is None else "overrideReason"
    override = item.overrideReason or item.overrideReasons
    if override is None:
        return Feedback(item.card, "overridden", at)
    reason = _reason(override, f"{where}.{name}")
    comment = (override.userComment or "").strip()
    if reason is None and not comment:
        raise _empty(f"{where}.{name}")
    return Feedback(item.card, "overridden", at, reason=reason, comment=comment)


def _suggestions(item: _Item, where: str) -> tuple[str, ...]:
    named = f"{where}.acceptedSuggestions"
    if not item.acceptedSuggestions:
        raise missing(named)
    for index, suggestion in enumerate(item.acceptedSuggestions):
        if not suggestion.id.strip():
            raise _empty(f"{named}[{index}].id")
        _check_text(suggestion.id, f"{named}[{index}].id")
    return tuple(dict.fromkeys(suggestion.id for suggestion in item.acceptedSuggestions))


def _reason(override: _Override, where: str) -> Reason | None:
    """The reason: a code that was on the card, else one of the client's own list."""
    said, own = override.reason, override.extension
    if said is not None:
        if not (said.code or "").strip():
            raise missing(f"{where}.reason.code")
        for part, text in (("code", said.code), ("system", said.system)):
            _check_text(text or "", f"{where}.reason.{part}")
        return Reason(said.code or "", said.system or "", said.display or "")
    if own is not None and (own.category or own.shown or own.title):
        _check_text(own.category, f"{where}.extension")
        return Reason(own.category, OWN_REASON, own.title or own.shown)
    return None


def _moment(text: str, where: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
        if "T" in text.upper() and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadRequest(
        f"`{where}` is not a moment in UTC such as 2026-03-01T10:00:00Z (RFC 3339)", where=where
    )


def _check_id(text: str, where: str) -> None:
    """An id is looked up in an index, and no index takes any length."""
    _check_text(text, where)
    if len(text) > LONGEST_ID:
        raise BadRequest(f"`{where}` is longer than {LONGEST_ID} characters", where=where)


def _check_text(text: str, where: str) -> None:
    """A character that no database keeps: without this one body could never be recorded."""
    if "\0" in text:
        raise BadRequest(f"`{where}` holds the character U+0000", where=where)


def _empty(where: str) -> BadRequest:
    return BadRequest(f"`{where}` is empty", where=where, code="required")
