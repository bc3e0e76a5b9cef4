"""Records of all kinds, at the level of `cds.facts.record`: what a chart can be read as, no more.

Dates lie on, just inside and just outside every window; values on and around the limits in which
they are believed, in every unit. What reading a chart guarantees is kept: a failed list has a gap,
intensive care and an unreadable encounter are inpatient, and an order holds what its product holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from hypothesis import strategies as st

from cds.chart.drugs import narrowed
from cds.facts.model import Reason
from cds.facts.record import (
    Administration,
    AllergyEntry,
    LabOrder,
    LabResult,
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    ProblemEntry,
    ProcedureEntry,
    Record,
    Setting,
    Substance,
    Unclear,
)
from cds.kernel.codes import RXNORM, Coding, RxNorm
from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import UNITS, Analyte
from cds.rulebook.model import (
    AllergySource,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OrderSource,
    ProblemSource,
    ProcedureSource,
    Rulebook,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
# Why reading a laboratory result sets it aside; staleness is decided later.
_ASIDE = (
    Reason.PRELIMINARY,
    Reason.HAEMOLYSED,
    Reason.UNIT,
    Reason.COMPARATOR,
    Reason.WRONG_SPECIMEN,
    Reason.IMPLAUSIBLE,
    Reason.FUTURE,
    Reason.NO_TIME,
    Reason.NO_VALUE,
    Reason.NOT_APPLICABLE,
    Reason.UNREADABLE,
)
_NUMBERLESS = frozenset({Reason.UNIT, Reason.COMPARATOR, Reason.NO_VALUE})
_AMOUNTS = {
    Analyte.MAGNESIUM_SULFATE_DOSE: ("0.5 g", "1 g", "2 g", "2000 mg", "4 g", "6.1 g", "8 g"),
    Analyte.MAGNESIUM_OXIDE_DOSE: ("400 mg", "800 mg", "0.4 g"),
    Analyte.POTASSIUM_DOSE: ("10 meq", "20 meq", "40.1 meq", "40 mmol", "400 meq"),
    Analyte.MAGNESIUM_SULFATE_RATE: ("1 g/h", "9 g/h"),
    Analyte.POTASSIUM_RATE: ("10 meq/h", "20.1 meq/h", "41 meq/h"),
}
_RATE_OF = {
    Analyte.MAGNESIUM_SULFATE_DOSE: Analyte.MAGNESIUM_SULFATE_RATE,
    Analyte.POTASSIUM_DOSE: Analyte.POTASSIUM_RATE,
}


def _amount(analyte: Analyte, text: str) -> Quantity:
    number, unit = text.split(" ")
    return Quantity.of(analyte, number, unit)


def _doses() -> list[tuple[Any, Any]]:
    """Dose and rate of one dimension; both unreadable; or none at all."""
    found: list[tuple[Any, Any]] = [(None, None), (Unclear("?"), Unclear("?"))]
    for analyte in (*_RATE_OF, Analyte.MAGNESIUM_OXIDE_DOSE):
        doses = [_amount(analyte, text) for text in _AMOUNTS[analyte]]
        rate = _RATE_OF.get(analyte)
        rates = [_amount(rate, text) for text in _AMOUNTS[rate]] if rate else []
        found += [(d, r) for d in doses for r in (None, *rates, *[Unclear("?")] * bool(rates))]
    return found


DOSES = st.sampled_from(_doses())


@dataclass(frozen=True)
class Words:
    """What the rules ask by name."""

    analytes: tuple[Analyte, ...]
    problems: tuple[str, ...]
    procedures: tuple[str, ...]
    allergens: tuple[str, ...]
    tests: tuple[Any, ...]
    roles: tuple[str, ...]
    spans: tuple[timedelta, ...]
    products: frozenset[str]
    drugs: tuple[tuple[RxNorm, tuple[Substance, ...]], ...]


def _named(sources: Iterable[Any], kind: type, member: str) -> set[Any]:
    return {name for item in sources if isinstance(item, kind) for name in getattr(item, member)}


def _products(book: Rulebook) -> Iterator[tuple[RxNorm, tuple[Substance, ...]]]:
    for code in book.terminology.products:
        drug = book.terminology.drugs.get(Coding(RXNORM, code))
        if drug is not None:
            parts = drug.parts or tuple((name, drug.roles) for name in drug.ingredients)
            yield code, tuple(Substance(name, roles) for name, roles in parts)


def words_of(book: Rulebook) -> Words:
    """Every name a source of a fact mentions, every span of time, and the listed products."""
    sources = [spec.source for spec in book.facts.values()]
    spans = {DAY, timedelta(hours=6), timedelta(hours=12), timedelta(hours=96)}
    for window in book.windows.values():
        spans |= {window.inpatient, window.outpatient}
        spans |= {window.shorter[1]} if window.shorter else set()
    for source in sources:
        spans |= {getattr(source, "within", None), getattr(source, "running", None)}
    roles = _named(sources, MedicationSource, "roles") | {
        role
        for source in sources
        if isinstance(source, OrderSource) and source.what == "roles"
        for role in source.labels
    }
    return Words(
        tuple(dict.fromkeys(s.analyte for s in sources if isinstance(s, LabSource))),
        tuple(sorted(_named(sources, ProblemSource, "concepts"))),
        tuple(sorted(_named(sources, ProcedureSource, "concepts"))),
        tuple(sorted(_named(sources, AllergySource, "substances"))),
        tuple(sorted(_named(sources, LabOrderSource, "loincs"))),
        tuple(sorted(roles)),
        tuple(sorted(span for span in spans if isinstance(span, timedelta))),
        frozenset(
            code
            for source in sources
            if isinstance(source, OrderSource) and source.what == "product"
            for code in source.labels
        ),
        tuple(_products(book)),
    )


def some(items: Sequence[Any], most: int = 2) -> st.SearchStrategy[frozenset[Any]]:
    return st.frozensets(st.sampled_from(items), min_size=1, max_size=most)


class Records:
    """Strategies for one rulebook."""

    def __init__(self, book: Rulebook) -> None:
        self.words = words_of(book)
        edges = {
            NOW - span + step
            for span in self.words.spans
            for step in (-SECOND, timedelta(0), SECOND)
        }
        soon = (NOW, NOW + SECOND, NOW - timedelta(hours=3), NOW - 3 * SECOND)
        self.when = st.sampled_from(sorted({*edges, *soon}))
        self.perhaps = st.one_of(st.none(), self.when)

    def listing(
        self, key: str, items: st.SearchStrategy[Any], most: int = 3
    ) -> st.SearchStrategy[Listing[Any]]:
        """Complete, with a gap, not supplied, or failed."""

        def made(kind: int, found: list[Any]) -> Listing[Any]:
            if kind == 1:
                return Listing(key, (), f"`{key}` was not supplied", supplied=False)
            if kind == 2:
                return Listing(key, tuple(found), f"1 entry of `{key}` could not be read")
            if kind == 3:
                return Listing(key, tuple(found), f"`{key}` goes on elsewhere", failed=True)
            return Listing(key, tuple(found))

        kinds = st.sampled_from((0, 0, 0, 0, 1, 2, 3))
        return st.builds(made, kinds, st.lists(items, max_size=most))

    def quantity(self, analyte: Analyte) -> st.SearchStrategy[Quantity]:
        """Around the limits of belief and in between, exact or with a comparator."""
        table = UNITS[analyte]
        low, high = table.low or Decimal(0), table.high or Decimal(100)
        spread = [low + (high - low) * Decimal(i) / 8 for i in (0, 1, 2, 4, 8)]
        around = [step for x in (low, high) for step in (x - Decimal("0.01"), x + Decimal("0.01"))]

        def made(unit: str, base: Decimal, kind: str) -> Quantity:
            value = (base / table.factors[unit]).quantize(Decimal("0.001"))
            span = {
                "<": Interval(None, value, high_open=True),
                "<=": Interval(None, value),
                ">": Interval(value, None, low_open=True),
                ">=": Interval(value, None),
            }
            return Quantity(analyte, span.get(kind, point(value)), unit)

        return st.builds(
            made,
            st.sampled_from(sorted(table.factors)),
            st.sampled_from([*spread, *around, Decimal(-1)]),
            st.sampled_from(("", "", "", "", "<", "<=", ">", ">=")),
        )

    @cached_property
    def result(self) -> st.SearchStrategy[LabResult]:
        """A result, believed or set aside as reading it does."""

        def made(
            quantity: Quantity, when: datetime | None, aside: Reason | None, more: tuple[Any, ...]
        ) -> LabResult:
            number, amended, pre, low = more
            reason = aside or _read(quantity, when)
            stamp = when.isoformat() if when else ""
            ours = None if reason is Reason.NO_TIME or when is None else when
            shown = None if reason in _NUMBERLESS else quantity
            name = f"Observation/{number}"
            return LabResult(
                quantity.analyte, name, "a value", shown, ours, (stamp, "", "", name), reason,
                reference_low=low if shown else None, amended=amended, pre_dialysis=pre,
            )  # fmt: skip

        flags = st.sampled_from((False, False, False, True))
        aside = st.sampled_from((None, None, None, *_ASIDE))

        def of(analyte: Analyte) -> st.SearchStrategy[LabResult]:
            number = self.quantity(analyte)
            lows = st.one_of(st.none(), number.filter(lambda q: q.interval.exact))
            more = st.tuples(st.integers(1, 40), flags, flags, lows)
            return st.builds(made, number, self.perhaps, aside, more)

        return st.one_of(*(of(analyte) for analyte in self.words.analytes))

    @cached_property
    def substances(self) -> st.SearchStrategy[tuple[RxNorm | None, tuple[Substance, ...]]]:
        """A listed product and what is in it, or drugs with some roles."""
        names = st.sampled_from(("magnesium sulfate", "magnesium oxide", "potassium chloride", "x"))
        named = st.builds(Substance, names, some(self.words.roles))
        loose = st.tuples(st.none(), st.lists(named, max_size=2).map(tuple))
        asked = [drug for drug in self.words.drugs if drug[0] in self.words.products]
        return st.one_of(st.sampled_from(self.words.drugs), st.sampled_from(asked), loose)

    @cached_property
    def order(self) -> st.SearchStrategy[MedicationOrder]:
        """An active order or a draft, its dose readable, unreadable or none."""

        def made(held: Any, doses: Any, kind: OrderKind, flags: int, when: Any) -> MedicationOrder:
            (product, substances), (dose, rate), number = held, doses, flags % 30
            parenteral = (None, True, False)[flags % 3]
            odd = [bool(flags >> bit & 1) for bit in range(12)]
            return MedicationOrder(
                f"MedicationRequest/{number}", f"order {number}", kind,
                identified=bool(substances) or odd[0] or odd[1], product=product,
                substances=narrowed(substances, parenteral), parenteral=parenteral,
                systemic=odd[2] or odd[3], dose=dose, rate=rate, once=odd[4], prn=odd[5],
                push=odd[6], undiluted=odd[7], selected=odd[8],
                editable=odd[9] and isinstance(dose, Quantity),
                per_day=(None, None, Decimal(1), Decimal(4))[flags >> 10 & 3],
                authored=when[0], start=when[1], stop=when[2],
            )  # fmt: skip

        kinds = st.sampled_from((OrderKind.ACTIVE, OrderKind.ACTIVE, *OrderKind))
        when = st.tuples(self.perhaps, self.perhaps, self.perhaps)
        return st.builds(made, self.substances, DOSES, kinds, st.integers(0, 4095), when)

    @cached_property
    def administration(self) -> st.SearchStrategy[Administration]:
        """A dose that was given."""

        def made(held: Any, doses: Any, flags: int, when: Any) -> Administration:
            number, parenteral = flags % 30, (None, True, False)[flags % 3]
            return Administration(
                f"MedicationAdministration/{number}", "a dose", f"MedicationRequest/{number}",
                narrowed(held[1], parenteral), parenteral, *when, doses[0], flags > 60,
            )  # fmt: skip

        when = st.tuples(self.perhaps, self.perhaps)
        return st.builds(made, self.substances, DOSES, st.integers(0, 119), when)

    @cached_property
    def record(self) -> st.SearchStrategy[Record]:
        """All of it."""
        words, source = self.words, st.just("Resource/1")
        test = st.builds(LabOrder, source, some(words.tests), st.booleans(), self.perhaps)
        problem = st.builds(
            ProblemEntry, source, st.just("p"), some(words.problems), self.perhaps, self.perhaps,
            st.booleans(),
        )  # fmt: skip
        return st.builds(
            Record,
            st.builds(Person, source, _births(), st.sampled_from(("female", "male", ""))),
            st.sampled_from(_PLACES),
            self.listing("observations", self.result, 6),
            self.listing("medications", self.order),
            st.lists(self.order, max_size=3).map(tuple),
            self.listing("administrations", self.administration),
            self.listing("problems", problem, 5),
            self.listing(
                "procedures",
                st.builds(
                    ProcedureEntry, source, st.just("p"), some(words.procedures), self.perhaps
                ),
            ),
            self.listing(
                "allergies",
                st.builds(AllergyEntry, source, st.just("a"), some((*words.allergens, "other"))),
            ),
            self.listing("lab_orders", test),
            st.lists(test, max_size=2).map(tuple),
        )


def _read(quantity: Quantity, when: datetime | None) -> Reason | None:
    """What reading a result makes of a number and a time (clinical pack R2)."""
    table, span = UNITS[quantity.analyte], quantity.to(UNITS[quantity.analyte].canonical).interval
    ends = [end for end in (span.low, span.high) if end is not None]
    if when is None:
        return Reason.NO_TIME
    if when > NOW:
        return Reason.FUTURE
    if table.low is None or table.high is None:
        return None
    believed = all(table.low <= end <= table.high for end in ends)
    return None if believed else Reason.IMPLAUSIBLE


_PLACES = (
    Place(Setting.INPATIENT),
    Place(Setting.INPATIENT, icu=True),
    Place(Setting.INPATIENT, known=False),
    Place(Setting.OUTPATIENT),
)


def _births() -> st.SearchStrategy[date | None]:
    days = [
        date(NOW.year - age, 11, day) for age in (0, 17, 18, 19, 50, 120, 121) for day in (21, 22)
    ]
    return st.sampled_from([None, *days, date(NOW.year + 1, 1, 1)])
