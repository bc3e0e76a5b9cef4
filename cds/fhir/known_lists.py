"""A list that a client sent before is known again by its bytes, and not taken apart once more.

What is remembered of a list is how complete it is and what its readers made of it, never its text:
see `memo`. The resources are there for whoever still looks at them, read anew from the bytes of
this call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import msgspec

from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.memo import (
    LONGEST_LIST,
    MOST_LIST_BYTES,
    MOST_LISTS,
    KnownList,
    Memory,
    weight_of_list,
)
from cds.hooks.digests import Digests


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A list without its resources, which would hold the text; `entries` is their number."""

    bare: Supplied
    entries: int


_memory: Memory[_Remembered] = Memory(MOST_LISTS, MOST_LIST_BYTES)


def known_again(
    key: str, patient_id: str, raw: msgspec.Raw, digests: Digests, read: Callable[[], Supplied]
) -> Supplied:
    """`read()`, which depends on the key, the patient and the bytes alone, or the same again.

    Raises what `read` raises; that is not remembered.
    """
    name = (key, patient_id, digests.of(raw))
    before = _memory.recalled(name)
    if before is None:
        return _kept(name, raw, read())
    if not before.entries:
        return before.bare
    return _with(before.bare, _Later(read, before.entries))


def _kept(name: tuple[str, str, bytes], raw: msgspec.Raw, found: Supplied) -> Supplied:
    if len(raw) > LONGEST_LIST:
        return found
    bare = replace(found, resources=(), known=KnownList())
    entries = len(found.resources)
    _memory.keep(name, _Remembered(bare, entries), weight_of_list(raw, entries))
    return _with(bare, found.resources)


def _with(bare: Supplied, resources: Sequence[RawResource]) -> Supplied:
    return Supplied(
        bare.key,
        resources,
        bare.gap,
        bare.supplied,
        bare.broken,
        bare.asked,
        bare.next_page,
        bare.foreign,
        bare.known,
    )


class _Later(Sequence[RawResource]):
    """Resources that are read when somebody looks at them; mostly nobody does."""

    def __init__(self, read: Callable[[], Supplied], entries: int) -> None:
        self._read = read
        self._entries = entries
        self._found: Sequence[RawResource] | None = None

    def __len__(self) -> int:
        return self._entries

    @overload
    def __getitem__(self, place: int) -> RawResource: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[RawResource]: ...
    def __getitem__(self, place: int | slice) -> RawResource | Sequence[RawResource]:
        return self._all()[place]

    def __iter__(self) -> Iterator[RawResource]:
        return iter(self._all())

    def _all(self) -> Sequence[RawResource]:
        if self._found is None:
            self._found = self._read().resources
        return self._found
