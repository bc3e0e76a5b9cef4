"""One declared fact as free variables: its state, and what it may hold in that state.

Nothing about a patient is assumed here but what the type and the source of the fact guarantee;
what several facts have in common stands in `axioms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import z3

from cds.facts.model import Reason
from cds.kernel.units import UNITS, Analyte
from cds.prove.smt import Bool, Range, conj, disj, exactly_one, implies, neg, number
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    FactSpec,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OrderSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    ReferenceLowSource,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
    TwoResultsSource,
)

VALUE, MISSING, NOT_KNOWN, NOTHING = "value", "missing", "not-known", "nothing"

# Of two results of one draw, one may have been converted to the unit of the other: its last digit
# is rounded, so a value on a limit of belief may come to lie a hair beyond it.
_ROUNDED = Decimal("1e-20")


@dataclass(frozen=True, slots=True)
class FactTerms:
    """A fact as terms. Exactly one state holds.

    `reasons` (while missing) one-hot; `units` (while measured) one-hot; `labels`: which labels are
    possible; `present`: while it is a finding.
    """

    spec: FactSpec
    states: Mapping[str, Bool]
    range: Range | None
    units: Mapping[str, Bool]
    labels: Mapping[str, Bool]
    present: Bool
    reasons: Mapping[Reason, Bool]

    def is_(self, state: str) -> Bool:
        """It is in this state."""
        return self.states.get(state, False)

    @property
    def undecidable(self) -> Bool:
        """Missing or not known: a comparison cannot be told."""
        return disj((self.is_(MISSING), self.is_(NOT_KNOWN)))

    @property
    def found(self) -> Bool:
        """A finding that is there."""
        return conj((self.is_(VALUE), self.present))

    def label_is(self, label: str) -> Bool:
        """Decided: this label and no other."""
        others = [term for name, term in self.labels.items() if name != label]
        return conj((self.is_(VALUE), self.labels[label], neg(disj(others))))


def declare(spec: FactSpec, prefix: str) -> tuple[FactTerms, list[Bool]]:
    """Fresh variables for a fact, and what always holds of them."""
    name = f"{prefix}{spec.name}"
    states = {state: z3.Bool(f"{name}:{state}") for state in possible_states(spec)}
    holds = [exactly_one(states.values())]
    analyte = spec.type.analyte
    units: dict[str, Bool] = {}
    found: Range | None = None
    if analyte is not None:
        units = {unit: z3.Bool(f"{name}:{unit}") for unit in UNITS[analyte].factors}
        holds.append(exactly_one(units.values()))
        found, shape = _range(name)
        holds += [shape, *_plausible(spec, analyte, found, units)]
    labels = {label: z3.Bool(f"{name}={label}") for label in spec.type.labels}
    if labels:
        holds.append(disj(labels.values()))
    reasons = {}
    if MISSING in states:
        reasons = {reason: z3.Bool(f"{name}?{reason.name}") for reason in Reason}
        holds.append(exactly_one(reasons.values()))
    present = z3.Bool(f"{name}:present")
    return FactTerms(spec, states, found, units, labels, present, reasons), holds


def possible_states(spec: FactSpec) -> tuple[str, ...]:
    """Which of the four states the source of a fact can give (design section 4)."""
    source = spec.source
    if isinstance(source, DerivedSource):
        return _DERIVED.get(source.function, (VALUE, MISSING, NOT_KNOWN))
    if isinstance(source, MedicationSource):
        return (VALUE, NOT_KNOWN) if source.running is None else (VALUE, MISSING, NOT_KNOWN)
    if isinstance(source, PatientSource):
        return (VALUE, MISSING) if source.what == "age" else (VALUE,)
    if isinstance(source, OrderSource):
        return _ORDER.get(source.what, (VALUE,))
    return _BY_KIND[type(source)]


_LISTED = (VALUE, NOT_KNOWN)
_BY_KIND: Mapping[type, tuple[str, ...]] = {
    LabSource: (VALUE, MISSING, NOT_KNOWN),
    ProblemSource: _LISTED,
    ProcedureSource: _LISTED,
    AllergySource: _LISTED,
    LabOrderSource: _LISTED,
    TwoResultsSource: _LISTED,
    SetAsideSource: (VALUE, MISSING, NOT_KNOWN, NOTHING),
    SetAsideReasonSource: (VALUE, NOT_KNOWN, NOTHING),
    ReferenceLowSource: (VALUE, NOT_KNOWN, NOTHING),
    SuppliedSource: (VALUE,),
}
# What each derived function can answer; a test compares with what it does answer.
_DERIVED = {
    "renal_band": (VALUE, NOT_KNOWN),
    "kidney_estimates": (VALUE,),
    "magnesium_post_dose": (VALUE,),
    "magnesium_draft_dose": (VALUE, MISSING, NOTHING),
    "magnesium_24h": (VALUE, MISSING, NOT_KNOWN),
    "potassium_24h": (VALUE, MISSING, NOT_KNOWN),
}
_AMOUNT = (VALUE, MISSING, NOTHING)
_ORDER = {"dose": _AMOUNT, "daily": _AMOUNT, "rate": _AMOUNT}


def _range(name: str) -> tuple[Range, Bool]:
    """Any interval that is not empty."""
    low, high = z3.Real(f"{name}:low"), z3.Real(f"{name}:high")
    none_low, none_high = z3.Bool(f"{name}:no-low"), z3.Bool(f"{name}:no-high")
    open_low, open_high = z3.Bool(f"{name}:open-low"), z3.Bool(f"{name}:open-high")
    filled = disj((low < high, conj((low == high, neg(open_low), neg(open_high)))))
    shape = conj(
        (
            disj((none_low, none_high, filled)),
            implies(none_low, neg(open_low)),
            implies(none_high, neg(open_high)),
        )
    )
    return Range(low, high, none_low, none_high, open_low, open_high), shape


def _plausible(
    spec: FactSpec, analyte: Analyte, found: Range, units: Mapping[str, Bool]
) -> list[Bool]:
    """Nothing measured is below zero; a laboratory value outside the limits is set aside, and may
    be any number then."""
    if isinstance(spec.source, SetAsideSource):
        return []
    zero = number(Decimal(0))
    holds = [disj((found.low_none, found.low >= zero)), disj((found.high_none, found.high >= zero))]
    table = UNITS[analyte]
    if not isinstance(spec.source, LabSource) or table.low is None or table.high is None:
        return holds
    least, most = number(table.low * (1 - _ROUNDED)), number(table.high * (1 + _ROUNDED))
    for unit, chosen in units.items():
        factor = number(table.factors[unit])
        for end, none in ((found.low, found.low_none), (found.high, found.high_none)):
            inside = conj((end * factor >= least, end * factor <= most))
            holds.append(implies(chosen, disj((none, inside))))
    return holds
