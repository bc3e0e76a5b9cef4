"""Doses out of tables: how much, how many product units, how fast, in words."""

from __future__ import annotations

from dataclasses import dataclass, field

from cds.engine.facts import Facts
from cds.engine.phrases import amount_words
from cds.engine.tables import cell
from cds.facts import show
from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import DoseSpec, OrderTemplate

_FREQUENCY = {1: "once daily", 2: "twice daily"}


@dataclass(frozen=True, slots=True)
class NoDose:
    """There is no dose for this patient, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class Dosed:
    """A dose ready for an order. `words` fills the holes of the label."""

    dose: Quantity
    units: int | None = None
    per_day: int | None = None
    rate: Quantity | None = None
    hours: Quantity | None = None
    words: dict[str, str] = field(default_factory=dict)


def work_out_dose(spec: DoseSpec, template: OrderTemplate | None, facts: Facts) -> Dosed | NoDose:
    """The dose of the table cell for this patient."""
    found = cell(facts.book.tables[spec.table], facts)
    if found.quantity is None:
        why = "; ".join(facts.fact(name).explained for name in facts.book.tables[spec.table].by)
        return NoDose(f"there is no dose for this patient: {why}")
    return dosed(found.quantity, spec, template)


def dosed(stated: Quantity, spec: DoseSpec, template: OrderTemplate | None) -> Dosed | NoDose:
    """What one cell of the table comes to as an order."""
    if template is not None and template.fills == "frequency":
        return _frequency(stated, template)
    return _amount(stated, spec, template)


def _frequency(per_day: Quantity, template: OrderTemplate) -> Dosed | NoDose:
    count = int(per_day.value)
    if template.per_unit is None or per_day.value != count or count not in _FREQUENCY:
        return NoDose(f"{per_day.value:f} a day is not an order this service can write")
    one = template.per_unit
    elemental = template.elemental_mg
    total = Quantity.of(one.analyte, one.value * count, one.unit)
    words = {
        "dose": f"{one.value.normalize():f} {one.unit}",
        "frequency": _FREQUENCY[count],
        "elemental": f"{show.short(elemental * count)} mg elemental/day" if elemental else "",
        "rate": "",
        "duration": "",
    }
    return Dosed(total, 1, count, words=words)


def _amount(stated: Quantity, spec: DoseSpec, template: OrderTemplate | None) -> Dosed | NoDose:
    dose = stated.to(UNITS[stated.analyte].canonical)  # rates are per canonical unit
    units = None
    if template is not None and template.per_unit is not None:
        count = dose.value / template.per_unit.to(dose.unit).value
        if count != int(count):
            return NoDose("the dose is not a whole number of units of the product")
        units = int(count)
    hours = spec.over.to("h") if spec.over else None
    if spec.rate is not None:
        hours = Quantity.of(Analyte.DURATION, dose.value / spec.rate.value, "h")
    words = {
        "dose": amount_words(dose),
        "frequency": "once",
        "elemental": "",
        "rate": f"{spec.rate.value.normalize():f} {spec.rate.unit}" if spec.rate else "",
        "duration": _duration(spec, hours),
    }
    return Dosed(dose, units, None, spec.rate, hours, words)


def _duration(spec: DoseSpec, hours: Quantity | None) -> str:
    if spec.over is not None:
        return f"{spec.over.value.normalize():f} {spec.over.unit}"
    return f"{hours.value.normalize():f} h" if hours is not None else ""
