"""Random patients, stated as cases state them, close to the limits that the rules have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

from sides import Given, Rules

from cds.kernel.units import UNITS, Analyte, factor
from cds.rulebook.model import FactSpec, ReferenceLowSource

UNKNOWN = ("not known", "missing", "missing stale", "missing dose-unclear", "missing unit")
Pools = Mapping[str, tuple[str, ...]]


def pools(rules: Rules) -> Pools:
    """For each fact that can be stated, texts worth trying. A text that stands twice is twice as
    likely.

    A total is worked out from doses and is never an interval. The laboratory's own limit is a
    number inside its sane bounds, often ours, or there is none; it is not known only where its
    result is not.
    """
    totals = {item["total"]["fact"] for item in _suggestions(rules) if "total" in item}
    written = list(_quantities(rules))
    found = {}
    for name in rules.shared["facts"]:
        spec = rules.book.facts[name]
        if isinstance(spec.source, ReferenceLowSource):
            low, high = (limit.value for limit in spec.source.between)
            unit = spec.source.between[0].unit
            steps = [low + (high - low) * i / 20 for i in range(21)]
            found[name] = (*(f"{step:f} {unit}" for step in steps), "nothing there")
        else:
            found[name] = tuple(_texts(rules, spec, written, exact=name in totals))
    return found


def _suggestions(rules: Rules) -> Iterator[Any]:
    yield from rules.shared["suggestions"].values()
    for rule in rules.rules.values():
        yield from rule.get("suggestions", {}).values()


def _quantities(data: Any) -> Iterator[str]:
    """Quantities that stand in clauses and tables."""
    parts: tuple[Any, ...] = ()
    if isinstance(data, Rules):
        parts = (data.shared, *data.rules.values())
    if isinstance(data, dict):
        parts = tuple(data[key] for key in data if key not in ("cases", "facts"))
        if "rows" in data and "unit" in data:
            yield from (f"{cell} {data['unit']}" for cell in _cells(data["rows"]))
    elif isinstance(data, list):
        parts = tuple(data)
    elif isinstance(data, str) and data[:1].isdigit() and " " in data:
        yield data
    for part in parts:
        yield from _quantities(part)


def _cells(rows: Any) -> Iterator[str]:
    if isinstance(rows, dict):
        for row in rows.values():
            yield from _cells(row)
    elif rows != "none":
        yield rows


def _texts(rules: Rules, spec: FactSpec, written: list[str], *, exact: bool) -> Iterator[str]:
    yield from UNKNOWN
    if spec.type.kind == "presence":
        yield from ("present",) * 10 + ("absent",) * 4
        return
    yield "nothing there"
    if spec.type.kind == "category":
        labels = spec.type.labels
        yield from labels * 2
        yield from (f"{a} or {b}" for a, b in pairwise(labels))
        return
    assert spec.type.analyte is not None
    yield from _amounts(spec.type.analyte, _limits(rules, spec.type.analyte, written), exact=exact)


def _limits(rules: Rules, analyte: Analyte, written: list[str]) -> set[tuple[str, str]]:
    """Every constant of this analyte, and each in every other unit too, as number and unit."""
    constants = {
        (f"{value:f}", unit)
        for threshold in rules.book.thresholds.values()
        if threshold.analyte is analyte
        for unit, value in threshold.values.items()
    }
    texts = (text.split(" ", 1) for text in written)
    constants |= {(n, unit) for n, unit in texts if unit in UNITS[analyte].factors}
    return constants | {
        (number, other)
        for value, unit in constants
        for other in UNITS[analyte].factors
        if other != unit
        for number in _converted(analyte, Decimal(value), unit, other)
    }


def _converted(analyte: Analyte, value: Decimal, unit: str, other: str) -> Iterator[str]:
    """In another unit: exactly, where that is a short number, and as laboratories print it."""
    exact = value * factor(analyte, unit) / factor(analyte, other)
    short = exact.normalize()
    if len(short.as_tuple().digits) <= 9:
        yield f"{short:f}"
    yield f"{exact.quantize(Decimal(1).scaleb(exact.adjusted() - 2)):f}"


def _amounts(analyte: Analyte, limits: set[tuple[str, str]], *, exact: bool) -> Iterator[str]:
    ordered = sorted(limits) or [("1", UNITS[analyte].canonical)]
    for number, unit in ordered:
        value = Decimal(number)
        step = Decimal(1).scaleb(-len(number.partition(".")[2]))
        yield from (f"{v:f} {unit}" for v in (value - step, value, value, value + step) if v >= 0)
        if not exact:
            yield from (f"{sign}{number} {unit}" for sign in ("<", "<=", ">", ">="))
            yield f"{max(value - step, Decimal(0)):f} to {value + step:f} {unit}"
            yield f"{number} to below {value + 3 * step:f} {unit}"
            yield f"above {number} to {value + 30 * step:f} {unit}"


def patient(random: Random, pool: Pools, likely: tuple[str, ...], near: Given) -> Given:
    """A patient. `likely`: facts that rules ask about first. `near`: a patient to start from, of
    whom most is kept; {} to start from nothing."""
    kept = {name: text for name, text in near.items() if random.random() < 0.8}
    names = [name for name in likely if random.random() < (0.1 if near else 0.5)]
    names += random.sample(sorted(pool), random.choice((0, 1, 3, 10)))
    drawn = {name: random.choice(pool[name]) for name in dict.fromkeys(names)}
    return {**drawn, **kept}


def asked_first(rules: Rules) -> tuple[str, ...]:
    """Quantities and labels that rules ask about; findings are left to chance."""
    return tuple(
        name
        for name in rules.shared["facts"]
        if rules.book.facts[name].type.kind in ("quantity", "category")
    )
