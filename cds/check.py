"""`cds check`: do the rules load, does every case hold, is every rule fit to be read by others?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds.errors import RulebookError
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.trial import run_cases


@dataclass(frozen=True, slots=True)
class Report:
    """What `cds check` prints. `findings` empty = clean; `summary` is the closing line."""

    findings: tuple[str, ...]
    summary: str


def check(directory: Path, site: str | None = None) -> Report:
    """All findings about a rules directory, each with file and line."""
    try:
        book = load_rulebook(directory, site)
    except RulebookError as error:
        found = tuple(str(problem) for problem in error.problems)
        return Report(found, f"{len(found)} problems; the rules do not load")
    results = run_cases(book)
    findings = [
        f"{item.case.where}: case `{item.case.name}` of {item.rule.id}: {fault}"
        for item in results
        for fault in item.faults
    ]
    findings += _citations(book)
    words = "clean" if not findings else f"{len(findings)} findings"
    return Report(
        tuple(findings),
        f"{words}: {len(book.rules)} rules, {len(results)} cases, {len(book.facts)} facts, "
        f"{book.digest}",
    )


def _citations(book: Rulebook) -> Iterator[str]:
    """A weak source may support a finding; it is never all that stands behind a dose."""
    for rule in book.rules:
        for level in rule.levels:
            doses = [n for n in level.suggest if rule.suggestions[n].dose is not None]
            cited = [book.citations[name] for name in (*level.cite, *rule.cite)]
            if doses and all(item.standing == "weak" for item in cited):
                yield f"{level.where}: row {level.row} offers a dose on weak sources alone."
