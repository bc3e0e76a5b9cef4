"""A hook call as it arrives: the envelope is read and checked, every resource stays undecoded.

What a body must hold to be answered: CDS Hooks 2.0.1 "Calling a CDS Service" and the context table
of the hook. Unknown members are ignored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from cds.errors import BadRequest
from cds.hooks.context import read_context
from cds.hooks.digests import Digests
from cds.hooks.services import HOOKS, ServiceEntry
from cds.hooks.wire import ABSENT, decode, given, missing, utf8


@dataclass(frozen=True, slots=True)
class FhirAuthorization:
    """The access to the FHIR server that a call brings, for this call only.

    `access_token` is a secret: it is not shown, not kept and given to `fhirServer` alone.
    `expires_in` is in seconds; `patient` is "" where the token is not bound to one.
    """

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
    subject: str
    token_type: str = "Bearer"  # noqa: S105
    patient: str = ""


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call, checked. A prefetch value of JSON null is the raw text `null`.

    `selections` are `Type/id`, each pointing to an entry of `draft_orders` (a raw Bundle); where
    the hook has no selections there are none, and `all_selected` says whether every draft order
    counts as selected (`order-sign`; clinical pack R1). What a hook's context does not have is
    ignored: a call of `patient-view` never has draft orders.
    `body_digest` is the SHA-256 of the body in hex: the same body gives the same answer (law 7);
    `digests` gives that of its parts.
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
    authorization: FhirAuthorization | None = None
    digests: Digests = field(default_factory=Digests, repr=False, compare=False)


# One header value: printable, without spaces (RFC 6750).
_TOKEN = re.compile(r"[!-~]+")


class _Object(msgspec.Struct, gc=False):
    """Any object, whatever is in it."""


class _Authorization(msgspec.Struct, gc=False):
    access_token: str
    token_type: str
    expires_in: int
    scope: str
    subject: str
    patient: str | None = None


class _Envelope(msgspec.Struct, gc=False):
    hook: str
    hookInstance: str
    context: msgspec.Raw
    prefetch: dict[str, msgspec.Raw] | None = None
    fhirServer: str | None = None
    fhirAuthorization: msgspec.Raw = ABSENT


class _Addressed(msgspec.Struct, gc=False):
    hook: str | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_object = msgspec.json.Decoder(_Object)
_authorized = msgspec.json.Decoder(_Authorization)
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
    authorization = given(envelope.fhirAuthorization)
    _check_server(envelope.fhirServer, authorization)
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
        authorization=_authorization(authorization, context.patient_id),
    )


def hook_of(body: bytes) -> str:
    """The hook a body names, to choose the service by. Raises BadRequest."""
    found = decode(_addressed, utf8(body), "").hook
    if not found:
        raise missing("hook")
    return found


def _authorization(raw: msgspec.Raw | None, patient_id: str) -> FhirAuthorization | None:
    """Checked as far as a client can be told what to mend; its values are never repeated."""
    if raw is None:
        return None
    sent = decode(_authorized, raw, "fhirAuthorization")
    if sent.token_type.lower() != "bearer":
        raise _unusable("token_type", "is not `Bearer`, the only type there is")
    if not _TOKEN.fullmatch(sent.access_token):
        raise _unusable("access_token", "is empty or holds what a token cannot hold")
    if sent.patient and sent.patient != patient_id:
        raise _unusable("patient", "is not the patient of `context.patientId`")
    return FhirAuthorization(
        access_token=sent.access_token,
        expires_in=sent.expires_in,
        scope=sent.scope,
        subject=sent.subject,
        patient=sent.patient or "",
    )


def _unusable(name: str, why: str) -> BadRequest:
    where = f"fhirAuthorization.{name}"
    return BadRequest(f"`{where}` {why}", where=where)


def _check_server(url: str | None, authorization: msgspec.Raw | None) -> None:
    if authorization is not None:
        decode(_object, authorization, "fhirAuthorization")
        if url is None:
            raise BadRequest(
                "`fhirServer` is missing; `fhirAuthorization` is of no use without it",
                where="fhirServer",
                code="required",
            )
    if url is not None and not url.startswith(("https://", "http://")):
        raise BadRequest("`fhirServer` is not an http or https address", where="fhirServer")
