"""A rules directory -> Rulebook, or RulebookError with every problem in every file.

rules/*.yaml            one rule each
rules/shared/*.yaml     facts, windows, thresholds, bands, tables, definitions, suggestions
rules/code_sets/*.yaml  codes
rules/orders/           order templates
rules/sites/*.yaml      one hospital's changes, with its order templates in rules/sites/NAME/
rules/sources/*.yaml    what became of each statement of the source documents (see `traceability`)
rules/laws.yaml         what must hold over all possible patients (see `laws`)
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from cds.errors import Problem, RulebookError
from cds.facts.terminology import Terminology
from cds.rulebook import shared
from cds.rulebook.codesets import load_terminology
from cds.rulebook.compile import (
    RuleCompiler,
    declare_definitions,
    declare_suggestions,
    refuse_cycles,
)
from cds.rulebook.lint import OPEN, lint
from cds.rulebook.model import Citation, OrderTemplate, Rule, Rulebook, Threshold
from cds.rulebook.orders import load_orders
from cds.rulebook.reading import read_source
from cds.rulebook.schema import RuleFile, SharedFile, check_shape
from cds.rulebook.scope import Scope
from cds.rulebook.site.codes import with_site_codes
from cds.rulebook.site.file import Site, read_site
from cds.rulebook.site.numbers import with_site_numbers
from cds.rulebook.site.orders import with_site_orders
from cds.rulebook.site.ranges import check_ranges
from cds.rulebook.site.rules import accepted_by, with_site_status
from cds.rulebook.site.stops import check_stops
from cds.rulebook.source import Source

LAWS = "laws.yaml"
RECORD = "proof.json"
# What stands among the rules and decides nothing: proofs, documents, help for editors.
DECIDES_NOTHING = frozenset({"sources", LAWS, RECORD, "rule.schema.json"})
T = TypeVar("T")
Shared = list[tuple[Source, SharedFile]]


def load_rulebook(directory: Path, site: str | None = None) -> Rulebook:
    """Load and check everything. Raises RulebookError listing all problems in file order.

    `site` names a file of `rules/sites` whose changes apply.
    """
    if not directory.is_dir():
        raise RulebookError(
            (
                Problem(
                    str(directory),
                    1,
                    "there is no such rules directory.",
                    "Set CDS_RULES to a directory with rule files.",
                ),
            )
        )
    problems: list[Problem] = []
    terms = _part(problems, lambda: load_terminology(directory / "code_sets"), Terminology())
    none: Mapping[str, OrderTemplate] = {}
    templates = _part(problems, lambda: load_orders(directory / "orders"), none)
    known = None if site is None else read_site(directory, site, problems)
    if known is not None:
        terms = with_site_codes(terms, known, directory, problems)
        templates = with_site_orders(templates, terms, known, directory, problems)
    return assemble(directory, terms, templates, problems, known)


def assemble(
    directory: Path,
    terms: Terminology,
    templates: Mapping[str, OrderTemplate],
    problems: list[Problem],
    site: Site | None = None,
) -> Rulebook:
    """Shared files and rules on top of code sets and order templates that are loaded already.

    `site`: its codes and orders are among those already; its numbers and its word about whole
    rules are applied here.
    """
    problems += _overlooked(directory)
    scope = Scope(terms, templates, problems)
    base = _shared_files(scope, directory)
    files = base if site is None else with_site_numbers(scope, site, base)
    _declare_shared(scope, files)
    rules = _rules(scope, directory)
    if site is not None:
        rules = with_site_status(scope, site, rules)
        check_ranges(scope, site)
        check_stops(scope, site, rules, _thresholds_of(scope, base))
    accepted = accepted_by(scope, site, rules) if site else {}
    if not problems:
        problems += lint(scope, rules, files)
    _name_the_site(problems, site)
    if problems:
        raise RulebookError(tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.message))))
    return _frozen(scope, rules, accepted, digest(directory, site.name if site else None), site)


def _frozen(
    scope: Scope,
    rules: tuple[Rule, ...],
    accepted: Mapping[str, str],
    identity: str,
    site: Site | None,
) -> Rulebook:
    return Rulebook(
        rules=rules,
        facts=scope.facts,
        thresholds=scope.thresholds,
        windows=scope.windows,
        definitions=scope.definitions,
        tables=scope.tables,
        templates=scope.templates,
        citations=_cited(scope, rules),
        override_reasons=scope.override_reasons,
        terminology=scope.terminology,
        digest=identity,
        site=site.name if site else "",
        accepted=accepted,
        case_defaults=scope.case_defaults,
        excuses=tuple(scope.excuses),
    )


def _overlooked(directory: Path) -> list[Problem]:
    """Files that look like rule files and would not be read."""
    message, fix = "`.yml` files are not read.", "Name it `.yaml`."
    return [
        Problem(f"{directory.name}/{path.name}", 1, message, fix)
        for path in sorted(directory.rglob("*.yml"))
    ]


def _name_the_site(problems: list[Problem], site: Site | None) -> None:
    """A problem in a shared file may come from a number of the site: say where to look too."""
    if site is not None and any(item.file != site.source.file for item in problems):
        message = "under this site file the rules do not load."
        fix = "If they load without it, one of its changes is the cause."
        problems.append(site.source.problem((), message, fix))


def _cited(scope: Scope, rules: tuple[Rule, ...]) -> dict[str, Citation]:
    """Every declared source; the open citation only where a draft still needs it."""
    open_ = any(
        OPEN.name in (*rule.cite, *(c for x in rule.levels for c in x.cite)) for rule in rules
    )
    return {name: item for name, item in scope.citations.items() if open_ or name != OPEN.name}


def digest(directory: Path, site: str | None) -> str:
    """SHA-256 over every file that decides, by relative path: equal digest, equal rulebook."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if not path.is_file() or path.suffix not in (".yaml", ".json"):
            continue
        if relative.parts[0] in DECIDES_NOTHING:
            continue
        if relative.parts[0] == "sites" and Path(relative.parts[1]).stem != site:
            continue
        total.update(f"{relative.as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return f"sha256:{total.hexdigest()}"


def _part(problems: list[Problem], load: Callable[[], T], otherwise: T) -> T:
    try:
        return load()
    except RulebookError as error:
        problems.extend(error.problems)
        return otherwise


def _sources(scope: Scope, directory: Path, shown: str) -> list[Source]:
    found = []
    for path in sorted(directory.glob("*.yaml")):
        if path.name == LAWS:
            continue
        try:
            found.append(read_source(path, f"{shown}/{path.name}"))
        except RulebookError as error:
            scope.problems.extend(error.problems)
    return found


def _shared_files(scope: Scope, directory: Path) -> Shared:
    files: Shared = []
    for source in _sources(scope, directory / "shared", f"{directory.name}/shared"):
        data = check_shape(SharedFile, source, scope.problems)
        if data is not None:
            files.append((source, data))
    return files


def _thresholds_of(scope: Scope, files: Shared) -> Mapping[str, Threshold]:
    """The thresholds of these files alone, whatever a site made of them."""
    plain = Scope(scope.terminology, scope.templates)
    for source, data in files:
        shared.declare_numbers(plain, source, data)
    return plain.thresholds


def _declare_shared(scope: Scope, files: Shared) -> None:
    """Stage by stage over all shared files, so that the order of the files does not matter."""
    scope.citations[OPEN.name] = OPEN
    scope.origin[OPEN.name] = "the rule language itself"
    for stage in (
        shared.declare_citations,
        shared.declare_numbers,
        shared.declare_facts,
        shared.declare_bands,
        shared.declare_tables,
        _name_definitions,
        declare_definitions,
        declare_suggestions,
    ):
        for source, data in files:
            stage(scope, source, data)
    refuse_cycles(scope, {source.file: source for source, _ in files})


def _name_definitions(scope: Scope, source: Source, data: SharedFile) -> None:
    for name in data.define:
        if scope.declare(source, ("define", name), name):
            scope.definition_names.add(name)


def _rules(scope: Scope, directory: Path) -> tuple[Rule, ...]:
    rules: list[Rule] = []
    stems = {path.stem for path in (directory / "shared").glob("*.yaml")}
    for source in _sources(scope, directory, directory.name):
        data = check_shape(RuleFile, source, scope.problems)
        if data is None:
            continue
        for i, name in enumerate(data.use):
            if name not in stems:
                scope.unknown(source, ("use", i), "shared file", name, stems)
        rule = RuleCompiler(scope, source, data).compile()
        if any(other.id == rule.id for other in rules):
            scope.report(source, ("id",), f"there is already a rule `{rule.id}`.")
        rules.append(rule)
    if not rules and not scope.problems:
        scope.problems.append(Problem(directory.name, 1, "there is no rule file here."))
    return tuple(rules)
