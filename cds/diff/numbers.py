"""Limits, windows and tables of doses that differ."""

from __future__ import annotations

from collections.abc import Iterator

from cds.diff.difference import Difference, Harm, Two, changed, leaves, place, same
from cds.facts import show
from cds.facts.show import unit_words
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.model import Table, Threshold, Window
from cds.rulebook.prose.derived import BAND_COLUMNS
from cds.rulebook.prose.limits import amount, limit, measured
from cds.rulebook.prose.words import problem, span

_DOSES = ("dose", "rate")


def limits(two: Two) -> Iterator[Difference]:
    """Thresholds: each unit whose number differs."""
    old, new = two.old.thresholds, two.new.thresholds
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            yield from _one_sided(a, b)
        elif not same(a, b):
            yield from _limit(two, a, b)


def _one_sided(a: Threshold | None, b: Threshold | None) -> Iterator[Difference]:
    found = b or a
    if found is not None:
        verb = "new limit" if b else "limit removed"
        text = f"{verb}, {named(found)}: {limit(found)}"
        yield Difference(_harm(found), text, place(a), place(b))


def named(found: Threshold) -> str:
    """`lower limit of normal (magnesium, mg_lln)`."""
    return f"{found.why} ({measured(found.analyte)}, {found.name})"


def _harm(found: Threshold) -> Harm:
    dose = found.analyte.value.rpartition("_")[2] in _DOSES
    return Harm.DOSE if dose else Harm.LIMIT


def _limit(two: Two, a: Threshold, b: Threshold) -> Iterator[Difference]:
    moved = [
        f"{_in(a, unit)} -> {_in(b, unit)}"
        for unit in dict.fromkeys((*a.values, *b.values))
        if a.values.get(unit) != b.values.get(unit)
    ]
    if a.analyte is not b.analyte:
        moved.append(f"of {measured(a.analyte)} -> of {measured(b.analyte)}")
    if moved:
        yield Difference(
            _harm(b), f"{named(b)}: {'; '.join(moved)}{two.concerned(b.name)}", place(a), place(b)
        )
    elif list(a.values) != list(b.values):
        text = f"{named(b)}: the order of its units; others are converted from the first"
        yield Difference(_harm(b), text, place(a), place(b))
    if (a.why, a.cite) != (b.why, b.cite):
        told = changed(f"{a.why}, from {', '.join(a.cite)}", f"{b.why}, from {', '.join(b.cite)}")
        yield Difference(
            Harm.SOURCES, f"reason or sources of the limit {b.name}, {told}", place(a), place(b)
        )


def _in(found: Threshold, unit: str) -> str:
    value = found.values.get(unit)
    return f"{value:f} {unit_words(unit)}" if value is not None else f"none in {unit_words(unit)}"


def windows(two: Two) -> Iterator[Difference]:
    """How old a result may be."""
    old, new = two.old.windows, two.new.windows
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            verb = "new window" if b else "window removed"
            yield Difference(Harm.LIMIT, f"{verb}, {name}: {_window(b or a)}")
        elif not same(a, b):
            yield from _windows(two, a, b)


def _windows(two: Two, a: Window, b: Window) -> Iterator[Difference]:
    moved = []
    for who in ("inpatient", "outpatient"):
        before, after = getattr(a, who), getattr(b, who)
        if before != after:
            moved.append(f"{who} {span(before)} -> {span(after)}")
    if a.shorter != b.shorter:
        moved.append(f"{_shorter(a)} -> {_shorter(b)}")
    if moved:
        yield Difference(
            Harm.LIMIT, f"{_name(b)} ({b.name}): {'; '.join(moved)}{two.concerned(b.name)}"
        )
    if (a.why, a.cite) != (b.why, b.cite):
        told = changed(f"{a.why}, from {', '.join(a.cite)}", f"{b.why}, from {', '.join(b.cite)}")
        yield Difference(Harm.SOURCES, f"reason or sources of the window {b.name}, {told}")


def _name(window: Window) -> str:
    of = window.name.removesuffix("_window").replace("_", " ")
    return f"how old a result may be, {of}"


def _shorter(window: Window) -> str:
    if window.shorter is None:
        return "no shorter time"
    concept, time = window.shorter
    return f"{span(time)} with {problem(concept)}"


def _window(window: Window | None) -> str:
    if window is None:
        return "none"
    return f"inpatient {span(window.inpatient)}, outpatient {span(window.outpatient)}"


def tables(two: Two) -> Iterator[Difference]:
    """Doses, cell by cell."""
    old, new = two.old.tables, two.new.tables
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            verb = "new table of doses" if b else "table of doses removed"
            found = (b or a).why if (b or a) else name  # type: ignore[union-attr]
            yield Difference(Harm.DOSE, f"{verb}: {found} ({name})", place(a), place(b))
        elif not same(a, b):
            yield from _table(two, a, b)


def _table(two: Two, a: Table, b: Table) -> Iterator[Difference]:
    title = f"doses, {b.why} ({b.name})"
    if (a.by, a.analyte) != (b.by, b.analyte):
        text = f"{title}: it goes by {', '.join(b.by)} now, before by {', '.join(a.by)}"
        yield Difference(Harm.DOSE, text, place(a), place(b))
    for key in dict.fromkeys((*a.rows, *b.rows)):
        before, after = _cell(a, key), _cell(b, key)
        if before != after:
            text = f"{title}: {_labels(b.by, key)}: {before} -> {after}{two.concerned(b.name)}"
            yield Difference(Harm.DOSE, text, place(a), place(b))
    if (a.why, a.cite) != (b.why, b.cite):
        told = changed(f"{a.why}, from {', '.join(a.cite)}", f"{b.why}, from {', '.join(b.cite)}")
        yield Difference(
            Harm.SOURCES, f"reason or sources of the table {b.name}, {told}", place(a), place(b)
        )


def _labels(by: tuple[str, ...], key: tuple[str, ...]) -> str:
    parts = []
    for fact, label in zip(by, key, strict=False):
        if fact == "renal_band":
            column = BAND_COLUMNS.get(label, label)
            parts.append(f"{label} kidneys ({column[:1].lower()}{column[1:]})")
        else:
            parts.append(label)
    return ", ".join(parts)


def _cell(table: Table, key: tuple[str, ...]) -> str:
    if key not in table.rows:
        return "no such row"
    dose: Quantity | None = table.rows[key]
    if dose is None:
        return "no dose"
    if dose.analyte is Analyte.MAGNESIUM_SULFATE_DOSE:
        return f"{show.short(dose.to('g').value)} g"
    return amount(dose)


def derived(two: Two) -> Iterator[Difference]:
    """Reference ranges a site brings."""
    for path, a, b in leaves(
        two.old.terminology.reference_lows, two.new.terminology.reference_lows
    ):
        before = amount(a) if isinstance(a, Quantity) else str(a or "none")
        after = amount(b) if isinstance(b, Quantity) else str(b or "none")
        text = f"the laboratory's own lower limit, {path.lower()}: {before} -> {after}"
        yield Difference(Harm.LIMIT, text)
