"""What the hospital decided for itself: who, when, why, and which rules it touches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds.errors import Problem
from cds.kernel.units import Analyte
from cds.rulebook.model import LabSource, Rule, Rulebook
from cds.rulebook.prose.limits import measured, substance, units_of
from cds.rulebook.prose.reach import Reach
from cds.rulebook.prose.words import listed, span
from cds.rulebook.site.file import SiteChange, read_site

SILENCED = "is silent here: it is judged and kept, and shows no card"
ACCEPTED = "is accepted here, although nobody has reviewed it for all sites"


@dataclass(frozen=True, slots=True)
class Changed:
    """One thing a site changed. `kind` and `name` as the site file calls them."""

    kind: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class SiteDecision:
    """One decision of a site, with all it changes. `cases`: rule and name of each case that is not
    to hold any more because of it."""

    by: str
    date: str
    why: str
    changed: tuple[Changed, ...]
    cases: frozenset[tuple[str, str]] = frozenset()

    def touching(self, rule: Rule, reach: Reach, book: Rulebook) -> tuple[str, ...]:
        """What of it touches a rule, in words. Codes of the hospital touch all rules alike and are
        not told of one."""
        return tuple(item.words for item in self.changed if _touches(item, rule, reach, book))


def decisions_of(directory: Path, book: Rulebook) -> tuple[SiteDecision, ...]:
    """The decisions of the site in force; none without a site, or where its file cannot be read."""
    problems: list[Problem] = []
    site = read_site(directory, book.site, problems) if book.site else None
    if site is None or problems:
        return ()
    return tuple(_decision(change, book) for _, change in site.parts)


def _decision(change: SiteChange, book: Rulebook) -> SiteDecision:
    return SiteDecision(
        change.by,
        str(change.date),
        " ".join(change.why.split()).removesuffix("."),
        tuple(_changed(change, book)),
        frozenset((rule, name) for rule, cases in change.changes_cases.items() for name in cases),
    )


def _changed(change: SiteChange, book: Rulebook) -> Iterator[Changed]:
    titles = {rule.id: rule.title for rule in book.rules}
    for name in change.status:
        yield Changed("status", name, f"“{titles.get(name, name)}” {SILENCED}")
    for name in change.accepted:
        yield Changed("accepted", name, f"“{titles.get(name, name)}” {ACCEPTED}")
    yield from _numbers(change, book)
    for name, order in change.orders.items():
        yield Changed("orders", name, f"the product that is ordered is {order.display}")
    codes = len(change.lab_codes) + len(change.drug_codes) + len(change.drug_names)
    if codes:
        yield Changed("codes", "", f"{codes} codes and names of the hospital's own are read")


def _numbers(change: SiteChange, book: Rulebook) -> Iterator[Changed]:
    for name in change.thresholds:
        if limit := book.thresholds.get(name):
            said = f"the limit on {measured(limit.analyte)} is {listed(units_of(limit))}"
            yield Changed("thresholds", name, said)
    for name in change.windows:
        if window := book.windows.get(name):
            called = name.removesuffix("_window").replace("_", " ")
            inside, outside = span(window.inpatient), span(window.outpatient)
            counts = f"a result of {called} counts for {inside} (outpatients: {outside})"
            yield Changed("windows", name, counts)
    for name, normal in change.reference_ranges.items():
        own = f"the laboratory's normal range of {_analyte(name)} is {normal.low} to {normal.high}"
        yield Changed("reference_ranges", name, own)


def _analyte(name: str) -> str:
    known = {analyte.value: substance(analyte) for analyte in Analyte}
    return known.get(name, name.replace("_", " "))


def _touches(item: Changed, rule: Rule, reach: Reach, book: Rulebook) -> bool:
    match item.kind:
        case "status" | "accepted":
            return item.name == rule.id
        case "thresholds":
            return item.name in reach.thresholds
        case "windows":
            return item.name in reach.windows
        case "orders":
            return any(offer.template == item.name for offer in reach.suggestions.values())
        case "reference_ranges":
            known = (book.facts[name].source for name in reach.facts if name in book.facts)
            labs = (source.analyte.value for source in known if isinstance(source, LabSource))
            return item.name in labs
        case _:
            return False
