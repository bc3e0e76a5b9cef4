"""MedicationRequests as orders: active, draft or past (clinical pack R29).

An order that cannot be read, or whose drug cannot be told, makes the absence of any drug
unprovable: the listing then has a gap (R32).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from cds.chart.clock import Clock, kept
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
    once,
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

OWN_LIST = 1  # of the groups of the index, the medications come first

_request = msgspec.json.Decoder(MedicationRequest)


@dataclass(frozen=True, slots=True)
class _Written:
    """A MedicationRequest as it was written: `order` as if it were active, None where its drug
    stands in another resource and must be looked up."""

    request: MedicationRequest
    order: MedicationOrder | None


@dataclass(frozen=True, slots=True)
class Context:
    """What every order is read with."""

    index: MedicationIndex
    terms: Terminology
    clock: Clock
    patient_id: str


def read_orders(
    supplied: Supplied, index: MedicationIndex, terms: Terminology, now: datetime, patient_id: str
) -> tuple[Listing[MedicationOrder], tuple[str, ...]]:
    """Active and past orders, and lines about what could not be read.

    Plans, proposals, cancelled and on-hold orders are left out: they are nobody's medication.
    """
    return kept(
        supplied,
        read_orders,
        (terms,),
        now,
        lambda clock: _orders(supplied, Context(index, terms, clock, patient_id)),
    )


def _orders(
    supplied: Supplied, context: Context
) -> tuple[Listing[MedicationOrder], tuple[str, ...]]:
    context.index.reached = 0
    orders: list[tuple[MedicationRequest, MedicationOrder]] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, "MedicationRequest"):
        written = once(resource, context.terms, _written)
        request = written.request if written else None
        if request is not None and whose(request.subject, context.patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif written is None or request is None or request.status not in TELLING:
            lines.append(named(resource, UNREADABLE if request is None else NO_STATUS))
            lost += 1
        else:
            order = _as_of(resource, written, context)
            if order is not None:
                orders.append((request, order))
    if context.index.reached > OWN_LIST:
        context.clock.elsewhere()
    single = once_each(orders)
    listing = closed_listing(supplied, single, lost)
    gap = _with_unidentified(listing.gap, single)
    return listing if gap == listing.gap else replace(listing, gap=gap), tuple(lines)


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
    context = Context(index, terms, Clock(now), patient_id)
    drafts: list[MedicationOrder] = []
    lines: list[str] = []
    for resource in resources:
        if resource.type != "MedicationRequest":
            continue
        selected = resource.ref in selections or resource.id in selections
        written = once(resource, terms, _written)
        if written is None:
            lines.append(named(resource, UNREADABLE))
            drafts.append(_unreadable(resource, selected))
        elif whose(written.request.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif _is_drafted(written.request):
            drafts.append(_draft(resource, written, selected, context))
    return tuple(drafts), tuple(lines)


def _draft(
    resource: RawResource, written: _Written, selected: bool, context: Context
) -> MedicationOrder:
    known = once(resource, context.terms, _chosen if selected else _beside)
    if known is not None:
        return known
    order = _drugged(resource, written, context)
    return replace(order, kind=OrderKind.DRAFT, selected=selected)


def _chosen(resource: RawResource, terms: Terminology) -> MedicationOrder | None:
    order = _beside(resource, terms)
    return None if order is None else replace(order, selected=True)


def _beside(resource: RawResource, terms: Terminology) -> MedicationOrder | None:
    """The order as a draft; None where its drug stands in another resource."""
    written = once(resource, terms, _written)
    order = written.order if written else None
    return None if order is None else replace(order, kind=OrderKind.DRAFT)


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


def _is_drafted(request: MedicationRequest) -> bool:
    return request.status not in NOT_DRAFTED and request.doNotPerform is not True


def _written(resource: RawResource, terms: Terminology) -> _Written | None:
    # from its own bytes: what is remembered must not hold the whole body
    request = decoded(resource.alone(), _request)
    if request is None:
        return None
    if request.medicationReference is not None:
        return _Written(request, None)
    return _Written(request, _order(resource, request, MedicationIndex(), terms))


def _drugged(resource: RawResource, written: _Written, context: Context) -> MedicationOrder:
    return written.order or _order(resource, written.request, context.index, context.terms)


def _as_of(resource: RawResource, written: _Written, context: Context) -> MedicationOrder | None:
    """The order as it stands now; None for one that is nobody's medication."""
    kind = _kind(written.request, context.clock)
    if kind is OrderKind.IGNORED:
        return None
    order = _drugged(resource, written, context)
    if kind is OrderKind.ACTIVE:
        return order
    if order.stop is None or context.clock.reached(order.stop):
        return replace(order, kind=kind)
    # a past order ended at the latest now, whatever its period had planned
    order = replace(order, kind=kind, stop=context.clock.exactly())
    return _identified(written.request, order)


def _kind(request: MedicationRequest, clock: Clock) -> OrderKind:
    if request.intent not in ORDERED or request.doNotPerform is True:
        return OrderKind.IGNORED
    if request.status in OVER:
        return OrderKind.ENDED
    if request.status != "active":
        return OrderKind.IGNORED
    stop = _stop(request)
    return OrderKind.ENDED if stop is not None and clock.passed(stop) else OrderKind.ACTIVE


def _order(
    resource: RawResource, request: MedicationRequest, index: MedicationIndex, terms: Terminology
) -> MedicationOrder:
    drug = identify(
        request.medicationCodeableConcept,
        request.medicationReference,
        request.contained,
        index,
        terms,
    )
    dosing = read_dosing(request.dosageInstruction or (), drug, terms)
    authored = read_moment(request.authoredOn).at
    order = MedicationOrder(
        source=resource.ref,
        name=drug.name,
        kind=OrderKind.ACTIVE,
        identified=drug.identified,
        substances=narrowed(drug.substances, dosing.parenteral),
        product=drug.product,
        systemic=drug.systemic and dosing.systemic,
        parenteral=dosing.parenteral,
        route=dosing.route,
        dose=dosing.dose,
        rate=dosing.rate,
        per_day=dosing.schedule.per_day,
        once=dosing.schedule.once,
        prn=dosing.schedule.prn,
        authored=authored,
        start=_start(request) or authored,
        stop=_stop(request),
        push=dosing.push,
        undiluted=dosing.undiluted,
        editable=dosing.editable,
        flags=_flags(drug, dosing),
    )
    return _identified(request, order)


def _identified(request: MedicationRequest, order: MedicationOrder) -> MedicationOrder:
    # only what is totalled is asked whether it is there twice
    return order if order.dose is None else replace(order, identity=identity(request, order))


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


def _with_unidentified(gap: str, orders: Iterable[MedicationOrder]) -> str:
    unknown = sum(not o.identified and o.kind is OrderKind.ACTIVE for o in orders)
    if not unknown:
        return gap
    word = "medication" if unknown == 1 else "medications"
    return "; ".join(filter(None, (gap, f"{unknown} {word} could not be identified")))
