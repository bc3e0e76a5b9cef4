"""A rules directory -> Rulebook, or RulebookError with every problem in every file.

rules/*.yaml            one rule each
rules/shared/*.yaml     facts, windows, thresholds, bands, tables, definitions, suggestions
rules/code_sets/*.yaml  codes
rules/orders/           order templates
rules/sites/*.yaml      one hospital's changes
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
from cds.rulebook.lint import lint
from cds.rulebook.model import OrderTemplate, Rule, Rulebook
from cds.rulebook.orders import load_orders
from cds.rulebook.reading import read_source
from cds.rulebook.schema import RuleFile, SharedFile, check_shape
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source

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
    if site is not None:
        problems.append(
            Problem(
                f"{directory.name}/sites/{site}.yaml",
                1,
                "site files are not applied by this version.",
                "Leave CDS_SITE unset.",
            )
        )
    terms = _part(problems, lambda: load_terminology(directory / "code_sets"), Terminology())
    none: Mapping[str, OrderTemplate] = {}
    templates = _part(problems, lambda: load_orders(directory / "orders"), none)
    return assemble(directory, terms, templates, problems, site)


def assemble(
    directory: Path,
    terms: Terminology,
    templates: Mapping[str, OrderTemplate],
    problems: list[Problem],
    site: str | None = None,
) -> Rulebook:
    """Shared files and rules on top of code sets and order templates that are loaded already."""
    problems += [
        Problem(
            f"{directory.name}/{path.name}", 1, "`.yml` files are not read.", "Name it `.yaml`."
        )
        for path in sorted(directory.rglob("*.yml"))
    ]
    scope = Scope(terms, templates, problems)
    _declare_shared(scope, directory)
    rules = _rules(scope, directory)
    if not problems:
        problems += lint(scope, rules)
    if problems:
        raise RulebookError(tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.message))))
    return Rulebook(
        rules=rules,
        facts=scope.facts,
        thresholds=scope.thresholds,
        windows=scope.windows,
        definitions=scope.definitions,
        tables=scope.tables,
        templates=scope.templates,
        citations=scope.citations,
        override_reasons=scope.override_reasons,
        terminology=terms,
        digest=digest(directory, site),
        site=site or "",
        case_defaults=scope.case_defaults,
    )


def digest(directory: Path, site: str | None) -> str:
    """SHA-256 over every file that decides, by relative path: equal digest, equal rulebook."""
    total = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        relative = path.relative_to(directory)
        if not path.is_file() or path.suffix not in (".yaml", ".json"):
            continue
        if relative.parts[0] == "sites" and relative.stem != site:
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
        try:
            found.append(read_source(path, f"{shown}/{path.name}"))
        except RulebookError as error:
            scope.problems.extend(error.problems)
    return found


def _declare_shared(scope: Scope, directory: Path) -> None:
    """Stage by stage over all shared files, so that the order of the files does not matter."""
    files: Shared = []
    for source in _sources(scope, directory / "shared", f"{directory.name}/shared"):
        data = check_shape(SharedFile, source, scope.problems)
        if data is not None:
            files.append((source, data))
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
