"""`cds check`: do the rules load, does every case hold, here and at every site, do the cases show
each answer of each clause, do limits and doses agree with their frozen lists, and does every
statement of the sources have its place?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cds.errors import RulebookError
from cds.rulebook.load import load_rulebook
from cds.rulebook.review import overdue
from cds.rulebook.schema import suggest
from cds.rulebook.site.file import Site, read_site, sites_of
from cds.rulebook.traceability import untraced
from cds.trial import CaseResult, run_cases, try_cases
from cds.trial.coverage import coverage_faults
from cds.trial.limits import BOUNDARIES, DOSES, limit_faults, read_frozen


@dataclass(frozen=True, slots=True)
class Report:
    """What `cds check` prints. `findings` empty = clean; `summary` is the closing line; `loads`:
    the rules can be read at all."""

    findings: tuple[str, ...]
    summary: str
    loads: bool = True


def check(directory: Path, site: str | None = None, today: dt.date | None = None) -> Report:
    """All findings about a rules directory, each with file and line.

    The rules are checked as they are and under each site file, or under `site` alone. With `today`,
    a review that is overdue is a finding too.
    """
    try:
        book = load_rulebook(directory)
    except RulebookError as error:
        found = tuple(str(problem) for problem in error.problems)
        return Report(found, f"{len(found)} problems; the rules do not load", loads=False)
    tried = tuple(try_cases(book))
    results = tuple(result for result, _ in tried)
    findings = [
        f"{item.case.where}: case `{item.case.name}` of {item.rule.id}: {fault}"
        for item in results
        for fault in item.faults
    ]
    if any((directory / name).is_file() for name in (BOUNDARIES, DOSES)):
        findings += limit_faults(book, read_frozen(directory))
    if not any(item.faults for item in results):  # a case that does not hold shows nothing
        findings += coverage_faults(book, tried)
    findings += [str(problem) for problem in untraced(directory, book)]
    findings += [str(problem) for problem in overdue(book, today)] if today else []
    sites = sites_of(directory) if site is None else (site,)
    for name in sites:
        findings += _at_site(directory, name, results)
    words = "clean" if not findings else f"{len(findings)} findings"
    return Report(
        tuple(findings),
        f"{words}: {len(book.rules)} rules, {len(results)} cases, {len(book.facts)} facts, "
        f"{len(sites)} {'site' if len(sites) == 1 else 'sites'}, {book.digest}",
    )


def _at_site(directory: Path, name: str, base: tuple[CaseResult, ...]) -> Iterator[str]:
    """Under a site file the rules load, and every case holds but for those the file names."""
    try:
        book = load_rulebook(directory, name)
    except RulebookError as error:
        yield from (str(problem) for problem in error.problems)
        return
    site = read_site(directory, name, [])
    if site is None:
        return
    sound = {(item.rule.id, item.case.name) for item in base if not item.faults}
    faults = {
        (item.rule.id, item.case.name): item.faults[0] for item in run_cases(book) if item.faults
    }
    named = _named(site)
    for key, fault in faults.items():
        if key in sound and key not in named:
            yield str(
                site.source.problem(
                    (),
                    f"case `{key[1]}` of {key[0]} does not hold under this site: {fault}.",
                    "If that is meant, name it under `changes_cases` of the decision behind it.",
                )
            )
    known = {(item.rule.id, item.case.name) for item in base}
    for key, where in named.items():
        if key not in known:
            near = suggest(key[1], [case for rule, case in known if rule == key[0]])
            yield f"{where}: `{key[0]}` has no case `{key[1]}`. {near}".rstrip()
        elif key not in faults:
            yield f"{where}: case `{key[1]}` of {key[0]} holds under this site too. Remove it here."


def _named(site: Site) -> dict[tuple[str, str], str]:
    """(rule, case) -> where the site file says that it is expected to differ."""
    return {
        (rule, case): str(source.where("changes_cases", rule, i))
        for source, change in site.parts
        for rule, cases in change.changes_cases.items()
        for i, case in enumerate(cases)
    }
