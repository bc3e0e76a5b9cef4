"""The patient of a case in words: each fact that the case states as half a sentence."""

from __future__ import annotations

from typing import assert_never

from cds.facts.model import Category, Measured, Missing, Nothing, NotKnown, Presence, Reason
from cds.given import MISSING, stated
from cds.rulebook.model import (
    Case,
    DerivedSource,
    FactSpec,
    PatientSource,
    Rulebook,
    SetAsideReasonSource,
)
from cds.rulebook.prose.derived import DERIVED
from cds.rulebook.prose.facts import has_label, is_missing, noun
from cds.rulebook.prose.limits import unit_name
from cds.rulebook.prose.presence import is_there
from cds.rulebook.prose.words import role

NOTHING_SPECIAL = "nothing is special about this patient"
ELSE_UNKNOWN = "nothing else is known: it was not sent"


def patient_of(case: Case, book: Rulebook) -> tuple[str, ...]:
    """What is special about the patient, in the order of the file."""
    said = [fact_words(book.facts[name], text, book) for name, text in case.given.items()]
    if case.role:
        said.insert(0, f"the order is {role(case.role)}")
    if case.otherwise:
        said.append(ELSE_UNKNOWN)
    return tuple(said) or (NOTHING_SPECIAL,)


def fact_words(spec: FactSpec, text: str, book: Rulebook) -> str:
    """One fact as a case states it. What cannot be read is said as it was written: the case tells
    of the fault itself."""
    try:
        state = stated(spec, text).state
    except ValueError:
        return f"{noun(spec, book)}: {text}"
    match state:
        case Measured():
            return f"{noun(spec, book)} is {_amount(text)}"
        case Category():
            return _labelled(spec, state.labels, book)
        case Presence():
            return is_there(spec, state.present, book)
        case Missing():
            return _missing(spec, () if text.strip() == MISSING else (state.reason,), book)
        case NotKnown():
            return _not_known(spec, book)
        case Nothing():
            return is_there(spec, False, book)
        case _:
            assert_never(state)


def _missing(spec: FactSpec, reasons: tuple[Reason, ...], book: Rulebook) -> str:
    worked_out = isinstance(spec.source, DerivedSource | PatientSource)
    unclear = isinstance(spec.source, DerivedSource) and DERIVED[spec.source.function].unclear
    if worked_out and reasons and not unclear:  # no result: there is no newest one to speak of
        return f"{noun(spec, book)} cannot be told ({reasons[0].value})"
    return is_missing(spec, book, reasons)


def _labelled(spec: FactSpec, labels: frozenset[str], book: Rulebook) -> str:
    said = has_label(spec, labels, book)
    # Of one patient, several labels are a doubt and not a choice.
    if len(labels) < 2 or isinstance(spec.source, SetAsideReasonSource):
        return said
    return f"{said} (it cannot be told which)"


def _not_known(spec: FactSpec, book: Rulebook) -> str:
    if spec.type.kind == "presence":
        return f"it is not known whether {is_there(spec, True, book)}"
    return f"{noun(spec, book)} is not known"


def _amount(text: str) -> str:
    """`1.4 to 1.8 mg/dL` with the unit as it is printed; `6 a` is six years."""
    number, _, unit = text.strip().rpartition(" ")
    return f"{number} {unit_name(unit)}"
