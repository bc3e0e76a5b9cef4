"""24 h totals of parenteral magnesium and of potassium (clinical pack R30).

Given in the last 24 h plus doses still due in the next 24 h of active and draft orders, selected
or not. A suggestion adds its own dose to this. Anything without a readable dose leaves the total
unknown; an unstated frequency or an as-needed order leaves an interval.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cds.facts.derived.doses import NONE, Amount, amount_of, begins, due, has_rate, moment, total
from cds.facts.derived.electrolytes import (
    Item,
    Supply,
    is_parenteral_magnesium,
    is_potassium,
    supply,
)
from cds.facts.model import Evidence, Fact, Measured, Missing, NotKnown, Reason
from cds.facts.record import Administration, MedicationOrder, OrderKind
from cds.facts.show import mg_dose
from cds.facts.view import View
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

DAY = timedelta(hours=24)
GIVEN_UNSEEN = "doses given are not visible: orders only"


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    label: str
    wanted: Callable[[Item], bool]
    dose: Analyte
    unit: str
    word: str


_MAGNESIUM = _Kind(
    "magnesium_24h",
    "parenteral magnesium sulfate",
    is_parenteral_magnesium,
    Analyte.MAGNESIUM_SULFATE_DOSE,
    "g",
    "g",
)
_POTASSIUM = _Kind("potassium_24h", "potassium", is_potassium, Analyte.POTASSIUM_DOSE, "meq", "mEq")


def magnesium_24h(view: View) -> Fact:
    """Parenteral magnesium sulfate in g, given (24 h) and due (24 h); oral is not added (R30)."""
    return _total(view, _MAGNESIUM)


def potassium_24h(view: View) -> Fact:
    """Potassium in meq by every route, given (24 h) and due (24 h) (R30)."""
    return _total(view, _POTASSIUM)


def _total(view: View, kind: _Kind) -> Fact:
    record, now = view.record, view.now
    if record.medications.gap:
        state = NotKnown(record.medications.key, record.medications.gap)
        return Fact(kind.name, state, f"{kind.label} in 24 h not known: {state.why}")
    held = supply(record, kind.wanted, kind.dose, kind.unit)
    given = [item for item in held.administrations if _recent(item, now)]
    drafts = [order for order in record.drafts if order.systemic and kind.wanted(order)]
    # an active order that is being revised stands among the drafts too: it counts once (R29)
    revised = {name for order in drafts for name in _names(order)}
    active = [
        order
        for order in held.orders
        if order.kind is OrderKind.ACTIVE and revised.isdisjoint(_names(order))
    ]
    orders = active + drafts
    unclear = _unclear(given, orders, kind, now)
    evidence = _evidence(given, orders)
    if unclear is not None:
        words = f"{kind.label} in 24 h unknown: the dose of {unclear} cannot be read"
        return Fact(kind.name, Missing(Reason.DOSE_UNCLEAR), words, evidence)
    gave = total(amount_of(item.dose, kind.dose, kind.unit) for item in given)
    coming = total(_coming(order, held, kind, now) for order in orders)
    return _said(view, kind, gave, coming, evidence)


def _names(order: MedicationOrder) -> tuple[Hashable, ...]:
    """What tells an order from every other; a reference without an id tells nothing."""
    own = () if order.source.endswith("/") else (order.source,)
    return (*own, *order.identity)


def _said(
    view: View, kind: _Kind, gave: Amount, coming: Amount, evidence: tuple[Evidence, ...]
) -> Fact:
    both = gave + coming
    grams = both.exact and kind.unit == "g"
    face = mg_dose(both.low) if grams else f"{both.words} {kind.word}"
    parts = (
        f"{gave.words} {kind.word} given in the last 24 h, "
        f"{coming.words} {kind.word} due in the next 24 h"
    )
    flags = (GIVEN_UNSEEN,) if view.record.administrations.gap else ()
    words = "; ".join((f"{kind.label} {face} in all: {parts}", *flags))
    quantity = Quantity(kind.dose, both.interval, kind.unit)
    return Fact(kind.name, Measured(quantity, face, view.now, flags), words, evidence)


def _recent(item: Administration, now: datetime) -> bool:
    """(now - 24 h, now], or still running, or at a time nobody wrote down (R29, R30)."""
    when = moment(item)
    if when is None or not item.completed:
        return when is None or when <= now
    return now - DAY < when <= now


def _unclear(
    given: Iterable[Administration], orders: Iterable[MedicationOrder], kind: _Kind, now: datetime
) -> str | None:
    """The first item whose dose cannot be read, if any."""
    for item in given:
        if amount_of(item.dose, kind.dose, kind.unit).high is None:
            return item.name
    for order in orders:
        readable = amount_of(order.dose, kind.dose, kind.unit).high is not None
        if not readable and not has_rate(order, kind.dose) and _ahead(order, now):
            return order.name
    return None


def _ahead(order: MedicationOrder, now: datetime) -> bool:
    begin = begins(order)
    ended = order.stop is not None and order.stop <= now
    return not ended and (begin is None or begin < now + DAY)


def _coming(order: MedicationOrder, held: Supply, kind: _Kind, now: datetime) -> Amount:
    """Doses still due in the next 24 h.

    A single dose that is not charted as given is still due; one of more than a day ago may be due,
    or may have been given and not charted.
    """
    if not _ahead(order, now):
        return NONE
    begin = begins(order)
    old = order.once and begin is not None and begin < now - DAY
    started = order.kind is OrderKind.ACTIVE and (begin is None or begin <= now)
    # An order or draft without a time, and a draft written a moment ago, start now.
    if begin is None or (begin < now and (order.once or order.kind is OrderKind.DRAFT)):
        order = replace(order, start=now)
    if order.once and held.own(order):
        return NONE
    amount = due(order, now, now + DAY, kind.dose, kind.unit)
    maybe = order.prn or old or (order.once and started and held.administered(order))
    return amount.perhaps() if maybe else amount


def _evidence(
    given: Iterable[Administration], orders: Iterable[MedicationOrder]
) -> tuple[Evidence, ...]:
    return (
        *(Evidence(item.source, item.name, moment(item)) for item in given),
        *(Evidence(order.source, order.name, begins(order)) for order in orders),
    )
