"""Checks over the whole rulebook that no single file can make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds.errors import Problem
from cds.kernel.units import Analyte
from cds.rulebook.model import Citation, Clause, Level, Rule, Where
from cds.rulebook.schema import SharedFile
from cds.rulebook.scope import Scope
from cds.rulebook.source import Source
from cds.rulebook.walk import facts_in, holds_in

# What a new rule cites until its source is found. No document: only a draft may rest on it.
OPEN = Citation("open", "Open citation: the source is still to be named", "", "weak")

_DOSES = frozenset(
    {
        Analyte.MAGNESIUM_SULFATE_DOSE,
        Analyte.MAGNESIUM_OXIDE_DOSE,
        Analyte.POTASSIUM_DOSE,
        Analyte.MAGNESIUM_SULFATE_RATE,
        Analyte.POTASSIUM_RATE,
    }
)


def lint(
    scope: Scope, rules: tuple[Rule, ...], shared: list[tuple[Source, SharedFile]]
) -> list[Problem]:
    """Findings that stop start-up too: undeclared `use`, untested rules, doses on weak sources,
    citations that are still open."""
    return [
        *_uses(scope, rules),
        *_cases(rules),
        *_reviews(rules),
        *_weak_rows(scope, rules),
        *_weak_numbers(scope, shared),
        *_open_rules(rules),
        *_open_numbers(shared),
    ]


def _problem(where: Where, message: str, fix: str = "") -> Problem:
    return Problem(where.file, where.line, message, fix)


def _clauses(rule: Rule) -> Iterator[Clause]:
    for level in rule.levels:
        yield from (c for c in (level.when, level.critical_when, level.info_when) if c)
        yield from (note.if_ for note in level.notes if note.if_)
    yield from (note.if_ for note in rule.notes if note.if_)
    if rule.unless:
        yield rule.unless
    if rule.repeat and rule.repeat.unless:
        yield rule.repeat.unless


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


def _all_weak(scope: Scope, cite: Iterable[str]) -> bool:
    cited = [scope.citations[name] for name in cite]
    return all(item.standing == "weak" for item in cited)


def _weak_rows(scope: Scope, rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """A weak source may support a finding; it is never all that stands behind a dose."""
    for rule in rules:
        if rule.status == "draft":
            continue
        for level in rule.levels:
            if _doses(scope, rule, level) and _all_weak(scope, (*level.cite, *rule.cite)):
                yield _problem(
                    level.where,
                    f"row {level.row} offers a dose on weak sources alone.",
                    "Cite a label, a guideline, a review or a choice to be approved beside it.",
                )


def _doses(scope: Scope, rule: Rule, level: Level) -> bool:
    """Whether a row may offer a drug, or another dose of one."""
    offers = [rule.suggestions[name] for name in level.suggest]
    drugs = {n for n, template in scope.templates.items() if template.kind == "MedicationRequest"}
    return any(offer.dose is not None or offer.template in drugs for offer in offers)


def _weak_numbers(scope: Scope, shared: list[tuple[Source, SharedFile]]) -> Iterator[Problem]:
    """Tables of doses, and limits of doses and rates."""
    fix = "Cite a label, a guideline, a review or a choice to be approved beside it."
    for source, data in shared:
        for name, table in data.tables.items():
            if _all_weak(scope, table.cite):
                message = f"the doses of `{name}` rest on weak sources alone."
                yield source.problem(("tables", name, "cite"), message, fix)
        for name, threshold in data.thresholds.items():
            if scope.thresholds[name].analyte in _DOSES and _all_weak(scope, threshold.cite):
                message = f"the limit `{name}` of a dose rests on weak sources alone."
                yield source.problem(("thresholds", name, "cite"), message, fix)


def _open_rules(rules: tuple[Rule, ...]) -> Iterator[Problem]:
    """An open citation is a promise; a rule that is judged must have kept it."""
    for rule in rules:
        for where, cite in ((rule.where, rule.cite), *((x.where, x.cite) for x in rule.levels)):
            if rule.status != "draft" and OPEN.name in cite:
                yield _problem(
                    where,
                    f"the citation is still open, and the rule is {rule.status}.",
                    "Name the source in `rules/shared/citations.yaml` and cite it, "
                    "or set `status: draft`.",
                )


def _open_numbers(shared: list[tuple[Source, SharedFile]]) -> Iterator[Problem]:
    """A shared number has no status: every rule may lean on it, so it must have its source."""
    for source, data in shared:
        for word in ("thresholds", "windows", "tables"):
            for name, item in getattr(data, word).items():
                if OPEN.name in item.cite:
                    message = f"the citation of `{name}` is still open."
                    fix = "Name the source; only a draft rule may leave it open."
                    yield source.problem((word, name, "cite"), message, fix)
