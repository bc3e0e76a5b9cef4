"""A patient stated fact by fact, in the words of a case: `1.0 mg/dL`, a label, present, missing.

What is not stated is what it is in a patient about whom nothing is recorded: no result, no
problem, no drug, or the `in_cases` value of the declaration. Cases and proofs state patients so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import assert_never

from cds.engine.facts import Facts
from cds.facts.model import (
    Category,
    Fact,
    Measured,
    Missing,
    Nothing,
    NotKnown,
    Presence,
    Reason,
    State,
)
from cds.facts.record import (
    Listing,
    MedicationOrder,
    OrderKind,
    Person,
    Place,
    Record,
    Setting,
)
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.rulebook import words
from cds.rulebook.clauses import REASON_WORDS
from cds.rulebook.model import (
    BandSource,
    ExactSource,
    FactSpec,
    OfferSource,
    OrderSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
)

GIVEN_NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ORDER = MedicationOrder(
    "MedicationRequest/case", "this order", OrderKind.DRAFT, selected=True, editable=True
)
NOTHING, NOT_KNOWN, MISSING = "nothing there", "not known", "missing"
_BETWEEN = re.compile(r"^(above )?(\d+(?:\.\d+)?) to (below )?(\d+(?:\.\d+)?) (\S.*)$")
_WORDS = {reason: word for word, reason in REASON_WORDS.items()}


def given_facts(
    book: Rulebook, given: Mapping[str, Fact], order: MedicationOrder | None = ORDER
) -> Facts:
    """Facts as given, everything else by default; bands are worked out."""
    known = dict(given)
    for spec in book.facts.values():
        worked_out = isinstance(spec.source, WORKED_OUT)
        if spec.name not in known and not worked_out:
            known[spec.name] = unstated(book, spec)
    facts = Facts(book, _NOBODY, GIVEN_NOW, known)
    facts.order = order
    return facts


# Facts that follow from others, or from the offer a law looks at: nobody states them.
WORKED_OUT = BandSource | OfferSource | ExactSource
_NOBODY = Record(
    Person("Patient/case"),
    Place(Setting.INPATIENT),
    Listing("observations"),
    Listing("medications"),
    administrations=Listing("administrations"),
    problems=Listing("problems"),
    procedures=Listing("procedures"),
    allergies=Listing("allergies"),
    lab_orders=Listing("lab_orders"),
)


def unstated(book: Rulebook, spec: FactSpec) -> Fact:
    """What a fact is that nobody mentions."""
    text = book.case_defaults.get(spec.name)
    if text is not None:
        return stated(spec, text)
    nothing = SetAsideSource | SetAsideReasonSource | ReferenceLowSource | OrderSource
    state: State
    if spec.type.kind == "presence":
        state = Presence(False)
    elif isinstance(spec.source, nothing):
        state = Nothing("nothing there")
    else:
        state = Missing(Reason.NONE_FOUND)
    return Fact(spec.name, state, f"{spec.name.replace('_', ' ')}: nothing recorded")


def stated(spec: FactSpec, text: str) -> Fact:
    """A fact as a case writes it: `1.0 mg/dL`, `1.4 to 1.8 mg/dL`, a label, `half or low`,
    present, absent, missing [reason], not known, nothing there. Raises ValueError naming it."""
    try:
        state = _state(spec, text.strip())
    except ValueError as error:
        raise ValueError(f"`{spec.name}`: {error}") from None
    return Fact(spec.name, state, f"{spec.name.replace('_', ' ')} {text}")


def in_words(state: State) -> str:
    """The state as a case writes it."""
    match state:
        case Measured():
            return _amount(state.quantity)
        case Category():
            return " or ".join(sorted(state.labels))
        case Presence():
            return "present" if state.present else "absent"
        case Missing():
            return f"{MISSING} {_WORDS[state.reason]}"
        case NotKnown():
            return NOT_KNOWN
        case Nothing():
            return NOTHING
        case _:
            assert_never(state)


def _amount(quantity: Quantity) -> str:
    found, unit = quantity.interval, quantity.unit
    if found.low is None and found.high is None:
        return f">=0 {unit}"
    if found.low is None:
        return f"<{'' if found.high_open else '='}{found.high:f} {unit}"
    if found.high is None:
        return f">{'' if found.low_open else '='}{found.low:f} {unit}"
    if found.exact:
        return f"{found.low:f} {unit}"
    opens = ("above " if found.low_open else "", "below " if found.high_open else "")
    return f"{opens[0]}{found.low:f} to {opens[1]}{found.high:f} {unit}"


def _state(spec: FactSpec, text: str) -> State:
    if text == NOT_KNOWN:
        return NotKnown(spec.name, "not supplied")
    if text == NOTHING:
        return Nothing(NOTHING)
    if text == MISSING or text.startswith(f"{MISSING} "):
        return _missing(text.removeprefix(MISSING).strip())
    if spec.type.kind == "quantity" and spec.type.analyte is not None:
        return Measured(_quantity(text, spec.type.analyte), text, GIVEN_NOW)
    if spec.type.kind == "category":
        labels = text.split(" or ")
        if not set(labels) <= set(spec.type.labels):
            raise ValueError(f"`{text}` is not one of {', '.join(spec.type.labels)}")
        return Category(frozenset(labels))
    if text not in ("present", "absent"):
        raise ValueError(f"`{text}` is neither present, absent, missing nor not known")
    return Presence(text == "present", (spec.name.replace("_", " "),) if text == "present" else ())


def _quantity(text: str, analyte: Analyte) -> Quantity:
    found = _BETWEEN.match(text)
    if found is None:
        return words.quantity(text, analyte)
    above, low, below, high, unit = found.groups()
    lower, upper = (
        words.quantity(f"{low} {unit}", analyte),
        words.quantity(f"{high} {unit}", analyte),
    )
    if lower.value >= upper.value:
        raise ValueError(f"`{text}`: the first value is the lower one")
    between = Interval(lower.value, upper.value, above is not None, below is not None)
    return replace(lower, interval=between)


def _missing(word: str) -> Missing:
    if word and word not in REASON_WORDS:
        raise ValueError(f"`{word}` is not a reason")
    return Missing(REASON_WORDS[word] if word else Reason.NONE_FOUND)
