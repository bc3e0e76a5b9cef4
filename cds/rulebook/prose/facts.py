"""What a declared fact is called in a sentence, and its sentences for there, absent and missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import singledispatch

from cds.facts.model import Reason
from cds.kernel.codes import RxNorm
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    BandSource,
    DerivedSource,
    FactSource,
    FactSpec,
    LabSource,
    OrderSource,
    PatientSource,
    ReferenceLowSource,
    Rulebook,
    SetAsideReasonSource,
    SetAsideSource,
    Window,
)
from cds.rulebook.prose import words
from cds.rulebook.prose.derived import BANDS, DERIVED
from cds.rulebook.prose.limits import limit, substance, unit_name
from cds.rulebook.prose.words import listed, span

_LAB_NOUNS = {
    Analyte.WBC: "the white cell count",
    Analyte.EGFR: "the eGFR of the laboratory",
    Analyte.CALCIUM_CORRECTED: "the corrected calcium of the laboratory",
    Analyte.WEIGHT: "body weight",
}
UNITS_OF_A_RANGE = 2  # in a sentence; the table of ranges gives more
_INJECTED = "into a vein or by another injection"
_OWN = "the laboratory's own where that counts"
_NO_LEVEL = {Analyte.QTC, Analyte.WEIGHT, Analyte.HEIGHT, Analyte.WBC}


def noun(spec: FactSpec, book: Rulebook) -> str:
    """How a sentence calls the value: `magnesium`, `the rate of this order`."""
    return _noun(spec.source, spec, book)


@singledispatch
def _noun(_source: FactSource, spec: FactSpec, _book: Rulebook) -> str:
    return spec.name.replace("_", " ")


@_noun.register
def _(source: LabSource, spec: FactSpec, book: Rulebook) -> str:
    name = _LAB_NOUNS.get(source.analyte, substance(source.analyte))
    return f"{name}{_of_time(source, spec, book)}"


@_noun.register
def _(source: SetAsideSource, _spec: FactSpec, book: Rulebook) -> str:
    within = book.windows[source.within]
    time = f" of the last {span(within.inpatient)}" if _one_span(within) else ""
    of = substance(source.analyte)
    newest = "a newer" if source.newer_than_used else "the newest"
    return f"{newest} {of} result{time} that could not be used"


@_noun.register
def _(source: SetAsideReasonSource, spec: FactSpec, book: Rulebook) -> str:
    return _noun(source.of, spec, book)


@_noun.register
def _(source: ReferenceLowSource, _spec: FactSpec, book: Rulebook) -> str:
    return f"the laboratory's own lower limit of {noun(book.facts[source.of], book)}"


@_noun.register
def _(source: PatientSource, _spec: FactSpec, _book: Rulebook) -> str:
    return "the patient's age" if source.what == "age" else f"the {source.what} of the patient"


@_noun.register
def _(source: DerivedSource, _spec: FactSpec, _book: Rulebook) -> str:
    worked = DERIVED[source.function]
    return worked.noun or worked.title[:1].lower() + worked.title[1:]


@_noun.register
def _(source: OrderSource, _spec: FactSpec, _book: Rulebook) -> str:
    if source.analyte is None:
        return f"the {source.what} of this order"
    of = substance(source.analyte)
    match source.what:
        case "daily":
            return f"the {of} of this order in 24 h"
        case "rate":
            return "the rate of this order"
        case _:
            return f"the {of} in one dose of this order"


@_noun.register
def _(source: BandSource, _spec: FactSpec, book: Rulebook) -> str:
    return noun(book.facts[source.of], book)


def usable(spec: FactSpec, book: Rulebook) -> str:
    """`usable magnesium level`, with its time where it is not the usual one."""
    source = spec.source
    if not isinstance(source, LabSource):
        return words.bare(noun(spec, book))
    kind = "" if source.analyte in _NO_LEVEL else " level"
    name = words.bare(_LAB_NOUNS.get(source.analyte, substance(source.analyte)))
    return f"usable {name}{kind}{_of_time(source, spec, book)}"


def _of_time(source: LabSource, _spec: FactSpec, book: Rulebook) -> str:
    """The window, where another fact has the usual one."""
    labs = (fact.source for fact in book.facts.values() if isinstance(fact.source, LabSource))
    if next((lab for lab in labs if lab.analyte is source.analyte), source) == source:
        return ""
    window = book.windows[source.window]
    if _one_span(window):
        return f" of the last {span(window.inpatient)}"
    return f" of the last {span(window.inpatient)} (outpatients: {span(window.outpatient)})"


def _one_span(window: Window) -> bool:
    return window.inpatient == window.outpatient


def is_missing(spec: FactSpec, book: Rulebook, reasons: Iterable[Reason]) -> str:
    """`no usable magnesium level is at hand`, with the reasons asked for."""
    source = spec.source
    asked = sorted(reasons, key=tuple(Reason).index)
    if isinstance(source, DerivedSource) and DERIVED[source.function].unclear and asked:
        return DERIVED[source.function].unclear
    if isinstance(source, OrderSource):
        return f"{noun(spec, book)} cannot be read"
    if isinstance(source, SetAsideSource):
        return f"{noun(spec, book)} is {listed(map(_reason, asked)) or 'without a value'}"
    if not asked:
        return f"no {usable(spec, book)} is at hand"
    if asked == [Reason.NONE_FOUND]:
        return f"no {usable(spec, book)} is at hand, and none was found at all"
    found = listed(map(_reason, asked))
    return f"no {usable(spec, book)} is at hand, and the newest result is {found}"


def _reason(reason: Reason) -> str:
    return words.REASONS.get(reason, reason.value)


def has_label(spec: FactSpec, labels: Iterable[str], book: Rulebook) -> str:
    """`magnesium is in the range "low" (1.2 up to 1.7 mg/dL)`; the labels in their own order."""
    known = {label: at for at, label in enumerate(spec.type.labels)}
    chosen = sorted(labels, key=lambda label: known.get(label, len(known)))
    match spec.source:
        case BandSource() as source if _all_below(source, chosen):
            return (
                f"{noun(spec, book)} is below at least one of two lower limits: "
                f"{_two_limits(source, book)}"
            )
        case BandSource() as source:
            chosen.sort(key=labels_by_size(source).index)
            ranges = listed(
                f"“{label.replace('-', ' ')}” ({range_words(source, label, book)})"
                for label in chosen
            )
            return f"{noun(spec, book)} is in the range {ranges}"
        case DerivedSource("renal_band"):
            return _kidneys(chosen)
        case SetAsideReasonSource():
            found = {reason.name.lower().replace("_", "-"): reason for reason in Reason}
            reasons = (_reason(found[x]) if x in found else x.replace("-", " ") for x in chosen)
            return f"{noun(spec, book)} is {listed(reasons)}"
        case PatientSource("setting"):
            return f"the patient is {listed(f'an {label}' for label in chosen)}"
        case OrderSource("route"):
            if sorted(chosen) == ["parenteral", "unknown"]:
                return f"the route of this order is {_INJECTED}, or is not stated"
            routes = {"parenteral": _INJECTED, "oral": "by mouth"}
            return (
                f"the route of this order is {listed(routes.get(x, 'not stated') for x in chosen)}"
            )
        case _:
            return f"{noun(spec, book)} is {listed(label.replace('-', ' ') for label in chosen)}"


def _kidneys(labels: list[str]) -> str:
    return f"kidney function is {listed(BANDS[label] for label in labels)}"


def labels_by_size(source: BandSource) -> tuple[str, ...]:
    """The labels of a range from low to high; the contested one stands at its limit."""
    labels = [x for x in source.labels if not source.contested or x != source.contested[0]]
    if source.contested:
        labels.insert(source.thresholds.index(source.contested[1]) + 1, source.contested[0])
    return tuple(labels)


def _all_below(source: BandSource, labels: list[str]) -> bool:
    """Whether the labels are the contested one and every one below it."""
    if not source.contested or source.contested[0] not in labels:
        return False
    order = labels_by_size(source)
    return set(labels) == set(order[: order.index(source.contested[0]) + 1])


def range_words(
    source: BandSource, label: str, book: Rulebook, units: int = UNITS_OF_A_RANGE
) -> str:
    """From where to where one label of a band reaches, in the first units of its limits."""
    if label not in source.labels[: len(source.thresholds) + 1]:
        return f"below one of two lower limits and not below the other: {_two_limits(source, book)}"
    at = source.labels.index(label)
    low = source.thresholds[at - 1] if at else ""
    high = source.thresholds[at] if at < len(source.thresholds) else ""
    said = ", or ".join(_reaches(source, low, high, book, units))
    if source.contested and source.contested[1] == high:
        return f"{said}; and below {_OWN}"
    if source.contested and source.contested[1] == low:
        return f"{said}; and not below {_OWN}"
    return said


def _two_limits(source: BandSource, book: Rulebook) -> str:
    usual = source.contested[1] if source.contested else source.thresholds[0]
    return f"the usual one of {limit(book.thresholds[usual])}, and {_OWN}"


def _reaches(source: BandSource, low: str, high: str, book: Rulebook, units: int) -> Iterator[str]:
    """`1.2 to below 1.7 mg/dL`, once for each unit."""
    limits = [book.thresholds[name].values for name in (low, high) if name]
    for unit in [unit for unit in limits[0] if all(unit in x for x in limits)][:units]:
        name = unit_name(unit)
        first = f"{limits[0][unit]:f}"
        if not low:
            yield f"{'at most' if high in source.inclusive else 'below'} {first} {name}"
        elif not high:
            yield f"above {first} {name}" if low in source.inclusive else f"{first} {name} or more"
        else:
            start = "above " if low in source.inclusive else ""
            end = "" if high in source.inclusive else "below "
            yield f"{start}{first} to {end}{limits[1][unit]:f} {name}"


def product(code: RxNorm, book: Rulebook) -> str:
    """A product by its name where the code sets know it."""
    found = book.terminology.products.get(code)
    return found.display if found else f"the product with RxNorm code {code}"
