"""Suggestion data -> checked suggestions. High-alert orders without their stops do not load."""

from __future__ import annotations

from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook import words
from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.model import DoseSpec, Edit, Holds, OrderTemplate, Suggestion
from cds.rulebook.schema import DoseData, SuggestionData
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source
from cds.rulebook.texts import check_text

ACTIONS: tuple[Edit, ...] = ("create", "update", "delete")
_RATES = {
    Analyte.MAGNESIUM_SULFATE_DOSE: Analyte.MAGNESIUM_SULFATE_RATE,
    Analyte.POTASSIUM_DOSE: Analyte.POTASSIUM_RATE,
}


def compile_suggestion(
    scope: Scope, source: Source, path: At, name: str, data: SuggestionData
) -> Suggestion | None:
    """The suggestion, or None with its problems reported."""
    kinds = [kind for kind in ACTIONS if getattr(data, kind) is not None]
    if len(kinds) != 1:
        scope.report(source, path, "a suggestion has exactly one of create, update and delete.")
        return None
    check_text(scope, source, (*path, "label"), data.label, offer=True, order=True)
    if data.update is not None and data.dose is None:
        scope.report(source, path, "an update needs a `dose`.", "To take the order off, `delete`.")
    template = _template(scope, source, path, data)
    unless = _unless(scope, source, (*path, "unless"), data.unless)
    if template is not None:
        _check_stops(scope, source, path, template, {item.name for item in unless})
    clause = None
    if data.if_ is not None:
        clause = ClauseCompiler(scope, source).compile(data.if_, (*path, "if"))
    if data.duplicate_of is not None and data.duplicate_of not in scope.definition_names:
        scope.unknown(
            source, (*path, "duplicate_of"), "definition", data.duplicate_of, scope.definition_names
        )
    return Suggestion(
        name,
        data.label,
        kinds[0],
        source.where(*path),
        template.name if template else None,
        _dose(scope, source, path, data.dose, template),
        clause,
        unless,
        data.duplicate_of,
        _total(scope, source, path, data),
    )


def _template(scope: Scope, source: Source, path: At, data: SuggestionData) -> OrderTemplate | None:
    if data.create is None:
        return None
    if data.create not in scope.templates:
        scope.unknown(source, (*path, "create"), "order template", data.create, scope.templates)
        return None
    template = scope.templates[data.create]
    if template.kind == "MedicationRequest" and data.dose is None:
        scope.report(source, path, f"`{data.create}` is a drug order and needs a `dose`.")
    return template


def _check_stops(
    scope: Scope, source: Source, path: At, template: OrderTemplate, unless: set[str]
) -> None:
    """Law 9: no high-alert suggestion without its stops."""
    absent = [stop for stop in template.required_stops if stop not in unless]
    if absent:
        scope.report(
            source,
            path,
            f"`{template.name}` may only be suggested with its stops; "
            f"`unless` lacks {', '.join(f'`{stop}`' for stop in absent)}.",
        )


def _unless(scope: Scope, source: Source, path: At, names: list[str]) -> tuple[Holds, ...]:
    found = []
    for i, name in enumerate(names):
        if name not in scope.definition_names:
            scope.unknown(source, (*path, i), "definition", name, scope.definition_names)
            continue
        found.append(Holds(name, False, source.where(*path, i)))
    return tuple(found)


def _dose(
    scope: Scope, source: Source, path: At, data: DoseData | None, template: OrderTemplate | None
) -> DoseSpec | None:
    if data is None:
        return None
    at = (*path, "dose")
    if data.table not in scope.tables:
        scope.unknown(source, at, "table", data.table, scope.tables)
        return None
    analyte = scope.tables[data.table].analyte
    wanted = _dimension(template)
    if wanted is not None and analyte is not wanted:
        scope.report(
            source,
            at,
            f"`{data.table}` gives a {analyte.value}; this order takes a {wanted.value}.",
        )
        return None
    try:
        rate = _rate(data.rate, analyte)
        over = words.quantity(data.over, Analyte.DURATION) if data.over else None
    except ValueError as error:
        scope.report(source, at, f"{error}.")
        return None
    if rate is not None and over is not None:
        scope.report(source, at, "give `rate` or `over`, not both.")
    return DoseSpec(data.table, rate, over)


def _dimension(template: OrderTemplate | None) -> Analyte | None:
    """What a table must give for this order; None = any (edits are checked against the draft)."""
    if template is None:
        return None
    return Analyte.FREQUENCY if template.fills == "frequency" else template.analyte


def _rate(text: str | None, dose: Analyte) -> Quantity | None:
    if text is None:
        return None
    if dose not in _RATES:
        raise ValueError(f"a {dose.value} has no rate")
    return words.quantity(text, _RATES[dose])


def _total(scope: Scope, source: Source, path: At, data: SuggestionData) -> tuple[str, str] | None:
    if data.total is None:
        return None
    fact, limit = scope.facts.get(data.total.fact), scope.thresholds.get(data.total.at_most)
    table = scope.tables.get(data.dose.table) if data.dose else None
    one_kind = fact and limit and table and fact.type.analyte is limit.analyte is table.analyte
    if not one_kind:
        scope.report(
            source,
            (*path, "total"),
            "`total` needs a fact and a threshold of one kind with the dose.",
        )
        return None
    return data.total.fact, data.total.at_most
