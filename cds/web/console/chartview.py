"""What a chart of the sandbox shows: the prefetch of a synthetic call, read for eyes.

Nothing is judged or converted here: a value stands with the unit, the state and the remark it was
sent with. What has another shape than FHIR gives it is left out of a line, never guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cds.web.console.chartparts import (
    Moment,
    concept_words,
    dosages,
    inside,
    medication,
    moment_of,
    number_of,
    quantity_words,
    resources,
    years,
)

WEIGHT = "29463-7"  # LOINC
_PLACES = {"IMP": "inpatient", "AMB": "outpatient", "EMER": "emergency department"}

# The limits that rules compare a result of this code with, in this unit: value and what it means.
Limits = Callable[[str, str, str], Sequence[tuple[float, str]]]


@dataclass(frozen=True, slots=True)
class Result:
    """One result as it was sent. `range` is the reference range it carried."""

    value: str
    unit: str
    at: Moment
    status: str
    comment: str
    range: str


@dataclass(frozen=True, slots=True)
class Series:
    """The results of one code in one unit, newest first. `points` are (seconds since 1970, value),
    oldest first, of results that count and are exact; `low` and `high` the newest reference range.
    """

    name: str
    unit: str
    results: tuple[Result, ...]
    points: tuple[tuple[float, float], ...]
    low: float | None
    high: float | None
    limits: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A part of the chart as a table. `empty` says why there is no row."""

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Moment, ...], ...]
    empty: str


@dataclass(frozen=True, slots=True)
class Chart:
    """`banner` are labels with their words."""

    banner: tuple[tuple[str, str], ...]
    labs: tuple[Series, ...]
    no_labs: str
    lists: tuple[Listed, ...]


def chart(prefetch: Mapping[str, Any], now: datetime, limits: Limits) -> Chart:
    """The chart at `now` (aware)."""
    observed = resources(prefetch.get("observations"))
    return Chart(
        banner=tuple(_banner(prefetch, observed, now)),
        labs=_series(observed, now, limits),
        no_labs=_nothing(prefetch, "observations"),
        lists=tuple(_listed(prefetch, part, now) for part in _PARTS),
    )


def _banner(
    prefetch: Mapping[str, Any], observed: Sequence[dict[str, Any]], now: datetime
) -> Iterable[tuple[str, str]]:
    patient = prefetch.get("patient") or {}
    given = " ".join(str(item) for item in inside(patient, "name", 0, "given") or ())
    family = str(inside(patient, "name", 0, "family") or "")
    yield "Name", f"{given} {family}".strip() or "not stated"
    born = str(inside(patient, "birthDate") or "")
    yield "Age", f"{years(born, now)} (born {born})" if born else "not known: no birth date"
    yield "Sex", str(inside(patient, "gender") or "not stated")
    yield "Weight", _weight(observed, now)
    yield "Setting", _setting(prefetch.get("encounter"), now)


def _weight(observed: Sequence[dict[str, Any]], now: datetime) -> str:
    found = [item for item in observed if inside(item, "code", "coding", 0, "code") == WEIGHT]
    found.sort(key=lambda item: str(item.get("effectiveDateTime")))
    if not found:
        return "not recorded"
    newest = found[-1]
    ago = moment_of(newest.get("effectiveDateTime"), now).ago
    return f"{quantity_words(newest.get('valueQuantity'))}{ago and f' ({ago})'}"


def _setting(encounter: Any, now: datetime) -> str:
    if not isinstance(encounter, dict):
        return "no encounter"
    code = str(inside(encounter, "class", "code") or "")
    words = _PLACES.get(code) or str(inside(encounter, "class", "display") or code or "not stated")
    places = [
        str(inside(item, "location", "display") or inside(item, "physicalType", "text") or "")
        for item in encounter.get("location") or ()
    ]
    places += [str(item.get("name") or "") for item in encounter.get("contained") or ()]
    since = moment_of(inside(encounter, "period", "start"), now).ago
    lasts = f" for {since.removesuffix(' ago')}" if since.endswith("ago") else ""
    return ", ".join(dict.fromkeys(word for word in (words, *places) if word)) + lasts


def _series(
    observed: Sequence[dict[str, Any]], now: datetime, limits: Limits
) -> tuple[Series, ...]:
    """Results by code and unit: those of which rules ask most first, then by name."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for item in observed:
        coding = inside(item, "code", "coding", 0) or {}
        unit = str(inside(item, "valueQuantity", "unit") or "")
        name = concept_words(item.get("code")) or "A result without a name"
        groups.setdefault((name, unit, str(coding.get("code") or "")), []).append(item)
    found = [_one(key, items, now, limits) for key, items in groups.items()]
    return tuple(sorted(found, key=lambda one: (-len(one.limits), one.name)))


def _one(
    key: tuple[str, str, str], items: list[dict[str, Any]], now: datetime, limits: Limits
) -> Series:
    name, unit, code = key
    items.sort(key=lambda item: str(item.get("effectiveDateTime")), reverse=True)
    results = tuple(_result(item, now) for item in items)
    system = str(inside(items[0], "code", "coding", 0, "system") or "")
    ranges = [item["referenceRange"][0] for item in items if inside(item, "referenceRange", 0)]
    return Series(
        name=name,
        unit=unit,
        results=results,
        points=tuple(point for item in reversed(items) for point in _point(item, now)),
        low=number_of(inside(ranges[0], "low", "value")) if ranges else None,
        high=number_of(inside(ranges[0], "high", "value")) if ranges else None,
        limits=tuple(limits(system, code, unit)),
    )


def _point(item: dict[str, Any], now: datetime) -> Iterable[tuple[float, float]]:
    """A dot, unless the result does not count or is no number: the table still has it."""
    value = number_of(inside(item, "valueQuantity", "value"))
    at = moment_of(item.get("effectiveDateTime"), now).seconds
    vague = inside(item, "valueQuantity", "comparator")
    if item.get("status") in ("final", "amended", "corrected") and not vague:
        yield from [(at, value)] if value is not None and at is not None else []


def _result(item: dict[str, Any], now: datetime) -> Result:
    sent = item.get("valueQuantity")
    value = f"{inside(sent, 'comparator') or ''}{_shown(inside(sent, 'value'))}"
    other = item.get("valueString") or concept_words(item.get("valueCodeableConcept"))
    bounds = [quantity_words(inside(item, "referenceRange", 0, end)) for end in ("low", "high")]
    return Result(
        value=value or str(other or "no value"),
        unit=str(inside(sent, "unit") or inside(sent, "code") or ""),
        at=moment_of(item.get("effectiveDateTime"), now),
        status=str(item.get("status") or "not stated"),
        comment="; ".join(str(inside(note, "text") or "") for note in item.get("note") or ()),
        range=" to ".join(bound for bound in bounds if bound),
    )


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class _Part:
    """`row` gives the cells of one resource; an empty tuple leaves it out."""

    key: str
    title: str
    columns: tuple[str, ...]
    row: Callable[[dict[str, Any], datetime], tuple[str | Moment, ...]]


def _listed(prefetch: Mapping[str, Any], part: _Part, now: datetime) -> Listed:
    rows = tuple(part.row(item, now) for item in resources(prefetch.get(part.key)))
    return Listed(part.key, part.title, part.columns, rows, _nothing(prefetch, part.key))


def _nothing(prefetch: Mapping[str, Any], key: str) -> str:
    """Why a part is empty: three different things to a service."""
    if key not in prefetch:
        return f"Not sent: this patient's call has no prefetch key {key}."
    value = prefetch[key]
    if inside(value, "resourceType") == "OperationOutcome":
        return "The query of the EHR failed: an OperationOutcome is sent in its place."
    return "None." if value else "None (sent as null)."


def _order(item: dict[str, Any], now: datetime) -> tuple[str | Moment, ...]:
    return medication(item), dosages(item), _state(item), moment_of(item.get("authoredOn"), now)


def _dose(item: dict[str, Any], now: datetime) -> tuple[str | Moment, ...]:
    given = item.get("effectiveDateTime") or inside(item, "effectivePeriod", "start")
    dose = inside(item, "dosage", "text") or quantity_words(inside(item, "dosage", "dose"))
    return medication(item), str(dose), _state(item), moment_of(given, now)


def _problem(item: dict[str, Any], now: datetime) -> tuple[str | Moment, ...]:
    since = moment_of(item.get("onsetDateTime") or item.get("recordedDate"), now)
    return concept_words(item.get("code")), _state(item), since


def _dated(*members: str) -> Callable[[dict[str, Any], datetime], tuple[str | Moment, ...]]:
    def row(item: dict[str, Any], now: datetime) -> tuple[str | Moment, ...]:
        at = next((item[name] for name in members if item.get(name)), None)
        return concept_words(item.get("code")), _state(item), moment_of(at, now)

    return row


def _state(item: dict[str, Any]) -> str:
    """`active`, `active, confirmed`, `completed`."""
    clinical = inside(item, "clinicalStatus", "coding", 0, "code")
    verified = inside(item, "verificationStatus", "coding", 0, "code")
    return ", ".join(str(word) for word in (item.get("status"), clinical, verified) if word)


_PARTS = (
    _Part("medications", "Medication orders", ("Drug", "Dosage", "State", "Ordered"), _order),
    _Part("administrations", "Doses given", ("Drug", "Dose", "State", "Given"), _dose),
    _Part("problems", "Problems", ("Problem", "State", "Since"), _problem),
    _Part("allergies", "Allergies", ("Substance", "State", "Recorded"), _dated("recordedDate")),
    _Part(
        "procedures",
        "Procedures",
        ("Procedure", "State", "Done"),
        _dated("performedDateTime"),
    ),
    _Part("lab_orders", "Laboratory orders", ("Test", "State", "Ordered"), _dated("authoredOn")),
)
