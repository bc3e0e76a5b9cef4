"""The context of a call: what the clinician is doing, as the hook's own table of the CDS Hooks
Library 1.0.1 has it. What that table does not name is ignored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from cds.errors import BadRequest
from cds.hooks.services import Hook
from cds.hooks.wire import ABSENT, decode, given, missing

_DRAFTS = "context.draftOrders"
_SELECTIONS = "context.selections"


@dataclass(frozen=True, slots=True)
class Context:
    """A context, checked. `selections` are `Type/id` of entries of `draft_orders` (a raw Bundle).

    A hook that has no selections or draft orders has none here, whatever was sent.
    """

    user_id: str
    patient_id: str
    encounter_id: str | None
    selections: tuple[str, ...]
    draft_orders: msgspec.Raw | None


class _Sent(msgspec.Struct, gc=False):
    userId: str
    patientId: str
    encounterId: str | None = None
    # Undecoded: a hook that has no such member must not refuse a call for what is in it.
    selections: msgspec.Raw = ABSENT
    draftOrders: msgspec.Raw = ABSENT


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: _Head | None = None


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str | None = None
    entry: list[_Entry | None] | None = None


class _LooseBundle(msgspec.Struct, gc=False):
    resourceType: str | None = None
    entry: list[msgspec.Raw] | None = None


_sent = msgspec.json.Decoder(_Sent)
_references = msgspec.json.Decoder(list[str])
_bundle = msgspec.json.Decoder(_Bundle)
_loose = msgspec.json.Decoder(_LooseBundle)
_entry = msgspec.json.Decoder(_Entry)


def read_context(raw: msgspec.Raw, hook: Hook) -> Context:
    """The context of a call of `hook`. Raises BadRequest naming the first field that cannot be
    used."""
    sent = decode(_sent, raw, "context")
    _check_user(sent.userId, hook)
    _check_ids(sent, hook)
    draft_orders, drafts = _draft_orders(sent, hook)
    return Context(
        user_id=sent.userId,
        patient_id=sent.patientId,
        encounter_id=sent.encounterId,
        selections=_selections(sent, hook, drafts),
        draft_orders=draft_orders,
    )


def _check_user(user: str, hook: Hook) -> None:
    kind, _, name = user.partition("/")
    if not name.strip() or kind not in hook.users:
        raise BadRequest(
            f"`context.userId` is not a reference Type/id with Type {_either(hook.users)}",
            where="context.userId",
        )


def _check_ids(sent: _Sent, hook: Hook) -> None:
    if hook.encounter and sent.encounterId is None:
        raise missing("context.encounterId")
    for name, value in (("patientId", sent.patientId), ("encounterId", sent.encounterId)):
        where = f"context.{name}"
        if value is not None and not value.strip():
            raise BadRequest(f"`{where}` is empty", where=where, code="required")
        if value is not None and "/" in value:
            raise BadRequest(
                f"`{where}` is a bare id, not a reference: leave out what stands before the `/`",
                where=where,
            )


def _draft_orders(sent: _Sent, hook: Hook) -> tuple[msgspec.Raw | None, frozenset[str]]:
    """The draft orders, and their `Type/id`."""
    if not hook.drafts:
        return None, frozenset()
    found = given(sent.draftOrders)
    if found is None:
        raise missing(_DRAFTS)
    kind, entries = _entries(found)
    if kind != "Bundle":
        raise BadRequest(f"`{_DRAFTS}` is not a Bundle", where=_DRAFTS)
    return found, frozenset(_references_to(entries))


def _selections(sent: _Sent, hook: Hook, drafts: frozenset[str]) -> tuple[str, ...]:
    """The selected orders, each known to be in the draft orders."""
    if not hook.selections:
        return ()
    named = given(sent.selections)
    selections = [] if named is None else decode(_references, named, _SELECTIONS)
    if not selections:
        raise BadRequest(f"`{_SELECTIONS}` names no order", where=_SELECTIONS, code="required")
    for index, selection in enumerate(selections):
        if selection not in drafts:
            where = f"{_SELECTIONS}[{index}]"
            raise BadRequest(
                f"`{where}` is not the Type/id of an entry of `{_DRAFTS}`", where=where
            )
    return tuple(dict.fromkeys(selections))


def _either(names: tuple[str, ...]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def _entries(raw: msgspec.Raw) -> tuple[str | None, Iterable[_Entry | None]]:
    """The type of a Bundle and its entries. An entry that cannot be read is None."""
    try:
        bundle = _bundle.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        loose = decode(_loose, raw, _DRAFTS)
        return loose.resourceType, [_read(item) for item in loose.entry or ()]
    return bundle.resourceType, bundle.entry or ()


def _read(item: msgspec.Raw) -> _Entry | None:
    try:
        return _entry.decode(item)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _references_to(entries: Iterable[_Entry | None]) -> Iterator[str]:
    for entry in entries:
        resource = entry.resource if entry is not None else None
        if resource is not None and resource.resourceType and resource.id:
            yield f"{resource.resourceType}/{resource.id}"
