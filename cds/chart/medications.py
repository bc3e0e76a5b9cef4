"""MedicationRequests as orders: active, draft or past (clinical pack R29).

An order that cannot be read, or whose drug cannot be told, makes the absence of any drug
unprovable: the listing then has a gap (R32).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from cds.chart.dosage import Dosing, read_dosing
from cds.chart.drugs import Drug, identify, narrowed
from cds.chart.duplicates import identity, once_each
from cds.chart.medication_index import MedicationIndex
from cds.chart.reading import (
    OTHER_PATIENT,
    UNREADABLE,
    Whose,
    closed_listing,
    decoded,
    named,
    of_type,
    whose,
)
from cds.chart.times import read_moment
from cds.facts.record import Listing, MedicationOrder, OrderKind, Unclear
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.datatypes import Period
from cds.fhir.medication_resources import MedicationRequest

__all__ = ["MedicationIndex", "read_drafts", "read_orders"]

ORDERED = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
OVER = frozenset({"completed", "stopped"})
NOT_DRAFTED = OVER | {"cancelled", "entered-in-error"}
NO_ORDER = frozenset({"on-hold", "cancelled", "entered-in-error", "draft"})
TELLING = OVER | NO_ORDER | {"active"}  # `unknown` and words that are none of R4 tell nothing
NO_STATUS = "has no status that tells whether it is active"

_request = msgspec.json.Decoder(MedicationRequest)


@dataclass(frozen=True, slots=True)
class Context:
    """What every order is read with."""

    index: MedicationIndex
    terms: Terminology
    now: datetime
    patient_id: str


def read_orders(
    supplied: Supplied, index: MedicationIndex, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[MedicationOrder], tuple[str, ...]]:
    """Active and past orders, and lines about what could not be read.

    Plans, proposals, cancelled and on-hold orders are left out: they are nobody's medication.
    """
    context = Context(index, terms, now, patient_id)
    orders: list[tuple[MedicationRequest, MedicationOrder]] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, "MedicationRequest"):
        request = decoded(resource, _request)
        if request is not None and whose(request.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif request is None or request.status not in TELLING:
            lines.append(named(resource, UNREADABLE if request is None else NO_STATUS))
            lost += 1
        else:
            order = _order(resource, request, context, _kind(request, now))
            if order.kind is not OrderKind.IGNORED:
                orders.append((request, order))
    kept = once_each(orders)
    listing = closed_listing(supplied, kept, lost)
    return replace(listing, gap=_with_unidentified(listing.gap, kept)), tuple(lines)


def read_drafts(
    resources: tuple[RawResource, ...],
    selections: frozenset[str],
    index: MedicationIndex,
    terms: Terminology,
    now: datetime,
    patient_id: str,
) -> tuple[tuple[MedicationOrder, ...], tuple[str, ...]]:
    """The MedicationRequests among draft orders. One that cannot be read might be anything, so
    it stays as an unidentified draft."""
    context = Context(index, terms, now, patient_id)
    drafts: list[MedicationOrder] = []
    lines: list[str] = []
    for resource in resources:
        if resource.type != "MedicationRequest":
            continue
        selected = resource.ref in selections or resource.id in selections
        request = decoded(resource, _request)
        if request is None:
            lines.append(named(resource, UNREADABLE))
            drafts.append(_unreadable(resource, selected))
        elif whose(request.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif request.status not in NOT_DRAFTED and request.doNotPerform is not True:
            order = _order(resource, request, context, OrderKind.DRAFT)
            drafts.append(replace(order, selected=selected))
    return tuple(drafts), tuple(lines)


def _unreadable(resource: RawResource, selected: bool) -> MedicationOrder:
    return MedicationOrder(
        resource.ref,
        "",
        OrderKind.DRAFT,
        identified=False,
        dose=Unclear("order unreadable"),
        selected=selected,
        flags=(UNREADABLE,),
    )


def _kind(request: MedicationRequest, now: datetime) -> OrderKind:
    if request.intent not in ORDERED or request.doNotPerform is True:
        return OrderKind.IGNORED
    if request.status in OVER:
        return OrderKind.ENDED
    if request.status != "active":
        return OrderKind.IGNORED
    stop = _stop(request)
    return OrderKind.ENDED if stop is not None and stop < now else OrderKind.ACTIVE


def _order(
    resource: RawResource, request: MedicationRequest, context: Context, kind: OrderKind
) -> MedicationOrder:
    drug = identify(
        request.medicationCodeableConcept,
        request.medicationReference,
        request.contained,
        context.index,
        context.terms,
    )
    dosing = read_dosing(request.dosageInstruction or (), drug, context.terms)
    authored = read_moment(request.authoredOn).at
    order = MedicationOrder(
        source=resource.ref,
        name=drug.name,
        kind=kind,
        authored=authored,
        start=_start(request) or authored,
        stop=_known_stop(request, kind, context.now),
        flags=_flags(drug, dosing),
    )
    order = _dosed(_of_drug(order, drug, dosing.parenteral), drug, dosing)
    # only what is totalled is asked whether it is there twice
    return order if order.dose is None else replace(order, identity=identity(request, order))


def _of_drug(order: MedicationOrder, drug: Drug, parenteral: bool | None) -> MedicationOrder:
    return replace(
        order,
        identified=drug.identified,
        substances=narrowed(drug.substances, parenteral),
        product=drug.product,
    )


def _dosed(order: MedicationOrder, drug: Drug, dosing: Dosing) -> MedicationOrder:
    return replace(
        order,
        systemic=drug.systemic and dosing.systemic,
        parenteral=dosing.parenteral,
        route=dosing.route,
        dose=dosing.dose,
        rate=dosing.rate,
        per_day=dosing.schedule.per_day,
        once=dosing.schedule.once,
        prn=dosing.schedule.prn,
        push=dosing.push,
        undiluted=dosing.undiluted,
        editable=dosing.editable,
    )


def _start(request: MedicationRequest) -> datetime | None:
    starts = (read_moment(period.start).at for period in _periods(request))
    return next((at for at in starts if at), None)


def _flags(drug: Drug, dosing: Dosing) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*drug.flags, *dosing.flags)))


def _periods(request: MedicationRequest) -> tuple[Period, ...]:
    """The periods that bound an order: the dispense validity, then every timing."""
    found = [request.dispenseRequest.validityPeriod] if request.dispenseRequest else []
    for dosage in request.dosageInstruction or ():
        repeat = dosage.timing.repeat if dosage.timing else None
        found.append(repeat.boundsPeriod if repeat else None)
    return tuple(period for period in found if period is not None)


def _stop(request: MedicationRequest) -> datetime | None:
    """The end of the dispense validity, else of the last timing when all timings end."""
    validity = request.dispenseRequest.validityPeriod if request.dispenseRequest else None
    if validity is not None and (end := read_moment(validity.end).at) is not None:
        return end
    bounds = [
        dosage.timing.repeat.boundsPeriod if dosage.timing and dosage.timing.repeat else None
        for dosage in request.dosageInstruction or ()
    ]
    ends = [read_moment(period.end).at if period else None for period in bounds]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _known_stop(request: MedicationRequest, kind: OrderKind, now: datetime) -> datetime | None:
    """A past order ended at the latest now, whatever its period had planned."""
    stop = _stop(request)
    return min(stop, now) if stop is not None and kind is OrderKind.ENDED else stop


def _with_unidentified(gap: str, orders: Iterable[MedicationOrder]) -> str:
    unknown = sum(not o.identified and o.kind is OrderKind.ACTIVE for o in orders)
    if not unknown:
        return gap
    word = "medication" if unknown == 1 else "medications"
    return "; ".join(filter(None, (gap, f"{unknown} {word} could not be identified")))
