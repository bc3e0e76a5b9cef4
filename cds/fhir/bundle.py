"""Bundles as lists of undecoded entries: the envelope is read, each resource stays raw until the
part of the chart that understands it decodes it, on its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from cds.fhir.memo import KnownList
from cds.fhir.raw import ABSENT, UNDECODABLE, RawResource, head, is_present, listed, of_raw

__all__ = [
    "ABSENT",
    "UNDECODABLE",
    "Page",
    "RawResource",
    "Supplied",
    "entries",
    "head",
    "is_present",
    "of_raw",
    "plain_page",
    "read_page",
]


class _Entry(msgspec.Struct, gc=False):
    resource: msgspec.Raw = ABSENT
    fullUrl: str | None = None


class _Link(msgspec.Struct, gc=False):
    relation: str | None = None
    url: str | None = None


class _Bundle(msgspec.Struct, gc=False):
    resourceType: str | None = None
    id: str | None = None
    entry: list[_Entry] | None = None
    link: list[_Link] | None = None
    total: msgspec.Raw = ABSENT


class _LooseBundle(msgspec.Struct, gc=False):
    entry: list[msgspec.Raw] | None = None
    link: list[_Link] | None = None
    total: msgspec.Raw = ABSENT


_total = msgspec.json.Decoder(int)
_entry = msgspec.json.Decoder(_Entry)
_bundle = msgspec.json.Decoder(_Bundle)
_loose = msgspec.json.Decoder(_LooseBundle)


@dataclass(frozen=True, slots=True)
class Supplied:
    """What one prefetch key brought.

    `gap` = why the list may not be complete ("" = closed world, also for null); `supplied` is
    False when the key was absent or the client's query failed. `asked` is False only when the key
    was absent. `broken` counts entries whose very envelope could not be read. `next_page` is the
    address where the list goes on, as received: it may hold anything. `foreign` counts resources
    of another patient that were fetched and thrown away. `known` is what was made of the very same
    list for the same patient before, None where nobody remembers.
    """

    key: str
    resources: Sequence[RawResource] = ()
    gap: str = ""
    supplied: bool = True
    broken: int = 0
    asked: bool = True
    next_page: str = field(default="", repr=False)
    foreign: int = 0
    known: KnownList | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Page:
    """One Bundle. `more` says whether it has a `next` link, `next_page` where that leads ("" where
    the link has no address); `total` is the stated number of matches, 0 where none is stated."""

    resources: tuple[RawResource, ...]
    broken: int
    more: bool
    next_page: str = field(repr=False)
    total: int


def entries(raw: msgspec.Raw) -> tuple[tuple[RawResource, ...], int, bool]:
    """(resources, broken entries, has a `next` link) of a raw Bundle.

    Raises msgspec.MsgspecError when the Bundle itself cannot be read.
    """
    found = read_page(raw)
    return found.resources, found.broken, found.more


def read_page(raw: msgspec.Raw) -> Page:
    """A raw Bundle. Raises msgspec.MsgspecError when the Bundle itself cannot be read."""
    try:
        bundle = _bundle.decode(raw)
    except UNDECODABLE:
        return _loose_page(raw)
    return _page(bundle.entry or (), bundle)


def plain_page(raw: msgspec.Raw) -> Page | None:
    """The page that a raw resource is, read in one go; None for what is no Bundle, and for one in
    which something is out of order."""
    try:
        bundle = _bundle.decode(raw)
    except UNDECODABLE:
        return None
    return _page(bundle.entry or (), bundle) if bundle.resourceType == "Bundle" else None


def _loose_page(raw: msgspec.Raw) -> Page:
    """A Bundle with an entry that is none: the others are read all the same."""
    bundle = _loose.decode(raw)
    return _page([_loose_entry(item) for item in bundle.entry or ()], bundle)


def _page(items: Sequence[_Entry | None], bundle: _Bundle | _LooseBundle) -> Page:
    resources = [listed(item.resource, item.fullUrl or "") for item in items if item is not None]
    found = [resource for resource in resources if resource is not None]
    links = [link.url or "" for link in bundle.link or () if link.relation == "next"]
    stated = _stated(bundle.total)
    return Page(tuple(found), len(items) - len(found), bool(links), "".join(links[:1]), stated)


def _loose_entry(item: msgspec.Raw) -> _Entry | None:
    try:
        return _entry.decode(item)
    except UNDECODABLE:
        return None


def _stated(total: msgspec.Raw) -> int:
    try:
        return _total.decode(total) if is_present(total) else 0
    except UNDECODABLE:
        return 0
