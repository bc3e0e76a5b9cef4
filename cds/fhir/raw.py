"""One resource, not yet decoded: its type, id and owner are told, and who read it before."""

from __future__ import annotations

import msgspec

from cds.fhir.memo import LONGEST, Known, Memory, digest_of, weight_of

# msgspec reads a member typed `Raw | None` as null only; an absent one is the empty text instead.
ABSENT = msgspec.Raw()

# What decoding one resource may raise; all of it means "cannot be read", none of it ends a call.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, ValueError)


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None


class _Reference(msgspec.Struct, gc=False):
    reference: str | None = None


class _Owned(_Head, gc=False):
    subject: _Reference | None = None
    patient: _Reference | None = None


class _LooselyOwned(_Head, gc=False):
    """A resource of which `subject` or `patient` is no reference; the other may still be one."""

    subject: msgspec.Raw = ABSENT
    patient: msgspec.Raw = ABSENT


_head = msgspec.json.Decoder(_Head)
_owned = msgspec.json.Decoder(_Owned)
_loosely_owned = msgspec.json.Decoder(_LooselyOwned)
_reference = msgspec.json.Decoder(_Reference)
_memory: Memory[Known] = Memory()


class RawResource(msgspec.Struct, frozen=True, gc=False):
    """One resource, not yet decoded. `ref` is `Type/id` ("" id allowed: then "Type/").

    `owner` is the literal reference of its `subject` or `patient`, "" where it has none. `known` is
    what was read of these bytes before, None where nobody remembers.
    """

    type: str
    id: str
    full_url: str
    raw: msgspec.Raw
    owner: str = ""
    known: Known | None = None

    @property
    def ref(self) -> str:
        return f"{self.type}/{self.id}"

    def alone(self) -> RawResource:
        """The same with bytes of its own: `raw` keeps the whole body alive that it came in."""
        return RawResource(self.type, self.id, self.full_url, msgspec.Raw(bytes(self.raw)))


def sent(raw: msgspec.Raw) -> bytes:
    """The bytes of a raw member, none where it was not there or null."""
    if raw is ABSENT:  # by far the most frequent answer
        return b""
    text = bytes(raw).strip()
    return b"" if text == b"null" else text


def is_present(raw: msgspec.Raw) -> bool:
    """Whether a raw member was there and not null."""
    return sent(raw) != b""


def head(raw: msgspec.Raw) -> tuple[str, str] | None:
    """(resourceType, id) of a raw resource, or None when it is not an object we can read."""
    try:
        found = _head.decode(raw)
    except UNDECODABLE:
        return None
    if not found.resourceType:
        return None
    return found.resourceType, found.id or ""


def of_raw(raw: msgspec.Raw, full_url: str = "") -> RawResource | None:
    """A raw resource with its type, id and owner; None when it is not one we can read."""
    known = _known(raw)
    return _with_head(known, raw, full_url) if known is not None else None


def listed(raw: msgspec.Raw, full_url: str) -> RawResource | None:
    """The same for one resource of a list, which may have come before: with what is remembered of
    its bytes."""
    own = bytes(raw)
    if len(own) > LONGEST:
        return of_raw(raw, full_url)
    digest = digest_of(own)
    known = _memory.recalled(digest)
    if known is None:
        known = _known(own)
        if known is None:  # nothing, null, or no resource
            return None
        _memory.keep(digest, known, weight_of(own))
    return _with_head(known, raw, full_url)


def _with_head(known: Known, raw: msgspec.Raw, full_url: str) -> RawResource:
    return RawResource(known.type, known.id, full_url, raw, known.owner, known)


def _known(raw: msgspec.Raw | bytes) -> Known | None:
    try:
        found = _owned.decode(raw)
        owner = found.subject or found.patient
        return _named(found, owner.reference or "" if owner else "")
    except UNDECODABLE:
        pass
    try:
        loose = _loosely_owned.decode(raw)
    except UNDECODABLE:
        return None
    return _named(loose, _owner(loose))


def _named(found: _Head, owner: str) -> Known | None:
    if not found.resourceType:
        return None
    name = found.id or ""
    owner = f"Patient/{name}" if found.resourceType == "Patient" else owner
    return Known(found.resourceType, name, owner)


def _owner(found: _LooselyOwned) -> str:
    for raw in (found.subject, found.patient):
        if not is_present(raw):
            continue
        try:
            return _reference.decode(raw).reference or ""
        except UNDECODABLE:
            return ""  # the chart cannot read such a resource either
    return ""
