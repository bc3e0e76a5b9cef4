"""Dose tables, order templates and suggestions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model.base import Edit, Remembers, Where
from cds.rulebook.model.clauses import Clause, Holds


@dataclass(frozen=True, slots=True)
class Table:
    """A complete table: one cell for every combination of labels. None = no dose.

    A key fact that is missing, not known or undecided reads the row `unknown`. `why` and `cite`
    are what the book prints.
    """

    name: str
    by: tuple[str, ...]
    analyte: Analyte
    rows: Mapping[tuple[str, ...], Quantity | None]
    where: Where
    why: str = ""
    cite: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderTemplate(Remembers):
    """A complete R4 resource with holes, from `rules/orders` (index + JSON).

    `kind`: `MedicationRequest` or `ServiceRequest`. For a drug: `analyte` is the dose dimension,
    `per_unit` what one `unit` of the product holds, `doses` how a dose is filled in:
    `units` (n x unit in one administration) or `frequency` (one unit n times a day).
    """

    name: str
    kind: Literal["MedicationRequest", "ServiceRequest"]
    resource: Mapping[str, Any]
    display: str
    ingredient: str = ""
    high_alert: bool = False
    analyte: Analyte | None = None
    per_unit: Quantity | None = None
    unit: str = ""
    fills: Literal["", "units", "frequency"] = ""
    required_stops: tuple[str, ...] = ()
    code: str = ""  # RxNorm or LOINC
    fine_print: tuple[str, ...] = ()
    elemental_mg: Decimal | None = None  # mg elemental magnesium in one unit, where text says it


@dataclass(frozen=True, slots=True)
class DoseSpec:
    """The table that gives the dose; `rate` in the rate dimension or `over` a duration."""

    table: str
    rate: Quantity | None = None
    over: Quantity | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What a level may offer.

    `if_`: offered only when Yes; No leaves it out silently, CannotTell withholds it and says so.
    `unless`: offered only when each is definitely No; Yes or CannotTell withholds it and says why.
    `duplicate_of`: left out when Yes; CannotTell still offers it and the card says so (R28).
    `total`: (fact, threshold): withheld unless fact + dose <= threshold.
    """

    name: str
    label: str
    action: Edit
    where: Where
    template: str | None = None
    dose: DoseSpec | None = None
    if_: Clause | None = None
    unless: tuple[Holds, ...] = ()
    duplicate_of: str | None = None
    total: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """A reason a clinician may give (HL7 non-adherence-reason-codes where one fits)."""

    code: str
    system: str
    display: str
