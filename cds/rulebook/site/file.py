"""`rules/sites/NAME.yaml`: what one hospital decided for itself, read and checked for its shape.

A site file is a list of decisions. Each says who decided, when and why, and what it changes. What
every site shares (stops, doses, findings, laws) is no word of it, and is refused with the reason.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from cds.errors import Problem, RulebookError
from cds.rulebook.reading import read_source
from cds.rulebook.schema import ShorterData, Strict, check_shape, suggest
from cds.rulebook.source import Source

SITE_NAME = re.compile(r"[a-z][a-z0-9-]*")
_HEAD = ("by", "date", "why")

# Words of other files that a reader may expect here, with the reason why they are none.
NEVER = {
    "tables": "doses are the same for every site",
    "define": "what a finding or a stop means is the same for every site",
    "suggestions": "what may be offered, and what stops it, is the same for every site",
    "unless": "a stop is the same for every site",
    "required_stops": "an order template keeps the stops it has in `rules/orders/index.yaml`",
    "high_alert": "an order template stays as dangerous as `rules/orders/index.yaml` says",
    "ingredient": "an order template keeps the ingredient it has in `rules/orders/index.yaml`",
    "levels": "when a card fires is the same for every site",
    "facts": "what may be asked about a patient is the same for every site",
    "bands": "how a result is classified is the same for every site; its limits may change",
    "laws": "a law holds at every site",
    "cases": "the test patients of a rule stand with the rule",
    "citations": "a change cites the decision of the site itself",
}


class SiteWindow(Strict):
    """A window, stated whole."""

    inpatient: str
    outpatient: str
    shorter_when: ShorterData | None = None


class SiteRange(Strict):
    """The normal range of the laboratory, in the unit it reports in."""

    low: str
    high: str


class SiteLab(Strict):
    """A laboratory code of the hospital's own system."""

    analyte: str
    display: str = Field(min_length=1)
    property: Literal["mass", "substance"] | None = None


class SiteDrug(Strict):
    """A drug code of the hospital's own catalogue: a drug of `drugs.yaml`, and its strength.

    Either `product` names a product of `products.yaml` that it is, or `per_unit` and `unit` (and
    `millilitres`) say its strength, or neither: then doses in bags, tablets or mL stay unread.
    """

    drug: str
    display: str = Field(min_length=1)
    form: Literal["oral", "parenteral", "not-systemic"] | None = None
    product: str | None = None
    per_unit: str | None = None
    unit: str | None = None
    millilitres: str | None = None


class SiteOrder(Strict):
    """The hospital's product for one order template. Strength and unit stay where they are not
    said; fine print belongs to a product and is stated whole."""

    file: str = Field(pattern=r"^[a-z][a-z0-9-]*\.json$")
    display: str = Field(min_length=1)
    code: str = Field(min_length=1)
    per_unit: str | None = None
    unit: str | None = None
    elemental: str | None = Field(default=None, pattern=r"^\d+(\.\d+)? mg$")
    fine_print: tuple[str, ...] = ()


class SiteChange(Strict):
    """One decision: who, when, why, and what it changes."""

    by: str = Field(min_length=1)
    date: dt.date
    why: str = Field(min_length=1)
    thresholds: dict[str, list[str]] = Field(default_factory=dict)
    windows: dict[str, SiteWindow] = Field(default_factory=dict)
    reference_ranges: dict[str, SiteRange] = Field(default_factory=dict)
    lab_codes: dict[str, SiteLab] = Field(default_factory=dict)
    drug_codes: dict[str, SiteDrug] = Field(default_factory=dict)
    drug_names: dict[str, str] = Field(default_factory=dict)
    orders: dict[str, SiteOrder] = Field(default_factory=dict)
    status: dict[str, Literal["silent"]] = Field(default_factory=dict)
    accepted: list[str] = Field(default_factory=list)
    changes_cases: dict[str, list[str]] = Field(default_factory=dict)


class SiteFile(Strict):
    """`rules/sites/NAME.yaml`."""

    site: str
    title: str = Field(min_length=1)
    changes: list[SiteChange] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Site:
    """A site file whose shape is right. `parts`: each decision with the file as seen from it, so
    that the path of a word in a decision leads to its line."""

    name: str
    title: str
    source: Source
    parts: tuple[tuple[Source, SiteChange], ...]

    @property
    def cite(self) -> str:
        """The name under which the changed numbers cite this file."""
        return f"site-{self.name}"


def sites_of(directory: Path) -> tuple[str, ...]:
    """The names of the site files of a rules directory."""
    return tuple(sorted(path.stem for path in (directory / "sites").glob("*.yaml")))


def read_site(directory: Path, name: str, problems: list[Problem]) -> Site | None:
    """The site file of that name, or None with its problems appended."""
    shown = f"{directory.name}/sites/{name}.yaml"
    if not SITE_NAME.fullmatch(name) or name not in sites_of(directory):
        there = sites_of(directory)
        fix = (
            f"Set CDS_SITE to one that is there ({', '.join(there) or 'none'}), or leave it unset."
        )
        message = "there is no such site file."
        problems.append(Problem(shown, 1, message, f"{suggest(name, there)} {fix}".strip()))
        return None
    try:
        source = read_source(directory / "sites" / f"{name}.yaml", shown)
    except RulebookError as error:
        problems.extend(error.problems)
        return None
    before = len(problems)
    shape = check_shape(SiteFile, _without_forbidden(source, problems), problems)
    if shape is None or len(problems) > before:
        return None
    if shape.site != name:
        problems.append(
            source.problem(("site",), f"`site` must be `{name}`, as the file is named.")
        )
    parts = tuple((_seen_from(source, i), change) for i, change in enumerate(shape.changes))
    problems.extend(_decisions(parts))
    return Site(name, shape.title, source, parts)


def _without_forbidden(source: Source, problems: list[Problem]) -> Source:
    """The file without the words that are refused with a reason of their own."""

    def kept(node: Any, at: tuple[str | int, ...]) -> Any:
        if isinstance(node, list):
            return [kept(item, (*at, i)) for i, item in enumerate(node)]
        if not isinstance(node, dict) or _holds_names(at):
            return node
        for word in node.keys() & NEVER.keys():
            problems.append(
                source.problem(
                    (*at, word),
                    f"a site file may not change `{word}`: {NEVER[word]}.",
                    "Remove it; if the rules are wrong, change the rules, with a review.",
                )
            )
        return {word: kept(value, (*at, word)) for word, value in node.items() if word not in NEVER}

    return Source(source.file, kept(source.data, ()), source.lines)


def _holds_names(at: tuple[str | int, ...]) -> bool:
    """Whether the keys at this path are names (of rules, codes, drugs), not words."""
    return len(at) == 3 and at[0] == "changes" and at[2] != "orders"


def _seen_from(source: Source, index: int) -> Source:
    """The file as one decision sees it: its own words are the top."""
    base = ("changes", index)
    lines = {path[2:]: line for path, line in source.lines.items() if path[:2] == base}
    return Source(source.file, source.data["changes"][index], lines)


def _decisions(parts: tuple[tuple[Source, SiteChange], ...]) -> Iterator[Problem]:
    """Each decision changes something, and no two change the same."""
    seen: dict[tuple[str, str], int] = {}
    for source, change in parts:
        words = [word for word in SiteChange.model_fields if word not in (*_HEAD, "changes_cases")]
        if not any(getattr(change, word) for word in words):
            yield source.problem(
                (), "this decision changes nothing.", f"Words: {', '.join(words)}."
            )
        if change.by.lower() == "pending":
            yield source.problem(("by",), "`by` names the person who decided.")
        for word in words:
            for name in getattr(change, word):
                where = source.where(word, name) if word != "accepted" else source.where(word)
                if (word, name) in seen:
                    yield Problem(
                        source.file,
                        where.line,
                        f"`{name}` is changed on line {seen[word, name]} already.",
                        "Keep one of the two decisions.",
                    )
                seen[word, name] = where.line
