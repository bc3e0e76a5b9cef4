"""A hook call as it arrives: the envelope is read and checked, every resource stays undecoded.

What a body must hold to be answered: CDS Hooks 2.0.1 "Calling a CDS Service" and the context table
of the hook. Unknown members are ignored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from cds.errors import BadRequest
from cds.hooks.context import read_context
from cds.hooks.services import HOOKS, ServiceEntry
from cds.hooks.wire import decode, missing, utf8


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call, checked. A prefetch value of JSON null is the raw text `null`.

    `selections` are `Type/id`, each pointing to an entry of `draft_orders` (a raw Bundle); where
    the hook has no selections there are none, and `all_selected` says whether every draft order
    counts as selected (`order-sign`; clinical pack R1). What a hook's context does not have is
    ignored: a call of `patient-view` never has draft orders.
    `body_digest` is the SHA-256 of the body in hex: the same body gives the same answer (law 7).
    """

    service: str
    hook: str
    hook_instance: str
    user_id: str
    patient_id: str
    encounter_id: str | None = None
    selections: tuple[str, ...] = ()
    all_selected: bool = False
    draft_orders: msgspec.Raw | None = None
    prefetch: Mapping[str, msgspec.Raw] = field(default_factory=dict)
    fhir_server: str | None = None
    body_digest: str = ""


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


_envelope = msgspec.json.Decoder(_Envelope)
_addressed = msgspec.json.Decoder(_Addressed)


def read_call(service: ServiceEntry, body: bytes) -> HookCall:
    """The call in `body`, made to `service`.

    Raises BadRequest naming the first field that cannot be used.
    """
    envelope = decode(_envelope, utf8(body), "")
    if envelope.hook != service.hook:
        raise BadRequest(
            f"`hook` is not the hook of this service, which answers `{service.hook}`; "
            "GET /cds-services lists the service of each hook",
            where="hook",
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
    hook = HOOKS[service.hook]
    context = read_context(envelope.context, hook)
    return HookCall(
        service=service.id,
        hook=envelope.hook,
        hook_instance=envelope.hookInstance,
        user_id=context.user_id,
        patient_id=context.patient_id,
        encounter_id=context.encounter_id,
        selections=context.selections,
        all_selected=hook.all_selected,
        draft_orders=context.draft_orders,
        prefetch=envelope.prefetch or {},
        fhir_server=envelope.fhirServer,
        body_digest=hashlib.sha256(body).hexdigest(),
    )


def hook_of(body: bytes) -> str:
    """The hook a body names, to choose the service by. Raises BadRequest."""
    found = decode(_addressed, utf8(body), "").hook
    if not found:
        raise missing("hook")
    return found


def _check_server(url: str | None) -> None:
    if url is not None and not url.startswith(("https://", "http://")):
        raise BadRequest("`fhirServer` is not an http or https address", where="fhirServer")
