"""The code sets a chart is read with: frozen look-up tables compiled from `rules/code_sets`.

Codes listed as must-not-match are kept, so that a wrong specimen is set aside *by name* instead of
being overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from cds.facts.model import Reason
from cds.kernel.codes import Coding, RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte


@dataclass(frozen=True, slots=True)
class LabCode:
    """One laboratory code. `refused` = must-not-match (with the reason to show).

    `property` is `mass`, `substance` or "" (the unit alone decides): a unit of the other property
    is converted by unit and flagged. `flag` is a remark to carry to the trace.
    """

    analyte: Analyte
    display: str
    refused: Reason | None = None
    property: str = ""
    flag: str = ""
    pre_dialysis: bool = False


@dataclass(frozen=True, slots=True)
class DrugCode:
    """One drug code, ATC class or local code: what is in it and what it does.

    `product` fields are set only where one unit of the product has one known strength:
    `per_unit` is the amount of the electrolyte dose dimension in one `unit`
    (`{bag}`, `{tbl}`, `{vial}`, or `mL` for a solution).
    """

    ingredients: tuple[str, ...]
    roles: frozenset[str]
    display: str = ""
    systemic: bool = True
    parenteral: bool | None = None
    parts: tuple[tuple[str, frozenset[str]], ...] = ()  # (ingredient, its own roles), all of them
    product: RxNorm | None = None  # a local code: the product of known strength that it is


@dataclass(frozen=True, slots=True)
class Product:
    """A product of one verified strength (clinical pack, medication table)."""

    rxnorm: RxNorm
    display: str
    ingredient: str
    analyte: Analyte  # dose dimension
    per_unit: Decimal  # amount in the canonical unit of `analyte` in one `unit`
    unit: str  # "{bag}", "{tbl}", "{vial}"
    millilitres: Decimal | None = None  # volume of one unit, where mL doses are to be read
    salt_mg: Decimal | None = None  # mg of the salt in one unit, where mg doses are to be read
    elemental_mg: Decimal | None = None
    suggestable: bool = False


@dataclass(frozen=True, slots=True)
class DrugName:
    """Display text as the flagged last resort. `words` must all occur, `unless` none.

    `losartan potassium`, `penicillin g potassium`, `rosuvastatin calcium` are decoys: the
    counter-ion is not a supplement.
    """

    ingredient: str
    roles: frozenset[str]
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Terminology:
    """All code sets, ready for look-up. Keys are canonical `Coding`s."""

    labs: Mapping[Coding, LabCode] = field(default_factory=dict)
    drugs: Mapping[Coding, DrugCode] = field(default_factory=dict)
    products: Mapping[RxNorm, Product] = field(default_factory=dict)
    names: tuple[DrugName, ...] = ()
    names_by_word: Mapping[str, tuple[DrugName, ...]] = field(default_factory=dict)  # first word
    problems: Mapping[Coding, frozenset[str]] = field(default_factory=dict)
    problem_prefixes: tuple[tuple[str, str, str], ...] = ()  # (system, ICD prefix, concept)
    procedures: Mapping[Coding, frozenset[str]] = field(default_factory=dict)
    allergens: Mapping[Coding, frozenset[str]] = field(default_factory=dict)
    # The laboratory's own lower limits, for results that carry no reference range (R6).
    reference_lows: Mapping[Analyte, Quantity] = field(default_factory=dict)
