"""A plain stand-in for the engine's view, and short builders for one patient.

Times are given as hours before `NOW`, so that a table reads like a flow sheet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from cds.facts.draws import Results
from cds.facts.labs import newest
from cds.facts.model import Fact, Measured, Missing, NotKnown, Reason, presence
from cds.facts.record import (
    Administration,
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
    Substance,
    not_supplied,
)
from cds.facts.view import View
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

T = TypeVar("T")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

LABS = {
    "magnesium": (Analyte.MAGNESIUM, 24),
    "potassium": (Analyte.POTASSIUM, 24),
    "calcium": (Analyte.CALCIUM, 24),
    "calcium_ionized": (Analyte.CALCIUM_IONIZED, 24),
    "calcium_corrected_reported": (Analyte.CALCIUM_CORRECTED, 24),
    "creatinine": (Analyte.CREATININE, 48),
    "egfr_reported": (Analyte.EGFR, 48),
    "weight": (Analyte.WEIGHT, 30 * 24),
    "height": (Analyte.HEIGHT, 30 * 24),
}
LIMITS = {
    "k_low": (Analyte.POTASSIUM, {"mmol/L": "3.5", "meq/L": "3.5"}),
    "ca_corrected_low": (
        Analyte.CALCIUM_CORRECTED,
        {"mg/dL": "8.5", "mmol/L": "2.12", "meq/L": "4.24"},
    ),
    "ica_low": (Analyte.CALCIUM_IONIZED, {"mmol/L": "1.12"}),
}
PROBLEMS = ("dialysis", "dialysis_procedure", "esrd", "kidney_transplant", "aki_recent")


def ago(hours: float) -> datetime:
    """That many hours before now."""
    return NOW - timedelta(hours=hours)


def quantity(analyte: Analyte, text: str) -> Quantity:
    """`1.0 mg/dL`, `<0.5 mg/dL`, `>60 mL/min/{1.73_m2}`."""
    number, unit = text.split(" ", 1)
    if number[0] == "<":
        return Quantity(analyte, Interval(None, Decimal(number[1:]), high_open=True), unit)
    if number[0] == ">":
        return Quantity(analyte, Interval(Decimal(number[1:]), None, low_open=True), unit)
    return Quantity.of(analyte, number, unit)


_count = iter(range(1, 10**9))


def lab(analyte: Analyte, text: str, hours: float | None, **more: object) -> LabResult:
    """One result; `text` None-like `-` = no number. `hours` ago; None = no readable time."""
    issued = str(more.pop("issued", ""))
    name = str(more.pop("id", f"o{next(_count)}"))
    when = None if hours is None else ago(hours)
    stamp = when.isoformat() if when else ""
    value = None if text == "-" else quantity(analyte, text)
    return LabResult(
        analyte,
        f"Observation/{name}",
        text if value else "",
        value,
        when,
        (stamp, issued, "", name),
        **more,  # type: ignore[arg-type]
    )


def mg(text: str, hours: float | None, **more: object) -> LabResult:
    """A magnesium."""
    return lab(Analyte.MAGNESIUM, text, hours, **more)


def k(value: str, hours: float, **more: object) -> LabResult:
    """A potassium in mmol/L."""
    return lab(Analyte.POTASSIUM, f"{value} mmol/L", hours, **more)


def cr(value: str, hours: float = 2, unit: str = "mg/dL", **more: object) -> LabResult:
    """A creatinine."""
    return lab(Analyte.CREATININE, f"{value} {unit}", hours, **more)


KCL = (Substance("potassium chloride", frozenset({"k-replacement"})),)
MGSO4 = (Substance("magnesium sulfate", frozenset({"mg-replacement-iv"})),)
CALCIUM = (Substance("calcium gluconate", frozenset({"calcium"})),)


def meq(value: str | int) -> Quantity:
    """A potassium dose."""
    return Quantity.of(Analyte.POTASSIUM_DOSE, value, "meq")


def grams(value: str | int) -> Quantity:
    """A magnesium sulfate dose."""
    return Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, value, "g")


def rate(value: str) -> Quantity:
    """A potassium rate in meq/h."""
    return Quantity.of(Analyte.POTASSIUM_RATE, value, "meq/h")


def mg_rate(value: str) -> Quantity:
    """A magnesium sulfate rate in g/h."""
    return Quantity.of(Analyte.MAGNESIUM_SULFATE_RATE, value, "g/h")


def order(
    start: float | None = None,
    stop: float | None = None,
    *,
    kind: OrderKind = OrderKind.ACTIVE,
    substances: tuple[Substance, ...] = KCL,
    source: str = "",
    **more: object,
) -> MedicationOrder:
    """An order that started and stopped so many hours ago."""
    return MedicationOrder(
        source or f"MedicationRequest/r{next(_count)}",
        substances[0].name,
        kind,
        substances=substances,
        start=None if start is None else ago(start),
        stop=None if stop is None else ago(stop),
        **more,  # type: ignore[arg-type]
    )


def gave(
    hours: float | None,
    dose: object,
    request: str = "",
    *,
    substances: tuple[Substance, ...] = KCL,
    completed: bool = True,
) -> Administration:
    """A dose that was given so many hours ago."""
    when = None if hours is None else ago(hours)
    return Administration(
        f"MedicationAdministration/a{next(_count)}",
        substances[0].name,
        request,
        substances,
        None,
        when,
        when,
        dose,
        completed,  # type: ignore[arg-type]
    )


@dataclass
class StandIn:
    """Implements `facts.view.View` and writes down what was asked."""

    record: Record
    now: datetime = NOW
    given: dict[str, Fact] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)
    limits: set[str] = field(default_factory=set)
    windows: set[str] = field(default_factory=set)

    @property
    def results(self) -> Results:
        return Results(self.record.labs)

    def once(self, make: Callable[[View], T]) -> T:
        return make(self)

    def window(self, name: str) -> timedelta:
        self.windows.add(name)
        return timedelta(hours=24)

    def limit(self, name: str, unit: str) -> Quantity:
        self.limits.add(name)
        analyte, values = LIMITS[name]
        if unit in values:
            return Quantity.of(analyte, values[unit], unit)
        first = next(iter(values))
        return Quantity.of(analyte, values[first], first).to(unit)

    def fact(self, name: str) -> Fact:
        self.asked.add(name)
        if name in self.given:
            return self.given[name]
        if name in LABS:
            analyte, hours = LABS[name]
            return newest(name, self.results, analyte, hours * HOUR, self.now)
        if name == "age":
            return self._age()
        if name in PROBLEMS:
            return presence(name, False, f"no {name} on the problem list")
        raise KeyError(name)

    def _age(self) -> Fact:
        birth = self.record.person.birth
        if birth is None:
            return Fact("age", Missing(Reason.AGE_OR_SEX), "age not known")
        years = Quantity.of(Analyte.AGE, self.now.year - birth.year, "a")
        return Fact("age", Measured(years, f"{years.value} years"), f"age {years.value} years")


def view(
    labs: tuple[LabResult, ...] | Listing[LabResult] = (),
    orders: tuple[MedicationOrder, ...] | None = (),
    administrations: tuple[Administration, ...] | None = (),
    drafts: tuple[MedicationOrder, ...] = (),
    age: int | None = 50,
    sex: str = "male",
    kg: str | None = "70",
    given: dict[str, Fact] | None = None,
) -> StandIn:
    """A patient; `None` for a list = the list was not supplied."""
    weight = () if kg is None else (lab(Analyte.WEIGHT, f"{kg} kg", 24),)
    listing = labs if isinstance(labs, Listing) else Listing("observations", labs + weight)
    record = Record(
        Person("Patient/p", None if age is None else date(NOW.year - age, 1, 1), sex),
        Place(Setting.INPATIENT),
        listing,
        not_supplied("medications") if orders is None else Listing("medications", orders),
        drafts,
        not_supplied("administrations")
        if administrations is None
        else Listing("administrations", administrations),
    )
    return StandIn(record, given=given or {})


def unknown(name: str, key: str = "problems") -> Fact:
    """A fact whose list was not supplied."""
    return Fact(name, NotKnown(key, f"`{key}` was not supplied"), f"`{key}` was not supplied")


def present(name: str, word: str = "") -> Fact:
    """A presence fact that is there."""
    return presence(name, True, word or name, (word or name,))
