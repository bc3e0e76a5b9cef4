"""MedicationAdministrations that took place (clinical pack R29: completed or in progress).

Some hospitals record a dose that was *not* given as completed, with the truth in the method
("Not Given", "Flushed", "Hold Dose"): those are not doses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import msgspec

from cds.chart.clock import Clock, kept
from cds.chart.doses import electrolyte, read_amount
from cds.chart.drugs import Drug, identify, narrowed, of_concept
from cds.chart.medication_index import MedicationIndex
from cds.chart.reading import (
    OTHER_PATIENT,
    UNREADABLE,
    Whose,
    closed_listing,
    decoded,
    named,
    of_type,
    once,
    whose,
)
from cds.chart.routes import read_route
from cds.chart.times import read_moment
from cds.facts.record import Administration, Listing, MedicationOrder, Substance, Unclear
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.medication_resources import AdministeredDosage, MedicationAdministration
from cds.kernel.codes import RxNorm
from cds.kernel.quantity import Quantity

TOOK_PLACE = frozenset({"completed", "in-progress"})
NO_STATUS = "has no status"
FUTURE = "is dated in the future"
OWN_LISTS = 2  # of the groups of the index, the medications and the doses come first
PARTLY = Unclear("only partly given")
LOOK_BACK = timedelta(hours=96)  # the longest span of clinical pack R19

_KIND = "MedicationAdministration"
_NOT_GIVEN = re.compile(
    r"\bnot\b|\bflush|\bhold\b|\bheld\b|\brefused\b|\bmissed\b|\bomitted\b|\bstopped\b"
    r"|\bremoved\b(?!.*\bapplied\b)",
    re.IGNORECASE,
)
_PARTLY = re.compile(r"\bpartial", re.IGNORECASE)
_administration = msgspec.json.Decoder(MedicationAdministration)


@dataclass(frozen=True, slots=True)
class Context:
    """What every administration is read with."""

    orders: Mapping[str, MedicationOrder]
    index: MedicationIndex
    terms: Terminology
    clock: Clock
    patient_id: str


@dataclass(frozen=True, slots=True)
class _Given:
    """A MedicationAdministration as it was written; `drug` is None where it stands in another
    resource, `was_given` says whether it is a dose at all."""

    given: MedicationAdministration
    drug: Drug | None
    was_given: bool
    start: datetime | None
    end: datetime | None


def read_administrations(
    supplied: Supplied,
    orders: Listing[MedicationOrder],
    drafts: Sequence[MedicationOrder],
    index: MedicationIndex,
    terms: Terminology,
    now: datetime,
    patient_id: str,
) -> tuple[Listing[Administration], tuple[str, ...]]:
    """Doses given, and lines about what could not be read. `orders` and `drafts` are those that
    doses may belong to; a draft goes before the order of the same name."""
    requests = _requests(supplied, terms, now)
    drafted = tuple([draft for draft in drafts if draft.source in requests])

    def read(clock: Clock) -> tuple[Listing[Administration], tuple[str, ...]]:
        known = _by_source((*orders.items, *drafted))
        return _doses(supplied, Context(known, index, terms, clock, patient_id))

    return kept(supplied, read_administrations, (terms, orders, *drafted), now, read)


def _requests(supplied: Supplied, terms: Terminology, now: datetime) -> frozenset[str]:
    """The orders that the doses of a list say they belong to."""

    def read(_: Clock) -> frozenset[str]:
        doses = (once(item, terms, _read) for item in of_type(supplied, _KIND))
        requests = (dose.given.request for dose in doses if dose is not None)
        return frozenset([request.relative() for request in requests if request is not None])

    return kept(supplied, _requests, (terms,), now, read)


def _doses(supplied: Supplied, context: Context) -> tuple[Listing[Administration], tuple[str, ...]]:
    context.index.reached = 0
    clock = context.clock
    entries: list[Administration] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, _KIND):
        read = once(resource, context.terms, _read)
        given = read.given if read else None
        if read is None or given is None or not given.status:
            lines.append(named(resource, UNREADABLE if given is None else NO_STATUS))
            lost += 1
        elif whose(given.subject, context.patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif read.was_given:
            entry = _entry(resource, read, context)
            if entry.start is not None and not clock.reached(entry.start):
                lines.append(named(resource, FUTURE))
            else:
                entries.append(entry)
    if context.index.reached > OWN_LISTS:
        clock.elsewhere()
    listing = closed_listing(supplied, entries, lost)
    return replace(listing, gap=_with_unidentified(listing.gap, entries, clock)), tuple(lines)


def _by_source(orders: Iterable[MedicationOrder]) -> Mapping[str, MedicationOrder]:
    """A dose may belong to any of the copies of an order; it counts for the one kept."""
    found = {order.source: order for order in orders}
    return {source: order for order in found.values() for source in order.also} | found


def _with_unidentified(gap: str, entries: list[Administration], clock: Clock) -> str:
    """A dose of an unknown drug might be any drug, for as long as doses are looked back at."""
    unknown = sum(
        not entry.name
        and not entry.substances
        and (entry.start is None or not clock.passed(entry.start + LOOK_BACK))
        for entry in entries
    )
    if not unknown:
        return gap
    word = "dose" if unknown == 1 else "doses"
    return "; ".join(
        filter(None, (gap, f"{unknown} {word} of a drug that could not be identified"))
    )


def _method(dosage: AdministeredDosage | None) -> str:
    if dosage is None or dosage.method is None:
        return ""
    said = [dosage.method.text or ""]
    for item in dosage.method.coding:
        said += [item.display or "", item.code or ""]
    return " | ".join(said)


def _read(resource: RawResource, terms: Terminology) -> _Given | None:
    # from its own bytes: what is remembered must not hold the whole body
    given = decoded(resource.alone(), _administration)
    if given is None:
        return None
    was_given = given.status in TOOK_PLACE and not _NOT_GIVEN.search(_method(given.dosage))
    referred = given.medicationReference is not None
    drug = None if referred else of_concept(given.medicationCodeableConcept, terms)
    return _Given(given, drug, was_given, *_times(given))


def _entry(resource: RawResource, read: _Given, context: Context) -> Administration:
    given = read.given
    drug = read.drug or identify(
        given.medicationCodeableConcept,
        given.medicationReference,
        given.contained,
        context.index,
        context.terms,
    )
    request = given.request.relative() if given.request else ""
    order = context.orders.get(request)
    substances, product = _what(drug, order)
    stated, systemic = read_route(given.dosage.route if given.dosage else None)
    parenteral = _parenteral(stated, drug, order)
    inside = systemic and drug.systemic and (order is None or order.systemic)
    return Administration(
        source=resource.ref,
        name=drug.name or (order.name if order else ""),
        request=order.source if order else request,
        substances=narrowed(substances, parenteral) if inside else (),
        parenteral=parenteral,
        start=read.start,
        end=read.end,
        dose=_dose(given.dosage, substances, product, parenteral, context) if inside else None,
        completed=given.status == "completed",
    )


def _what(drug: Drug, order: MedicationOrder | None) -> tuple[tuple[Substance, ...], RxNorm | None]:
    """The drug by its own code or name, else by its order. An order never overrules the record
    of what was given; it lends its product where both say the same substance and the record
    names no product of its own (a code that settles no form is an ingredient)."""
    if order is None or (drug.product and drug.parenteral is not None):
        return drug.substances, drug.product
    if not drug.substances:
        return (order.substances, order.product) if not drug.name else ((), None)
    same = {item.name for item in drug.substances} == {item.name for item in order.substances}
    return drug.substances, order.product if same else drug.product


def _parenteral(stated: bool | None, drug: Drug, order: MedicationOrder | None) -> bool | None:
    if stated is not None:
        return stated
    if order is not None and order.parenteral is not None:
        return order.parenteral
    return drug.parenteral


def _dose(
    dosage: AdministeredDosage | None,
    substances: tuple[Substance, ...],
    product: RxNorm | None,
    parenteral: bool | None,
    context: Context,
) -> Quantity | Unclear | None:
    what = electrolyte(substances, product, parenteral, context.terms)
    if what is not None and _PARTLY.search(_method(dosage)):
        return PARTLY
    return read_amount(dosage.dose if dosage else None, what)


def _times(given: MedicationAdministration) -> tuple[datetime | None, datetime | None]:
    if given.effectivePeriod is not None:
        period = given.effectivePeriod
        return read_moment(period.start).at, read_moment(period.end).at
    at = read_moment(given.effectiveDateTime).at
    return at, at if given.status == "completed" else None
