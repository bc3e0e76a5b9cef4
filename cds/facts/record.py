"""One patient as the core sees it: no FHIR, no JSON, only what clauses and derived facts need.

`chart/` fills a Record from R4 resources; `trial` fills one from the cases of a rule file. Lists
say whether they are complete: an incomplete list can prove that something is there, never that it
is not (clinical pack R32).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Generic, TypeVar

from cds.facts.model import Reason
from cds.kernel.codes import Loinc, RxNorm
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

T = TypeVar("T", covariant=True)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A list the client supplied under the prefetch key `key`.

    `gap` says why absence cannot be concluded from it ("" = closed world). A key that was not
    supplied at all is an empty listing with a gap and `supplied=False`. `failed` says that the
    client's own query failed or goes on elsewhere: more than a list that nobody sends.
    """

    key: str
    items: tuple[T, ...] = ()
    gap: str = ""
    supplied: bool = True
    failed: bool = False


def not_supplied(key: str, why: str = "") -> Listing[T]:
    """A list nobody gave us."""
    return Listing(key, (), why or f"`{key}` was not supplied", supplied=False)


@dataclass(frozen=True, slots=True)
class LabResult:
    """One Observation, usable or set aside.

    `quantity` is None when no number with an understood unit could be read; `face` is then still
    what the chart shows. `set_aside` is the reason it may not be used whatever the window
    (staleness is decided later, by window). `order` sorts results of one analyte newest first:
    (effective, issued, lastUpdated, id), all total.
    """

    analyte: Analyte
    source: str
    face: str
    quantity: Quantity | None
    effective: datetime | None
    order: tuple[str, ...]
    set_aside: Reason | None = None
    flags: tuple[str, ...] = ()
    reference_low: Quantity | None = None
    loinc: Loinc | None = None
    amended: bool = False  # corrected or amended: supersedes a result of the same draw (R39)
    pre_dialysis: bool = False  # the code itself marks a dialysis patient (R13)


class OrderKind(Enum):
    """How a medication order stands towards the patient right now."""

    ACTIVE = "active"
    DRAFT = "draft"
    ENDED = "ended"  # completed, stopped, or its period is over; kept for spans in the past
    IGNORED = "ignored"  # cancelled, on-hold, entered-in-error, a plan or a do-not-perform


@dataclass(frozen=True, slots=True)
class Unclear:
    """An amount that cannot be read, and why (safety point 5)."""

    why: str


@dataclass(frozen=True, slots=True)
class Substance:
    """One recognised ingredient of an order.

    `name` is our id (`magnesium sulfate`, `potassium chloride`, `omeprazole`); `roles` come from
    the one role vocabulary of `rules/code_sets`. `by` says how it was recognised: `rxnorm`, `atc`,
    `local` or `text`; `text` is the flagged last resort.
    """

    name: str
    roles: frozenset[str]
    by: str = "rxnorm"


@dataclass(frozen=True, slots=True)
class MedicationOrder:
    """A MedicationRequest: active, draft or past.

    `substances` is empty for a drug none of our code sets names. `identified` is False when the
    drug itself cannot be read (no code we know, no text): it might be anything.
    `dose`: amount of one administration, in the dose dimension of its main electrolyte
    (MAGNESIUM_SULFATE_DOSE g, MAGNESIUM_OXIDE_DOSE mg, POTASSIUM_DOSE meq); None when the order
    carries no electrolyte we total; `Unclear` when it does but cannot be read.
    `rate`: MAGNESIUM_SULFATE_RATE or POTASSIUM_RATE, same convention.
    `per_day`: administrations per 24 h (None = not stated; `once` for a single dose).
    """

    source: str
    name: str
    kind: OrderKind
    identified: bool = True
    substances: tuple[Substance, ...] = ()
    product: RxNorm | None = None
    systemic: bool = True
    parenteral: bool | None = None  # None = route not stated and the product does not settle it
    route: str = ""
    dose: Quantity | Unclear | None = None
    rate: Quantity | Unclear | None = None
    per_day: Decimal | None = None
    once: bool = False
    prn: bool = False
    authored: datetime | None = None
    start: datetime | None = None
    stop: datetime | None = None
    selected: bool = False
    push: bool = False  # the order asks for an IV push
    undiluted: bool = False  # a concentrate, and nothing says what it is diluted in
    editable: bool = False  # exactly one dosageInstruction with one readable doseQuantity
    flags: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # sources of the same order seen again (R29)
    identity: frozenset[Hashable] = frozenset()  # shared by an electrolyte order and its draft

    @property
    def roles(self) -> frozenset[str]:
        """All roles of all ingredients."""
        return frozenset(role for item in self.substances for role in item.roles)


@dataclass(frozen=True, slots=True)
class Administration:
    """A MedicationAdministration that took place (completed or in progress)."""

    source: str
    name: str
    request: str  # relative reference of the order it belongs to, or ""
    substances: tuple[Substance, ...]
    parenteral: bool | None
    start: datetime | None
    end: datetime | None
    dose: Quantity | Unclear | None = None
    completed: bool = True


@dataclass(frozen=True, slots=True)
class ProblemEntry:
    """A Condition that is active and not refuted, or has no status. `concepts` are our ids."""

    source: str
    name: str
    concepts: frozenset[str]
    onset: datetime | None = None
    recorded: datetime | None = None
    of_another_stay: bool = False  # a diagnosis coded at another encounter, without a status


@dataclass(frozen=True, slots=True)
class ProcedureEntry:
    """A completed or ongoing Procedure named by one of our code sets."""

    source: str
    name: str
    concepts: frozenset[str]
    performed: datetime | None = None


@dataclass(frozen=True, slots=True)
class AllergyEntry:
    """An active AllergyIntolerance to one of our substances."""

    source: str
    name: str
    substances: frozenset[str]


@dataclass(frozen=True, slots=True)
class LabOrder:
    """A ServiceRequest for a laboratory test: drafted, or ordered and not ended."""

    source: str
    loincs: frozenset[Loinc]
    draft: bool
    authored: datetime | None = None


@dataclass(frozen=True, slots=True)
class Overridden:
    """A card about this patient that a clinician did not follow, for a coded reason.

    `rule` (its id, any version), `row` and `indicator` are those of the card, `reason` is the code,
    `at` the moment the client tells (aware).
    """

    rule: str
    row: str
    indicator: str
    reason: str
    at: datetime


class Setting(Enum):
    """Which windows count (clinical pack R3)."""

    INPATIENT = "inpatient"
    OUTPATIENT = "outpatient"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the patient is. `known` is False when an encounter was named but could not be read:
    inpatient windows count then, and no IV drug is suggested (R10)."""

    setting: Setting
    known: bool = True
    icu: bool = False
    source: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """Age basis and sex. `birth` None = not known or not usable; sex is `female`, `male` or ""."""

    source: str
    birth: date | None = None
    sex: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """Everything one decision may look at."""

    person: Person
    place: Place
    labs: Listing[LabResult]
    medications: Listing[MedicationOrder]
    drafts: tuple[MedicationOrder, ...] = ()
    administrations: Listing[Administration] = field(
        default_factory=lambda: not_supplied("administrations")
    )
    problems: Listing[ProblemEntry] = field(default_factory=lambda: not_supplied("problems"))
    procedures: Listing[ProcedureEntry] = field(default_factory=lambda: not_supplied("procedures"))
    allergies: Listing[AllergyEntry] = field(default_factory=lambda: not_supplied("allergies"))
    lab_orders: Listing[LabOrder] = field(default_factory=lambda: not_supplied("lab_orders"))
    draft_lab_orders: tuple[LabOrder, ...] = ()
    unreadable: tuple[str, ...] = ()  # "Observation/x: why", for trace and fine print
    overridden: tuple[Overridden, ...] = ()  # what this client told us of earlier cards
