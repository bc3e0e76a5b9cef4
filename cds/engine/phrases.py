"""Texts with holes -> sentences. What the chart says comes from the chart, never from a rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import assert_never

from cds.engine.facts import Facts
from cds.engine.tables import cell
from cds.facts import show
from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown, Presence
from cds.kernel.quantity import Quantity
from cds.kernel.text import HOLE, plain
from cds.kernel.units import Analyte
from cds.rulebook.model import Threshold

# How the names of facts and definitions are read out where a card or a trace lists them. The
# whole names are those the clinical pack fixes (R37), the parts are abbreviations.
_NAMES = {
    "mg_class": "magnesium level",
    "obstetric": "pregnancy or (pre-)eclampsia",
    "qt_arrhythmia": "ventricular arrhythmia or long QT",
    "mg_emergency": "emergency on the problem list",
    "renal_band": "dose by kidney function",
}
_VALUE_IN_BRACKETS = re.compile(r"\s*\([^()]*\{[^()]*\)")
_PARTS = {
    "iv": "IV",
    "qt": "QT",
    "qtc": "QTc",
    "icu": "intensive care",
    "ppi": "proton pump inhibitor",
    "egfr": "eGFR",
    "wbc": "white cells",
    "mg": "magnesium",
    "24h": "in 24 h",
    "14d": "of 14 days",
    "30d": "of 30 days",
    "90d": "of 90 days",
    "365d": "of a year",
}

# Long enough for two kidney estimates with what decided; a chart cannot flood a card.
LONGEST_EXPLANATION = 400


def fill(text: str, facts: Facts, extra: Mapping[str, str] | None = None) -> str:
    """Every hole replaced; holes were checked when the rulebook was loaded."""
    if "{" not in text:
        return text
    if extra:
        return _filled(text, facts, extra)
    filled = facts.standing.texts.get(text) or facts.drafting.texts.get(text)
    if filled is None:
        filled = _filled(text, facts, {})
        kept = facts.texts(text)
        if kept is not None:
            kept[text] = filled
    return filled


def _filled(text: str, facts: Facts, extra: Mapping[str, str]) -> str:
    def one(match: re.Match[str]) -> str:
        name, attribute = match.groups()
        if name in extra:
            return extra[name]
        if name == "order":
            return plain(facts.order.name) if facts.order else "the order"
        if name in facts.book.thresholds:
            return limit_words(_limit(facts.book.thresholds[name], text, facts))
        if name in facts.book.tables:
            found = cell(facts.book.tables[name], facts).quantity
            if found is None:
                return "none"
            return short_amount(found) if attribute == "amount" else amount_words(found)
        said = _about(facts.fact(name), attribute, facts)
        return sentence(said) if _begins_sentence(text, match.start()) else said

    return HOLE.sub(one, text)


def limit_words(limit: Quantity) -> str:
    """A constant with its unit as clinicians write it: `3.5 mmol/L`, `10 mEq/h`."""
    return f"{limit.value:f} {show.unit_words(limit.unit)}"


def _limit(threshold: Threshold, text: str, facts: Facts) -> Quantity:
    """The constant in the unit of the result that the text or its name is about: they were
    compared in it."""
    for name in (*(name for name, _ in HOLE.findall(text)), threshold.analyte.value):
        state = facts.fact(name).state if name in facts.book.facts else None
        if isinstance(state, Measured) and state.quantity.analyte is threshold.analyte:
            return threshold.for_unit(state.quantity.unit)
    return threshold.for_unit(next(iter(threshold.values)))


def _begins_sentence(text: str, at: int) -> bool:
    return text[:at].endswith((". ", "? ", "! "))


def sentence(text: str) -> str:
    """The text with its first letter raised; `eGFR` stays as it is."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


@cache
def spoken(name: str) -> str:
    """The name of a fact or definition as a reader says it: `iv_stop` is `IV stop`."""
    return _NAMES.get(name) or " ".join(_PARTS.get(part, part) for part in name.split("_"))


def finding(summary: str) -> str:
    """What a headline has found, without its values and its advice.

    `Severe low magnesium {magnesium}: IV replacement` is `severe low magnesium`.
    """
    bare = _VALUE_IN_BRACKETS.sub("", summary)
    head, _, advice = (HOLE.sub("", part) for part in bare.partition(":"))
    words = " ".join((head if head.strip() else advice).split()).replace(" ,", ",")
    return words if words[1:2].isupper() else words[:1].lower() + words[1:]


def amount_words(amount: Quantity) -> str:
    """A dose in words; magnesium sulfate in g, mmol and meq (clinical pack R31)."""
    if amount.analyte is Analyte.MAGNESIUM_SULFATE_DOSE:
        return show.mg_dose(amount.to("g").value)
    return short_amount(amount)


def short_amount(amount: Quantity) -> str:
    """A dose in its own unit only: `1 g`."""
    return f"{show.short(amount.value)} {show.unit_words(amount.unit)}"


def _about(fact: Fact, attribute: str | None, facts: Facts) -> str:
    if attribute in ("why", "explained"):
        return plain(fact.explained, LONGEST_EXPLANATION)
    match fact.state:
        case Measured():
            return _measured(fact.state, attribute, facts)
        case Presence():
            return show.names_words(plain(name) for name in fact.state.names) or "none"
        case Category():
            return " or ".join(sorted(fact.state.labels))
        case Missing() if fact.state.face:
            return plain(_missing(fact.state, attribute, facts))
        case Missing() | NotKnown() | Nothing():
            return "not available"
        case _:
            assert_never(fact.state)


def _measured(state: Measured, attribute: str | None, facts: Facts) -> str:
    if attribute == "age":
        return show.age_words(facts.now, state.when) if state.when else "unknown time"
    if attribute == "when":
        return show.time_words(state.when) if state.when else "unknown time"
    if attribute == "number":
        return _number(state.quantity)
    return plain(show.both_units(state.quantity, state.as_received))


def _number(quantity: Quantity) -> str:
    return show.quantity_words(quantity).removesuffix(f" {show.unit_words(quantity.unit)}")


def _missing(state: Missing, attribute: str | None, facts: Facts) -> str:
    if attribute == "age":
        return show.age_words(facts.now, state.when) if state.when else "unknown time"
    if attribute == "when":
        return show.time_words(state.when) if state.when else "unknown time"
    return state.face
