"""Potassium that stays low although potassium is given (clinical pack R19, R40, exactly).

N is the newest usable potassium, below the limit. R1: an earlier low P, 12 to 96 h before N, at
least 40 mEq given in between, and N - P below 0.3. R2: such a P 24 to 96 h before N and a
potassium order that started 6 h or more before N, is active at N and has no administration known.
A usable value that is not low between P and N starts afresh.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from cds.facts.derived.doses import NONE, Amount, begins
from cds.facts.derived.electrolytes import Supply, is_potassium, supply
from cds.facts.derived.spans import minus, reaches
from cds.facts.draws import Draw
from cds.facts.model import (
    Evidence,
    Fact,
    Measured,
    Missing,
    NotKnown,
    Presence,
    Reason,
    presence,
)
from cds.facts.record import MedicationOrder, OrderKind
from cds.facts.show import both_units
from cds.facts.view import View
from cds.kernel.quantity import Interval, at_least, below
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict, all_of, any_of, from_bool

_NAME = "refractory_hypokalemia"
GIVEN_SPAN = (timedelta(hours=12), timedelta(hours=96))  # R1
ORDERED_SPAN = (timedelta(hours=24), timedelta(hours=96))  # R2
STARTED_BEFORE = timedelta(hours=6)
HOUR = timedelta(hours=1)
ENOUGH_MEQ = Decimal(40)
RISE_MMOLL = Decimal("0.3")


@dataclass(frozen=True, slots=True)
class _Earlier:
    """One earlier low potassium and what speaks for it."""

    draw: Draw
    still_low: Verdict  # P low, no reset in between, N - P below 0.3
    amount: Amount
    by_given: Verdict  # R1
    by_order: Verdict  # R2


def refractory_hypokalemia(view: View) -> Fact:
    """Is potassium refractory (clinical pack R19, R40)? Explains itself with the earliest P.

    Administrations that are not known: orders count alone, and the words say so (R10).
    Missing (dose unclear) only if an amount cannot be read and R2 does not hold either; not known
    if the results are not, or if the medications are not and the administrations do not prove it.
    """
    fact = view.fact("potassium")
    newest = fact.state
    if isinstance(newest, NotKnown):
        return Fact(_NAME, newest, fact.explained)
    if not isinstance(newest, Measured) or newest.when is None:
        return presence(_NAME, False, f"no usable potassium to judge: {fact.explained}")
    if below(newest.quantity, view.limit("k_low", newest.quantity.unit)) is Verdict.NO:
        return presence(_NAME, False, f"{fact.explained}: not low", (), fact.evidence)
    potassium = supply(view.record, is_potassium)
    earlier = tuple(_judged(view, newest, newest.when, potassium))
    found = _present(view, newest, newest.when, earlier, potassium)
    if found is None:
        return _absent_or_open(view, fact, earlier)
    return Fact(_NAME, found.state, found.explained, (*fact.evidence, *found.evidence))


def _judged(view: View, newest: Measured, at: datetime, potassium: Supply) -> Iterable[_Earlier]:
    """Every usable value 12 to 96 h before N, earliest first."""
    series = view.results.series(Analyte.POTASSIUM).between(at - GIVEN_SPAN[1], at)
    between: list[Verdict] = []
    judged = []
    now_low = below(newest.quantity, view.limit("k_low", newest.quantity.unit))
    on_order = _on_order(view, at, potassium)
    for draw in (item for item in series if item.when < at):
        limit = view.limit("k_low", draw.quantity.unit)
        reset = any_of(between).negated()
        low = all_of((now_low, below(draw.quantity, limit), reset, _not_risen(newest, draw)))
        if at - draw.when >= GIVEN_SPAN[0]:
            judged.append(_weighed(view, draw, low, at, potassium, on_order))
        between.append(at_least(draw.quantity, limit))
    return reversed(judged)


def _not_risen(newest: Measured, draw: Draw) -> Verdict:
    """N - P < 0.3 mmol/L."""
    rise = minus(newest.quantity.to("mmol/L").interval, draw.quantity.to("mmol/L").interval)
    return reaches(rise, RISE_MMOLL).negated()


def _weighed(
    view: View, draw: Draw, low: Verdict, at: datetime, potassium: Supply, on_order: Verdict
) -> _Earlier:
    if low is Verdict.NO:
        return _Earlier(draw, low, NONE, low, low)
    since = draw.when
    amount = potassium.by_administration(since, at) + potassium.by_order(since, at)
    if view.record.medications.gap:
        amount = Amount(amount.low, None)
    enough = reaches(Interval(amount.low, amount.high), ENOUGH_MEQ)
    long_enough = from_bool(at - since >= ORDERED_SPAN[0])
    ordered = all_of((low, long_enough, on_order))
    return _Earlier(draw, low, amount, all_of((low, enough)), ordered)


def _on_order(view: View, at: datetime, potassium: Supply) -> Verdict:
    if _running(at, potassium):
        return Verdict.YES
    return Verdict.CANNOT_TELL if view.record.medications.gap else Verdict.NO


def _running(at: datetime, potassium: Supply) -> list[MedicationOrder]:
    """R2: started 6 h or more before N, active at N, no administration known, not as needed."""
    return [order for order in potassium.unseen if _runs(order, at)]


def _runs(order: MedicationOrder, at: datetime) -> bool:
    begin = begins(order)
    if begin is None or at - begin < STARTED_BEFORE:
        return False
    over = order.stop is not None and order.stop <= at
    lost = order.stop is None and order.kind is OrderKind.ENDED
    return not over and not lost


@dataclass(frozen=True, slots=True)
class _Found:
    state: Presence
    explained: str
    evidence: tuple[Evidence, ...]


def _present(
    view: View, newest: Measured, at: datetime, earlier: tuple[_Earlier, ...], potassium: Supply
) -> _Found | None:
    given = next((item for item in earlier if item.by_given is Verdict.YES), None)
    ordered = next((item for item in earlier if item.by_order is Verdict.YES), None)
    top = given or ordered
    if top is None:
        return None
    how = _how_given(view, top, at, potassium) if given else _how_ordered(at, potassium)
    face = both_units(newest.quantity, newest.as_received)
    words = f"potassium is {face} {(at - top.draw.when) // HOUR} h after {top.draw.face}, "
    names = (f"{top.amount.words} mEq potassium",) if given else ("potassium ordered",)
    return _Found(
        Presence(True, names),
        f"{words}although {how}",
        (*top.draw.evidence, *potassium.evidence()),
    )


def _how_given(view: View, top: _Earlier, at: datetime, potassium: Supply) -> str:
    counted = potassium.by_order(top.draw.when, at)
    verb = "was given" if counted.high == 0 else "was given or due"
    words = f"{top.amount.words} mEq potassium {verb} in between"
    if view.record.administrations.gap:
        words += " (counted from orders: doses given are not visible)"
    return words


def _how_ordered(at: datetime, potassium: Supply) -> str:
    first, *_ = _running(at, potassium)
    return f"{first.name} had been on order for 6 h or more (no administration is known)"


def _absent_or_open(view: View, fact: Fact, earlier: tuple[_Earlier, ...]) -> Fact:
    open_one = next(
        (item for item in earlier if any_of((item.by_given, item.by_order)) is not Verdict.NO), None
    )
    if open_one is None:
        words = "no earlier low potassium stayed low over 40 mEq or a running order"
        if view.record.administrations.gap:
            words += " (doses given are not visible)"
        return presence(_NAME, False, f"{fact.explained}: {words}", (), fact.evidence)
    evidence = (*fact.evidence, *open_one.draw.evidence)
    if open_one.still_low is Verdict.CANNOT_TELL:
        why = "an inexact result leaves it open whether potassium stayed low"
        return Fact(_NAME, NotKnown("observations", why), why, evidence)
    medications = view.record.medications
    if medications.gap:
        why = f"potassium stayed low; what was given is not known: {medications.gap}"
        return Fact(_NAME, NotKnown(medications.key, medications.gap), why, evidence)
    words = "potassium stayed low; an amount of potassium that was ordered or given cannot be read"
    return Fact(_NAME, Missing(Reason.DOSE_UNCLEAR), words, evidence)
