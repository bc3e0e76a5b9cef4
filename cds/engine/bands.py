"""Bands: which step of a partition a value stands on, or which steps an interval touches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
    cuts = [
        Cut(thresholds[limit].for_unit(value.unit), limit in source.inclusive)
        for limit in source.thresholds
    ]
    steps = source.labels[: len(cuts) + 1]
    rival = _number(own, value.unit)
    if source.contested is not None and rival is not None:
        label, limit, _ = source.contested
        at = source.thresholds.index(limit)
        cuts = _contested(cuts, at, rival)
        steps = (*steps[: at + 1], label, *steps[at + 1 :])
    labels = _possible(value, steps, cuts)
    order = " or ".join(label for label in source.labels if label in labels)
    return Fact(name, Category(frozenset(labels)), f"{of.explained}: {order}", of.evidence)


def _number(own: Fact | None, unit: str) -> Quantity | None:
    """The laboratory's limit, if it states one number."""
    if own is None or not isinstance(own.state, Measured):
        return None
    return own.state.quantity.to(unit) if own.state.quantity.interval.exact else None


@dataclass(frozen=True, slots=True)
class Cut:
    """Where one step ends and the next begins; `inclusive`: the limit itself ends the lower one."""

    limit: Quantity
    inclusive: bool = False

    def above(self, value: Quantity) -> Verdict:
        """Does the value stand below this cut?"""
        return (at_most if self.inclusive else below)(value, self.limit)

    def before(self, other: Cut) -> bool:
        """Is there any number from this cut up to the other one?"""
        return (self.limit.value, self.inclusive) < (other.limit.value, other.inclusive)


def _contested(cuts: list[Cut], at: int, own: Quantity) -> list[Cut]:
    """One more step from the lower of our limit and the laboratory's up to the higher one (R6).

    The steps beside these two stay as they are: what is severe or high is not contested.
    """
    first, last = sorted((cuts[at], Cut(own)), key=lambda cut: cut.limit.value)
    if at > 0 and first.limit.value <= cuts[at - 1].limit.value:
        first = cuts[at - 1]
    if at + 1 < len(cuts) and last.limit.value > cuts[at + 1].limit.value:
        last = cuts[at + 1]
    return [*cuts[:at], first, last, *cuts[at + 1 :]]


def _possible(value: Quantity, steps: tuple[str, ...], cuts: list[Cut]) -> set[str]:
    """The steps in which some number of the value lies; a step without numbers is nobody's."""
    found = set()
    for label, lower, upper in zip(steps, (None, *cuts), (*cuts, None), strict=True):
        empty = lower is not None and upper is not None and not lower.before(upper)
        from_lower = lower is None or lower.above(value) is not Verdict.YES
        to_upper = upper is None or upper.above(value) is not Verdict.NO
        if from_lower and to_upper and not empty:
            found.add(label)
    return found
