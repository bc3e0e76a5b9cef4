"""A patient's record and its facts as JSON, and back without loss.

One value has one spelling: numbers are text with the digits they came with, times carry their
offset and microseconds, enumerations are written by value, sets are sorted, and what is empty
(nothing, "", no items, false) is left out. Where several kinds may stand, `is` names the kind.
Only the classes listed here are kept: whatever else turns up is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timezone, tzinfo
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from cds.audit.names import CodecError, named
from cds.audit.objects import Way, Ways, exactly, reader, writer
from cds.audit.stored import opened
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

__all__ = [
    "CLASSES", "FORMAT", "READABLE", "CodecError", "canonical", "decode", "encode", "parse",
    "ways_of",
]  # fmt: skip

# Raised when a field of a class below comes, goes or changes its meaning: a test compares; and when
# the tables of a decision do.
FORMAT = 3
# Format 1 knew no overridden cards: what it leaves out is read as none. Up to format 2 every rule
# was told, and there were no rules that were ruled out.
READABLE = frozenset({1, 2, FORMAT})
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
    """The tree of a body, stored or not. Raises CodecError where it is no JSON object."""
    try:
        return msgspec.json.decode(opened(body), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise CodecError("the stored body is not a JSON object") from None


def encode(value: Any) -> dict[str, Any]:
    """The tree of a Record, a Fact or anything they hold. Raises CodecError naming the field."""
    kind: Any = type(value)
    written: dict[str, Any] = _way(kind).write(value)
    return written


def decode(kind: type[T], tree: Any) -> T:
    """What `encode` was given. Raises CodecError naming the field, never its value."""
    return cast(T, _way(cast(Hashable, kind)).read(tree))


def ways_of(hint: Any) -> Ways:
    """How each field is written of one of the classes that are kept; `Listing[str]` for a generic
    one."""
    return _ways(get_origin(hint) or hint, get_args(hint))


def _text(kind: type, spell: Callable[[Any], str], read: Callable[[str], Any]) -> Way:
    """A type written as text; what reads back as text only by luck is refused."""
    check = exactly(kind)

    def back(value: Any) -> Any:
        try:
            found = read(value)
        except (TypeError, ValueError, InvalidOperation):
            found = None
        if found is None:
            raise CodecError(f"this is not the text of a {kind.__name__}")
        return found

    def there(value: Any) -> str:
        return spell(value if value.__class__ is kind else check(value))

    return Way(there, back)


def _instant(value: datetime) -> str:
    # Equal instants may be written with other offsets, and in a zone with summer time one wall time
    # has two: an instant and a fixed offset together are written in one way only.
    zone = value.tzinfo
    if zone.__class__ is timezone:
        return _spelled(value, zone)
    if value.utcoffset() is None:
        raise CodecError("a time without an offset cannot be kept")
    return value.isoformat(timespec="microseconds")


@lru_cache(4096)  # one instant stands in a result, in facts and in what they rest on
def _spelled(value: datetime, _: tzinfo | None) -> str:
    return value.isoformat(timespec="microseconds")


def _aware(text: str) -> datetime | None:
    found = datetime.fromisoformat(text)
    return None if found.utcoffset() is None else found


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) else None


_PLAIN: dict[Any, Way] = {
    str: Way(exactly(str), exactly(str), str),
    bool: Way(exactly(bool), exactly(bool), bool),
    int: Way(exactly(int), exactly(int)),
    Decimal: _text(Decimal, str, _decimal),
    datetime: _text(datetime, _instant, _aware),
    date: _text(date, date.isoformat, date.fromisoformat),
}


@cache
def _way(hint: Any) -> Way:
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
        return _text(hint, attrgetter("_value_"), hint)  # `value` is looked up in Python
    kind = origin or hint
    if kind not in CLASSES:
        raise CodecError(f"`{getattr(kind, '__name__', kind)}` is not among what is kept")
    return _object(kind, args)


def _many(kind: type, item: Any) -> Way:
    one = Way(named, exactly(str)) if item is Hashable else _way(item)
    check, is_set = exactly(kind), kind is frozenset

    def write(value: Any) -> list[Any]:
        if one is _PLAIN[str] and {*map(type, check(value))} <= {str}:
            return sorted(value) if is_set else list(value)
        found = [one.write(each) for each in check(value)]
        return sorted(found) if is_set else found

    def read(value: Any) -> Any:
        return kind(one.read(each) for each in exactly(list)(value))

    return Way(write, read, kind)


def _one_of(hints: tuple[Any, ...]) -> Way:
    """`X | None`, or one of several classes with its kind beside its fields."""
    kinds = [hint for hint in hints if hint is not NoneType]
    empty = NoneType if NoneType in hints else None
    if len(kinds) == 1:
        only = _way(kinds[0])
        return Way(only.write, only.read, empty)
    ways = {kind: _way(kind) for kind in kinds}
    names = {kind: kind.__name__.lower() for kind in kinds}
    by_name = {names[kind]: way for kind, way in ways.items()}

    def write(value: Any) -> dict[str, Any]:
        way = ways.get(value.__class__)
        if way is None:
            raise CodecError(f"{type(value).__name__} is none of {', '.join(by_name)}")
        tree: dict[str, Any] = way.write(value)
        tree[KIND] = names[value.__class__]
        return tree

    def read(value: Any) -> Any:
        tree = dict(exactly(dict)(value))
        way = by_name.get(str(tree.pop(KIND, "")))
        if way is None:
            raise CodecError(f"`{KIND}` names none of {', '.join(by_name)}")
        return way.read(tree)

    return Way(write, read, empty)


def _object(kind: type, args: tuple[Any, ...]) -> Way:
    """A dataclass, field by field."""
    ways = _ways(kind, args)
    return Way(writer(kind, ways), reader(kind, ways))


def _ways(kind: type, args: tuple[Any, ...]) -> Ways:
    if not is_dataclass(kind):  # pragma: no cover - CLASSES holds nothing else
        raise CodecError(f"{kind.__name__} has no fields")
    hints = get_type_hints(kind)
    found = []
    for item in fields(kind):
        hint = hints[item.name]
        own = getattr(hint, "__parameters__", ())
        found.append((item.name, _way(hint[args] if own and args else hint)))
    return tuple(found)
