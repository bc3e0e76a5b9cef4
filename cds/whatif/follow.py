"""What else is so where one fact is stated.

Facts are declared one by one and overlap: who is on a proton pump inhibitor is on a drug that
wastes magnesium, and the newest level of 24 h is the newest of 14 days too. Somebody who states the
one means the other. What is stated itself always stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from cds.facts.model import Fact, Presence, State
from cds.rulebook.model import (
    AllergySource,
    FactSource,
    LabOrderSource,
    LabSource,
    MedicationSource,
    ProblemSource,
    ProcedureSource,
    Rulebook,
)


def follows(book: Rulebook, stated: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts that follow from the stated ones, without these."""
    found: dict[str, Fact] = {}
    for name, fact in stated.items():
        if name in book.facts:
            for other, state in _of(book, name, fact.state).items():
                if other not in stated:
                    said = f"{fact.explained}; it follows"
                    found[other] = replace(fact, name=other, state=state, explained=said)
    return found


def main_result(book: Rulebook, name: str) -> bool:
    """Whether a laboratory fact has the usual window of its analyte: the first that is declared."""
    return book.remembered(_main_results).get(name, False)


def _main_results(book: Rulebook) -> dict[str, bool]:
    seen, found = set(), {}
    for spec in book.facts.values():
        if isinstance(spec.source, LabSource):
            found[spec.name] = spec.source.analyte not in seen
            seen.add(spec.source.analyte)
    return found


def _of(book: Rulebook, name: str, state: State) -> dict[str, State]:
    source = book.facts[name].source
    if isinstance(source, LabSource) and main_result(book, name):
        return dict.fromkeys(_same_analyte(book, name, source), state)
    if not isinstance(state, Presence):
        return {}
    # Whoever has the narrower thing has the wider one; whoever lacks the wider lacks the narrower.
    reaches = partial(narrower, source) if state.present else partial(_wider, source)
    others = book.facts.values()
    return {x.name: state for x in others if x.name != name and reaches(x.source)}


def _same_analyte(book: Rulebook, name: str, source: LabSource) -> list[str]:
    """The same result counts in the other windows too: they are longer."""
    return [
        other.name
        for other in book.facts.values()
        if other.name != name
        and isinstance(other.source, LabSource)
        and other.source.analyte is source.analyte
    ]


def _wider(a: FactSource, b: FactSource) -> bool:
    return narrower(b, a)


def narrower(a: FactSource, b: FactSource) -> bool:
    """Whether everything that makes the first fact present makes the second one present."""
    match a, b:
        case ProblemSource(), ProblemSource():
            return _narrower_problem(a, b)
        case MedicationSource(), MedicationSource():
            route = b.parenteral is None or a.parenteral is b.parenteral
            running = b.running is None or (a.running is not None and a.running >= b.running)
            return set(a.roles) <= set(b.roles) and _places(a) <= _places(b) and route and running
        case AllergySource(), AllergySource():
            return set(a.substances) <= set(b.substances)
        case LabOrderSource(), LabOrderSource():
            return set(a.loincs) <= set(b.loincs) and a.within <= b.within
        case ProcedureSource(), ProcedureSource():
            return set(a.concepts) <= set(b.concepts) and a.within <= b.within
        case _:
            return False


def _narrower_problem(a: ProblemSource, b: ProblemSource) -> bool:
    # `this_stay` only leaves out diagnoses of another stay: what is stated here is of this one.
    if not set(a.concepts) <= set(b.concepts):
        return False
    if b.within is None:
        return True
    undated = b.undated_counts or not a.undated_counts
    return a.within is not None and a.within <= b.within and undated


def _places(source: MedicationSource) -> set[str]:
    """Every selected order is a draft."""
    return set(source.which) | ({"selected"} if "draft" in source.which else set())
