"""The units a quantity may be stated in, with the limits of the rules as marks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import Rulebook
from cds.rulebook.prose.limits import unit_name

# How far a slider reaches, in the canonical unit. No limits of any kind: what is beyond is typed.
_REACH: Mapping[Analyte, tuple[str, str]] = {
    Analyte.MAGNESIUM: ("0.2", "4"),
    Analyte.POTASSIUM: ("1.5", "7.5"),
    Analyte.CALCIUM: ("1", "4"),
    Analyte.CALCIUM_CORRECTED: ("1", "4"),
    Analyte.CALCIUM_IONIZED: ("0.5", "2"),
    Analyte.CREATININE: ("20", "1000"),
    Analyte.ALBUMIN: ("1", "6"),
    Analyte.PHOSPHATE: ("0.1", "3"),
    Analyte.EGFR: ("0", "120"),
    Analyte.CRCL: ("0", "150"),
    Analyte.WBC: ("0", "20"),
    Analyte.QTC: ("350", "650"),
    Analyte.WEIGHT: ("2", "150"),
    Analyte.HEIGHT: ("40", "210"),
    Analyte.AGE: ("0", "110"),
    Analyte.MAGNESIUM_SULFATE_DOSE: ("0", "20"),
    Analyte.MAGNESIUM_OXIDE_DOSE: ("0", "2000"),
    Analyte.POTASSIUM_DOSE: ("0", "500"),
    Analyte.POTASSIUM_RATE: ("0", "60"),
}
_STEPS = 100  # a slider has about as many, and at most ten times as many


@dataclass(frozen=True, slots=True)
class Mark:
    """A limit of the rules in the unit of the scale: `name` of the rule files, and what it is."""

    name: str
    value: Decimal
    why: str


@dataclass(frozen=True, slots=True)
class Scale:
    """One unit: its UCUM code, its name for a reader, the reach and step of a slider."""

    unit: str
    name: str
    low: Decimal
    high: Decimal
    step: Decimal
    marks: tuple[Mark, ...]


def scales(book: Rulebook, analyte: Analyte) -> tuple[Scale, ...]:
    """Every unit that the rules know for the analyte; the one their limits are written in first."""
    limits = [item for item in book.thresholds.values() if item.analyte is analyte]
    known = list(UNITS[analyte].factors)
    first = list(limits[0].values) if limits else [UNITS[analyte].canonical]
    return tuple(_scale(book, analyte, unit) for unit in dict.fromkeys((*first, *known)))


def _scale(book: Rulebook, analyte: Analyte, unit: str) -> Scale:
    marks = sorted(
        (
            Mark(item.name, item.for_unit(unit).value, item.why)
            for item in book.thresholds.values()
            if item.analyte is analyte
        ),
        key=lambda mark: mark.value,
    )
    low, high = _reach(analyte, unit, [mark.value for mark in marks])
    step = Decimal(1).scaleb(((high - low) / _STEPS).adjusted())
    return Scale(
        unit,
        unit_name(unit),
        _plain((low / step).to_integral_value(ROUND_FLOOR) * step),
        _plain((high / step).to_integral_value(ROUND_CEILING) * step),
        _plain(step),
        tuple(marks),
    )


def _plain(value: Decimal) -> Decimal:
    """The same number, written without an exponent."""
    return Decimal(f"{value:f}")


def _reach(analyte: Analyte, unit: str, marks: list[Decimal]) -> tuple[Decimal, Decimal]:
    factor = UNITS[analyte].factors[unit]
    most = max(marks, default=Decimal(1)) * Decimal("1.1")
    if analyte not in _REACH:
        return Decimal(0), most
    low, high = (Decimal(end) / factor for end in _REACH[analyte])
    return low, max(high, most)
