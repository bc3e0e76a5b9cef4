"""Bundles as lists of undecoded entries: the envelope is read, each resource stays raw until the
part of the chart that understands it decodes it, on its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

# msgspec reads a member typed `Raw | None` as null only; an absent one is the empty text instead.
ABSENT = msgspec.Raw()

# What decoding one resource may raise; all of it means "cannot be read", none of it ends a call.
UNDECODABLE = (msgspec.MsgspecError, RecursionError, ValueError)


class _Head(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = ABSENT
    fullUrl: str | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Bundle(msgspec.Struct, gc=False):
    entry: list[msgspec.Raw] | None = None
    link: list[_Link] | None = None


_head = msgspec.json.Decoder(_Head)
_entry = msgspec.json.Decoder(_Entry)
_bundle = msgspec.json.Decoder(_Bundle)


@dataclass(frozen=True, slots=True)
class RawResource:
    """One resource, not yet decoded. `ref` is `Type/id` ("" id allowed: then "Type/")."""

    type: str
    id: str
    full_url: str
    raw: msgspec.Raw

    @property
    def ref(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Supplied:
    """What one prefetch key brought.

    `gap` = why the list may not be complete ("" = closed world, also for null); `supplied` is
    False when the key was absent or the client's query failed. `asked` is False only when the key
    was absent. `broken` counts entries whose very envelope could not be read.
    """

    key: str
    resources: tuple[RawResource, ...] = ()
    gap: str = ""
    supplied: bool = True
    broken: int = 0
    asked: bool = True


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
    bundle = _bundle.decode(raw)
    found: list[RawResource] = []
    broken = 0
    for item in bundle.entry or ():
        resource = _resource(item)
        if resource is None:
            broken += 1
        else:
            found.append(resource)
    more = any(link.relation == "next" for link in bundle.link or ())
    return tuple(found), broken, more


def _resource(item: msgspec.Raw) -> RawResource | None:
    try:
        entry = _entry.decode(item)
    except UNDECODABLE:
        return None
    if not is_present(entry.resource):
        return None
    kind = head(entry.resource)
    if kind is None:
        return None
    return RawResource(kind[0], kind[1], entry.fullUrl or "", entry.resource)
