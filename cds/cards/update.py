"""A changed dose in somebody else's order: dose, rate, duration, text and dispensed quantity change
together, everything else stays as received (unknown members, extensions, identifiers, order of
members; CDS Hooks 2.0.1, action.resource).

The order is edited as the plain tree it was sent as, never through typed models, which drop what
they do not know. Whatever is not understood ends the attempt: the card then says the dose in words
and offers no update (clinical pack R14).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from cds.cards.dosing import (
    MEQ_PER_GRAM,
    MMOL_PER_GRAM,
    NOT_AN_ORDER,
    Infusion,
    NotOrderable,
    infusion,
    infusion_values,
    tidy,
)
from cds.cards.order_tree import (
    DOSE_UNITS,
    MINUTES,
    RATE_UNITS,
    amount,
    an_object,
    codings,
    number,
    readable,
    refuse,
    the_only,
    words,
)
from cds.engine.decision import Offer
from cds.facts.record import MedicationOrder
from cds.facts.terminology import Product
from cds.kernel.codes import SNOMED, system_of
from cds.kernel.quantity import Quantity
from cds.rulebook.holes import fill
from cds.rulebook.model import OrderTemplate

_decoder = msgspec.json.Decoder(float_hook=Decimal)  # 4.0 stays 4.0, never a binary float

INTRAVENOUS = "47625008"
_SAYS_IV = re.compile(r"\b(iv|intravenous)\b", re.IGNORECASE)
_SAYS_PUSH = re.compile(r"\b(push|bolus)\b", re.IGNORECASE)
_TOLERANCE = Decimal("0.01")  # 32.5 meq and 4 g are the same dose


@dataclass(frozen=True, slots=True)
class Updated:
    """The whole order with its new dose, and the paths that differ."""

    resource: dict[str, Any]
    changed: tuple[str, ...]


@dataclass(slots=True)
class _Edits:
    """Changes are gathered first and made last: no half-changed order leaves this module."""

    plan: Infusion
    per_gram: dict[str, Decimal]
    found: list[tuple[dict[str, Any], str, Any, str]] = field(default_factory=list)

    def set(self, node: dict[str, Any], member: str, value: Any, path: str) -> None:
        self.found.append((node, member, value, f"{path}.{member}"))

    def factor(self, unit: str) -> Decimal:
        """How much of a unit is one gram of magnesium sulfate."""
        if unit not in self.per_gram:
            raise NotOrderable("the unit needs a product of known strength")
        return self.per_gram[unit]


def updated(
    raw: msgspec.Raw,
    offer: Offer,
    template: OrderTemplate | None,
    product: Product | None,
) -> Updated | None:
    """The draft with the offered dose, or None when any part of it is not understood.

    `template` is the order template of the draft's own product (its wording is used), `product`
    gives bag and mL strengths.
    """
    try:
        return _updated(raw, offer, template, product)
    except (*NOT_AN_ORDER, msgspec.MsgspecError, RecursionError):
        return None


def _updated(
    raw: msgspec.Raw, offer: Offer, template: OrderTemplate | None, product: Product | None
) -> Updated:
    if template is None or template.fills != "units" or offer.order is None:
        raise NotOrderable("no order template stands for this product")
    order = an_object(_decoder.decode(raw))
    if order.get("resourceType") != "MedicationRequest" or not order.get("id"):
        raise NotOrderable("not a medication order with an id")
    refuse(order, "order")
    per_gram = _per_gram(template, product)
    edits = _Edits(infusion(offer, template), per_gram)
    dosage = the_only(order.get("dosageInstruction"))
    refuse(dosage, "dosage")
    _check_route(dosage)
    _amounts(dosage, offer.order, edits)
    suffix = _timing(dosage, offer.order, edits)
    _dispense(order, offer.order, edits)
    edits.set(dosage, "text", _text(template, edits.plan) + suffix, "dosageInstruction[0]")
    for node, member, value, _ in edits.found:
        node[member] = value
    return Updated(order, tuple(path for *_, path in edits.found))


def _text(template: OrderTemplate, plan: Infusion) -> str:
    text = template.resource["dosageInstruction"][0]["text"]
    return str(fill(text, infusion_values(plan, template)))


def _per_gram(template: OrderTemplate, product: Product | None) -> dict[str, Decimal]:
    """How much of each unit is one gram."""
    units = {"g": Decimal(1), "mg": Decimal(1000), "meq": MEQ_PER_GRAM, "mmol": MMOL_PER_GRAM}
    if template.per_unit is None:
        raise NotOrderable("the strength of the product is not known")
    strength = template.per_unit.to("g").value
    if template.unit == "{bag}":
        units["{bag}"] = 1 / strength
    if product is not None and product.millilitres is not None and product.per_unit == strength:
        units["mL"] = product.millilitres / strength
    return units


def _check_route(dosage: dict[str, Any]) -> None:
    """The new text says IV infusion; an order by another route keeps its own words."""
    route, method = dosage.get("route"), dosage.get("method")
    said = words(route)
    coded = any(
        system_of(str(item.get("system"))) == SNOMED and item.get("code") == INTRAVENOUS
        for item in codings(route)
    )
    if route is not None and not (coded or _SAYS_IV.search(said)):
        raise NotOrderable("the route is not intravenous")
    if _SAYS_PUSH.search(said) or _SAYS_PUSH.search(words(method)):
        raise NotOrderable("an IV push is never edited into an infusion")


def _amounts(dosage: dict[str, Any], order: MedicationOrder, edits: _Edits) -> None:
    amounts = the_only(dosage.get("doseAndRate"))
    refuse(amounts, "amounts")
    path = "dosageInstruction[0].doseAndRate[0]"
    grams = _dose(an_object(amounts.get("doseQuantity")), edits, f"{path}.doseQuantity")
    known = order.dose
    if not isinstance(known, Quantity) or abs(known.to("g").value - grams) > grams * _TOLERANCE:
        raise NotOrderable("the dose is not the one that was judged")
    if edits.plan.grams >= grams:
        raise NotOrderable("an update only ever lowers a dose")
    rate, ratio = amounts.get("rateQuantity"), amounts.get("rateRatio")
    if rate is not None and ratio is not None:
        raise NotOrderable("two rates")
    if rate is not None:
        _rate(an_object(rate), edits, f"{path}.rateQuantity")
    if ratio is not None:
        _ratio(an_object(ratio), edits, f"{path}.rateRatio")


def _dose(node: dict[str, Any], edits: _Edits, path: str) -> Decimal:
    """The amount in grams; the new amount is noted in the node's own unit."""
    unit, value = amount(node, DOSE_UNITS)
    factor = edits.factor(unit)
    edits.set(node, "value", tidy(edits.plan.grams * factor), path)
    return value / factor


def _rate(node: dict[str, Any], edits: _Edits, path: str) -> None:
    if edits.plan.rate is None:
        raise NotOrderable("the order has a rate and the offer has none")
    (unit, minutes), _ = amount(node, RATE_UNITS)
    new = readable(edits.plan.rate * edits.factor(unit) * minutes / 60)
    edits.set(node, "value", new, path)


def _ratio(node: dict[str, Any], edits: _Edits, path: str) -> None:
    """Dose per duration: 4 g / 4 h becomes 1 g / 1 h."""
    _dose(an_object(node.get("numerator")), edits, f"{path}.numerator")
    below = an_object(node.get("denominator"))
    minutes, _ = amount(below, MINUTES)
    edits.set(below, "value", readable(edits.plan.minutes / minutes), f"{path}.denominator")


def _timing(dosage: dict[str, Any], order: MedicationOrder, edits: _Edits) -> str:
    """Notes the new duration; returns what the text must say about repetition."""
    if dosage.get("timing") is None:
        return ""
    timing = an_object(dosage["timing"])
    refuse(timing, "timing")
    if timing.get("code") is not None and not (order.once or order.per_day == 1):
        raise NotOrderable("how often is not understood")
    if timing.get("repeat") is None:
        return "" if order.once or timing.get("code") is None else ", once every 24 h"
    repeat = an_object(timing["repeat"])
    refuse(repeat, "repeat")
    if repeat.get("duration") is not None:
        minutes = MINUTES.get(str(repeat.get("durationUnit")))
        if minutes is None:
            raise NotOrderable("the unit of the duration is not understood")
        number(repeat["duration"])
        new = readable(edits.plan.minutes / minutes)
        edits.set(repeat, "duration", new, "dosageInstruction[0].timing.repeat")
    return _repetition(repeat)


def _repetition(repeat: dict[str, Any]) -> str:
    """A single dose or one dose a day; anything more often is not edited."""
    count, frequency = repeat.get("count"), repeat.get("frequency")
    if count not in (None, 1):
        raise NotOrderable("several doses")
    often = (frequency, repeat.get("period"), repeat.get("periodUnit"))
    if often in ((1, 1, "d"), (1, 24, "h")):
        return "" if count == 1 else ", once every 24 h"
    if often != (None, None, None) and not (count == 1 and frequency in (None, 1)):
        raise NotOrderable("how often is not understood")
    return ""


def _dispense(order: dict[str, Any], known: MedicationOrder, edits: _Edits) -> None:
    if order.get("dispenseRequest") is None:
        return
    request = an_object(order["dispenseRequest"])
    refuse(request, "dispense")
    if request.get("quantity") is None:
        return
    grams = _dose(an_object(request["quantity"]), edits, "dispenseRequest.quantity")
    one = known.dose
    if not isinstance(one, Quantity) or abs(one.to("g").value - grams) > grams * _TOLERANCE:
        raise NotOrderable("the quantity to dispense is not one dose")
