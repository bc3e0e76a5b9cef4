"""A hook call as it arrives: the envelope is read and checked, every resource stays undecoded.

What a body must hold to be answered: CDS Hooks 2.0.1 "Calling a CDS Service" and the context table
of the hook. Unknown members are ignored. A refusal names the field and never repeats its value,
which may be patient data.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from cds.errors import BadRequest
from cds.hooks.services import HOOKS, Hook, ServiceEntry

T = TypeVar("T")

_ABSENT = msgspec.Raw()


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call, checked. A prefetch value of JSON null is the raw text `null`.

    `selections` are `Type/id`, each pointing to an entry of `draft_orders` (a raw Bundle).
    `body_digest` is the SHA-256 of the body in hex: the same body gives the same answer (law 7).
    """

    service: str
    hook: str
    hook_instance: str
    user_id: str
    patient_id: str
    encounter_id: str | None = None
    selections: tuple[str, ...] = ()
    draft_orders: msgspec.Raw | None = None
    prefetch: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    fhir_server: str | None = None
    body_digest: str = ""


class _Context(msgspec.Struct, gc=False):
    userId: str
    patientId: str
    encounterId: str | None = None
    selections: list[str] | None = None
    # Not `Raw | None`: in a union msgspec no longer takes Raw for "anything" and refuses objects.
    draftOrders: msgspec.Raw = _ABSENT


class _Authorization(msgspec.Struct, gc=False):
    """Only that it is an object: what is in it is a secret of the FHIR client's."""


class _Envelope(msgspec.Struct, gc=False):
    hook: str
    hookInstance: str
    context: msgspec.Raw
    prefetch: dict[str, msgspec.Raw] | None = None
    fhirServer: str | None = None
    fhirAuthorization: _Authorization | None = None


class _Addressed(msgspec.Struct, gc=False):
    hook: str | None = None


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: _Head | None = None


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str | None = None
    entry: list[msgspec.Raw] | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_addressed = msgspec.json.Decoder(_Addressed)
_context = msgspec.json.Decoder(_Context)
_bundle = msgspec.json.Decoder(_Bundle)
_entry = msgspec.json.Decoder(_Entry)

# msgspec writes "Expected `str`, got `int` - at `$.context.userId`": types and paths, never values.
_SHAPE = re.compile(r"^(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<path>[^`]*)`)?$")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
_TYPES = {"str": "text", "`": "", " | null": ""}


def read_call(service: ServiceEntry, body: bytes) -> HookCall:
    """The call in `body`, made to `service`.

    Raises BadRequest naming the first field that cannot be used.
    """
    envelope = _decode(_envelope, _utf8(body), "")
    if envelope.hook != service.hook:
        raise BadRequest(
            f"`hook` is not the hook of this service, which answers `{service.hook}`", where="hook"
        )
    if not envelope.hookInstance.strip():
        raise BadRequest("`hookInstance` is empty", where="hookInstance", code="required")
    if envelope.fhirAuthorization is not None and envelope.fhirServer is None:
        raise BadRequest(
            "`fhirServer` is missing; `fhirAuthorization` is of no use without it",
            where="fhirServer",
            code="required",
        )
    _check_server(envelope.fhirServer)
    context = _decode(_context, envelope.context, "context")
    hook = HOOKS[service.hook]
    _check_ids(context, hook)
    return HookCall(
        service=service.id,
        hook=envelope.hook,
        hook_instance=envelope.hookInstance,
        user_id=context.userId,
        patient_id=context.patientId,
        encounter_id=context.encounterId,
        selections=_selections(context, hook),
        draft_orders=_given(context.draftOrders),
        prefetch=envelope.prefetch or {},
        fhir_server=envelope.fhirServer,
        body_digest=hashlib.sha256(body).hexdigest(),
    )


def hook_of(body: bytes) -> str:
    """The hook a body names, to choose the service by. Raises BadRequest."""
    found = _decode(_addressed, _utf8(body), "").hook
    if not found:
        raise BadRequest("`hook` is missing", where="hook", code="required")
    return found


def _utf8(body: bytes) -> bytes:
    if not body.strip():
        raise BadRequest("the body is empty; a JSON object is expected", code="structure")
    try:
        # Undecoded resources are only skipped over, so bad bytes in them would surface late.
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("the body is not UTF-8", code="structure") from None
    return body


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes | msgspec.Raw, at: str) -> T:
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply", where=at, code="structure") from None
    except msgspec.ValidationError as error:
        raise _refused(str(error), at) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        name = f"`{at}`" if at else "the body"
        raise BadRequest(f"{name} is not well-formed JSON", where=at, code="structure") from None


def _refused(message: str, at: str) -> BadRequest:
    """msgspec's finding in our words, with the path from the top of the body."""
    found = _SHAPE.match(message)
    what, path = (found["what"], found["path"] or "") if found else ("", "")
    where = ".".join(part for part in (at, path) if part)
    if missing := _MISSING.match(what):
        where = ".".join(part for part in (where, missing["name"]) if part)
        return BadRequest(f"`{where}` is missing", where=where, code="required")
    for old, new in _TYPES.items():
        what = what.replace(old, new)
    name = f"`{where}`" if where else "the body"
    return BadRequest(f"{name} has the wrong type: {what.lower()}", where=where, code="structure")


def _check_server(url: str | None) -> None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise BadRequest("`fhirServer` is not an http or https address", where="fhirServer")


def _check_ids(context: _Context, hook: Hook) -> None:
    kind, _, name = context.userId.partition("/")
    if not name or kind not in hook.users:
        raise BadRequest(
            f"`context.userId` is not a reference Type/id with Type {' or '.join(hook.users)}",
            where="context.userId",
        )
    for field_name, value in (
        ("patientId", context.patientId),
        ("encounterId", context.encounterId),
    ):
        where = f"context.{field_name}"
        if value is not None and not value.strip():
            raise BadRequest(f"`{where}` is empty", where=where, code="required")
        if value is not None and "/" in value:
            raise BadRequest(
                f"`{where}` is a bare id, not a reference: leave out what stands before the `/`",
                where=where,
            )


def _selections(context: _Context, hook: Hook) -> tuple[str, ...]:
    """The selected orders, each known to be in the draft orders."""
    draft_orders = _given(context.draftOrders)
    if hook.drafts and draft_orders is None:
        raise BadRequest(
            "`context.draftOrders` is missing", where="context.draftOrders", code="required"
        )
    drafts = frozenset[str]() if draft_orders is None else _drafts(draft_orders)
    selections = context.selections or []
    if hook.selections and not selections:
        raise BadRequest(
            "`context.selections` names no order", where="context.selections", code="required"
        )
    for index, selection in enumerate(selections):
        if selection not in drafts:
            where = f"context.selections[{index}]"
            raise BadRequest(
                f"`{where}` is not the Type/id of an entry of `context.draftOrders`", where=where
            )
    return tuple(dict.fromkeys(selections))


def _given(raw: msgspec.Raw) -> msgspec.Raw | None:
    return None if bytes(raw) in (b"", b"null") else raw


def _drafts(raw: msgspec.Raw) -> frozenset[str]:
    """`Type/id` of every draft order. An entry that cannot be read is no draft order."""
    bundle = _decode(_bundle, raw, "context.draftOrders")
    if bundle.resourceType != "Bundle":
        raise BadRequest("`context.draftOrders` is not a Bundle", where="context.draftOrders")
    found: set[str] = set()
    for item in bundle.entry or ():
        try:
            resource = _entry.decode(item).resource
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if resource is not None and resource.resourceType and resource.id:
            found.add(f"{resource.resourceType}/{resource.id}")
    return frozenset(found)
