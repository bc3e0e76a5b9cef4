"""Where a declared fact comes from, and what may be asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from cds.kernel.codes import Loinc
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model.base import Where


@dataclass(frozen=True, slots=True)
class LabSource:
    """The newest usable result within a window."""

    analyte: Analyte
    window: str


@dataclass(frozen=True, slots=True)
class DerivedSource:
    """A function of `facts/derived`."""

    function: str


@dataclass(frozen=True, slots=True)
class ProblemSource:
    """Is one of these concepts on the problem list (active)? `within` = onset, else recorded, at
    most that long ago; `undated_counts` decides for entries without either. `this_stay` leaves out
    undated diagnoses that were coded at another encounter and have no status of their own."""

    concepts: tuple[str, ...]
    within: timedelta | None = None
    undated_counts: bool = True
    this_stay: bool = False


@dataclass(frozen=True, slots=True)
class ProcedureSource:
    """Was one of these procedures performed within the time?"""

    concepts: tuple[str, ...]
    within: timedelta


@dataclass(frozen=True, slots=True)
class MedicationSource:
    """Is a drug with one of these roles active, draft, selected or given (last 24 h)?

    `selected` are the drafts the hook is about, `draft` is every draft, selected or not.
    `parenteral`: None = any route; True counts unknown routes too (the safe reading of a stop).
    `running`: only active orders that began at least this long ago.
    """

    roles: tuple[str, ...]
    which: frozenset[Literal["active", "draft", "selected", "given"]]
    parenteral: bool | None = None
    running: timedelta | None = None


@dataclass(frozen=True, slots=True)
class AllergySource:
    """An active allergy to one of these substances."""

    substances: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LabOrderSource:
    """Is this test drafted, or ordered within the time and not ended?"""

    loincs: tuple[Loinc, ...]
    within: timedelta


@dataclass(frozen=True, slots=True)
class SetAsideSource:
    """Face value of the newest result that could not be used (rows C4 and D4 only)."""

    analyte: Analyte
    window: str  # the window whose use made it stale
    within: str  # the window name for how old a set-aside value may be
    newer_than_used: bool


@dataclass(frozen=True, slots=True)
class SetAsideReasonSource:
    """Why that result could not be used, as a label (kebab-case name of the Reason)."""

    of: SetAsideSource


@dataclass(frozen=True, slots=True)
class TwoResultsSource:
    """Is the value of another fact the interval of two results of one draw (R39)?"""

    of: str


@dataclass(frozen=True, slots=True)
class ReferenceLowSource:
    """`referenceRange.low` of the result another fact used."""

    of: str
    between: tuple[Quantity, Quantity]  # accepted only inside these limits (R6)


@dataclass(frozen=True, slots=True)
class PatientSource:
    """`age`, `setting`, `encounter` (it could be read), `icu`."""

    what: Literal["age", "setting", "encounter", "icu"]


@dataclass(frozen=True, slots=True)
class SuppliedSource:
    """Was the list under this prefetch key supplied and complete?

    `failed`: the other question, did its query fail or go on elsewhere? A list that nobody sends
    has not failed.
    """

    key: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class OrderSource:
    """A property of the order a `for_each` rule is being judged for."""

    what: Literal[
        "dose",
        "daily",
        "rate",
        "route",
        "product",
        "roles",
        "readable",
        "editable",
        "push",
        "undiluted",
    ]
    labels: tuple[str, ...] = ()
    analyte: Analyte | None = None


@dataclass(frozen=True, slots=True)
class BandSource:
    """A partition of a lab by thresholds: `steps` = label, threshold, label, ..., label.

    A value equal to its threshold stands on the step above it, but for the thresholds in
    `inclusive` (written `above name`): there it still stands on the step below.

    `contested`: (label, threshold name, reference_low fact): values on which the default limit
    and the laboratory's own limit disagree get that label instead (R6 borderline).
    """

    of: str
    labels: tuple[str, ...]
    thresholds: tuple[str, ...]
    contested: tuple[str, str, str] | None = None
    inclusive: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class OfferSource:
    """A number of the offer a law looks at: its dose, rate, duration, or 24 h total with it.

    For `total`, `fact` names the amount of 24 h without the offer.
    """

    what: Literal["dose", "rate", "duration", "total"]
    analyte: Analyte
    fact: str = ""


@dataclass(frozen=True, slots=True)
class ExactSource:
    """Is the value of a lab fact one number? Only laws ask."""

    of: str


FactSource = (
    LabSource
    | DerivedSource
    | ProblemSource
    | ProcedureSource
    | MedicationSource
    | AllergySource
    | LabOrderSource
    | SetAsideSource
    | SetAsideReasonSource
    | ReferenceLowSource
    | TwoResultsSource
    | PatientSource
    | SuppliedSource
    | OrderSource
    | BandSource
    | OfferSource
    | ExactSource
)


@dataclass(frozen=True, slots=True)
class FactType:
    """What may be asked of a fact: a quantity of one analyte, a label of a set, or presence."""

    kind: Literal["quantity", "category", "presence"]
    analyte: Analyte | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FactSpec:
    """A declared fact."""

    name: str
    source: FactSource
    type: FactType
    where: Where
