"""A z3 model -> a patient somebody could meet: as ordinary as the violation allows, with values a
laboratory could report, stated in the words of a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal

import z3

from cds.facts.model import (
    Category,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.given import GIVEN_NOW, WORKED_OUT, in_words, unstated
from cds.kernel.quantity import Interval, Quantity, point
from cds.kernel.units import UNITS
from cds.prove.patient import Patient
from cds.prove.smt import Bool, Range, conj, constant, neg, same
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms

# Decimal places a laboratory or an order states, by unit; others: one.
_PLACES = {"mmol/L": 2, "umol/L": 0, "mg/L": 0, "ms": 0, "a": 0, "mg": 0, "/uL": 0, "g": 1}
_STARTS = 8  # how often a search begins anew
_USUAL = "mg/dL"  # where the analyte has it: what most readers of these rules think in


@dataclass(frozen=True, slots=True)
class Witness:
    """One patient: facts that are not as in a patient about whom nothing is recorded."""

    states: Mapping[str, State]
    tags: frozenset[str] = frozenset()  # roles and ingredients of the selected order
    editable: bool = True

    def given(self) -> Mapping[str, str]:
        """As a case writes it."""
        return {name: in_words(state) for name, state in self.states.items()}


def witness(solver: z3.Solver, patient: Patient) -> Witness:
    """The most ordinary patient with which the solver's assertions hold (they can)."""
    solver.push()
    try:
        states = {}
        for name, fact in sorted(patient.facts.items()):
            if isinstance(fact.spec.source, WORKED_OUT):
                continue
            usual = unstated(patient.book, fact.spec).state
            settled = _first(solver, fact, (usual,)) or _first(solver, fact, _nicer(solver, fact))
            state = settled or _state(_model(solver), fact)
            if settled is None:
                _first(solver, fact, (state,))  # not asserted where no decimal is exactly it
            if state != usual:
                states[name] = state
        tags = frozenset(name for name, term in patient.tags.items() if _settle(solver, term))
        return Witness(states, tags, not _settle(solver, neg(patient.editable)))
    finally:
        solver.pop()


def equals(fact: FactTerms, state: State) -> Bool:
    """The fact is exactly this."""
    match state:
        case Measured():
            if fact.range is None:
                raise TypeError(f"`{fact.spec.name}` is no quantity")
            unit = fact.units.get(state.quantity.unit, False)
            return conj((fact.is_(VALUE), unit, _is(fact.range, state.quantity.interval)))
        case Category():
            labels = (same(term, label in state.labels) for label, term in fact.labels.items())
            return conj((fact.is_(VALUE), *labels))
        case Presence():
            return conj((fact.is_(VALUE), same(fact.present, state.present)))
        case Missing():
            return conj((fact.is_(MISSING), fact.reasons.get(state.reason, False)))
        case NotKnown():
            return fact.is_(NOT_KNOWN)
        case Nothing():
            return fact.is_(NOTHING)


def _is(found: Range, wanted: Interval) -> Bool:
    fixed = constant(wanted)
    low = True if wanted.low is None else found.low == fixed.low
    high = True if wanted.high is None else found.high == fixed.high
    flags = (
        (found.low_none, fixed.low_none),
        (found.high_none, fixed.high_none),
        (found.low_open, fixed.low_open),
        (found.high_open, fixed.high_open),
    )
    return conj((low, high, *(same(a, b) for a, b in flags)))


def _first(solver: z3.Solver, fact: FactTerms, states: Iterable[State]) -> State | None:
    """The first state that is still possible, now asserted."""
    for state in states:
        term = equals(fact, state)
        if term is not False and solver.check(term) == z3.sat:
            solver.add(term)
            return state
    return None


def _settle(solver: z3.Solver, term: Bool) -> bool:
    """Not so if it need not be so; then asserted either way."""
    needed = bool(solver.check(z3.Not(term)) == z3.unsat)
    solver.add(term if needed else z3.Not(term))
    return needed


def _nicer(solver: z3.Solver, fact: FactTerms) -> Iterator[State]:
    """What a chart is likelier to hold than what the model happens to say."""
    state = _state(_model(solver), fact)
    if fact.spec.type.kind == "category":
        yield from (Category(frozenset({label})) for label in fact.labels)
    if fact.spec.type.kind == "presence":
        yield Presence(True, (fact.spec.name.replace("_", " "),))
    if isinstance(state, Measured):
        yield from _rounded(state.quantity)


def _rounded(quantity: Quantity) -> Iterator[Measured]:
    """The values around, as one number with few digits, then with more."""
    units = sorted(UNITS[quantity.analyte].factors, key=lambda u: (u != _USUAL, u != quantity.unit))
    ends = [end for end in (quantity.interval.low, quantity.interval.high) if end is not None]
    for unit in units:
        places = _PLACES.get(unit, 1)
        for more in (places, places + 1, places + 2):
            step = Decimal(1).scaleb(-more)
            for end in ends:
                value = Quantity(quantity.analyte, point(end), quantity.unit).to(unit).value
                for how in (ROUND_HALF_UP, ROUND_FLOOR, ROUND_CEILING):
                    made = Quantity.of(quantity.analyte, value.quantize(step, how), unit)
                    yield _measured(made)
        if unit == quantity.unit:
            break


def _measured(quantity: Quantity) -> Measured:
    face = f"{quantity.value:f} {quantity.unit}" if quantity.interval.exact else "an interval"
    return Measured(quantity, face, GIVEN_NOW)


def _model(solver: z3.Solver) -> z3.ModelRef:
    """A model of what is asserted, which there is. Where the search loses its way, which depends on
    all that was searched before in this process, it begins anew from another place."""
    for seed in range(_STARTS):
        if solver.check() == z3.sat:
            return solver.model()
        asserted, solver = solver.assertions(), z3.Solver()
        solver.set("random_seed", seed)
        solver.add(asserted)
    return solver.model()


def _holds(model: z3.ModelRef, term: Bool) -> bool:
    return term if isinstance(term, bool) else z3.is_true(model.eval(term, model_completion=True))


def _state(model: z3.ModelRef, fact: FactTerms) -> State:
    name = fact.spec.name
    if _holds(model, fact.is_(NOT_KNOWN)):
        return NotKnown(name, "not supplied")
    if _holds(model, fact.is_(NOTHING)):
        return Nothing("nothing there")
    if _holds(model, fact.is_(MISSING)):
        found = (reason for reason, term in fact.reasons.items() if _holds(model, term))
        return Missing(next(found, Reason.NONE_FOUND))
    if fact.range is not None:
        return _measured(_quantity(model, fact, fact.range))
    if fact.labels:
        return Category(
            frozenset(label for label, term in fact.labels.items() if _holds(model, term))
        )
    here = _holds(model, fact.present)
    return Presence(here, (name.replace("_", " "),) if here else ())


def _quantity(model: z3.ModelRef, fact: FactTerms, found: Range) -> Quantity:
    analyte = fact.spec.type.analyte
    unit = next(unit for unit, term in fact.units.items() if _holds(model, term))
    low = None if _holds(model, found.low_none) else _decimal(model, found.low)
    high = None if _holds(model, found.high_none) else _decimal(model, found.high)
    if analyte is None:
        raise TypeError(f"`{fact.spec.name}` is no quantity")
    flags = (_holds(model, found.low_open), _holds(model, found.high_open))
    return Quantity(analyte, Interval(low, high, *flags), unit)


def _decimal(model: z3.ModelRef, term: object) -> Decimal:
    found = model.eval(term, model_completion=True)
    exact = found.as_fraction()
    return Decimal(exact.numerator) / Decimal(exact.denominator)
