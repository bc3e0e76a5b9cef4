"""Constants in words: a limit in each of its units."""

from __future__ import annotations

from cds.facts import show
from cds.facts.show import analyte_words, unit_words
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import Threshold

IN_A_SENTENCE = 3  # units of one limit; the tables of the book give all of them
_SUBSTANCES = {
    Analyte.MAGNESIUM_SULFATE_DOSE: "magnesium sulfate",
    Analyte.MAGNESIUM_OXIDE_DOSE: "magnesium oxide",
    Analyte.POTASSIUM_DOSE: "potassium",
    Analyte.MAGNESIUM_SULFATE_RATE: "magnesium sulfate",
    Analyte.POTASSIUM_RATE: "potassium",
    Analyte.FREQUENCY: "tablets",
    Analyte.AGE: "age",
    Analyte.WEIGHT: "body weight",
    Analyte.WBC: "white cell count",
}


def substance(analyte: Analyte) -> str:
    """What a dose, a rate or a result is of."""
    return _SUBSTANCES.get(analyte) or analyte_words(analyte)


def measured(analyte: Analyte) -> str:
    """With what is measured of it: `amount of potassium`, `magnesium`."""
    kinds = {"rate": "rate of ", "dose": "amount of "}
    return f"{kinds.get(analyte.value.rpartition('_')[2], '')}{substance(analyte)}"


def amount(quantity: Quantity) -> str:
    """A quantity: `0.2 mg/dL`, `18 years`, `2 a day`."""
    if quantity.unit == "/d":
        return f"{show.short(quantity.value)} a day"
    return _micro(show.quantity_words(quantity))


def units_of(threshold: Threshold) -> tuple[str, ...]:
    """The limit in each unit, as written in the rules."""
    return tuple(f"{value:f} {unit_name(unit)}" for unit, value in threshold.values.items())


def unit_name(unit: str) -> str:
    """A unit as it is printed: `mEq/h`, `µmol/L`."""
    return _micro(unit_words(unit))


def _micro(words: str) -> str:
    return words.replace("umol", "µmol")


def limit(threshold: Threshold) -> str:
    """`1.7 mg/dL (0.70 mmol/L, 1.4 mEq/L)`; one that has a single unit is converted."""
    first, *others = units_of(threshold)[:IN_A_SENTENCE]
    if not others:
        return _micro(show.both_units(threshold.for_unit(next(iter(threshold.values))), first))
    return f"{first} ({', '.join(others)})"


def short_limit(threshold: Threshold) -> str:
    """`1.7 mg/dL (0.70 mmol/L)`, or its first unit where the number is the same in both."""
    first, *others = units_of(threshold)[:2]
    same = len({*threshold.values.values()}) == 1
    return first if same or not others else f"{first} ({others[0]})"
