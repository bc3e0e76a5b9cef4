"""The same order seen twice counts once (clinical pack R29).

The drug must be the same in every case: identifiers are also used for groups of orders, and an
order left out by mistake would be a dose nobody sees.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from cds.facts.record import MedicationOrder
from cds.fhir.medication_resources import MedicationRequest

Pair = tuple[MedicationRequest, MedicationOrder]


def once_each(orders: Iterable[Pair]) -> tuple[MedicationOrder, ...]:
    """The orders without those that repeat an earlier one of the same kind: based on it, sharing
    an identifier with it, or of the same drug, authored time, start, route and dose."""
    pairs = tuple(orders)
    own = {(order.source, _drug(order)) for _, order in pairs}
    seen: set[Hashable] = set()
    kept: list[MedicationOrder] = []
    for request, order in pairs:
        keys = _keys(request, order)
        if _based_on_listed(request, order, own) or not seen.isdisjoint(keys):
            continue
        seen.update(keys)
        kept.append(order)
    return tuple(kept)


def _drug(order: MedicationOrder) -> Hashable:
    names = frozenset(item.name for item in order.substances)
    return order.kind, names or order.name.strip().lower(), order.product


def _keys(request: MedicationRequest, order: MedicationOrder) -> set[Hashable]:
    drug = _drug(order)
    keys: set[Hashable] = {
        (drug, item.system, item.value) for item in request.identifier or () if item.value
    }
    if order.authored is not None and order.identified:
        keys.add((drug, order.authored, order.start, order.parenteral, order.dose))
    return keys


def _based_on_listed(
    request: MedicationRequest, order: MedicationOrder, own: set[tuple[str, Hashable]]
) -> bool:
    return any(
        (reference.relative(), _drug(order)) in own and reference.relative() != order.source
        for reference in request.basedOn or ()
    )
