"""Bundles as lists of undecoded entries: the envelope is read, each resource stays raw until the
part of the chart that understands it decodes it, on its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

# msgspec reads a member typed `Raw | None` as null only; an absent one is the empty text instead.
ABSENT = msgspec.Raw()

# What decoding one resource may raise; all of it means "cannot be read", none of it ends a call.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, ValueError)


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None


class _Owned(_Head, gc=False):
    subject: msgspec.Raw = ABSENT
    patient: msgspec.Raw = ABSENT


class _Reference(msgspec.Struct, gc=False):
    reference: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = ABSENT
    fullUrl: str | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Bundle(msgspec.Struct, gc=False):
    entry: list[msgspec.Raw] | None = None
    link: list[_Link] | None = None
    total: msgspec.Raw = ABSENT


_head = msgspec.json.Decoder(_Head)
_owned = msgspec.json.Decoder(_Owned)
_reference = msgspec.json.Decoder(_Reference)
_total = msgspec.json.Decoder(int)
_entry = msgspec.json.Decoder(_Entry)
_bundle = msgspec.json.Decoder(_Bundle)


@dataclass(frozen=True, slots=True)
class RawResource:
    """One resource, not yet decoded. `ref` is `Type/id` ("" id allowed: then "Type/").

    `owner` is the literal reference of its `subject` or `patient`, "" where it has none.
    """

    type: str
    id: str
    full_url: str
    raw: msgspec.Raw
    owner: str = ""

    @property
    def ref(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Supplied:
    """What one prefetch key brought.

    `gap` = why the list may not be complete ("" = closed world, also for null); `supplied` is
    False when the key was absent or the client's query failed. `asked` is False only when the key
    was absent. `broken` counts entries whose very envelope could not be read. `next_page` is the
    address where the list goes on, as received: it may hold anything. `foreign` counts resources
    of another patient that were fetched and thrown away.
    """

    key: str
    resources: tuple[RawResource, ...] = ()
    gap: str = ""
    supplied: bool = True
    broken: int = 0
    asked: bool = True
    next_page: str = field(default="", repr=False)
    foreign: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One Bundle. `more` says whether it has a `next` link, `next_page` where that leads ("" where
    the link has no address); `total` is the stated number of matches, 0 where none is stated."""

    resources: tuple[RawResource, ...]
    broken: int
    more: bool
    next_page: str = field(repr=False)
    total: int


def is_present(raw: msgspec.Raw) -> bool:
    """Whether a raw member was there and not null."""
    return bytes(raw).strip() not in (b"", b"null")


def head(raw: msgspec.Raw) -> tuple[str, str] | None:
    """(resourceType, id) of a raw resource, or None when it is not an object we can read."""
    try:
        found = _head.decode(raw)
    except UNDECODABLE:
        return None
    if not found.resourceType:
        return None
    return found.resourceType, found.id or ""


def entries(raw: msgspec.Raw) -> tuple[tuple[RawResource, ...], int, bool]:
    """(resources, broken entries, has a `next` link) of a raw Bundle.

    Raises msgspec.MsgspecError when the Bundle itself cannot be read.
    """
    found = read_page(raw)
    return found.resources, found.broken, found.more


def read_page(raw: msgspec.Raw) -> Page:
    """A raw Bundle. Raises msgspec.MsgspecError when the Bundle itself cannot be read."""
    bundle = _bundle.decode(raw)
    found: list[RawResource] = []
    broken = 0
    for item in bundle.entry or ():
        resource = _resource(item)
        if resource is None:
            broken += 1
        else:
            found.append(resource)
    links = [link.url or "" for link in bundle.link or () if link.relation == "next"]
    return Page(tuple(found), broken, bool(links), "".join(links[:1]), _stated(bundle.total))


def of_raw(raw: msgspec.Raw, full_url: str = "") -> RawResource | None:
    """A raw resource with its type, id and owner; None when it is not one we can read."""
    try:
        found = _owned.decode(raw)
    except UNDECODABLE:
        return None
    if not found.resourceType:
        return None
    name = found.id or ""
    owner = f"Patient/{name}" if found.resourceType == "Patient" else _owner(found)
    return RawResource(found.resourceType, name, full_url, raw, owner)


def _owner(found: _Owned) -> str:
    for raw in (found.subject, found.patient):
        if not is_present(raw):
            continue
        try:
            return _reference.decode(raw).reference or ""
        except UNDECODABLE:
            return ""  # the chart cannot read such a resource either
    return ""


def _stated(total: msgspec.Raw) -> int:
    try:
        return _total.decode(total) if is_present(total) else 0
    except UNDECODABLE:
        return 0


def _resource(item: msgspec.Raw) -> RawResource | None:
    try:
        entry = _entry.decode(item)
    except UNDECODABLE:
        return None
    if not is_present(entry.resource):
        return None
    return of_raw(entry.resource, entry.fullUrl or "")
