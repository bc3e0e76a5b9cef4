"""The names a rulebook declares, while it is being compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cds.errors import Problem
from cds.facts.terminology import Terminology
from cds.rulebook.model import (
    Citation,
    Definition,
    FactSpec,
    OrderTemplate,
    OverrideReason,
    Suggestion,
    Table,
    Threshold,
    Window,
)
from cds.rulebook.model.rules import Excuse
from cds.rulebook.schema import suggest
from cds.rulebook.source import At, Source


@dataclass(slots=True)
class Scope:
    """Filled shared file by shared file, then read by the rules; never leaves the compiler."""

    terminology: Terminology
    templates: Mapping[str, OrderTemplate]
    problems: list[Problem] = field(default_factory=list)
    citations: dict[str, Citation] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    thresholds: dict[str, Threshold] = field(default_factory=dict)
    facts: dict[str, FactSpec] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    suggestions: dict[str, Suggestion] = field(default_factory=dict)
    override_reasons: dict[str, OverrideReason] = field(default_factory=dict)
    case_defaults: dict[str, str] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    definition_names: set[str] = field(default_factory=set)
    uses: dict[str, frozenset[str]] = field(default_factory=dict)
    excuses: list[Excuse] = field(default_factory=list)

    def declare(self, source: Source, path: At, name: str) -> bool:
        """Claim a name; a name declared twice does not load."""
        if name in self.origin:
            self.problems.append(
                source.problem(
                    path,
                    f"`{name}` is already declared in {self.origin[name]}.",
                    "Give one of the two another name.",
                )
            )
            return False
        self.origin[name] = str(source.where(*path))
        return True

    def excuse(self, source: Source, changes: Mapping[str, str]) -> None:
        """`defence_in_depth` of one file: changes that no test needs to notice, and why."""
        for change, reason in changes.items():
            where = source.where("defence_in_depth", change)
            self.excuses.append(Excuse(change, reason, where))

    def report(self, source: Source, path: At, message: str, fix: str = "") -> None:
        """One more finding."""
        self.problems.append(source.problem(path, message, fix))

    def unknown(self, source: Source, path: At, kind: str, name: str, known: Iterable[str]) -> None:
        """`name` is not declared; with did-you-mean."""
        self.report(source, path, f"`{name}` is not a declared {kind}.", suggest(name, list(known)))

    def check_cites(self, source: Source, path: At, names: Iterable[str]) -> None:
        """Every citation must be declared."""
        for name in names:
            if name not in self.citations:
                self.unknown(source, path, "citation", name, self.citations)
