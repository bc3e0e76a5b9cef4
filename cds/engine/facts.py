"""The facts of one patient under one rulebook, each worked out once (memoised).

Implements `facts.view.View` for derived facts. `given` replaces facts by name: that is how the
cases embedded in rule files, and later the what-if page, state a patient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from cds.engine import listed, orders
from cds.engine.bands import band
from cds.engine.decision import Judgement
from cds.engine.drafted import (
    facts_about_one_order,
    nothing_is_shared,
    nothing_stands,
    text_stands,
    what_is_shared,
    what_stands,
)
from cds.engine.listed import Lists
from cds.engine.patient import patient_fact
from cds.engine.standing import Known, Standing
from cds.facts import labs
from cds.facts.derived.registry import DERIVED
from cds.facts.draws import TWO_RESULTS
from cds.facts.earlier import as_of
from cds.facts.model import Fact, Measured, Missing, Nothing, NotKnown, Reason, presence
from cds.facts.record import MedicationOrder, Record
from cds.facts.show import quantity_words
from cds.facts.view import View
from cds.kernel.quantity import Quantity, at_least, at_most
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    BandSource,
    DerivedSource,
    FactSource,
    LabSource,
    OrderSource,
    PatientSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    TwoResultsSource,
    Window,
)

T = TypeVar("T")


class Facts:
    """Declared facts, by name. `order` is the order a `for_each` rule is being judged for."""

    def __init__(
        self,
        book: Rulebook,
        record: Record,
        now: datetime,
        given: Mapping[str, Fact] | None = None,
        no_drugs: str = "",
        standing: Standing | None = None,
    ) -> None:
        self.book = book
        self.record = record  # the patient
        self.now = now  # clinical now
        self.asked = now  # the very moment of the call, where `now` is rounded
        # What is known already for this very record, rulebook and moment, without `given`;
        # nothing, where nothing of this patient is kept from call to call.
        self.standing = standing or Standing(record)
        self.results = self.standing.results
        self.lists = Lists(record, self.standing.indexes)
        self.drafting = self.standing.with_drafts(record)
        self.order: MedicationOrder | None = None
        self.no_drugs = no_drugs  # why this call may suggest no drug at all; "" = it may
        self.definitions: dict[str, Judgement] = {}  # judged once per patient and order
        self.negations: dict[str, Judgement] = {}  # the same with `not` before them
        self.then: Facts | None = None  # what `rising_by` and `falling_by` look back to, if not
        #                                 to the result before
        self._known: dict[str, Fact] = dict(given or {})
        kept = self.standing.kept
        self._stand = book.remembered(what_stands if kept else nothing_stands)
        self._shared = book.remembered(what_is_shared if kept else nothing_is_shared)

    def for_order(self, order: MedicationOrder) -> Facts:
        """The same facts, looked at from one order; patient facts are shared, not redone."""
        own = self.book.remembered(facts_about_one_order)
        known = {x: fact for x, fact in self._known.items() if x not in own}
        view = Facts(self.book, self.record, self.now, known, self.no_drugs, self.standing)
        view.lists = self.lists
        view.order = order
        return view

    def as_of(self, at: datetime) -> Facts:
        """The same patient as far as it was known at that moment (`at` <= now)."""
        return Facts(self.book, as_of(self.record, at), at, no_drugs=self.no_drugs)

    def since(self, then: Facts) -> Facts:
        """The same facts; what has risen or fallen is asked against `then`."""
        # What was judged against the result before is not known here.
        view = Facts(self.book, self.record, self.now, self._known, self.no_drugs)
        view.then = then
        return view

    def looked_at(self) -> tuple[Fact, ...]:
        """Every fact worked out so far."""
        return tuple(self._known.values())

    def forget(self) -> None:
        """Let go of the judgements of this view once they are handed out (`Standing.forget`)."""
        self.definitions.clear()
        self.negations.clear()

    def judged(self, name: str, *, negated: bool) -> dict[str, Judgement]:
        """Where the judgement of a named clause is kept: with the patient or with this view."""
        if name in self._stand.names:
            holder: Known | Facts = self.standing
        else:
            holder = self.drafting if name in self._shared.names else self
        return holder.negations if negated else holder.definitions

    def keep(self, clause: int, judged: Judgement) -> None:
        """Keep what was judged of a clause, by its identity, for as long as it holds."""
        if clause in self._stand.clauses:
            self.standing.judged[clause] = judged
        elif clause in self._shared.clauses:
            self.drafting.judged[clause] = judged

    def texts(self, text: str) -> dict[str, str] | None:
        """Where a text with its holes filled is kept; None = nowhere."""
        if text_stands(text, self.book, self._stand.without):
            return self.standing.texts
        shared = text_stands(text, self.book, self._shared.without)
        return self.drafting.texts if shared else None

    def window(self, name: str) -> timedelta:
        """A named window for the patient's setting; the shorter one while its problem may be."""
        known = self.standing.windows
        span = known.get(name)
        if span is None:
            span = known[name] = self._window(self.book.windows[name])
        return span

    def _window(self, window: Window) -> timedelta:
        span = window.span(self.record.place.setting)
        if window.shorter is None or span == window.inpatient:
            return span
        concept, shorter = window.shorter
        state = listed.problem_state(self.lists, (concept,))
        return span if state is Verdict.NO else min(span, shorter)

    def limit(self, name: str, unit: str) -> Quantity:
        """A named threshold in a unit."""
        return self.book.thresholds[name].for_unit(unit)

    def fact(self, name: str) -> Fact:
        """A declared fact, memoised."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._fact(name)
        return found

    def _fact(self, name: str) -> Fact:
        if name in self._shared.without:
            return self._worked_out(name)
        known = (self.drafting if name in self._stand.without else self.standing).facts
        found = known.get(name)
        if found is None:
            found = known[name] = self._worked_out(name)
        return found

    def _worked_out(self, name: str) -> Fact:
        source = self.book.facts[name].source
        return _FROM.get(type(source), _from_a_list)(source, name, self)

    def once(self, make: Callable[[View], T]) -> T:
        """What several derived facts need and no rule asks."""
        known = self.standing.found
        if make not in known:
            known[make] = make(self)
        found: T = known[make]
        return found


def _derived(source: DerivedSource, name: str, facts: Facts) -> Fact:
    made = DERIVED[source.function].function(facts)
    return Fact(name, made.state, made.explained, made.evidence)


def _of_order(source: OrderSource, name: str, facts: Facts) -> Fact:
    return orders.order_fact(name, source, facts.order)


def _of_patient(source: PatientSource, name: str, facts: Facts) -> Fact:
    return patient_fact(name, source.what, facts.record, facts.now)


def _from_a_list(source: FactSource, name: str, facts: Facts) -> Fact:
    return listed.listed_fact(name, source, facts.lists, facts.now)


def _band(source: BandSource, name: str, facts: Facts) -> Fact:
    own = facts.fact(source.contested[2]) if source.contested else None
    return band(name, source, facts.fact(source.of), own, facts.book.thresholds)


def _lab(source: LabSource, name: str, facts: Facts) -> Fact:
    window = facts.window(source.window)
    return labs.newest(name, facts.results, source.analyte, window, facts.now)


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
        facts.results,
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


# How each kind of source becomes a fact; what stands not here asks a list.
_FROM: Mapping[type, Callable[[Any, str, Facts], Fact]] = {
    DerivedSource: _derived,
    OrderSource: _of_order,
    PatientSource: _of_patient,
    LabSource: _lab,
    SetAsideSource: _set_aside,
    SetAsideReasonSource: _set_aside_reason,
    ReferenceLowSource: _reference_low,
    TwoResultsSource: _two_results,
    BandSource: _band,
}
