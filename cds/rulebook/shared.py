"""Shared files -> names in the scope: citations, windows, facts, thresholds, bands, tables."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

from cds.kernel.quantity import Quantity
from cds.kernel.units import UNITS, Analyte, factor
from cds.rulebook import words
from cds.rulebook.fact_sources import declare_fact, problems_of
from cds.rulebook.model import (
    BandSource,
    Citation,
    FactSpec,
    FactType,
    OverrideReason,
    Table,
    Threshold,
    Window,
)
from cds.rulebook.schema import (
    BandData,
    ContestedData,
    SharedFile,
    TableData,
    ThresholdData,
    WindowData,
)
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

UNKNOWN = "unknown"
ABOVE = "above "  # before a threshold in `steps`: the value itself still stands below


def declare_citations(scope: Scope, source: Source, data: SharedFile) -> None:
    """Sources first: everything else names them."""
    for name, item in data.citations.items():
        if scope.declare(source, ("citations", name), name):
            scope.citations[name] = Citation(name, item.title, item.url, item.standing)
    for name, reason in data.override_reasons.items():
        if scope.declare(source, ("override_reasons", name), name):
            scope.override_reasons[name] = OverrideReason(name, reason.system, reason.display)


def declare_numbers(scope: Scope, source: Source, data: SharedFile) -> None:
    """Windows and thresholds."""
    for name, window in data.windows.items():
        if scope.declare(source, ("windows", name), name):
            _window(scope, source, name, window)
    for name, threshold in data.thresholds.items():
        if scope.declare(source, ("thresholds", name), name):
            _threshold(scope, source, name, threshold)


def declare_facts(scope: Scope, source: Source, data: SharedFile) -> None:
    """Facts that come from the chart or from derived functions."""
    for name, fact in data.facts.items():
        declare_fact(scope, source, name, fact)


def declare_bands(scope: Scope, source: Source, data: SharedFile) -> None:
    """Bands, once thresholds and lab facts are known."""
    for name, band in data.bands.items():
        if scope.declare(source, ("bands", name), name):
            _band(scope, source, name, band)


def declare_tables(scope: Scope, source: Source, data: SharedFile) -> None:
    """Tables, once every fact is known."""
    for name, table in data.tables.items():
        if scope.declare(source, ("tables", name), name):
            _table(scope, source, name, table)


def _window(scope: Scope, source: Source, name: str, data: WindowData) -> None:
    path: At = ("windows", name)
    scope.check_cites(source, (*path, "cite"), data.cite)
    problem = data.shorter_when.problem if data.shorter_when else None
    if problem is not None and problem not in problems_of(scope.terminology):
        scope.unknown(
            source, (*path, "shorter_when"), "problem", problem, problems_of(scope.terminology)
        )
    try:
        shorter = data.shorter_when and (
            data.shorter_when.problem,
            words.span(data.shorter_when.outpatient),
        )
        scope.windows[name] = Window(
            name,
            words.span(data.inpatient),
            words.span(data.outpatient),
            data.why,
            shorter or None,
            tuple(data.cite),
        )
    except ValueError as error:
        scope.report(source, path, f"{error}.")


def _threshold(scope: Scope, source: Source, name: str, data: ThresholdData) -> None:
    path: At = ("thresholds", name)
    scope.check_cites(source, (*path, "cite"), data.cite)
    try:
        analyte = words.analyte(data.of)
        values = [words.quantity(text, analyte) for text in data.value]
    except ValueError as error:
        scope.report(source, (*path, "value"), f"{error}.")
        return
    for i, other in enumerate(values[1:], start=1):
        if not any(_agree(analyte, values[j], other) for j in range(i)):
            converted = values[0].to(other.unit).value
            scope.report(
                source,
                (*path, "value", i),
                f"`{data.value[i]}` is not `{data.value[0]}` ({converted:f} {other.unit}).",
                "A constant may differ from the conversion by its own last digit only.",
            )
    scope.thresholds[name] = Threshold(
        name,
        analyte,
        {q.unit: q.value for q in values},
        data.why,
        tuple(data.cite),
        source.where(*path),
    )


def _agree(analyte: Analyte, first: Quantity, other: Quantity) -> bool:
    by = factor(analyte, first.unit) / factor(analyte, other.unit)
    exponent = other.value.as_tuple().exponent
    last_digit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
    return abs(first.value * by - other.value) <= last_digit


def _band(scope: Scope, source: Source, name: str, data: BandData) -> None:
    path: At = ("bands", name)
    spec = scope.facts.get(data.of)
    if spec is None or spec.type.analyte is None:
        scope.unknown(source, (*path, "of"), "lab fact", data.of, scope.facts)
        return
    labels, limits = tuple(data.steps[0::2]), tuple(data.steps[1::2])
    thresholds = tuple(name.removeprefix(ABOVE) for name in limits)
    inclusive = frozenset(name.removeprefix(ABOVE) for name in limits if name.startswith(ABOVE))
    if len(labels) != len(thresholds) + 1 or len(set(labels)) != len(labels):
        scope.report(
            source,
            (*path, "steps"),
            "steps are label, threshold, label, ..., label, each label once.",
        )
        return
    if not _rising(scope, source, (*path, "steps"), spec.type.analyte, thresholds):
        return
    found = BandSource(data.of, labels, thresholds, None, inclusive)
    if data.contested is not None:
        refused = _uncontestable(scope, found, data.contested)
        if refused is not None:
            scope.report(source, (*path, "contested"), *refused)
            return
        item = data.contested
        contested = (item.label, item.threshold, item.by)
        found = replace(found, labels=(*labels, item.label), contested=contested)
    kind = FactType("category", None, found.labels)
    scope.facts[name] = FactSpec(name, found, kind, source.where(*path))


def _uncontestable(scope: Scope, band: BandSource, data: ContestedData) -> tuple[str, str] | None:
    """(what is wrong, how to mend it), or None."""
    if data.threshold not in band.thresholds or data.by not in scope.facts:
        message = "`contested` names one threshold of the steps and a reference_low fact."
        return message, ""
    if data.threshold in band.inclusive:
        message = f"`{data.threshold}` stands with `above` among the steps and cannot be contested."
        return message, "Only a limit that begins the step above it can."
    return None


def _rising(
    scope: Scope, source: Source, path: At, analyte: Analyte, names: tuple[str, ...]
) -> bool:
    last: Decimal | None = None
    for i, name in enumerate(names):
        threshold = scope.thresholds.get(name)
        if threshold is None or threshold.analyte is not analyte:
            same = [t.name for t in scope.thresholds.values() if t.analyte is analyte]
            scope.unknown(source, (*path, 2 * i + 1), f"{analyte.value} threshold", name, same)
            return False
        value = threshold.for_unit(UNITS[analyte].canonical).value
        if last is not None and value <= last:
            scope.report(source, (*path, 2 * i + 1), f"`{name}` is not above the step before it.")
            return False
        last = value
    return True


def _table(scope: Scope, source: Source, name: str, data: TableData) -> None:
    path: At = ("tables", name)
    scope.check_cites(source, (*path, "cite"), data.cite)
    axes: list[tuple[str, ...]] = []
    for fact in data.by:
        spec = scope.facts.get(fact)
        if spec is None or spec.type.kind != "category":
            scope.unknown(
                source,
                (*path, "by"),
                "category fact",
                fact,
                [f.name for f in scope.facts.values() if f.type.kind == "category"],
            )
            return
        axes.append(tuple(dict.fromkeys((*spec.type.labels, UNKNOWN))))
    try:
        analyte = words.analyte(data.of)
    except ValueError as error:
        scope.report(source, (*path, "of"), f"{error}.")
        return
    rows = _rows(scope, source, (*path, "rows"), data, axes, analyte)
    by, cite = tuple(data.by), tuple(data.cite)
    scope.tables[name] = Table(name, by, analyte, rows, source.where(*path), data.why, cite)


def _rows(
    scope: Scope,
    source: Source,
    path: At,
    data: TableData,
    axes: list[tuple[str, ...]],
    analyte: Analyte,
) -> dict[tuple[str, ...], Quantity | None]:
    flat = _flat(data.rows, len(axes))
    cells: dict[tuple[str, ...], Quantity | None] = {}
    for key in product(*axes):
        if key not in flat:
            scope.report(
                source,
                path,
                f"the table has no cell for {' / '.join(key)}.",
                "Write `none` where there is no dose.",
            )
            continue
        text = flat.pop(key)
        try:
            cells[key] = None if text == "none" else words.quantity(f"{text} {data.unit}", analyte)
        except ValueError as error:
            scope.report(source, (*path, *key), f"{error}.")
    for key in flat:
        scope.report(source, (*path, *key), f"{' / '.join(key)} is not a cell of this table.")
    return cells


def _flat(rows: Any, depth: int) -> dict[tuple[str, ...], str]:
    if depth == 0 or not isinstance(rows, dict):
        return {(): str(rows)}
    return {
        (str(key), *tail): text
        for key, inner in rows.items()
        for tail, text in _flat(inner, depth - 1).items()
    }
