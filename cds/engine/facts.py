"""The facts of one patient under one rulebook, each worked out once (memoised).

Implements `facts.view.View` for derived facts. `given` replaces facts by name: that is how the
cases embedded in rule files, and later the what-if page, state a patient.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cds.engine import listed, orders
from cds.engine.bands import band
from cds.engine.decision import Judgement
from cds.engine.patient import patient_fact
from cds.facts import labs
from cds.facts.derived.registry import DERIVED
from cds.facts.draws import TWO_RESULTS
from cds.facts.earlier import as_of
from cds.facts.model import Fact, Measured, Missing, Nothing, NotKnown, Reason, presence
from cds.facts.record import MedicationOrder, Record
from cds.facts.show import quantity_words
from cds.kernel.quantity import Quantity, at_least, at_most
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    BandSource,
    DerivedSource,
    FactSource,
    FactSpec,
    LabSource,
    OrderSource,
    PatientSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    TwoResultsSource,
)


class Facts:
    """Declared facts, by name. `order` is the order a `for_each` rule is being judged for."""

    def __init__(
        self,
        book: Rulebook,
        record: Record,
        now: datetime,
        given: Mapping[str, Fact] | None = None,
        no_drugs: str = "",
    ) -> None:
        self.book = book
        self._record = record
        self._now = now
        self._known: dict[str, Fact] = dict(given or {})
        self.order: MedicationOrder | None = None
        self.no_drugs = no_drugs  # why this call may suggest no drug at all; "" = it may
        self.definitions: dict[str, Judgement] = {}  # judged once per patient and order
        self.then: Facts | None = None  # what `rising_by` and `falling_by` look back to, if not
        #                                 to the result before

    @property
    def record(self) -> Record:
        """The patient."""
        return self._record

    @property
    def now(self) -> datetime:
        """Clinical now."""
        return self._now

    def for_order(self, order: MedicationOrder) -> Facts:
        """The same facts, looked at from one order; patient facts are shared, not redone."""
        shared = {
            name: fact
            for name, fact in self._known.items()
            if not isinstance(self.book.facts[name].source, OrderSource)
        }
        view = Facts(self.book, self._record, self._now, shared, self.no_drugs)
        view.order = order
        return view

    def as_of(self, at: datetime) -> Facts:
        """The same patient as far as it was known at that moment (`at` <= now)."""
        return Facts(self.book, as_of(self._record, at), at, no_drugs=self.no_drugs)

    def since(self, then: Facts) -> Facts:
        """The same facts; what has risen or fallen is asked against `then`."""
        view = Facts(self.book, self._record, self._now, self._known, self.no_drugs)
        view.then = then
        return view

    def looked_at(self) -> tuple[Fact, ...]:
        """Every fact worked out so far."""
        return tuple(self._known.values())

    def window(self, name: str) -> timedelta:
        """A named window for the patient's setting; the shorter one while its problem may be."""
        window = self.book.windows[name]
        span = window.span(self._record.place.setting)
        if window.shorter is None or span == window.inpatient:
            return span
        concept, shorter = window.shorter
        state = listed.problem_state(self._record, (concept,))
        return span if state is Verdict.NO else min(span, shorter)

    def limit(self, name: str, unit: str) -> Quantity:
        """A named threshold in a unit."""
        return self.book.thresholds[name].for_unit(unit)

    def fact(self, name: str) -> Fact:
        """A declared fact, memoised."""
        found = self._known.get(name)
        if found is None:
            found = self._work_out(self.book.facts[name])
            self._known[name] = found
        return found

    def _work_out(self, spec: FactSpec) -> Fact:
        return _fact_from(spec.source, spec.name, self)


def _fact_from(  # noqa: C901  one case per kind of source
    source: FactSource, name: str, facts: Facts
) -> Fact:
    """How each kind of source becomes a fact; what has no case here asks a list."""
    match source:
        case DerivedSource():
            made = DERIVED[source.function].function(facts)
            return Fact(name, made.state, made.explained, made.evidence)
        case OrderSource():
            return orders.order_fact(name, source, facts.order)
        case PatientSource():
            return patient_fact(name, source.what, facts.record, facts.now)
        case LabSource():
            return _lab(source, name, facts)
        case SetAsideSource():
            return _set_aside(source, name, facts)
        case SetAsideReasonSource():
            return _set_aside_reason(source, name, facts)
        case ReferenceLowSource():
            return _reference_low(source, name, facts)
        case TwoResultsSource():
            return _two_results(source, name, facts)
        case BandSource():
            own = facts.fact(source.contested[2]) if source.contested else None
            return band(name, source, facts.fact(source.of), own, facts.book.thresholds)
        case _:
            return listed.listed_fact(name, source, facts.record, facts.now)


def _lab(source: LabSource, name: str, facts: Facts) -> Fact:
    window = facts.window(source.window)
    return labs.newest(name, facts.record.labs, source.analyte, window, facts.now)


def _set_aside(source: SetAsideSource, name: str, facts: Facts) -> Fact:
    found = _found_aside(facts, source)
    if isinstance(found, NotKnown | Nothing):
        return Fact(name, found, found.why)
    result, reason = found
    words = labs.set_aside_words(result, reason, facts.now)
    evidence = labs.evidence_of(result)
    if result.quantity is None:
        return Fact(name, Missing(reason, result.face, result.effective), words, evidence)
    state = Measured(result.quantity, result.face, result.effective, (reason.value,))
    return Fact(name, state, words, evidence)


def _set_aside_reason(source: SetAsideReasonSource, name: str, facts: Facts) -> Fact:
    found = _found_aside(facts, source.of)
    if isinstance(found, NotKnown | Nothing):
        return Fact(name, found, found.why)
    result, reason = found
    words = labs.set_aside_words(result, reason, facts.now)
    return labs.reason_fact(name, reason, words, labs.evidence_of(result))


def _found_aside(
    facts: Facts, source: SetAsideSource
) -> tuple[labs.LabResult, Reason] | NotKnown | Nothing:
    listing = facts.record.labs
    if listing.gap:
        return NotKnown(listing.key, listing.gap)
    found = labs.set_aside(
        listing,
        source.analyte,
        facts.window(source.window),
        facts.window(source.within),
        source.newer_than_used,
        facts.now,
    )
    return found or Nothing("no result was set aside")


def _reference_low(source: ReferenceLowSource, name: str, facts: Facts) -> Fact:
    used = facts.fact(source.of)
    if isinstance(used.state, NotKnown):
        return Fact(name, used.state, used.explained)
    why = "the laboratory states no lower limit"
    sources = {item.source for item in used.evidence}
    for result in facts.record.labs.items:
        low = result.reference_low
        if result.source in sources and low is not None and isinstance(used.state, Measured):
            accepted = _accepted(name, low, source, used.state.quantity.unit)
            return accepted or Fact(name, Nothing(why), why)
    return Fact(name, Nothing(why), why)


def _two_results(source: TwoResultsSource, name: str, facts: Facts) -> Fact:
    used = facts.fact(source.of)
    if isinstance(used.state, NotKnown):
        return Fact(name, used.state, used.explained)
    two = isinstance(used.state, Measured) and TWO_RESULTS in used.state.flags
    return presence(name, two, used.explained, (), used.evidence)


def _accepted(name: str, low: Quantity, source: ReferenceLowSource, unit: str) -> Fact | None:
    """R6: only a limit in the unit of the result, and only between sane bounds."""
    lower, upper = source.between
    sane = at_least(low, lower) is Verdict.YES and at_most(low, upper) is Verdict.YES
    if low.unit != unit or not sane:
        return None
    face = quantity_words(low)
    return Fact(name, Measured(low, face), f"the laboratory's own lower limit is {face}")
