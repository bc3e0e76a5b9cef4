"""A dataclass as a JSON object and back, field by field; what is empty is left out.

Errors name the class and the field, never a value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cds.audit.names import CodecError


@dataclass(frozen=True, slots=True)
class Way:
    """There and back for one type. `empty` is what is left out, by its class; None = nothing."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    empty: type | None = None


Ways = tuple[tuple[str, Way], ...]


def exactly(kind: type) -> Callable[[Any], Any]:
    """What gives back a value of this very class, and raises CodecError for any other."""

    def same(value: Any) -> Any:
        if value.__class__ is not kind:
            raise CodecError(f"{kind.__name__} is expected, not {type(value).__name__}")
        return value

    return same


def writer(kind: type, ways: Ways) -> Callable[[Any], Any]:
    """From an object of this class to its tree."""
    told = _teller(kind, ways)
    fields = tuple((name, way.write, way.empty, way.empty in (str, bool)) for name, way in ways)

    def write(value: Any) -> Any:
        if value.__class__ is not kind:
            told(value)
        found = {}
        try:
            for name, put, empty, as_it_is in fields:
                item = getattr(value, name)
                if item:
                    found[name] = item if as_it_is and item.__class__ is empty else put(item)
                elif item.__class__ is not empty:
                    found[name] = put(item)
        except CodecError:
            told(value)
            raise
        return found

    return write


def _teller(kind: type, ways: Ways) -> Callable[[Any], None]:
    """Raises CodecError naming the first field that cannot be written."""
    check = exactly(kind)

    def told(value: Any) -> None:
        check(value)
        for name, way in ways:  # pragma: no branch - it is one of them
            item = getattr(value, name)
            try:
                if item or item.__class__ is not way.empty:
                    way.write(item)
            except CodecError as error:
                raise CodecError(f"{kind.__name__}.{name}: {error}") from None

    return told


def reader(kind: type, ways: Ways) -> Callable[[Any], Any]:
    """From a tree to an object of this class; a field nobody knows is an error."""
    check, names = exactly(dict), {name for name, _ in ways}

    def read(value: Any) -> Any:
        tree, name = check(value), ""
        if not tree.keys() <= names:
            raise CodecError(f"{kind.__name__} has a field that this version does not know")
        found = {}
        try:
            for name, way in ways:
                found[name] = way.read(tree[name]) if name in tree else _left_out(way)
        except CodecError as error:
            raise CodecError(f"{kind.__name__}.{name}: {error}") from None
        return kind(**found)

    return read


def _left_out(way: Way) -> Any:
    if way.empty is None:
        raise CodecError("it is missing")
    return way.empty()
