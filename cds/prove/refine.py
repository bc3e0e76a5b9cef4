"""Two patients that agree on everything known about the first: the second is one of those whom the
first may turn out to be."""

from __future__ import annotations

from collections.abc import Iterator

from cds.given import WORKED_OUT
from cds.prove.patient import Patient
from cds.prove.smt import Bool, Range, conj, disj, implies, neg, same
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms
from cds.rulebook.model import SuppliedSource

# Worked out from other facts, or about the list itself rather than what stands on it.
_FOLLOWS = WORKED_OUT | SuppliedSource


def refines(known: Patient, real: Patient) -> Iterator[Bool]:
    """What `real` must share with `known`, fact by fact; the orders are the same."""
    for name in {**known.facts, **real.facts}:
        one, other = known.fact(name), real.fact(name)
        if not isinstance(one.spec.source, _FOLLOWS):
            yield disj((one.is_(NOT_KNOWN), _agrees(one, other)))
    for tag in {**known.tags, **real.tags}:
        yield same(known.tag(tag), real.tag(tag))
    yield same(known.editable, real.editable)


def _agrees(one: FactTerms, other: FactTerms) -> Bool:
    """The same state; a value inside the interval, a label among the possible ones."""
    states = (same(one.is_(state), other.is_(state)) for state in (VALUE, MISSING, NOTHING))
    reasons = (same(one.reasons[r], other.reasons[r]) for r in one.reasons)
    held = [same(one.present, other.present)] if one.spec.type.kind == "presence" else []
    held += [implies(other.labels[label], one.labels[label]) for label in one.labels]
    if one.range is not None and other.range is not None:
        held.append(_inside(other.range, one.range))
        held += [same(one.units[unit], other.units[unit]) for unit in one.units]
    return conj(
        (
            *states,
            implies(one.is_(MISSING), conj(reasons)),
            implies(one.is_(VALUE), conj(held)),
        )
    )


def _inside(inner: Range, outer: Range) -> Bool:
    above = disj(
        (
            inner.low > outer.low,
            conj((inner.low == outer.low, disj((neg(outer.low_open), inner.low_open)))),
        )
    )
    under = disj(
        (
            inner.high < outer.high,
            conj((inner.high == outer.high, disj((neg(outer.high_open), inner.high_open)))),
        )
    )
    return conj(
        (
            disj((outer.low_none, conj((neg(inner.low_none), above)))),
            disj((outer.high_none, conj((neg(inner.high_none), under)))),
        )
    )
