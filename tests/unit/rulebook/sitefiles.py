"""Small rule directories with a site file `north`, on the real code sets and order templates."""

from __future__ import annotations

import shutil
from pathlib import Path

import rulefiles

from cds.errors import Problem, RulebookError
from cds.rulebook.load import assemble
from cds.rulebook.model import Rulebook
from cds.rulebook.site.codes import with_site_codes
from cds.rulebook.site.file import read_site
from cds.rulebook.site.orders import with_site_orders

REAL = rulefiles.ROOT / "rules"
FILE = "rules/sites/north.yaml"

SHARED = rulefiles.SHARED.replace(
    "  epilepsy: {problem: epilepsy}\n",
    "  epilepsy: {problem: epilepsy}\n"
    "  magnesium_lab_low: {reference_low: magnesium, between: [1.2 mg/dL, 2.2 mg/dL]}\n"
    "  weight: {lab: weight, newest_within: day}\n",
)
HEAD = "site: north\ntitle: A hospital\nchanges:\n"
SIGNED = "  - by: A. Person\n    date: 2026-11-01\n    why: decided here\n"


def site(body: str) -> str:
    """A site file with one decision; `body` is indented as in the file."""
    return HEAD + SIGNED + body


def load(
    directory: Path,
    text: str,
    rule: str = rulefiles.RULE,
    shared: str = SHARED,
    files: tuple[Path, ...] = (),
) -> Rulebook:
    """The small rules under the site file `text`; `files` are put into the folder of the site."""
    rules = rulefiles.write(directory, rule, shared)
    (rules / "sites" / "north").mkdir(parents=True, exist_ok=True)
    (rules / "sites" / "north.yaml").write_text(text, encoding="utf-8")
    for file in files:
        shutil.copy(file, rules / "sites" / "north")
    terms, templates = rulefiles._parts()
    problems: list[Problem] = []
    known = read_site(rules, "north", problems)
    if known is not None:
        terms = with_site_codes(terms, known, REAL, problems)
        templates = with_site_orders(templates, terms, known, rules, problems)
    return assemble(rules, terms, templates, problems, known)


def problems(directory: Path, text: str, **rest: object) -> list[str]:
    """What is wrong, as lines; [] when nothing is."""
    try:
        load(directory, text, **rest)  # type: ignore[arg-type]
    except RulebookError as error:
        return [str(item) for item in error.problems]
    return []
