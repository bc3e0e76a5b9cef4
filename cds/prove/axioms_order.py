"""What facts about the one selected order have in common with each other and with what is on order.

Part of `axioms`; the same test covers both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

import z3

from cds.facts.model import Reason
from cds.kernel.codes import RXNORM, Coding
from cds.prove.patient import Patient
from cds.prove.smt import Bool, conj, disj, implies, neg, same
from cds.prove.variables import MISSING, VALUE, FactTerms
from cds.rulebook.model import MedicationSource, OrderSource

_INTO_A_VEIN = "mg-replacement-iv"
# The roles that reading an order takes away where the route speaks against them: the bag by mouth
# is a laxative and no infusion.
_BY_ROUTE = frozenset({_INTO_A_VEIN, "mg-replacement-oral"})


def of_the_order(patient: Patient) -> Iterator[Bool]:
    """The selected order is one of the drafts, and its dose is read or not read as a whole."""
    oral: Bool = z3.Bool(f"{patient.prefix}order:oral")
    for route in _asking(patient, "route"):
        yield disj(route.label_is(label) for label in route.labels)
        oral = route.labels["oral"]
    yield from _drafted(patient, oral)
    yield from _contents(patient, oral)
    yield from _amounts(patient)


def _drafted(patient: Patient, oral: Bool) -> Iterator[Bool]:
    """Whatever the order holds is on order."""
    for fact in patient.asked(MedicationSource):
        source = fact.spec.source
        if isinstance(source, MedicationSource) and source.which & {"draft", "selected"}:
            named = disj(patient.tag(name) for name in source.roles)
            fits = True if source.parenteral is None else neg(oral) if source.parenteral else oral
            yield implies(conj((named, fits)), fact.found)


def _contents(patient: Patient, oral: Bool) -> Iterator[Bool]:
    """What the order says about itself follows from what is in it."""
    for fact in _asking(patient, "editable"):
        yield same(fact.present, patient.editable)
    for fact in _asking(patient, "roles"):
        if isinstance(fact.spec.source, OrderSource):
            yield same(fact.present, disj(patient.tag(name) for name in fact.spec.source.labels))
    for fact in _asking(patient, "product"):
        if isinstance(fact.spec.source, OrderSource):
            holds = (_held_by(patient, code, oral) for code in fact.spec.source.labels)
            yield implies(fact.present, disj(holds))


def _held_by(patient: Patient, product: str, oral: Bool) -> Bool:
    """Whoever orders the product orders what is in it; what magnesium does depends on the route."""
    drug = patient.book.terminology.drugs.get(Coding(RXNORM, product))
    if drug is None:
        return True
    held = [patient.tag(name) for name in (*drug.ingredients, *sorted(drug.roles - _BY_ROUTE))]
    if _INTO_A_VEIN in drug.roles:
        held.append(disj((oral, patient.tag(_INTO_A_VEIN))))
    return conj(held)


def _amounts(patient: Patient) -> Iterator[Bool]:
    """An order has one dose, in one dimension, that can be read or cannot."""
    dose, daily, rate = (_asking(patient, what) for what in ("dose", "daily", "rate"))
    told = _asking(patient, "readable")
    readable: Bool = told[0].present if told else z3.Bool(f"{patient.prefix}order:readable")
    for fact in (*dose, *daily, *rate):
        yield implies(fact.is_(MISSING), fact.reasons.get(Reason.DOSE_UNCLEAR, False))
    for fact in dose:
        yield same(fact.is_(MISSING), neg(readable))
    for fact in daily:
        yield implies(neg(readable), fact.is_(MISSING))
        for one in dose:
            if one.spec.type.analyte is fact.spec.type.analyte:
                yield implies(fact.is_(VALUE), one.is_(VALUE))
    for group in (dose, daily, rate):
        for one, other in permutations(group, 2):
            yield neg(conj((one.is_(VALUE), other.is_(VALUE))))


def _asking(patient: Patient, what: str) -> list[FactTerms]:
    """The facts about this property of the order."""
    return [
        fact
        for fact in patient.asked(OrderSource)
        if isinstance(fact.spec.source, OrderSource) and fact.spec.source.what == what
    ]
