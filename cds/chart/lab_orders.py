"""Laboratory tests already ordered or drafted, so that none is suggested twice (R28)."""

from __future__ import annotations

from datetime import datetime

import msgspec

from cds.chart.clock import kept
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
from cds.facts.record import LabOrder, Listing
from cds.fhir.bundle import RawResource, Supplied
from cds.fhir.resources import ServiceRequest
from cds.kernel.codes import LOINC, Loinc

ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})

_request = msgspec.json.Decoder(ServiceRequest)


def read_lab_orders(
    supplied: Supplied, now: datetime, patient_id: str
) -> tuple[Listing[LabOrder], tuple[str, ...]]:
    """Active and drafted ServiceRequests with LOINC codes; how old they may be is the rule's."""
    return kept(supplied, read_lab_orders, (), now, lambda _: _lab_orders(supplied, patient_id))


def _lab_orders(supplied: Supplied, patient_id: str) -> tuple[Listing[LabOrder], tuple[str, ...]]:
    orders: list[LabOrder] = []
    lines: list[str] = []
    lost = 0
    for resource in of_type(supplied, "ServiceRequest"):
        request = decoded(resource, _request)
        if request is None:
            lines.append(named(resource, UNREADABLE))
            lost += 1
        elif whose(request.subject, patient_id) is Whose.OTHER:
            lines.append(named(resource, OTHER_PATIENT))
        elif request.status == "draft" or _is_ordered(request):
            orders.extend(_order(resource, request, draft=request.status == "draft"))
    return closed_listing(supplied, orders, lost), tuple(lines)


def read_draft_lab_orders(
    resources: tuple[RawResource, ...],
) -> tuple[tuple[LabOrder, ...], tuple[str, ...]]:
    """The ServiceRequests among the draft orders of the hook call."""
    orders: list[LabOrder] = []
    lines: list[str] = []
    for resource in resources:
        if resource.type != "ServiceRequest":
            continue
        request = decoded(resource, _request)
        if request is None:
            lines.append(named(resource, UNREADABLE))
        else:
            orders.extend(_order(resource, request, draft=True))
    return tuple(orders), tuple(lines)


def _is_ordered(request: ServiceRequest) -> bool:
    return request.status == "active" and request.intent in ORDERS


def _order(resource: RawResource, request: ServiceRequest, *, draft: bool) -> list[LabOrder]:
    codings = request.code.codings() if request.code else ()
    loincs = frozenset(Loinc(coding.code) for coding in codings if coding.system == LOINC)
    if request.doNotPerform or not loincs:
        return []
    return [LabOrder(resource.ref, loincs, draft, read_moment(request.authoredOn).at)]
