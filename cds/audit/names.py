"""What tells a medication order from every other, as a fixed text.

The chart compares names of any kind, made of what the order says. A re-run only asks whether two
are equal, so each is kept as the SHA-256 of one spelling: nothing of the order can be read from it,
and names that were equal stay equal, also next to names that were kept before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from enum import Enum

import msgspec

from cds.errors import CdsError

_ORIGIN = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT = Context(prec=100_000)  # trailing zeros go, digits never
_KEPT = re.compile(r"sha256:[0-9a-f]{64}")


class CodecError(CdsError):
    """What cannot be written into, or read from, a stored decision. Names fields, never values."""


def named(item: Hashable) -> str:
    """The fixed text of one name. Raises CodecError for a type that has no spelling."""
    if isinstance(item, str) and _KEPT.fullmatch(item):
        return item
    return f"sha256:{hashlib.sha256(_spelled(item).encode()).hexdigest()}"


def _spelled(item: object) -> str:  # noqa: C901  one case per kind of name
    """Equal things, and only they, are spelled alike: 1 and 1.0, or one instant in two zones."""
    match item:
        case None:
            return "null"
        case Enum():
            return f"{type(item).__name__}.{item.name}"
        case bool() | int() | Decimal():
            return f"number {Decimal(item).normalize(_EXACT)}"
        case str():
            return json.dumps(item)
        case bytes() | msgspec.Raw():
            return f"bytes {bytes(item).hex()}"
        case datetime():
            return f"time {_since(item)}"
        case date():
            return f"date {item.isoformat()}"
        case tuple():
            return f"({','.join(_spelled(each) for each in item)})"
        case frozenset():
            return f"{{{','.join(sorted(_spelled(each) for each in item))}}}"
        case msgspec.Struct():
            found = (_spelled(getattr(item, name)) for name in item.__struct_fields__)
            return f"{type(item).__name__}({','.join(found)})"
        case _:
            raise CodecError(f"a name made of `{type(item).__name__}` cannot be kept")


def _since(moment: datetime) -> timedelta:
    """From a fixed instant on, so that no time zone can carry a date out of the calendar."""
    if moment.utcoffset() is None:
        raise CodecError("a time without an offset cannot be kept")
    return moment - _ORIGIN
