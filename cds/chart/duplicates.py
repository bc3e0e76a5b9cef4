"""The same order seen twice counts once (clinical pack R29).

The drug must be the same in every case: identifiers are also used for groups of orders, and an
order left out by mistake would be a dose nobody sees. Without a shared identifier the written
dosage must be the same too, not only the part of it we can read.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import replace

from cds.facts.record import MedicationOrder, OrderKind
from cds.fhir.medication_resources import Dosage, MedicationRequest
from cds.fhir.resources import ResultQuantity

Pair = tuple[MedicationRequest, MedicationOrder]


def once_each(orders: Iterable[Pair]) -> tuple[MedicationOrder, ...]:
    """The orders without those that repeat another one of the same kind: based on it, sharing an
    identifier with it, or of the same drug, authored time, period, route and dose. The first is
    kept and names the others in `also`, so that their administrations are found."""
    pairs = tuple(orders)
    listed = {_reference(order, order.source) for _, order in pairs}
    leader = list(range(len(pairs)))
    owner: dict[Hashable, int] = {}
    for place, (request, order) in enumerate(pairs):
        keys = _keys(request, order) | (_based_on(request, order) & listed)
        same = {_top(leader, owner[key]) for key in keys if key in owner} | {place}
        for member in same:
            leader[member] = min(same)
        owner.update(dict.fromkeys(keys, place))
    return _folded(pairs, leader)


def identity(request: MedicationRequest, order: MedicationOrder) -> frozenset[Hashable]:
    """What names an order whatever its kind: an active order and its draft share one (R29)."""
    active = order.kind is OrderKind.ACTIVE
    plain = order if active else replace(order, kind=OrderKind.ACTIVE)
    return frozenset(_keys(request, plain) | _based_on(request, plain))


def _top(leader: list[int], place: int) -> int:
    while leader[place] != place:
        place = leader[place]
    return place


def _folded(pairs: tuple[Pair, ...], leader: list[int]) -> tuple[MedicationOrder, ...]:
    also: dict[int, tuple[str, ...]] = {}
    for place, (_, order) in enumerate(pairs):
        top = _top(leader, place)
        also[top] = (*also.get(top, ()), *((order.source,) if top != place else ()))
    return tuple(
        replace(pairs[top][1], also=sources) if sources else pairs[top][1]
        for top, sources in also.items()
    )


def _drug(order: MedicationOrder) -> Hashable:
    names = frozenset(item.name for item in order.substances)
    return order.kind, names or order.name.strip().lower(), order.product


def _reference(order: MedicationOrder, source: str) -> Hashable:
    return _drug(order), "ref", source


def _based_on(request: MedicationRequest, order: MedicationOrder) -> set[Hashable]:
    return {_reference(order, reference.relative()) for reference in request.basedOn or ()}


def _keys(request: MedicationRequest, order: MedicationOrder) -> set[Hashable]:
    drug = _drug(order)
    # a resource without an id shares its reference with every other one without: that names nothing
    named = not order.source.endswith("/")
    keys: set[Hashable] = {_reference(order, order.source)} if named else set()
    if not order.identified:
        return keys
    keys |= {(drug, item.system, item.value) for item in request.identifier or () if item.value}
    if order.authored is not None:
        written = tuple(_written(item) for item in request.dosageInstruction or ())
        keys.add((drug, order.authored, order.start, order.stop, written))
    return keys


def _written(dosage: Dosage) -> Hashable:
    doses = tuple(_amount(step.doseQuantity) for step in dosage.doseAndRate or ())
    return dosage.text, dosage.route, doses


def _amount(quantity: ResultQuantity | None) -> Hashable:
    if quantity is None:
        return None
    value = bytes(quantity.value) if quantity.value is not None else b""
    return value, quantity.unit, quantity.code
