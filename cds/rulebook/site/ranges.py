"""Reference ranges of a site's laboratory (clinical pack R6).

The lower limit stands in for `referenceRange.low` of a result that carries no range of its own and
is reported in the same unit. The upper limit is written down for the reader; no rule uses it.
"""

from __future__ import annotations

from cds.errors import Problem
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook import words
from cds.rulebook.model import ReferenceLowSource
from cds.rulebook.schema import suggest
from cds.rulebook.scope import Scope
from cds.rulebook.site.file import Site, SiteRange
from cds.rulebook.source import At, Source


def reference_lows(site: Site, problems: list[Problem]) -> dict[Analyte, Quantity]:
    """The lower limits, by what is measured."""
    found = (
        _low(source, name, data, problems)
        for source, change in site.parts
        for name, data in change.reference_ranges.items()
    )
    return {low.analyte: low for low in found if low is not None}


def _low(source: Source, name: str, data: SiteRange, problems: list[Problem]) -> Quantity | None:
    at: At = ("reference_ranges", name)
    try:
        analyte = words.analyte(name)
        low, high = words.quantity(data.low, analyte), words.quantity(data.high, analyte)
    except ValueError as error:
        fix = suggest(name, [item.value for item in Analyte if item.value != name])
        problems.append(source.problem(at, f"{error}.", fix))
        return None
    if low.unit != high.unit or not (low.interval.exact and high.interval.exact):
        problems.append(source.problem(at, "`low` and `high` are two plain numbers in one unit."))
    elif low.value >= high.value:
        problems.append(source.problem(at, "`low` must be below `high`."))
    else:
        return low
    return None


def check_ranges(scope: Scope, site: Site) -> None:
    """A range that no rule reads, or outside the limits of R6, would be ignored in silence."""
    limits = {
        spec.type.analyte.value: spec.source.between
        for spec in scope.facts.values()
        if isinstance(spec.source, ReferenceLowSource) and spec.type.analyte is not None
    }
    lows = {low.analyte.value: low for low in scope.terminology.reference_lows.values()}
    for source, change in site.parts:
        for name in change.reference_ranges.keys() & lows.keys():
            at: At = ("reference_ranges", name)
            if name not in limits:
                asked = ", ".join(f"`{item}`" for item in limits) or "none"
                message = f"no rule reads the reference range of `{name}`."
                scope.report(source, at, message, f"Ranges that are read: {asked}.")
            elif not _inside(lows[name], limits[name]):
                lower, upper = (f"{item.value:f} {item.unit}" for item in limits[name])
                message = f"a lower limit of {name} is used only from {lower} to {upper}."
                scope.report(source, (*at, "low"), message, "Check the number and its unit.")


def _inside(low: Quantity, limits: tuple[Quantity, Quantity]) -> bool:
    return limits[0].to(low.unit).value <= low.value <= limits[1].to(low.unit).value
