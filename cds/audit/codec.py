"""A patient's record and its facts as JSON, and back without loss.

One value has one spelling: numbers are text with the digits they came with, times carry their
offset and microseconds, enumerations are written by value, sets are sorted, and what is empty
(nothing, "", no items, false) is left out. Where several kinds may stand, `is` names the kind.
Only the classes listed here are kept: whatever else turns up is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from cds.audit.names import CodecError, named
from cds.facts.model import (
    Category,
    Evidence,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
)
from cds.facts.record import (
    Administration,
    AllergyEntry,
    LabOrder,
    LabResult,
    Listing,
    MedicationOrder,
    Overridden,
    Person,
    Place,
    ProblemEntry,
    ProcedureEntry,
    Record,
    Substance,
    Unclear,
)
from cds.kernel.quantity import Interval, Quantity

__all__ = ["CLASSES", "FORMAT", "READABLE", "CodecError", "canonical", "decode", "encode", "parse"]

# Raised when a field of a class below comes, goes or changes its meaning: a test compares.
FORMAT = 2
# Format 1 knew no overridden cards: what it leaves out is read as none.
READABLE = frozenset({1, FORMAT})
CLASSES: tuple[type, ...] = (
    Record,
    Person,
    Place,
    Listing,
    LabResult,
    MedicationOrder,
    Substance,
    Unclear,
    Administration,
    ProblemEntry,
    ProcedureEntry,
    AllergyEntry,
    LabOrder,
    Overridden,
    Quantity,
    Interval,
    Fact,
    Evidence,
    Measured,
    Category,
    Presence,
    Missing,
    NotKnown,
    Nothing,
)
KIND = "is"
T = TypeVar("T")

_json = msgspec.json.Encoder(order="sorted", decimal_format="string")


def canonical(tree: Any) -> bytes:
    """JSON bytes of a tree of objects, lists, text, integers and booleans: keys sorted, UTF-8,
    no blanks. A Decimal becomes text."""
    return _json.encode(tree)


def parse(body: bytes) -> dict[str, Any]:
    """The tree of a stored body. Raises CodecError where it is no JSON object."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CodecError("the stored body is not a JSON object") from None


def encode(value: Any) -> dict[str, Any]:
    """The tree of a Record, a Fact or anything they hold. Raises CodecError naming the field."""
    return cast(dict[str, Any], _way(cast(Hashable, type(value))).write(value))


def decode(kind: type[T], tree: Any) -> T:
    """What `encode` was given. Raises CodecError naming the field, never its value."""
    return cast(T, _way(cast(Hashable, kind)).read(tree))


@dataclass(frozen=True, slots=True)
class _Way:
    """There and back for one type. `empty` is what is left out, by its class; None = nothing."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    empty: type | None = None


_Ways = tuple[tuple[str, _Way], ...]


def _exactly(kind: type) -> Callable[[Any], Any]:
    def same(value: Any) -> Any:
        if value.__class__ is not kind:
            raise CodecError(f"{kind.__name__} is expected, not {type(value).__name__}")
        return value

    return same


def _text(kind: type, spell: Callable[[Any], str], read: Callable[[str], Any]) -> _Way:
    """A type written as text; what reads back as text only by luck is refused."""
    check = _exactly(kind)

    def back(value: Any) -> Any:
        try:
            found = read(value)
        except (TypeError, ValueError, InvalidOperation):
            found = None
        if found is None:
            raise CodecError(f"this is not the text of a {kind.__name__}")
        return found

    return _Way(lambda value: spell(check(value)), back)


def _instant(value: datetime) -> str:
    if value.utcoffset() is None:
        raise CodecError("a time without an offset cannot be kept")
    return value.isoformat(timespec="microseconds")


def _aware(text: str) -> datetime | None:
    found = datetime.fromisoformat(text)
    return None if found.utcoffset() is None else found


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) else None


_PLAIN: dict[Any, _Way] = {
    str: _Way(_exactly(str), _exactly(str), str),
    bool: _Way(_exactly(bool), _exactly(bool), bool),
    int: _Way(_exactly(int), _exactly(int)),
    Decimal: _text(Decimal, str, _decimal),
    datetime: _text(datetime, _instant, _aware),
    date: _text(date, date.isoformat, date.fromisoformat),
}


@cache
def _way(hint: Any) -> _Way:
    """How a value with this type hint is written and read."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if hasattr(hint, "__supertype__"):  # a NewType, such as a LOINC code
        return _way(hint.__supertype__)
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _one_of(args)
    if origin in (tuple, frozenset):
        return _many(origin, args[0])
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _text(hint, lambda value: value.value, hint)
    kind = origin or hint
    if kind not in CLASSES:
        raise CodecError(f"`{getattr(kind, '__name__', kind)}` is not among what is kept")
    return _object(kind, args)


def _many(kind: type, item: Any) -> _Way:
    one = _Way(named, _exactly(str)) if item is Hashable else _way(item)
    check, is_set = _exactly(kind), kind is frozenset

    def write(value: Any) -> list[Any]:
        found = [one.write(each) for each in check(value)]
        return sorted(found) if is_set else found

    def read(value: Any) -> Any:
        return kind(one.read(each) for each in _exactly(list)(value))

    return _Way(write, read, kind)


def _one_of(hints: tuple[Any, ...]) -> _Way:
    """`X | None`, or one of several classes with its kind beside its fields."""
    kinds = [hint for hint in hints if hint is not NoneType]
    empty = NoneType if NoneType in hints else None
    if len(kinds) == 1:
        only = _way(kinds[0])
        return _Way(only.write, only.read, empty)
    ways = {kind: _way(kind) for kind in kinds}
    by_name = {kind.__name__.lower(): way for kind, way in ways.items()}

    def write(value: Any) -> dict[str, Any]:
        way = ways.get(value.__class__)
        if way is None:
            raise CodecError(f"{type(value).__name__} is none of {', '.join(by_name)}")
        return {KIND: value.__class__.__name__.lower(), **way.write(value)}

    def read(value: Any) -> Any:
        tree = dict(_exactly(dict)(value))
        way = by_name.get(str(tree.pop(KIND, "")))
        if way is None:
            raise CodecError(f"`{KIND}` names none of {', '.join(by_name)}")
        return way.read(tree)

    return _Way(write, read, empty)


def _object(kind: type, args: tuple[Any, ...]) -> _Way:
    """A dataclass, field by field."""
    ways = _ways(kind, args)
    return _Way(_writer(kind, ways), _reader(kind, ways))


def _writer(kind: type, ways: _Ways) -> Callable[[Any], Any]:
    check = _exactly(kind)

    def write(value: Any) -> dict[str, Any]:
        check(value)
        found, name = {}, ""
        try:
            for name, way in ways:
                item = getattr(value, name)
                if item or item.__class__ is not way.empty:
                    found[name] = way.write(item)
        except CodecError as error:
            raise CodecError(f"{kind.__name__}.{name}: {error}") from None
        return found

    return write


def _reader(kind: type, ways: _Ways) -> Callable[[Any], Any]:
    check, names = _exactly(dict), {name for name, _ in ways}

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


def _ways(kind: type, args: tuple[Any, ...]) -> _Ways:
    if not is_dataclass(kind):  # pragma: no cover - CLASSES holds nothing else
        raise CodecError(f"{kind.__name__} has no fields")
    hints = get_type_hints(kind)
    found = []
    for item in fields(kind):
        hint = hints[item.name]
        own = getattr(hint, "__parameters__", ())
        found.append((item.name, _way(hint[args] if own and args else hint)))
    return tuple(found)


def _left_out(way: _Way) -> Any:
    if way.empty is None:
        raise CodecError("it is missing")
    return way.empty()
