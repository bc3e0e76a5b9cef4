"""Bands: which step of a partition a value stands on, or which steps an interval touches."""

from __future__ import annotations

from collections.abc import Mapping

from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown
from cds.kernel.quantity import Quantity, below
from cds.kernel.verdict import Verdict
from cds.rulebook.model import BandSource, Threshold


def band(
    name: str,
    source: BandSource,
    of: Fact,
    own: Fact | None,
    thresholds: Mapping[str, Threshold],
) -> Fact:
    """The label(s) the value may carry; missing and not known pass through with their reason.

    `own` is the laboratory's own limit for `contested` (clinical pack R6): where it and our
    constant disagree about a value, the value gets the contested label.
    """
    if isinstance(of.state, Missing | NotKnown | Nothing):
        return Fact(name, of.state, of.explained, of.evidence)
    if not isinstance(of.state, Measured):
        raise TypeError(f"a band needs a measured fact, not {of.name}")
    value = of.state.quantity
    labels = _steps(value, source, thresholds)
    if source.contested is not None and own is not None and isinstance(own.state, Measured):
        _, limit, _ = source.contested
        ours = below(value, thresholds[limit].for_unit(value.unit))
        labels = _contest(labels, source, ours, below(value, own.state.quantity))
    order = " or ".join(label for label in source.labels if label in labels)
    return Fact(name, Category(frozenset(labels)), f"{of.explained}: {order}", of.evidence)


def _steps(value: Quantity, source: BandSource, thresholds: Mapping[str, Threshold]) -> set[str]:
    """Step i lies at or above threshold i-1 and below threshold i."""
    under = [below(value, thresholds[name].for_unit(value.unit)) for name in source.thresholds]
    count = len(source.thresholds) + 1
    found = set()
    for i in range(count):
        above_lower = i == 0 or under[i - 1] is not Verdict.YES
        below_upper = i == count - 1 or under[i] is not Verdict.NO
        if above_lower and below_upper:
            found.add(source.labels[i])
    return found


def _contest(labels: set[str], source: BandSource, ours: Verdict, theirs: Verdict) -> set[str]:
    """Where our limit and the laboratory's own disagree, the contested label (R6)."""
    if source.contested is None:
        return labels
    label, name, _ = source.contested
    index = source.thresholds.index(name)
    beside = {source.labels[index], source.labels[index + 1]}
    undecided = Verdict.CANNOT_TELL in (ours, theirs)
    if not labels & beside or (ours is theirs and not undecided):
        return labels
    return labels | {label} if undecided else (labels - beside) | {label}
