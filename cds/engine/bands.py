"""Bands: which step of a partition a value stands on, or which steps an interval touches."""

from __future__ import annotations

from collections.abc import Mapping

from cds.facts.model import Category, Fact, Measured, Missing, Nothing, NotKnown
from cds.kernel.quantity import Quantity, at_most, below
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
        label, limit, _ = source.contested
        ours = below(value, thresholds[limit].for_unit(value.unit))
        theirs = below(value, own.state.quantity)
        index = source.thresholds.index(limit)
        labels = _contest(labels, label, source.labels[index : index + 2], (ours, theirs))
    order = " or ".join(label for label in source.labels if label in labels)
    return Fact(name, Category(frozenset(labels)), f"{of.explained}: {order}", of.evidence)


def _steps(value: Quantity, source: BandSource, thresholds: Mapping[str, Threshold]) -> set[str]:
    """Step i lies at or above threshold i-1 and below threshold i (see `inclusive`)."""
    under = [
        (at_most if name in source.inclusive else below)(
            value, thresholds[name].for_unit(value.unit)
        )
        for name in source.thresholds
    ]
    count = len(source.thresholds) + 1
    found = set()
    for i in range(count):
        above_lower = i == 0 or under[i - 1] is not Verdict.YES
        below_upper = i == count - 1 or under[i] is not Verdict.NO
        if above_lower and below_upper:
            found.add(source.labels[i])
    return found


def _contest(
    labels: set[str], label: str, beside: tuple[str, ...], limits: tuple[Verdict, Verdict]
) -> set[str]:
    """Where our limit and the laboratory's own disagree, the contested label (R6).

    `beside`: the steps below and above the limit; `limits`: is the value below ours, theirs?
    The lower step needs both, the upper step neither.
    """
    lower, upper = beside
    if not labels & {lower, upper}:
        return labels
    ruled_out = set()
    if Verdict.NO in limits:
        ruled_out.add(lower)
    if Verdict.YES in limits:
        ruled_out.add(upper)
    agreed = limits[0] is limits[1] is not Verdict.CANNOT_TELL
    return (labels - ruled_out) | (set() if agreed else {label})
