"""Texts with holes -> sentences. What the chart says comes from the chart, never from a rule."""

from __future__ import annotations

import re
from collections.abc import Mapping

from cds.engine.facts import Facts
from cds.engine.tables import cell
from cds.facts import show
from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown, Presence
from cds.kernel.quantity import Quantity
from cds.kernel.text import HOLE, plain
from cds.kernel.units import Analyte

# Long enough for two kidney estimates with what decided; a chart cannot flood a card.
LONGEST_EXPLANATION = 400


def fill(text: str, facts: Facts, extra: Mapping[str, str] | None = None) -> str:
    """Every hole replaced; holes were checked when the rulebook was loaded."""

    def one(match: re.Match[str]) -> str:
        name, attribute = match.group(1), match.group(2) or ""
        if extra and name in extra:
            return extra[name]
        if name == "order":
            return plain(facts.order.name) if facts.order else "the order"
        if name in facts.book.thresholds:
            threshold = facts.book.thresholds[name]
            unit, value = next(iter(threshold.values.items()))
            return f"{value:f} {show.unit_words(unit)}"
        if name in facts.book.tables:
            found = cell(facts.book.tables[name], facts).quantity
            if found is None:
                return "none"
            return short_amount(found) if attribute == "amount" else amount_words(found)
        return _about(facts.fact(name), attribute, facts)

    return HOLE.sub(one, text)


def sentence(text: str) -> str:
    """The text with its first letter raised."""
    return text[:1].upper() + text[1:]


def amount_words(amount: Quantity) -> str:
    """A dose in words; magnesium sulfate in g, mmol and meq (clinical pack R31)."""
    if amount.analyte is Analyte.MAGNESIUM_SULFATE_DOSE:
        return show.mg_dose(amount.to("g").value)
    return short_amount(amount)


def short_amount(amount: Quantity) -> str:
    """A dose in its own unit only: `1 g`."""
    return f"{show.short(amount.value)} {show.unit_words(amount.unit)}"


def _about(fact: Fact, attribute: str, facts: Facts) -> str:
    if attribute in ("why", "explained"):
        return plain(fact.explained, LONGEST_EXPLANATION)
    match fact.state:
        case Measured():
            return _measured(fact.state, attribute, facts)
        case Presence():
            return ", ".join(plain(name) for name in fact.state.names) or "none"
        case Category():
            return " or ".join(sorted(fact.state.labels))
        case Missing() if fact.state.face:
            return plain(_missing(fact.state, attribute, facts))
        case Missing() | NotKnown() | Nothing():
            return "not available"


def _measured(state: Measured, attribute: str, facts: Facts) -> str:
    if attribute == "age":
        return show.age_words(facts.now, state.when) if state.when else "unknown time"
    if attribute == "when":
        return show.time_words(state.when) if state.when else "unknown time"
    if attribute == "number":
        return _number(state.quantity)
    return plain(show.both_units(state.quantity, state.as_received))


def _number(quantity: Quantity) -> str:
    return show.quantity_words(quantity).removesuffix(f" {show.unit_words(quantity.unit)}")


def _missing(state: Missing, attribute: str, facts: Facts) -> str:
    if attribute == "age":
        return show.age_words(facts.now, state.when) if state.when else "unknown time"
    if attribute == "when":
        return show.time_words(state.when) if state.when else "unknown time"
    return state.face
