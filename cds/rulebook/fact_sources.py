"""`facts:` declarations -> fact sources with their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from cds.facts.derived.registry import DERIVED
from cds.facts.terminology import Terminology
from cds.kernel.units import Analyte
from cds.rulebook import lab_sources, words
from cds.rulebook.lab_sources import checked, listed
from cds.rulebook.model import (
    AllergySource,
    DerivedSource,
    FactSource,
    FactSpec,
    FactType,
    MedicationSource,
    OrderSource,
    PatientSource,
    ProblemSource,
    ProcedureSource,
    SuppliedSource,
)
from cds.rulebook.schema import suggest
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

PRESENCE = FactType("presence")
Place = Literal["active", "draft", "selected", "given"]
PLACES: tuple[Place, ...] = ("active", "draft", "selected", "given")
LISTS = (
    "observations",
    "medications",
    "administrations",
    "problems",
    "procedures",
    "allergies",
    "lab_orders",
)
ORDER_PROPERTIES = (
    "dose",
    "daily",
    "rate",
    "route",
    "product",
    "roles",
    "readable",
    "editable",
    "push",
    "undiluted",
)

Built = tuple[FactSource, FactType]
Reader = Callable[[Scope, dict[str, Any]], Built]


def declare_fact(scope: Scope, source: Source, name: str, data: dict[str, Any]) -> None:
    """Read one declaration; problems are reported on its line."""
    path: At = ("facts", name)
    if not scope.declare(source, path, name):
        return
    rest = dict(data)
    default = rest.pop("in_cases", None)
    word = next(iter(rest), "")
    if not _known_words(scope, source, path, word, rest):
        return
    try:
        found, kind = _READERS[word][0](scope, rest)
    except (TypeError, AttributeError):  # a list or nothing where a word must stand
        scope.report(source, path, "a word of this fact has no value, or one of the wrong shape.")
    except KeyError as error:
        scope.report(source, path, f"`{error.args[0]}` is missing here.")
    except ValueError as error:
        scope.report(source, path, f"{error}.")
    else:
        scope.facts[name] = FactSpec(name, found, kind, source.where(*path))
        if default is not None:
            scope.case_defaults[name] = str(default)


def _known_words(scope: Scope, source: Source, path: At, word: str, rest: dict[str, Any]) -> bool:
    if word not in _READERS:
        kinds = f"Kinds: {', '.join(_READERS)}."
        scope.report(
            source,
            (*path, word),
            f"`{word}` is not a kind of fact.",
            suggest(word, list(_READERS)) or kinds,
        )
        return False
    allowed = _READERS[word][1]
    extra = next((name for name in rest if name != word and name not in allowed), None)
    if extra is not None:
        message = f"`{extra}` is not a word of a `{word}` fact."
        scope.report(source, (*path, extra), message, suggest(extra, allowed))
    return extra is None


def _derived(_: Scope, data: dict[str, Any]) -> Built:
    name = data["derived"]
    if name not in DERIVED:
        raise ValueError(
            f"`{name}` is not a derived fact. {suggest(name, list(DERIVED))}".rstrip(". ")
        )
    found = DERIVED[name]
    return DerivedSource(name), FactType(found.kind, found.analyte, found.labels)


def _problem(scope: Scope, data: dict[str, Any]) -> Built:
    names = checked("problem", listed(data["problem"]), problems_of(scope.terminology))
    within = words.span(data["onset_within"]) if "onset_within" in data else None
    undated = data.get("undated", "counts" if within is None else "")
    if undated not in ("counts", "does-not-count", "of-this-stay"):
        raise ValueError(
            "`undated` says whether an entry without a date `counts`, `does-not-count`, or counts "
            "`of-this-stay`"
        )
    this_stay = undated == "of-this-stay"
    return ProblemSource(names, within, undated != "does-not-count", this_stay), PRESENCE


def _procedure(scope: Scope, data: dict[str, Any]) -> Built:
    known = {c for group in scope.terminology.procedures.values() for c in group}
    names = checked("procedure", listed(data["procedure"]), known)
    return ProcedureSource(names, words.span(data["within"])), PRESENCE


def roles_of(terms: Terminology) -> set[str]:
    """Every drug role some code or name carries."""
    coded = {role for drug in terms.drugs.values() for role in drug.roles}
    return coded | {role for name in terms.names for role in name.roles}


def problems_of(terms: Terminology) -> set[str]:
    """Every problem concept some code carries."""
    coded = {concept for group in terms.problems.values() for concept in group}
    return coded | {concept for _, _, concept in terms.problem_prefixes}


def _medication(scope: Scope, data: dict[str, Any]) -> Built:
    terms = scope.terminology
    roles = roles_of(terms)
    ingredients = {i for drug in terms.drugs.values() for i in drug.ingredients}
    names = checked("role or ingredient", listed(data["medication"]), roles | ingredients)
    which = listed(data["which"])
    for place in which:
        if place not in PLACES:
            raise ValueError(f"`{place}` is not one of {', '.join(PLACES)}")
    route = data.get("route")
    if route not in (None, "parenteral", "oral"):
        raise ValueError("`route` is `parenteral` or `oral`")
    parenteral = None if route is None else route == "parenteral"
    running = words.span(data["running"]) if "running" in data else None
    if running is not None and which != ("active",):
        raise ValueError("`running` asks active orders only: write `which: [active]`")
    places = frozenset(place for place in PLACES if place in which)
    return MedicationSource(names, places, parenteral, running), PRESENCE


def _allergy(scope: Scope, data: dict[str, Any]) -> Built:
    known = {name for group in scope.terminology.allergens.values() for name in group}
    return AllergySource(checked("allergen", listed(data["allergy"]), known)), PRESENCE


def _patient(_: Scope, data: dict[str, Any]) -> Built:
    match data["patient"]:
        case "age":
            return PatientSource("age"), FactType("quantity", Analyte.AGE)
        case "setting":
            return PatientSource("setting"), FactType("category", None, ("inpatient", "outpatient"))
        case "encounter" | "icu" as what:
            return PatientSource(what), PRESENCE
        case other:
            raise ValueError(f"`{other}` is not one of age, setting, encounter, icu")


def _supplied(_: Scope, data: dict[str, Any]) -> Built:
    key = data["supplied"]
    if key not in LISTS:
        raise ValueError(f"`{key}` is not one of {', '.join(LISTS)}")
    return SuppliedSource(key), PRESENCE


def _failed(_: Scope, data: dict[str, Any]) -> Built:
    key = data["failed"]
    if key not in LISTS:
        raise ValueError(f"`{key}` is not one of {', '.join(LISTS)}")
    return SuppliedSource(key, failed=True), PRESENCE


def _order(scope: Scope, data: dict[str, Any]) -> Built:
    what = data["order"]
    match what:
        case "dose" | "daily" | "rate":
            analyte = words.analyte(data["of"])
            return OrderSource(what, (), analyte), FactType("quantity", analyte)
        case "route":
            return OrderSource(what), FactType("category", None, ("parenteral", "oral", "unknown"))
        case "readable" | "editable" | "push" | "undiluted":
            return OrderSource(what), PRESENCE
        case "product":
            products = {str(code) for code in scope.terminology.products}
            return OrderSource(what, checked("product", listed(data["one_of"]), products)), PRESENCE
        case "roles":
            names = checked("role", listed(data["one_of"]), roles_of(scope.terminology))
            return OrderSource(what, names), PRESENCE
        case _:
            raise ValueError(f"`{what}` is not one of {', '.join(ORDER_PROPERTIES)}")


_READERS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "lab": (lab_sources.lab, ("newest_within",)),
    "derived": (_derived, ()),
    "problem": (_problem, ("onset_within", "undated")),
    "procedure": (_procedure, ("within",)),
    "medication": (_medication, ("which", "route", "running")),
    "allergy": (_allergy, ()),
    "lab_order": (lab_sources.lab_order, ("within",)),
    "lab_set_aside": (lab_sources.set_aside, ("beyond", "within", "newer_than_used")),
    "lab_set_aside_reason": (lab_sources.set_aside_reason, ("beyond", "within", "newer_than_used")),
    "reference_low": (lab_sources.reference_low, ("between",)),
    "two_results": (lab_sources.two_results, ()),
    "patient": (_patient, ()),
    "supplied": (_supplied, ()),
    "failed": (_failed, ()),
    "order": (_order, ("of", "one_of")),
}
