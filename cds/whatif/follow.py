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
from cds.rulebook.model import FactSource, LabSource, Rulebook
from cds.rulebook.narrower import narrower


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
    # A diagnosis that is stated here is of this stay.
    reaches = partial(_reached if state.present else _wider, source)
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


def _reached(a: FactSource, b: FactSource) -> bool:
    return narrower(a, b, of_this_stay=True)


def _wider(a: FactSource, b: FactSource) -> bool:
    return _reached(b, a)
