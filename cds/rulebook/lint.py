"""Checks over the whole rulebook that no single file can make."""

from __future__ import annotations

from collections.abc import Iterator

from cds.errors import Problem
from cds.rulebook.model import Clause, Rule, Where
from cds.rulebook.scope import Scope
from cds.rulebook.walk import facts_in, holds_in


def lint(scope: Scope, rules: tuple[Rule, ...]) -> list[Problem]:
    """Findings that stop start-up too: unused names, undeclared `use`, untested rules."""
    return [*_uses(scope, rules), *_cases(rules), *_reviews(rules)]


def _problem(where: Where, message: str, fix: str = "") -> Problem:
    return Problem(where.file, where.line, message, fix)


def _clauses(rule: Rule) -> Iterator[Clause]:
    for level in rule.levels:
        yield from (c for c in (level.when, level.critical_when, level.info_when) if c)
        yield from (note.if_ for note in level.notes if note.if_)
    yield from (note.if_ for note in rule.notes if note.if_)
    if rule.unless:
        yield rule.unless


def _uses(scope: Scope, rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """A rule names the shared files its clauses lean on, so that a reader knows where to look."""
    for rule in rules:
        for clause in _clauses(rule):
            names = [name for name, _ in holds_in(clause)]
            names += list(facts_in(clause))
            for name in names:
                stem = scope.origin[name].rsplit("/", 1)[-1].split(".")[0]
                if stem not in rule_uses(scope, rule):
                    yield _problem(
                        rule.where,
                        f"`{name}` is declared in `{stem}`, which `use` does not name.",
                        f"Add `{stem}` to `use`.",
                    )


def rule_uses(scope: Scope, rule: Rule) -> frozenset[str]:
    """The shared files a rule says it uses."""
    return scope.uses.get(rule.id, frozenset())


def _cases(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """Every row of an active rule is shown firing by a case, and one case stays silent."""
    for rule in rules:
        if rule.status == "draft":
            continue
        shown = {case.row for case in rule.cases if case.expect == "fires"}
        for row in dict.fromkeys(level.row for level in rule.levels):
            if row not in shown:
                yield _problem(rule.where, f"no case shows row {row} firing.")
        if not any(case.expect == "silent" for case in rule.cases):
            yield _problem(rule.where, "no case shows the rule staying silent.")


def _reviews(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    for rule in rules:
        if rule.reviewed.due <= rule.reviewed.date:
            yield _problem(rule.where, "the review is due before it was made.")
