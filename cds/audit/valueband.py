"""The value bands a decision rests on, in the rulebook's own words: never a value.

A rulebook has two kinds of bands. `bands:` of a rule file cuts one laboratory value into named
steps (magnesium: severe, low, borderline, ...), and a label that the engine works out (`renal_band`
in rules/shared/kidney.yaml) does the same with what it is derived from. Other facts with labels
(route, setting, why a result was set aside) are no values. Where a row compares a value with one
limit only, as those on potassium and calcium do, there is no band: the row itself says on which
side of the limit the value was.
"""

from __future__ import annotations

from collections.abc import Iterator

from cds.engine.decision import Decision
from cds.engine.reasons import decisive
from cds.facts.model import Category, Fact
from cds.rulebook.model import BandSource, DerivedSource, Rulebook


def band_of(decision: Decision, book: Rulebook) -> str:
    """`magnesium: severe`: each band among what made the fired row apply, with its label.

    Several are joined with "; ", by name; a label that is open names all it may be ("low or
    borderline"). "" where nothing that decided has bands.
    """
    return "; ".join(f"{name}: {label}" for name, label in sorted(set(_bands(decision, book))))


def _bands(decision: Decision, book: Rulebook) -> Iterator[tuple[str, str]]:
    for level in decision.levels:
        if level.level is decision.fired:
            for leaf in decisive(level.judgement):
                if leaf.fact is not None:
                    yield from _band(leaf.fact, book)


def _band(fact: Fact, book: Rulebook) -> Iterator[tuple[str, str]]:
    spec = book.facts.get(fact.name)
    if spec is None or not isinstance(fact.state, Category):
        return
    labels = " or ".join(label for label in spec.type.labels if label in fact.state.labels)
    if isinstance(spec.source, BandSource):
        yield spec.source.of.replace("_", " "), labels
    elif isinstance(spec.source, DerivedSource):
        yield fact.name.replace("_", " "), labels
