"""The context of a call: what the clinician is doing, as the hook's own table of the CDS Hooks
Library 1.0.1 has it. What that table does not name is ignored.
"""

from __future__ import annotations

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
    entry: list[msgspec.Raw] | None = None


_sent = msgspec.json.Decoder(_Sent)
_references = msgspec.json.Decoder(list[str])
_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(_Entry)


def read_context(raw: msgspec.Raw, hook: Hook) -> Context:
    """The context of a call of `hook`. Raises BadRequest naming the first field that cannot be
    used."""
    sent = decode(_sent, raw, "context")
    _check_user(sent.userId, hook)
    _check_ids(sent, hook)
    draft_orders = _draft_orders(sent, hook)
    return Context(
        user_id=sent.userId,
        patient_id=sent.patientId,
        encounter_id=sent.encounterId,
        selections=_selections(sent, hook, draft_orders),
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


def _draft_orders(sent: _Sent, hook: Hook) -> msgspec.Raw | None:
    if not hook.drafts:
        return None
    found = given(sent.draftOrders)
    if found is None:
        raise missing(_DRAFTS)
    if decode(_bundle, found, _DRAFTS).resourceType != "Bundle":
        raise BadRequest(f"`{_DRAFTS}` is not a Bundle", where=_DRAFTS)
    return found


def _selections(sent: _Sent, hook: Hook, draft_orders: msgspec.Raw | None) -> tuple[str, ...]:
    """The selected orders, each known to be in the draft orders."""
    if not hook.selections or draft_orders is None:
        return ()
    named = given(sent.selections)
    selections = [] if named is None else decode(_references, named, _SELECTIONS)
    if not selections:
        raise BadRequest(f"`{_SELECTIONS}` names no order", where=_SELECTIONS, code="required")
    drafts = _drafts(draft_orders)
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


def _drafts(raw: msgspec.Raw) -> frozenset[str]:
    """`Type/id` of every draft order. An entry that cannot be read is no draft order."""
    found: set[str] = set()
    for item in decode(_bundle, raw, _DRAFTS).entry or ():
        try:
            resource = _entry.decode(item).resource
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if resource is not None and resource.resourceType and resource.id:
            found.add(f"{resource.resourceType}/{resource.id}")
    return frozenset(found)
