"""Doses as orders and sentences say them: exact numbers, g and mmol and meq together.

1 g MgSO4.7H2O = 4.06 mmol = 8.12 meq (clinical pack R31, 50 % label). An order never runs faster
than its whole dose over 15 min (clinical pack R11, section 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cds.engine.decision import Offer
from cds.errors import CdsError
from cds.kernel.quantity import Quantity, rounded
from cds.kernel.units import Analyte
from cds.rulebook.model import OrderTemplate

UCUM = "http://unitsofmeasure.org"
MMOL_PER_GRAM = Decimal("4.06")
MEQ_PER_GRAM = Decimal("8.12")
SHORTEST = Decimal(15)  # minutes
_MINUTES = {"min": Decimal(1), "h": Decimal(60), "d": Decimal(1440)}
_TIMES = {1: "daily", 2: "BID"}  # the label allows two tablets in 24 h


class NotOrderable(Exception):
    """An offer that must not become an order; the message says why, without patient values."""


# Whatever goes wrong while an amount is worked out ends the order, never the card or the answer.
NOT_AN_ORDER = (NotOrderable, CdsError, ValueError, KeyError, ArithmeticError)


@dataclass(frozen=True, slots=True)
class Infusion:
    """One dose of magnesium sulfate. `rate` None = a short infusion given by its duration."""

    grams: Decimal
    minutes: Decimal
    rate: Decimal | None  # g/h
    units: int


def tidy(value: Decimal) -> Decimal:
    """Without trailing zeros or exponent: 4, not 4.0 or 4E+0."""
    return Decimal(format(value.normalize(), "f"))


def shown(value: Decimal) -> str:
    """A number for people."""
    return format(tidy(value), "f")


def quantity(value: Decimal, unit: str) -> dict[str, Any]:
    """An R4 Quantity in a UCUM unit."""
    return {"value": tidy(value), "unit": unit, "system": UCUM, "code": unit}


def minutes_of(duration: Quantity) -> Decimal:
    """A duration in minutes. Not by the unit table: there a minute is a rounded part of an hour."""
    return _settled(duration.value * _MINUTES[duration.unit])


def infusion(offer: Offer, template: OrderTemplate) -> Infusion:
    """The infusion an offer means. Raises NotOrderable when it is not fully and safely said."""
    dose, per_unit = offer.dose, template.per_unit
    if dose is None or per_unit is None or dose.analyte is not Analyte.MAGNESIUM_SULFATE_DOSE:
        raise NotOrderable("the dose is not one of magnesium sulfate")
    if dose.analyte is not per_unit.analyte or not dose.interval.exact:
        raise NotOrderable("the dose is not exact")
    grams = dose.to("g").value
    units = grams / per_unit.to("g").value
    if grams <= 0 or units != int(units) or offer.units not in (None, int(units)):
        raise NotOrderable("the dose is not a whole number of product units")
    rate = None if offer.rate is None else offer.rate.to("g/h").value
    minutes = _minutes(grams, rate, offer.hours)
    if minutes < SHORTEST:
        raise NotOrderable("the infusion would be faster than the whole dose over 15 min")
    return Infusion(tidy(grams), tidy(minutes), rate and tidy(rate), int(units))


def _minutes(grams: Decimal, rate: Decimal | None, hours: Quantity | None) -> Decimal:
    said = None if hours is None else minutes_of(hours)
    if rate is None:
        if said is None:
            raise NotOrderable("neither rate nor duration is said")
        return said
    if rate <= 0:
        raise NotOrderable("the rate is not positive")
    needed = _settled(grams * 60 / rate)
    if said is not None and abs(said - needed) > Decimal("0.5"):
        raise NotOrderable("rate and duration do not agree")
    return needed


def _settled(minutes: Decimal) -> Decimal:
    return minutes.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def dose_words(grams: Decimal) -> str:
    """`4 g (16.24 mmol, 32.48 meq)`."""
    mmol, meq = rounded(grams * MMOL_PER_GRAM, 2), rounded(grams * MEQ_PER_GRAM, 2)
    return f"{shown(grams)} g ({mmol} mmol, {meq} meq)"


def duration(minutes: Decimal) -> tuple[Decimal, str]:
    """Value and UCUM unit as people say it: whole hours in h, everything else in min."""
    if minutes % 60 == 0:
        return tidy(minutes / 60), "h"
    return tidy(minutes), "min"


def rate_words(plan: Infusion) -> str:
    """`over 4 h at 1 g/h`, `over 15 min`."""
    value, unit = duration(plan.minutes)
    at = "" if plan.rate is None else f" at {shown(plan.rate)} g/h"
    return f"over {shown(value)} {unit}{at}"


def infusion_values(plan: Infusion, template: OrderTemplate) -> dict[str, Any]:
    """The holes of a template that is filled in product units."""
    value, unit = duration(plan.minutes)
    noun = template.unit.strip("{}")
    return {
        "dose": plan.grams,
        "rate": None if plan.rate is None else quantity(plan.rate, "g/h"),
        "duration": value,
        "duration_unit": unit,
        "units": plan.units,
        "dose_words": dose_words(plan.grams),
        "rate_words": rate_words(plan),
        "count_words": f"{plan.units} {noun}{'' if plan.units == 1 else 's'}",
    }


def tablet_values(offer: Offer, template: OrderTemplate) -> dict[str, Any]:
    """The holes of a template that is filled by how often one unit is taken.

    Raises NotOrderable unless the offer is one or two units a day of this product.
    """
    per_unit, times = template.per_unit, offer.per_day
    if per_unit is None or template.elemental_mg is None or times not in _TIMES:
        raise NotOrderable("the number of doses a day is not one or two")
    one = per_unit.to("mg").value
    if offer.dose is not None and offer.dose.to("mg").value not in (one, one * times):
        raise NotOrderable("the dose is not the product's")
    return {
        "dose": tidy(one),
        "per_day": times,
        "times_words": _TIMES[times],
        "elemental_words": shown(template.elemental_mg * times),
    }
