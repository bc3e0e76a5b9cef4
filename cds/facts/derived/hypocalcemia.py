"""Calcium that stays low although calcium is given (clinical pack R20).

Two low values of one kind, 6 to 96 h apart, calcium (not carbonate, not acetate) given or ordered
in between, the newest in its window. The kind is ionized calcium where one is in the window, else
albumin-corrected calcium; without an albumin within 24 h of a draw that value cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cds.facts.derived.calcium import calcium_corrected, corrected, nearest_albumin
from cds.facts.derived.doses import begins, moment
from cds.facts.derived.electrolytes import Supply, is_calcium, supply
from cds.facts.model import Evidence, Fact, Measured, Missing, NotKnown, Reason, presence
from cds.facts.record import MedicationOrder, OrderKind
from cds.facts.show import analyte_words, both_units, quantity_words
from cds.facts.view import View
from cds.kernel.quantity import Quantity, below
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict, all_of

_NAME = "refractory_hypocalcemia"
APART = (timedelta(hours=6), timedelta(hours=96))
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class _Value:
    """One calcium of the kind that is judged; no quantity where no albumin is near."""

    when: datetime
    quantity: Quantity | None
    face: str
    evidence: tuple[Evidence, ...]


def refractory_hypocalcemia(view: View) -> Fact:
    """Is low calcium refractory (clinical pack R20)? The earliest value that qualifies is quoted.

    Missing when an albumin is needed and there is none; not known when the results, or the
    medications that would decide, are not known.
    """
    ionized = view.fact("calcium_ionized")
    if isinstance(ionized.state, Measured):
        return _judged(view, ionized, Analyte.CALCIUM_IONIZED)
    total = view.fact("calcium")
    if isinstance(total.state, NotKnown):
        return Fact(_NAME, total.state, total.explained)
    return _judged(view, calcium_corrected(view), Analyte.CALCIUM_CORRECTED)


def _judged(view: View, fact: Fact, kind: Analyte) -> Fact:
    newest = _newest(view, fact, kind)
    if newest is None:
        return presence(_NAME, False, f"no usable calcium to judge: {fact.explained}")
    now_low = _low(view, newest.quantity, kind)
    if now_low is Verdict.NO:
        return presence(_NAME, False, f"{fact.explained}: not low", (), fact.evidence)
    calcium = supply(view.record, is_calcium)
    open_words = ""
    for earlier in _earlier(view, newest.when, kind):
        treated = _treated(view, calcium, earlier.when, newest.when)
        verdict = all_of((now_low, _low(view, earlier.quantity, kind), treated))
        if verdict is Verdict.YES:
            return _found(newest, earlier, kind, calcium)
        if verdict is Verdict.CANNOT_TELL:
            open_words = open_words or f"{newest.face} after {earlier.face}"
    if open_words:
        uncorrected = newest.quantity is None or kind is Analyte.CALCIUM_IONIZED
        label = analyte_words(
            Analyte.CALCIUM if kind is Analyte.CALCIUM_CORRECTED and uncorrected else kind
        )
        return _open(view, f"{label} {open_words}")
    words = "no earlier low calcium with calcium given or ordered since"
    return presence(_NAME, False, f"{fact.explained}: {words}", (), fact.evidence)


def _newest(view: View, fact: Fact, kind: Analyte) -> _Value | None:
    """The value in its window; a total calcium that cannot be corrected is still a value."""
    state = fact.state
    if isinstance(state, Measured) and state.when is not None:
        return _Value(state.when, state.quantity, state.as_received, fact.evidence)
    total = view.fact("calcium")
    if kind is Analyte.CALCIUM_IONIZED or not isinstance(total.state, Measured):
        return None
    when = total.state.when
    return None if when is None else _Value(when, None, total.state.as_received, total.evidence)


def _low(view: View, quantity: Quantity | None, kind: Analyte) -> Verdict:
    if quantity is None:
        return Verdict.CANNOT_TELL
    name = "ica_low" if kind is Analyte.CALCIUM_IONIZED else "ca_corrected_low"
    return below(quantity, view.limit(name, quantity.unit))


def _earlier(view: View, at: datetime, kind: Analyte) -> Iterable[_Value]:
    """Values of the kind 6 to 96 h before, earliest first."""
    labs, since, until = view.results, at - APART[1], at - APART[0]
    values = [
        _Value(draw.when, draw.quantity, draw.face, draw.evidence)
        for draw in labs.series(kind).between(since, until)
    ]
    if kind is Analyte.CALCIUM_CORRECTED:
        reported = {value.when for value in values}
        totals = labs.series(Analyte.CALCIUM).between(since, until)
        for draw in (draw for draw in totals if draw.when not in reported):
            near = nearest_albumin(labs, draw.when, view.now)
            value = corrected(draw.quantity, near.quantity) if near else None
            face = quantity_words(value) if value else draw.face
            evidence = draw.evidence + (near.evidence if near else ())
            values.append(_Value(draw.when, value, face, evidence))
    return sorted(values, key=lambda value: value.when)


def _treated(view: View, calcium: Supply, since: datetime, until: datetime) -> Verdict:
    """Calcium given or ordered between the two draws. As needed counts only when given."""
    given = any(
        when is not None and since <= when < until
        for when in (moment(item) for item in calcium.administrations)
    )
    if given or any(_in_force(order, since, until) for order in calcium.orders):
        return Verdict.YES
    return Verdict.CANNOT_TELL if view.record.medications.gap else Verdict.NO


def _in_force(order: MedicationOrder, since: datetime, until: datetime) -> bool:
    begin = begins(order)
    if order.prn or begin is None or begin >= until:
        return False
    if order.stop is not None:
        return order.stop > since
    return begin >= since or (order.kind is OrderKind.ACTIVE and not order.once)


def _found(newest: _Value, earlier: _Value, kind: Analyte, calcium: Supply) -> Fact:
    face = both_units(newest.quantity, newest.face) if newest.quantity else newest.face
    hours = (newest.when - earlier.when) // _HOUR
    words = (
        f"{analyte_words(kind)} is {face} {hours} h after {earlier.face}, although calcium was "
        "given or ordered in between"
    )
    evidence = (*newest.evidence, *earlier.evidence, *calcium.evidence())
    return presence(_NAME, True, words, (f"{analyte_words(kind)} {newest.face}",), evidence)


def _open(view: View, values: str) -> Fact:
    medications = view.record.medications
    if medications.gap:
        why = f"{values}: whether calcium was given is not known ({medications.gap})"
        return Fact(_NAME, NotKnown(medications.key, medications.gap), why)
    why = f"{values}: without an albumin within 24 h it cannot be told whether calcium stayed low"
    return Fact(_NAME, Missing(Reason.NONE_FOUND), why)
