"""One dose told in several ways: as ordered, as calculated, as the amount to give.

R4 lets `doseAndRate` repeat, each repetition with a `type`. Epic sends three of them for every
order; two without a type, or two of one type, are two doses for all we know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from cds.chart.reading import codes_of
from cds.fhir.bundle import UNDECODABLE
from cds.fhir.datatypes import CodeableConcept
from cds.fhir.medication_resources import DoseAndRate
from cds.kernel.quantity import Quantity

ORDERED, CALCULATED = "ordered", "calculated"
ROUNDING = Decimal("0.01")  # 32.5 meq and 4 g are the same dose

_concept = msgspec.json.Decoder(CodeableConcept)


def by_type(steps: Sequence[DoseAndRate]) -> Mapping[str, DoseAndRate] | None:
    """The steps by their type; None where two may be two doses, or none is the dose itself (the
    amount to give alone may be the volume of a mixture)."""
    told: dict[str, DoseAndRate] = {}
    for step in steps:
        kinds = _kinds(step)
        if len(kinds) != 1 or not told.keys().isdisjoint(kinds):
            return None
        told |= dict.fromkeys(kinds, step)
    return told if told.keys() & {ORDERED, CALCULATED} else None


def agree(amounts: Sequence[Quantity]) -> bool:
    """Whether exact amounts of one dimension are the same but for rounding."""
    values = [item.to(amounts[0].unit).value for item in amounts]
    return not values or max(values) - min(values) <= max(values) * ROUNDING


def _kinds(step: DoseAndRate) -> frozenset[str]:
    try:
        return codes_of(_concept.decode(step.type))
    except UNDECODABLE:
        return frozenset()
