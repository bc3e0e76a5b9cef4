"""How numbers, times and ages are written for a reader; the one place that rounds.

Nothing here decides anything: comparisons are made unrounded, on the quantity (clinical pack
R5). A value is shown as received, with the other customary unit behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from cds.kernel.quantity import Interval, Quantity, rounded
from cds.kernel.units import Analyte

_UNIT_WORDS = {
    "meq/L": "mEq/L",
    "meq": "mEq",
    "meq/h": "mEq/h",
    "mL/min/{1.73_m2}": "mL/min/1.73 m2",
    "10*9/L": "x10^9/L",
    "10*3/uL": "x10^3/uL",
    "[lb_av]": "lb",
    "[in_i]": "in",
    "a": "years",
}

_ANALYTE_WORDS = {
    Analyte.CALCIUM: "total calcium",
    Analyte.CALCIUM_CORRECTED: "albumin-corrected calcium",
    Analyte.CALCIUM_IONIZED: "ionized calcium",
    Analyte.EGFR: "eGFR",
    Analyte.CRCL: "creatinine clearance",
    Analyte.WBC: "white blood cells",
    Analyte.QTC: "QTc",
}

# For each analyte: unit received -> units to show behind it, with decimals (clinical pack 2, R5).
_BOTH = (("mmol/L", 2), ("mg/dL", 1))
_MINUTE = timedelta(minutes=1)
_ELECTROLYTE = {
    "mg/dL": (("mmol/L", 2),),
    "mmol/L": (("mg/dL", 1),),
    "meq/L": _BOTH,
    "mg/L": _BOTH,
    "umol/L": _BOTH,
}
_CREATININE = {
    "mg/dL": (("umol/L", 0),),
    "umol/L": (("mg/dL", 2),),
    "mmol/L": (("umol/L", 0), ("mg/dL", 2)),
}
_OTHER_UNITS: dict[Analyte, dict[str, tuple[tuple[str, int], ...]]] = {
    Analyte.MAGNESIUM: _ELECTROLYTE,
    Analyte.CALCIUM: _ELECTROLYTE,
    Analyte.CALCIUM_CORRECTED: _ELECTROLYTE,
    Analyte.CALCIUM_IONIZED: _ELECTROLYTE,
    Analyte.PHOSPHATE: _ELECTROLYTE,
    Analyte.POTASSIUM: {"mg/dL": (("mmol/L", 1),)},
    Analyte.CREATININE: _CREATININE,
    Analyte.ALBUMIN: {"g/dL": (("g/L", 0),), "g/L": (("g/dL", 1),)},
    Analyte.QTC: {"s": (("ms", 0),)},
    Analyte.WEIGHT: {"[lb_av]": (("kg", 1),), "g": (("kg", 1),)},
    Analyte.HEIGHT: {"m": (("cm", 0),), "[in_i]": (("cm", 0),)},
}

# Quantities nobody reported: they are computed, and written rounded.
_COMPUTED_PLACES = {Analyte.EGFR: 0, Analyte.CRCL: 0}


def analyte_words(analyte: Analyte) -> str:
    """`magnesium`, `ionized calcium`: how a sentence calls the analyte."""
    return _ANALYTE_WORDS.get(analyte, analyte.value.replace("_", " "))


def unit_words(unit: str) -> str:
    """The unit as clinicians write it (`mEq/L`, `mL/min/1.73 m2`)."""
    return _UNIT_WORDS.get(unit, unit)


def plain(value: Decimal) -> str:
    """A number without exponent, its digits as received."""
    return format(value, "f")


def short(value: Decimal) -> str:
    """A number without trailing zeros: `4`, `2.5`."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _interval_words(interval: Interval, number: Callable[[Decimal], str]) -> str:
    low, high = interval.low, interval.high
    if low is None and high is None:
        return "any value"
    if low is None and high is not None:
        return ("<" if interval.high_open else "<=") + number(high)
    if high is None and low is not None:
        return (">" if interval.low_open else ">=") + number(low)
    if low is None or high is None or low == high:
        return number(Decimal(0) if low is None else low)
    return f"{number(low)} to {number(high)}"


def quantity_words(quantity: Quantity, places: int | None = None) -> str:
    """A quantity in its own unit: `1.0 mg/dL`, `<0.5 mg/dL`, `1.6 to 1.9 mg/dL`.

    `places` rounds half up; without it the digits stay as they are, except for computed
    kidney estimates, which are whole numbers.
    """
    digits = _COMPUTED_PLACES.get(quantity.analyte) if places is None else places

    def number(value: Decimal) -> str:
        return plain(value) if digits is None else rounded(value, digits)

    return f"{_interval_words(quantity.interval, number)} {unit_words(quantity.unit)}"


def rounded_words(quantity: Quantity, places: int) -> str:
    """A quantity rounded half up to at most `places` decimals: `70 kg`, `70.5 kg`."""

    def number(value: Decimal) -> str:
        return short(Decimal(rounded(value, places)))

    return f"{_interval_words(quantity.interval, number)} {unit_words(quantity.unit)}"


def other_units(quantity: Quantity) -> str:
    """The customary other units, `0.41 mmol/L`, or "" where there is none."""
    wanted = _OTHER_UNITS.get(quantity.analyte, {}).get(quantity.unit, ())
    return ", ".join(quantity_words(quantity.to(unit), places) for unit, places in wanted)


def both_units(quantity: Quantity, as_received: str = "") -> str:
    """As received plus the other unit: `1.0 mg/dL (0.41 mmol/L)`."""
    face = as_received or quantity_words(quantity)
    other = other_units(quantity)
    return f"{face} ({other})" if other else face


def mg_dose(grams: Decimal) -> str:
    """A magnesium sulfate dose in g, mmol and meq (clinical pack R31; safety point 4)."""
    mmol, meq = rounded(Decimal("4.06") * grams, 2), rounded(Decimal("8.12") * grams, 2)
    return f"{short(grams)} g ({mmol} mmol, {meq} meq)"


def span_words(span: timedelta) -> str:
    """`35 min`, `4 h`, `20 days` (days from 48 h on); always rounded down."""
    minutes = max(span // _MINUTE, 0)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def age_words(now: datetime, when: datetime) -> str:
    """How long ago: `35 min`, `4 h`, `20 days`."""
    return span_words(now - when)


def names_words(names: Iterable[str]) -> str:
    """Names in a row. Product names hold commas; one more between them would make more of them."""
    found = tuple(names)
    return ("; " if any("," in name for name in found) else ", ").join(found)


def time_words(when: datetime) -> str:
    """`2026-11-21 08:00 UTC`, or the ward's time with its offset, `2026-11-21 03:00 -05:00`."""
    text = when.isoformat(" ", "minutes")
    return f"{text[:16]} {text[16:] if when.utcoffset() else 'UTC'}"
