"""What a fact, a draft and a list are, in the words of the controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown, Presence, Reason
from cds.facts.record import MedicationOrder, Record
from cds.facts.show import both_units, quantity_words
from cds.rulebook.model import BandSource, FactSpec, LabSource, Rulebook
from cds.rulebook.prose import words
from cds.rulebook.prose.derived import BANDS
from cds.rulebook.prose.facts import labels_by_size

MOST_NAMES = 3  # of what was found on a list


def fact_words(book: Rulebook, fact: Fact) -> str:
    """`1.0 mg/dL (0.41 mmol/L)`, `yes`, `not measured`."""
    spec, state = book.facts[fact.name], fact.state
    match state:
        case Measured():
            return both_units(state.quantity, quantity_words(state.quantity))
        case Category():
            order = labels_by_size(spec.source) if isinstance(spec.source, BandSource) else None
            known = order or spec.type.labels
            return " or ".join(label_words(spec, x) for x in known if x in state.labels)
        case Presence():
            return _yes(fact.name, state.names) if state.present else "no"
        case Missing():
            return _missing(spec, state)
        case NotKnown():
            return "not known"
        case Nothing():
            return "none"
        case _:
            assert_never(state)


def _yes(name: str, found: Sequence[str]) -> str:
    names = [one for one in found if one != name.replace("_", " ")]  # a stated fact names itself
    shown = "; ".join(names[:MOST_NAMES])
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return f"yes: {shown}{more}" if shown else "yes"


def _missing(spec: FactSpec, state: Missing) -> str:
    if state.reason is Reason.NONE_FOUND:
        return "not measured" if isinstance(spec.source, LabSource) else "missing"
    said = words.REASONS.get(state.reason, state.reason.value)
    face = f"{state.face}, " if state.face else ""
    return f"no usable value ({face}{said})"


def label_words(spec: FactSpec, label: str) -> str:
    """One label of a fact for a reader: `reduced (half)`, `too old`."""
    if set(spec.type.labels) == set(BANDS):
        return f"{BANDS[label]} ({label})"
    reasons = {reason.name.lower().replace("_", "-"): reason for reason in words.REASONS}
    return words.REASONS[reasons[label]] if label in reasons else label.replace("-", " ")


def order_words(drafts: Sequence[MedicationOrder]) -> str:
    """The selected draft orders by name."""
    names = [order.name for order in drafts if order.selected]
    return "; ".join(names) or "no draft order"


def list_words(record: Record, key: str) -> str:
    """Whether the list was sent as a whole."""
    listing = getattr(record, "labs" if key == "observations" else key)
    if listing.failed:
        return "the query failed"
    if not listing.supplied:
        return "not sent"
    return "not complete" if listing.gap else "sent and complete"
