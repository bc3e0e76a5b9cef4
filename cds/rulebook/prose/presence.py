"""Sentences for `present` and `absent`, by where the fact comes from."""

from __future__ import annotations

from functools import singledispatch

from cds.kernel.codes import RxNorm
from cds.kernel.units import Analyte
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    FactSource,
    FactSpec,
    LabOrderSource,
    LabSource,
    MedicationSource,
    OrderSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    Rulebook,
    SetAsideSource,
    SuppliedSource,
    TwoResultsSource,
)
from cds.rulebook.prose import words
from cds.rulebook.prose.derived import DERIVED
from cds.rulebook.prose.facts import noun, product, usable
from cds.rulebook.prose.limits import substance
from cds.rulebook.prose.words import bare, listed, one, span

MOST_IN_A_ROW = 4  # more kinds of drugs stand in brackets behind a collective name
_PLACES = {"active": "active", "draft": "drafted", "selected": "selected"}
_GIVEN = "given in the last 24 h"


def is_there(spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    """`a pacemaker is on the problem list`, or that there is none."""
    return _said(spec.source, spec, wanted, book)


@singledispatch
def _said(_source: FactSource, spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    return f"{noun(spec, book)} is {'' if wanted else 'not '}there"


@_said.register
def _(_source: LabSource, spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    found = usable(spec, book)
    return f"{one(found) if wanted else f'no {found}'} is at hand"


@_said.register
def _(_source: SetAsideSource, spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    return f"{'a' if wanted else 'no'} {bare(noun(spec, book))} is there"


@_said.register
def _(source: ProblemSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    found = listed(words.problem(concept) for concept in source.concepts)
    time = f" of the last {span(source.within)}" if source.within else ""
    if source.within and source.undated_counts:
        time += " (or without a date)"
    if source.this_stay:
        time += " (an entry without a date only where it is of this stay)"
    return f"{'' if wanted else 'no '}{found}{time} is on the problem list"


@_said.register
def _(source: ProcedureSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    found = listed(words.problem(concept) for concept in source.concepts)
    time = f"of the last {span(source.within)} (or without a date)"
    return f"{'a' if wanted else 'no'} {found} procedure {time} is recorded"


@_said.register
def _(source: AllergySource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    return f"{'an' if wanted else 'no'} allergy to {listed(source.substances)} is recorded"


@_said.register
def _(source: LabOrderSource, spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    name = spec.name.removesuffix("_test")
    known = {analyte.value: substance(analyte) for analyte in Analyte}
    test = f"{known.get(name, name.replace('_', ' '))} test"
    time = f"is drafted or was ordered in the last {span(source.within)}"
    return f"{one(test) if wanted else f'no {test}'} {time}"


@_said.register
def _(source: MedicationSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    found = words.roles(source.roles)
    state = _state(source)
    route = {True: " (by injection or by a route that is not known)", False: " (by mouth)"}
    named = "by injection" in found[0] or "by mouth" in found[0]
    by = "" if named or source.parenteral is None else route[source.parenteral]
    if len(found) > MOST_IN_A_ROW:
        drugs = f"drug of this list ({listed(map(bare, found))})"
        return f"{'a' if wanted else 'no'} {drugs}{by} {state}"
    if wanted:
        return f"{listed(found)}{by} {state}"
    return f"no {listed(map(bare, found))}{by} {state}"


def _state(source: MedicationSource) -> str:
    places = [word for place, word in _PLACES.items() if place in source.which]
    said = f"is {listed(places)}" if places else ""
    if "given" in source.which:
        said = f"{said}, or was {_GIVEN}" if said else f"was {_GIVEN}"
    return f"{said} and began at least {span(source.running)} ago" if source.running else said


@_said.register
def _(source: PatientSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    if source.what == "icu":
        return f"the patient is {'' if wanted else 'not '}in intensive care"
    return f"the record of the stay {'is known' if wanted else 'could not be read'}"


@_said.register
def _(source: SuppliedSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    of = words.LISTS[source.key]
    if source.failed:
        return (
            f"the query for {of} failed or its list goes on elsewhere"
            if wanted
            else f"the query for {of} did not fail"
        )
    state = "was sent and is complete" if wanted else "was not sent or is not complete"
    return f"the list of {of} {state}"


@_said.register
def _(source: TwoResultsSource, _spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    of = noun(book.facts[source.of], book)
    return f"two {of} results of one draw {'differ' if wanted else 'do not differ'}"


@_said.register
def _(source: DerivedSource, _spec: FactSpec, wanted: bool, _book: Rulebook) -> str:
    worked = DERIVED[source.function]
    if wanted:
        return worked.there or f"{worked.noun} is known"
    return worked.absent or f"{worked.noun} is not known"


@_said.register
def _(source: OrderSource, spec: FactSpec, wanted: bool, book: Rulebook) -> str:
    yes = "" if wanted else "not "
    match source.what:
        case "roles" if source.labels == ("mg-replacement-iv",):
            return f"this order is {yes}an injectable magnesium product"
        case "roles":
            return f"this order is {yes}{listed(words.roles(source.labels))}"
        case "product":
            names = listed(product(RxNorm(code), book) for code in source.labels)
            return f"this order is {yes}{names}"
        case "readable":
            return f"the dose of this order can{yes.strip()} be read"
        case "editable":
            return f"this order can{yes.strip()} be changed as a whole"
        case "push":
            return f"this order {'asks' if wanted else 'does not ask'} for an IV push"
        case "undiluted":
            kind = "potassium chloride concentrate without a stated diluent"
            return f"this order is {'a' if wanted else 'no'} {kind}"
        case _:
            return f"{noun(spec, book)} is {'known' if wanted else 'not known'}"
