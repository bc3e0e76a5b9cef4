"""Facts about the one order a `for_each` rule is being judged for."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from cds.facts.model import Evidence, Fact, Measured, Missing, Nothing, Reason, category, presence
from cds.facts.record import MedicationOrder, Unclear
from cds.facts.show import short, unit_words
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import OrderSource


def order_fact(  # noqa: C901  one case per property
    name: str, source: OrderSource, order: MedicationOrder | None
) -> Fact:
    """A property of the order; Nothing when there is no such order or no such property."""
    if order is None:
        return Fact(name, Nothing("no such order"), "no such order")
    evidence = (Evidence(order.source, order.name),)
    match source.what:
        case "dose":
            return _amount(name, order.dose, source.analyte, evidence, "dose")
        case "daily":
            return _amount(name, daily(order), source.analyte, evidence, "daily dose")
        case "rate":
            return _amount(name, order.rate, source.analyte, evidence, "rate")
        case "route":
            word = {True: "parenteral", False: "oral", None: "unknown"}[order.parenteral]
            return category(name, word, f"{order.name}: route {order.route or word}", evidence)
        case "readable":
            ok = isinstance(order.dose, Quantity)
            return presence(
                name, ok, f"{order.name}: dose {'read' if ok else 'not readable'}", (), evidence
            )
        case "editable":
            words = "can be changed as a whole" if order.editable else "cannot be changed safely"
            return presence(name, order.editable, f"{order.name} {words}", (), evidence)
        case "push":
            words = "is ordered as an IV push" if order.push else "is no IV push"
            return presence(name, order.push, f"{order.name} {words}", (), evidence)
        case "undiluted":
            words = "names no diluent" if order.undiluted else "is no undiluted concentrate"
            return presence(name, order.undiluted, f"{order.name} {words}", (), evidence)
        case "product":
            found = order.product is not None and order.product in source.labels
            return presence(name, found, order.name, (order.name,) if found else (), evidence)
        case "roles":
            hit = bool(order.roles & set(source.labels)) and order.systemic
            return presence(name, hit, order.name, (order.name,) if hit else (), evidence)
        case _:
            assert_never(source.what)


def daily(order: MedicationOrder) -> Quantity | Unclear | None:
    """What the order gives in 24 h: dose x doses a day; a single dose counts once."""
    if not isinstance(order.dose, Quantity):
        return order.dose
    times = Decimal(1) if order.once else order.per_day
    if times is None:
        return Unclear("how often is not stated")
    if not order.dose.interval.exact:
        return Unclear("the dose is not exact")
    return Quantity.of(order.dose.analyte, order.dose.value * times, order.dose.unit)


def _amount(
    name: str,
    amount: Quantity | Unclear | None,
    analyte: Analyte | None,
    evidence: tuple[Evidence, ...],
    what: str,
) -> Fact:
    if isinstance(amount, Unclear):
        return Fact(name, Missing(Reason.DOSE_UNCLEAR), amount.why, evidence)
    if amount is None and what != "rate":
        return Fact(name, Missing(Reason.DOSE_UNCLEAR), "no dose is stated", evidence)
    if amount is None or amount.analyte is not analyte:
        return Fact(name, Nothing(f"no such {what}"), f"no such {what}", evidence)
    face = f"{short(amount.value)} {unit_words(amount.unit)}"
    return Fact(name, Measured(amount, face), f"ordered {what} {face}", evidence)
