"""Random patients as the engine sees them: every list complete, gapped or absent, and drafts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from random import Random
from typing import Any, TypeVar

from cds.facts.model import Reason
from cds.facts.record import (
    Administration,
    AllergyEntry,
    LabOrder,
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Overridden,
    Person,
    Place,
    ProblemEntry,
    ProcedureEntry,
    Record,
    Setting,
    Substance,
    Unclear,
    not_supplied,
)
from cds.kernel.codes import RxNorm
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    AllergySource,
    LabOrderSource,
    MedicationSource,
    OrderSource,
    ProblemSource,
    ProcedureSource,
    Rulebook,
)
from tests.unit.facts.standin import MGSO4, ago, grams, lab, meq, mg_rate, order, rate

T = TypeVar("T")

VALUES: dict[Analyte, tuple[str, ...]] = {
    Analyte.MAGNESIUM: ("0.9 mg/dL", "1.2 mg/dL", "1.5 mg/dL", "0.7 mmol/L", "2.0 mg/dL",
                        "<1.2 mg/dL", "2.7 mg/dL", "5.1 mg/dL", "-"),
    Analyte.POTASSIUM: ("2.4 mmol/L", "2.9 mmol/L", "3.4 mmol/L", "4.0 mmol/L", ">6.0 mmol/L",
                        "5.6 mmol/L"),
    Analyte.CALCIUM: ("6.9 mg/dL", "8.0 mg/dL", "9.2 mg/dL"),
    Analyte.CALCIUM_IONIZED: ("0.8 mmol/L", "1.05 mmol/L", "1.2 mmol/L"),
    Analyte.ALBUMIN: ("2.0 g/dL", "4.0 g/dL"),
    Analyte.CREATININE: ("0.7 mg/dL", "1.6 mg/dL", "4.1 mg/dL"),
    Analyte.EGFR: ("25 mL/min/{1.73_m2}", "80 mL/min/{1.73_m2}"),
    Analyte.WEIGHT: ("38 kg", "70 kg"),
}  # fmt: skip
ASIDE = (None, None, None, None, Reason.HAEMOLYSED, Reason.PRELIMINARY)
LISTS = (
    "labs", "medications", "administrations", "problems", "procedures", "allergies", "lab_orders",
)  # fmt: skip
OVERRIDES = (
    Overridden("hypomagnesemia", "A1", "warning", "already-being-corrected", ago(3)),
    Overridden("hypomagnesemia", "A2", "critical", "goals-of-care", ago(1)),
    Overridden("low-potassium", "B1", "warning", "already-being-corrected", ago(2)),
    Overridden("qt-risk", "C1", "warning", "goals-of-care", ago(20)),
)


@dataclass(frozen=True)
class Maker:
    """Makes patients out of the words of one rulebook."""

    book: Rulebook

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """Roles that some rule asks about."""
        asked = {x for one in self._sources(MedicationSource) for x in one.roles}
        asked |= {x for rule in self.book.rules if rule.for_each for x in rule.for_each.roles}
        return tuple(sorted(asked))

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """Concepts of problem lists that some rule asks about."""
        return tuple(sorted({x for one in self._sources(ProblemSource) for x in one.concepts}))

    def _sources(self, kind: type[T]) -> Iterator[T]:
        return (x.source for x in self.book.facts.values() if isinstance(x.source, kind))

    def record(self, random: Random) -> Record:
        """A patient with drafts."""
        birth = random.choice((date(1950, 3, 1), date(1990, 11, 21), date(2018, 1, 1), None))
        found = Record(
            Person("Patient/p", birth, random.choice(("female", "male", ""))),
            self.place(random),
            self.listing(random, "labs"),
            self.listing(random, "medications"),
            **{name: self.listing(random, name) for name in LISTS[2:]},
        )
        told = tuple(random.sample(OVERRIDES, random.choice((0, 0, 0, 1, 3))))
        return self.drafted(random, replace(found, overridden=told))

    def place(self, random: Random) -> Place:
        """Where the patient is."""
        inside = random.random() < 0.8
        setting = Setting.INPATIENT if inside else Setting.OUTPATIENT
        return Place(setting, random.random() < 0.9, icu=inside and random.random() < 0.3)

    def drafted(self, random: Random, record: Record) -> Record:
        """The same patient with other drafts."""
        loincs = [one.loincs for one in self._sources(LabOrderSource)]
        tests = random.sample(loincs, random.choice((0, 0, 1)))
        return replace(
            record,
            drafts=tuple(self.draft(random, n) for n in range(random.choice((0, 0, 1, 1, 2, 3)))),
            draft_lab_orders=tuple(
                LabOrder(f"ServiceRequest/d{n}", frozenset(found), True)
                for n, found in enumerate(tests)
            ),
            unreadable=random.choice(((), (), ("Observation/x: no code",))),
        )

    def draft(self, random: Random, number: int) -> MedicationOrder:
        """A draft order; now and then one that nobody can read."""
        if random.random() < 0.1:
            return MedicationOrder(
                f"MedicationRequest/d{number}", "", OrderKind.DRAFT,
                identified=False, selected=random.random() < 0.7,
            )  # fmt: skip
        found = self.order(random, f"MedicationRequest/d{number}", OrderKind.DRAFT)
        return replace(
            found,
            selected=random.random() < 0.7,
            push=random.random() < 0.2,
            editable=random.random() < 0.7,
            undiluted=random.random() < 0.2,
            product=random.choice((None, *self._products)),
        )

    @cached_property
    def _products(self) -> tuple[RxNorm, ...]:
        named = (one.labels for one in self._sources(OrderSource) if one.what == "product")
        return tuple(sorted(RxNorm(x) for labels in named for x in labels))[:3]

    def order(self, random: Random, source: str, kind: OrderKind) -> MedicationOrder:
        """An order for a drug that rules may ask about."""
        bag: dict[str, Any] = {
            "substances": MGSO4,
            "dose": random.choice((grams(2), grams(4), grams(10), Unclear("no amount"))),
            "rate": random.choice((None, mg_rate("1"), mg_rate("4"))),
        }
        salt: dict[str, Any] = {
            "dose": random.choice((meq(20), meq(60), Unclear("no amount"), None)),
            "rate": random.choice((None, rate("10"), rate("40"))),
        }
        role = random.choice(self.roles)
        other: dict[str, Any] = {"substances": (Substance(f"drug-{role}", frozenset({role})),)}
        return order(
            random.choice((None, 2, 200)),
            kind=kind,
            source=source,
            systemic=random.random() < 0.95,
            parenteral=random.choice((True, True, False, None)),
            once=random.random() < 0.4,
            **random.choice((bag, salt, other)),
        )

    def listing(self, random: Random, name: str) -> Listing[Any]:
        """One list: complete, gapped or not supplied; often empty."""
        how = random.random()
        if how < 0.1:
            return not_supplied(name)
        gap = f"`{name}` was cut short" if how < 0.2 else ""
        items = tuple(getattr(self, f"_{name}")(random, n) for n in range(_few(random, name)))
        return Listing(name, items, gap, failed=bool(gap) and random.random() < 0.5)

    def _labs(self, random: Random, number: int) -> LabResult:
        analyte = random.choice((Analyte.MAGNESIUM, Analyte.POTASSIUM, *VALUES))
        hours = random.choice((0.5, 2, 8, 30, 100, 500, None))
        aside, name = random.choice(ASIDE), f"o{number}"
        return lab(analyte, random.choice(VALUES[analyte]), hours, set_aside=aside, id=name)

    def _medications(self, random: Random, number: int) -> MedicationOrder:
        kind = random.choice((OrderKind.ACTIVE, OrderKind.ACTIVE, OrderKind.ENDED))
        return self.order(random, f"MedicationRequest/m{number}", kind)

    def _administrations(self, random: Random, number: int) -> Administration:
        hours = random.choice((1, 5, 12, 30))
        return Administration(
            f"MedicationAdministration/a{number}", "bag", f"MedicationRequest/m{number}", MGSO4,
            True, ago(hours), ago(hours - 0.5), grams(2), random.random() < 0.8,
        )  # fmt: skip

    def _problems(self, random: Random, number: int) -> ProblemEntry:
        concept = random.choice(self.problems)
        onset = random.choice((None, ago(24), ago(24 * 400)))
        return ProblemEntry(f"Condition/c{number}", concept, frozenset({concept}), onset)

    def _procedures(self, random: Random, number: int) -> ProcedureEntry:
        concepts = sorted(x for one in self._sources(ProcedureSource) for x in one.concepts)
        concept = random.choice(concepts)
        return ProcedureEntry(f"Procedure/p{number}", concept, frozenset({concept}), ago(50))

    def _allergies(self, random: Random, number: int) -> AllergyEntry:
        names = sorted(x for one in self._sources(AllergySource) for x in one.substances)
        name = random.choice(names)
        return AllergyEntry(f"AllergyIntolerance/l{number}", name, frozenset({name}))

    def _lab_orders(self, random: Random, number: int) -> LabOrder:
        found = random.choice([one.loincs for one in self._sources(LabOrderSource)])
        return LabOrder(f"ServiceRequest/s{number}", frozenset(found), False, ago(1))


def _few(random: Random, name: str) -> int:
    return random.choice((1, 3, 6, 10) if name == "labs" else (0, 0, 0, 1, 2))
