"""The dose of one administration in the dimension of its electrolyte, or why it cannot be read.

Readable: g, mg, meq, mmol, and mL, bags, vials, tablets or capsules of a product whose strength
was verified (clinical pack R30). Nothing is read from free text, nothing guessed from magnitude.
1 g MgSO4.7H2O = 4.06 mmol = 8.12 meq (R31).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from cds.chart.dose_ways import CALCULATED, ORDERED, agree, by_type
from cds.chart.timings import number
from cds.facts.record import Substance, Unclear
from cds.facts.terminology import Product, Terminology
from cds.fhir.bundle import is_present
from cds.fhir.medication_resources import DoseAndRate, DoseRatio
from cds.fhir.resources import ResultQuantity
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

MEQ_PER_G, MMOL_PER_G = Decimal("8.12"), Decimal("4.06")
NOT_STATED = Unclear("dose not stated")
RANGE = Unclear("dose is a range")
SEVERAL = Unclear("more than one dose instruction")
DISAGREE = Unclear("the ways in which the dose is told disagree")
_UNITS = {
    "g": ("gm", "gms", "gram", "grams"),
    "mg": ("milligram", "milligrams"),
    "meq": ("milliequivalent", "milliequivalents"),
    "mmol": ("millimole", "millimoles"),
    "mL": ("ml", "milliliter", "milliliters", "millilitre", "millilitres", "cc"),
    "{bag}": ("bag", "bags"),
    "{vial}": ("vial", "vials"),
    "{tbl}": ("tbl", "tab", "tabs", "tablet", "tablets", "{tablet}"),
    "{cap}": ("cap", "caps", "capsule", "capsules", "{capsule}"),
}
_SPELLED = {name: unit for unit, names in _UNITS.items() for name in (unit.lower(), *names)}
_PER_HOUR = {
    "h": Decimal(1),
    "hr": Decimal(1),
    "hour": Decimal(1),
    "hours": Decimal(1),
    "min": Decimal(60),
    "minute": Decimal(60),
    "d": Decimal(1) / 24,
    "day": Decimal(1) / 24,
}
_RATES = {
    Analyte.MAGNESIUM_SULFATE_DOSE: (Analyte.MAGNESIUM_SULFATE_RATE, "g/h"),
    Analyte.POTASSIUM_DOSE: (Analyte.POTASSIUM_RATE, "meq/h"),
}
_MAGNESIUM_ROLES = frozenset({"mg-replacement-iv", "mg-replacement-oral"})


@dataclass(frozen=True, slots=True)
class Electrolyte:
    """What the dose of a drug is counted in. `why` non-empty: it has one, but not a readable one.

    `salt` is the name of the substance, `product` its verified product, if any.
    """

    analyte: Analyte | None
    salt: str = ""
    product: Product | None = None
    why: str = ""


def electrolyte(
    substances: tuple[Substance, ...],
    product: RxNorm | None,
    parenteral: bool | None,
    terms: Terminology,
) -> Electrolyte | None:
    """The dose dimension of a drug; None when it carries no electrolyte we total."""
    found = [found for item in substances if (found := _dimension(item, parenteral)) is not None]
    if not found:
        return None
    if len(found) > 1:
        return Electrolyte(None, why="more than one electrolyte in it")
    known = terms.products.get(product) if product else None
    if known is not None and known.ingredient != found[0].salt:
        known = None
    return Electrolyte(found[0].analyte, found[0].salt, known, found[0].why)


def _dimension(item: Substance, parenteral: bool | None) -> Electrolyte | None:
    if not item.roles:  # an ointment, an irrigation, a vitamin with a trace of it
        return None
    if "tpn" in item.roles:
        return Electrolyte(None, item.name, why="the content of parenteral nutrition is not known")
    if item.name == "magnesium sulfate":
        return Electrolyte(Analyte.MAGNESIUM_SULFATE_DOSE, item.name)
    if item.name == "magnesium oxide":
        return Electrolyte(Analyte.MAGNESIUM_OXIDE_DOSE, item.name)
    if item.roles & {"k-replacement", "k-containing"} or item.name.startswith("potassium "):
        return Electrolyte(Analyte.POTASSIUM_DOSE, item.name)
    if item.roles & _MAGNESIUM_ROLES and parenteral is not False:
        return Electrolyte(None, item.name, why="the amount of this magnesium salt is not known")
    return None


def read_unit(quantity: ResultQuantity) -> str | Unclear:
    """One of our dose units. `code` and `unit` must not contradict each other."""
    texts = [text.strip() for text in (quantity.code, quantity.unit) if text and text.strip()]
    if not texts:
        return Unclear("dose without unit")
    if "Mg" in texts:  # the element, a spelling of mg, or UCUM's tonne
        return Unclear("unit `Mg` is ambiguous")
    known = {unit for text in texts if (unit := _SPELLED.get(_plain(text))) is not None}
    if len(known) > 1:
        return Unclear("unit and code of the dose disagree")
    return known.pop() if known else Unclear("dose unit not understood")


def _plain(text: str) -> str:
    return text.lower().removesuffix("(s)")


def read_amount(
    quantity: ResultQuantity | None, what: Electrolyte | None
) -> Quantity | Unclear | None:
    """A Quantity in the dose dimension; None when the drug carries no electrolyte we total."""
    if what is None:
        return None
    if what.analyte is None:
        return Unclear(what.why)
    if quantity is None:
        return NOT_STATED
    value = number(quantity.value)
    if value is None:
        return Unclear("dose is not a positive number")
    if quantity.comparator:
        return Unclear("dose with a comparator")
    unit = read_unit(quantity)
    return unit if isinstance(unit, Unclear) else _convert(value, unit, what, what.analyte)


def _convert(value: Decimal, unit: str, what: Electrolyte, analyte: Analyte) -> Quantity | Unclear:
    if analyte is Analyte.MAGNESIUM_SULFATE_DOSE and unit in ("meq", "mmol"):
        per = MEQ_PER_G if unit == "meq" else MMOL_PER_G
        return Quantity.of(analyte, value / per, "g")
    if analyte is not Analyte.POTASSIUM_DOSE and unit in ("g", "mg"):
        return Quantity.of(analyte, value, unit)
    if analyte is Analyte.POTASSIUM_DOSE and unit == "meq":
        return Quantity.of(analyte, value, "meq")
    if analyte is Analyte.POTASSIUM_DOSE and unit == "mmol":
        if what.salt == "potassium phosphate":
            return Unclear("mmol of potassium phosphate count phosphate")
        return Quantity.of(analyte, value, "mmol")
    if what.product is None:
        return Unclear(f"{unit} of a product whose strength is not known")
    return _of_product(value, unit, what.product, analyte)


def _of_product(
    value: Decimal, unit: str, product: Product, analyte: Analyte
) -> Quantity | Unclear:
    natural = {Analyte.MAGNESIUM_SULFATE_DOSE: "g", Analyte.MAGNESIUM_OXIDE_DOSE: "mg"}
    units: Decimal | None = None
    if unit == product.unit:
        units = value
    elif unit == "mL" and product.millilitres:
        units = value / product.millilitres
    elif unit in ("mg", "g") and product.salt_mg:
        units = value * (1000 if unit == "g" else 1) / product.salt_mg
    if units is None:
        return Unclear(f"{unit} does not fit this product")
    return Quantity.of(analyte, units * product.per_unit, natural.get(analyte, "meq"))


def read_dose(
    steps: tuple[DoseAndRate, ...], what: Electrolyte | None
) -> Quantity | Unclear | None:
    """The dose of one instruction. A range is never read; several doseAndRate are one dose only
    where each is of another `type` and they agree."""
    if what is None:
        return None
    if len(steps) > 1:
        return _one_dose(steps, what)
    if not steps:
        return NOT_STATED
    if steps[0].doseQuantity is None and is_present(steps[0].doseRange):
        return RANGE
    return read_amount(steps[0].doseQuantity, what)


def _one_dose(steps: tuple[DoseAndRate, ...], what: Electrolyte) -> Quantity | Unclear:
    """One dose told as ordered, as calculated and as the amount to give (FHIR R4
    doseAndRate.type; Epic sends all three)."""
    told = by_type(steps)
    if told is None:
        return SEVERAL
    found = {kind: read_dose((step,), what) or NOT_STATED for kind, step in told.items()}
    if RANGE in found.values():
        return RANGE
    known = [item for item in found.values() if isinstance(item, Quantity)]
    if not agree(known):
        return DISAGREE
    stated = [found[kind] for kind in (ORDERED, CALCULATED) if kind in found]
    return next((item for item in stated if isinstance(item, Quantity)), stated[0])


def read_rate(
    steps: tuple[DoseAndRate, ...], what: Electrolyte | None
) -> Quantity | Unclear | None:
    """The rate in g/h of MgSO4 or meq/h of K; None when no rate is stated or none applies."""
    if what is None or (what.analyte and what.analyte not in _RATES):
        return None
    if len(steps) > 1 and by_type(steps) is None:
        return None
    found = [rate for step in steps if (rate := _step_rate(step, what)) is not None]
    known = [item for item in found if isinstance(item, Quantity)]
    if not agree(known):
        return DISAGREE
    return next(iter((*known, *found)), None)


def _step_rate(step: DoseAndRate, what: Electrolyte) -> Quantity | Unclear | None:
    if step.rateRatio is not None:
        return _ratio(step.rateRatio, what)
    if step.rateQuantity is not None:
        return _per_time(step.rateQuantity, what)
    return Unclear("rate is a range") if is_present(step.rateRange) else None


def spread(dose: Quantity | Unclear | None, hours: Decimal | None) -> Quantity | None:
    """The rate of a dose that runs for so many hours, where the order states no rate itself."""
    if not isinstance(dose, Quantity) or not hours or dose.analyte not in _RATES:
        return None
    analyte, unit = _RATES[dose.analyte]
    amount = dose.to("g" if unit == "g/h" else "meq")
    # divided once: times the inverse of 6 h, 60 meq would be a little more than 10 an hour
    return Quantity.of(analyte, amount.value / hours, unit) if amount.interval.exact else None


def _per_time(quantity: ResultQuantity, what: Electrolyte) -> Quantity | Unclear:
    """A rate written as one unit: `g/h`, `mEq/hr`, `mL/hr`."""
    parts = [(text or "").partition("/") for text in (quantity.code, quantity.unit)]
    amount = ResultQuantity(
        quantity.value, quantity.comparator, parts[1][0] or None, None, parts[0][0] or None
    )
    times = {_PER_HOUR.get(part[2].strip().lower()) for part in parts if part[2]}
    factor = times.pop() if len(times) == 1 else None
    return _rate(read_amount(amount, what), factor)


def _ratio(ratio: DoseRatio, what: Electrolyte) -> Quantity | Unclear:
    below = ratio.denominator
    hours = number(below.value) if below else None
    texts = {(text or "").strip().lower() for text in (below.code, below.unit)} if below else set()
    factors = {_PER_HOUR[text] for text in texts if text in _PER_HOUR}
    factor = factors.pop() / hours if hours and len(factors) == 1 else None
    return _rate(read_amount(ratio.numerator, what), factor)


def _rate(amount: Quantity | Unclear | None, per_hour: Decimal | None) -> Quantity | Unclear:
    if not isinstance(amount, Quantity):
        return amount or NOT_STATED
    if per_hour is None:
        return Unclear("rate unit not understood")
    analyte, unit = _RATES[amount.analyte]
    value = amount.to("g" if unit == "g/h" else "meq").value
    return Quantity.of(analyte, value * per_hour, unit)
