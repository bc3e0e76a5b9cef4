"""Small readers for the words of the rule language: quantities and spans of time."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import UNITS, Analyte

_QUANTITY = re.compile(r"^(<=|>=|<|>)?\s*(-?\d+(?:\.\d+)?)\s+(\S.*)$")
_SPAN = re.compile(r"^(\d+)\s*(min|h|d)$")
_SPANS = {"min": "minutes", "h": "hours", "d": "days"}


def looks_like_quantity(text: str) -> bool:
    """A number with a unit (a number alone is never a quantity)."""
    return _QUANTITY.match(text) is not None


def quantity(text: str, analyte: Analyte) -> Quantity:
    """`1.7 mg/dL`, `<0.5 mg/dL`. Raises ValueError saying what is wrong."""
    match = _QUANTITY.match(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a number with a unit")
    sign, number, unit = match.groups()
    if unit not in UNITS[analyte].factors:
        accepted = ", ".join(f"`{name}`" for name in UNITS[analyte].factors)
        raise ValueError(f"`{unit}` is not a unit of {analyte.value} (accepted: {accepted})")
    value = Decimal(number)
    if sign is None:
        return Quantity(analyte, point(value), unit)
    if sign.startswith("<"):
        return Quantity(analyte, Interval(None, value, high_open=sign == "<"), unit)
    return Quantity(analyte, Interval(value, None, low_open=sign == ">"), unit)


def span(text: str) -> timedelta:
    """`24 h`, `7 d`, `15 min`. Raises ValueError."""
    match = _SPAN.match(text.strip())
    if match is None:
        raise ValueError(f"`{text}` is not a span of time such as `24 h` or `7 d`")
    return timedelta(**{_SPANS[match.group(2)]: int(match.group(1))})


def analyte(text: str) -> Analyte:
    """An analyte by its name in the rule language. Raises ValueError."""
    try:
        return Analyte(text)
    except ValueError:
        raise ValueError(f"`{text}` is not something this service measures") from None
