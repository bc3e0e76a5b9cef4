"""A start with what is stated of it: the patient that is judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from cds.engine.facts import Facts
from cds.facts.model import Category, Fact, Measured, Presence
from cds.facts.record import Listing, MedicationOrder, Record, Setting, not_supplied
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    FactSource,
    FactSpec,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OrderSource,
    ProblemSource,
    ProcedureSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
    TwoResultsSource,
)
from cds.whatif.asked import inputs, rests_on
from cds.whatif.follow import follows
from cds.whatif.reading import FAILED, LIST, LISTS, NO_ORDER, ORDER, SEX, read
from cds.whatif.starts import Start, drafted

_MEASURES = frozenset({"creatinine", "egfr_reported"})
_OF_A_LIST: Mapping[type, str] = {
    LabSource: "observations",
    SetAsideSource: "observations",
    SetAsideReasonSource: "observations",
    ReferenceLowSource: "observations",
    TwoResultsSource: "observations",
    MedicationSource: "medications",
    ProblemSource: "problems",
    ProcedureSource: "procedures",
    AllergySource: "allergies",
    LabOrderSource: "lab_orders",
}


@dataclass(frozen=True, slots=True)
class Patient:
    """A start with what was stated and what follows from it (both by name, in words of facts)."""

    start: Start
    facts: Facts
    follows: Mapping[str, Fact]


class Stated(Facts):
    """Facts of which some are stated: also those about an order, whichever is looked at."""

    def __init__(
        self, book: Rulebook, start: Start, known: Mapping[str, Fact], record: Record
    ) -> None:
        about = {name for name in known if isinstance(book.facts[name].source, OrderSource)}
        rest = {name: fact for name, fact in known.items() if name not in about}
        super().__init__(book, record, start.now, rest, start.no_drugs)
        self._about_orders = {name: known[name] for name in about}

    def for_order(self, order: MedicationOrder) -> Facts:
        """The same facts, looked at from one order."""
        view = super().for_order(order)
        view._known.update(self._about_orders)
        return view


def patient(book: Rulebook, start: Start, texts: Mapping[str, str]) -> Patient:
    """The start with what is stated. Every text must be one that `read` takes."""
    told = {name: read(book, name, text) for name, text in texts.items()}
    if ORDER in texts:
        role = texts[ORDER]
        start = drafted(book, start, "" if role == NO_ORDER else role)
    record = _listed(start.record, texts)
    before = Stated(book, start, start.known, start.record)
    said = {name: _timed(fact, before) for name, fact in told.items() if fact is not None}
    more = {
        name: fact
        for name, fact in follows(book, said).items()
        if not _already(before.fact(name), fact)
    }
    kept = {name: before.fact(name) for name in _own_limits(book, said)}
    known = {**_still_known(book, start, texts), **kept, **more, **said}
    record = _placed(record, said)
    facts = Stated(book, start, _settled(book, start, known, record, {*texts, *more}), record)
    return Patient(start, facts, more)


def _timed(fact: Fact, before: Facts) -> Fact:
    """A stated value takes the place of the one there: it is as old as that. What is so already
    stays as it is, with its words."""
    if isinstance(before.book.facts[fact.name].source, OrderSource):
        return fact
    known = before.fact(fact.name)
    if not isinstance(fact.state, Measured):
        return known if fact.state == known.state else fact
    when = known.state.when if isinstance(known.state, Measured) else before.now
    return replace(fact, state=replace(fact.state, when=when or before.now))


def _already(known: Fact, wanted: Fact) -> bool:
    """Whether it is there already, perhaps with the names of what was found."""
    one, other = known.state, wanted.state
    return (
        isinstance(one, Presence) and isinstance(other, Presence) and one.present is other.present
    )


def _own_limits(book: Rulebook, said: Iterable[str]) -> list[str]:
    """The laboratory's own limits of stated results: they stay what they are."""
    return [
        spec.name
        for spec in book.facts.values()
        if isinstance(spec.source, ReferenceLowSource) and spec.source.of in said
    ]


def _still_known(book: Rulebook, start: Start, texts: Mapping[str, str]) -> dict[str, Fact]:
    """What of the start stands: without what is assumed of lists that are gone."""
    gone = {key for key in LISTS if f"{LIST}{key}" in texts}
    return {
        name: fact
        for name, fact in start.known.items()
        if name not in start.assumed or not _of_a_list(book.facts[name].source, gone)
    }


def _of_a_list(source: FactSource, keys: set[str]) -> bool:
    if isinstance(source, SuppliedSource):
        return source.key in keys
    if isinstance(source, MedicationSource) and "given" in source.which:
        return not keys.isdisjoint({"medications", "administrations"})
    if isinstance(source, DerivedSource) and source.function not in ("renal_band",):
        return bool(keys)
    return _OF_A_LIST.get(type(source), "") in keys


def _settled(
    book: Rulebook, start: Start, known: dict[str, Fact], record: Record, touched: set[str]
) -> dict[str, Fact]:
    """Without what was assumed and is worked out from something that is stated now.

    Kidneys stay as they are assumed while nothing measures them: age alone says nothing of them.
    """
    for spec in book.facts.values():
        name = spec.name
        if not isinstance(spec.source, DerivedSource) or name not in start.assumed & set(known):
            continue
        if name in touched or touched.isdisjoint({*rests_on(book, name), *_who(spec)}):
            continue
        rest = {x: fact for x, fact in known.items() if x != name}
        found = Stated(book, start, rest, record).fact(name)
        if found.state != Category(frozenset({"unknown"})) or touched & _MEASURES:
            known = rest
    return known


def _who(spec: FactSpec) -> tuple[str, ...]:
    """Estimates that ask the age ask the sex too, which is no declared fact."""
    return (SEX,) if "age" in inputs(spec.source) else ()


def _listed(record: Record, texts: Mapping[str, str]) -> Record:
    """The record with lists that were not sent, or whose query failed, and with the stated sex."""
    changes: dict[str, Any] = {}
    for key in LISTS:
        word = texts.get(f"{LIST}{key}")
        if word is not None:
            why = f"the query for `{key}` failed" if word == FAILED else ""
            gone: Listing[Any] = not_supplied(key, why)
            changes["labs" if key == "observations" else key] = replace(gone, failed=word == FAILED)
    if SEX in texts:
        sex = texts[SEX] if texts[SEX] != "unknown" else ""
        changes["person"] = replace(record.person, sex=sex)
    return replace(record, **changes) if changes else record


def _placed(record: Record, said: Mapping[str, Fact]) -> Record:
    """How old a result may be depends on the setting, which is read from the record."""
    fact = said.get("setting")
    if fact is None or not isinstance(fact.state, Category) or len(fact.state.labels) != 1:
        return record
    (label,) = fact.state.labels
    return replace(record, place=replace(record.place, setting=Setting(label)))
