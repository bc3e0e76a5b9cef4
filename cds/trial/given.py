"""The patients of cases, read once and judged by many rulebooks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cds.engine.facts import Facts
from cds.facts.model import Fact
from cds.facts.record import MedicationOrder, Substance
from cds.given import NOT_KNOWN, ORDER, WORKED_OUT, given_facts, stated, unstated
from cds.rulebook.model import (
    DerivedSource,
    FactSpec,
    OrderSource,
    PatientSource,
    Rulebook,
    SuppliedSource,
)


def defaults(book: Rulebook) -> dict[str, Fact]:
    """What every case says without saying it. Bands are not among it: they are worked out."""
    return {
        spec.name: unstated(book, spec)
        for spec in book.facts.values()
        if not isinstance(spec.source, WORKED_OUT)
    }


def unknown(book: Rulebook) -> dict[str, Fact]:
    """The patient of whom nothing else was supplied: `not known` for every fact that can be."""
    return {
        spec.name: stated(spec, NOT_KNOWN)
        for spec in book.facts.values()
        if not isinstance(spec.source, WORKED_OUT) and can_be_open(spec)
    }


def can_be_open(spec: FactSpec) -> bool:
    """Whether the fact may be not known. What the call is about is always decided, and so is the
    dose by kidney function, which has a label of its own for it."""
    match spec.source:
        case PatientSource() | OrderSource() | SuppliedSource():
            return False
        case DerivedSource():
            return spec.type.kind != "category"
        case _:
            return True


def facts_with(
    book: Rulebook, known: Mapping[str, Fact], order: MedicationOrder | None = ORDER
) -> Facts:
    """The patient of whom these facts, and all defaults among them, are known."""
    return given_facts(book, known, order)


def order_with(roles: frozenset[str]) -> MedicationOrder:
    """The order of a case, with these roles."""
    return replace(ORDER, substances=(Substance("this drug", roles),))
