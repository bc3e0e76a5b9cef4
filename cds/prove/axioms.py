"""What facts of one patient have in common, whatever the patient: the only assumptions of a proof.

Each line says which part of the chart reading makes it so; a test compares every axiom with the
facts the real engine finds in records of all kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import permutations

import z3

from cds.facts.model import Reason
from cds.facts.record import Setting
from cds.prove.axioms_order import of_the_order
from cds.prove.patient import Patient, against_quantity
from cds.prove.smt import Bool, conj, disj, implies, neg, same
from cds.prove.variables import MISSING, NOT_KNOWN, NOTHING, VALUE, FactTerms
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    LabOrderSource,
    LabSource,
    MedicationSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    ReferenceLowSource,
    SetAsideReasonSource,
    SetAsideSource,
    SuppliedSource,
    TwoResultsSource,
    Window,
)
from cds.rulebook.narrower import narrower


def axioms(patient: Patient) -> list[Bool]:
    """All of them, about the facts asked so far."""
    found: list[Bool] = []
    _setting(patient, Setting.INPATIENT)
    for group in GROUPS.values():
        found += group(patient)
    return [term for term in found if term is not True]


def gap(patient: Patient, key: str) -> Bool:
    """The list under this prefetch key was not supplied, or not completely."""
    return z3.Bool(f"{patient.prefix}gap:{key}")


def _results(patient: Patient) -> Iterator[Bool]:
    """Every laboratory fact is not known exactly when the results are not."""
    for kind in (LabSource, SetAsideSource, SetAsideReasonSource):
        for fact in patient.asked(kind):
            yield same(fact.is_(NOT_KNOWN), gap(patient, "observations"))


def _windows(patient: Patient) -> Iterator[Bool]:
    """One analyte in two windows: what is usable in the shorter is usable, and the same, in the
    longer; equal windows give equal facts."""
    for one, other in permutations(patient.asked(LabSource), 2):
        a, b = one.spec.source, other.spec.source
        if not isinstance(a, LabSource) or not isinstance(b, LabSource):
            continue
        if a.analyte is not b.analyte:
            continue
        for setting in Setting:
            within = _within(
                patient.book.windows[a.window], patient.book.windows[b.window], setting
            )
            if within:
                here = _setting(patient, setting)
                yield implies(
                    conj((here, one.is_(VALUE))), conj((other.is_(VALUE), _equal(one, other)))
                )


def _within(a: Window, b: Window, setting: Setting) -> bool:
    """A window that an illness shortens is within another only at its full length."""
    shortened = b.shorter is not None and a.shorter != b.shorter
    return not shortened and a.span(setting) <= b.span(setting)


def _setting(patient: Patient, setting: Setting) -> Bool:
    asked = PatientSource("setting")
    for spec in patient.book.facts.values():
        if spec.source == asked:
            return patient.fact(spec.name).label_is(setting.value)
    inpatient = z3.Bool(f"{patient.prefix}inpatient")  # no rule names the setting, windows do
    return inpatient if setting is Setting.INPATIENT else neg(inpatient)


def _equal(one: FactTerms, other: FactTerms) -> Bool:
    a, b = one.range, other.range
    if a is None or b is None:
        return True
    ends = (a.low == b.low, a.high == b.high)
    flags = ((a.low_none, b.low_none), (a.high_none, b.high_none))
    opens = ((a.low_open, b.low_open), (a.high_open, b.high_open))
    units = ((one.units[u], other.units[u]) for u in one.units)
    return conj((*ends, *(same(x, y) for x, y in (*flags, *opens, *units))))


def _aside(patient: Patient) -> Iterator[Bool]:
    """A set-aside result and the reason why: one result, found or not found together."""
    by_source = {f.spec.source: f for f in patient.asked(SetAsideSource)}
    for told in patient.asked(SetAsideReasonSource):
        if not isinstance(told.spec.source, SetAsideReasonSource):
            continue
        yield implies(told.is_(VALUE), disj(told.label_is(label) for label in told.labels))
        value = by_source.get(told.spec.source.of)
        if value is None:
            continue
        yield same(value.is_(NOTHING), told.is_(NOTHING))
        for reason in Reason:
            label = told.labels.get(reason.name.lower().replace("_", "-"), False)
            yield implies(value.is_(MISSING), same(value.reasons.get(reason, False), label))


def _ranges(patient: Patient) -> Iterator[Bool]:
    """The laboratory's own limit belongs to the result in use, in its unit, between sane bounds;
    two results of one draw are a result."""
    for own in patient.asked(ReferenceLowSource):
        source = own.spec.source
        if not isinstance(source, ReferenceLowSource) or own.range is None:
            continue
        of = patient.fact(source.of)
        yield same(own.is_(NOT_KNOWN), of.is_(NOT_KNOWN))
        yield implies(own.is_(VALUE), of.is_(VALUE))
        lower, upper = source.between
        sane = conj(
            (
                own.range.exact,
                neg(disj((own.range.low_open, own.range.high_open))),
                against_quantity(own, "at_least", lower).yes,
                against_quantity(own, "at_most", upper).yes,
                *(same(own.units[unit], of.units[unit]) for unit in own.units),
            )
        )
        yield implies(own.is_(VALUE), sane)
    for two in patient.asked(TwoResultsSource):
        if isinstance(two.spec.source, TwoResultsSource):
            of = patient.fact(two.spec.source.of)
            yield same(two.is_(NOT_KNOWN), of.is_(NOT_KNOWN))
            yield implies(two.found, of.is_(VALUE))


def _person(patient: Patient) -> Iterator[Bool]:
    """Age in whole years up to 120, or none; where an encounter cannot be read, inpatient windows
    count; intensive care is inpatient (clinical pack R3, R10, R42)."""
    for fact in patient.asked(PatientSource):
        if not isinstance(fact.spec.source, PatientSource):
            continue
        match fact.spec.source.what:
            case "age" if fact.range is not None:
                whole = z3.Int(f"{patient.prefix}years")
                years = conj((whole >= 0, whole <= 120, fact.range.low == z3.ToReal(whole)))
                exact = conj(
                    (fact.range.exact, neg(fact.range.low_open), neg(fact.range.high_open))
                )
                yield conj((exact, years))
                yield implies(fact.is_(MISSING), fact.reasons.get(Reason.AGE_OR_SEX, False))
            case "setting":
                yield disj(fact.label_is(label) for label in fact.labels)
            case "encounter":
                yield implies(neg(fact.present), _setting(patient, Setting.INPATIENT))
            case "icu":
                yield implies(fact.present, _setting(patient, Setting.INPATIENT))
            case _:
                pass


_KEYS = (
    (ProblemSource, "problems"),
    (ProcedureSource, "procedures"),
    (AllergySource, "allergies"),
    (LabOrderSource, "lab_orders"),
)


def _lists(patient: Patient) -> Iterator[Bool]:
    """Absence is concluded from a complete list only; a find needs no complete list. A draft that
    names no drug keeps questions about drafts open whatever the lists say."""
    for kind, key in _KEYS:
        for fact in patient.asked(kind):
            yield same(fact.is_(NOT_KNOWN), conj((gap(patient, key), neg(fact.found))))
    unread = z3.Bool(f"{patient.prefix}draft-unread")
    for fact in patient.asked(MedicationSource):
        source = fact.spec.source
        if not isinstance(source, MedicationSource):
            continue
        listed = gap(patient, "medications") if "active" in source.which else False
        drafted = unread if source.which & {"draft", "selected"} else False
        open_ = conj((disj((listed, drafted)), neg(fact.found), neg(fact.is_(MISSING))))
        if source.running is not None or "selected" in source.which:
            yield implies(fact.is_(NOT_KNOWN), open_)
        else:
            yield same(fact.is_(NOT_KNOWN), open_)


def _subsets(patient: Patient) -> Iterator[Bool]:
    """Whoever has the narrower thing has the wider one."""
    for kind in (ProblemSource, ProcedureSource, AllergySource, LabOrderSource, MedicationSource):
        for one, other in permutations(patient.asked(kind), 2):
            if narrower(one.spec.source, other.spec.source):
                yield implies(one.found, other.found)


def _kidneys(patient: Patient) -> Iterator[Bool]:
    """Kidneys without any number are "unknown", perhaps in failure too, but in no other band: age
    is a whole number, so nobody is perhaps an adult (clinical pack R12, R13)."""
    for fact in patient.asked(DerivedSource):
        if fact.spec.source == DerivedSource("renal_band"):
            bands = disj(fact.labels[label] for label in ("full", "half", "low"))
            yield implies(conj((fact.is_(VALUE), fact.labels["unknown"])), neg(bands))


def _supplied(patient: Patient) -> Iterator[Bool]:
    """A list is complete or has a gap; a query that failed leaves a gap."""
    for fact in patient.asked(SuppliedSource):
        if isinstance(fact.spec.source, SuppliedSource):
            missing = gap(patient, fact.spec.source.key)
            if fact.spec.source.failed:
                yield implies(fact.present, missing)
            else:
                yield same(fact.present, neg(missing))


# By name, so that a test can say of each that it is about somebody.
GROUPS: Mapping[str, Callable[[Patient], Iterator[Bool]]] = {
    "results": _results,
    "windows": _windows,
    "set aside": _aside,
    "ranges": _ranges,
    "person": _person,
    "lists": _lists,
    "subsets": _subsets,
    "supplied": _supplied,
    "kidneys": _kidneys,
    "order": of_the_order,
}
