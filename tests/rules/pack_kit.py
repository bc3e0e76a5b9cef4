"""Patients, orders and answers in few words, for the tests that hold the program against the
clinical pack.

A patient is described by `chart(...)`; every list that is not mentioned is supplied empty. What is
not said is unremarkable: 60 years old, male, 80 kg, in hospital, creatinine 0.9 mg/dL, and the only
draft is an antibiotic. Times are hours before `NOW`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import hospital
from pack_answers import (
    actions,
    card,
    code_of,
    deleted,
    dose_of,
    drugs,
    offered,
    ordered_tests,
    rows,
    withheld,
    words,
)
from pack_resources import (
    LABS,
    NOW,
    ago,
    allergy,
    draft,
    given,
    lab,
    lab_order,
    order,
    problem,
    procedure,
    quantity,
)

__all__ = [
    "NOW",
    "actions",
    "ago",
    "allergy",
    "ambulatory",
    "card",
    "chart",
    "code_of",
    "deleted",
    "dose_of",
    "draft",
    "drip",
    "drugs",
    "for_hook",
    "given",
    "infused",
    "intensive_care",
    "lab",
    "lab_order",
    "offered",
    "order",
    "ordered_tests",
    "per_day",
    "problem",
    "procedure",
    "quantity",
    "rows",
    "tablets",
    "withheld",
    "words",
]

Json = dict[str, Any]

KIDNEYS = {"full": 0.9, "half": 1.6, "low": 2.6, "hold": 6.0, "unknown": None}
_ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def chart(
    *results: Json,
    kidneys: str = "full",
    weight: float | None = 80,
    age: float | None = 60,
    sex: str = "male",
    place: str = "inpatient",
    hook: str = "order-select",
    drafts: Iterable[Json] = (),
    unselected: Iterable[Json] = (),
    without: Iterable[str] = (),
    encounter: Json | None = None,
    **lists: Iterable[Json],
) -> Json:
    """A hook request. `drafts` are selected, `unselected` stand beside them; an antibiotic is
    drafted where there would be none. `lists` are medications, administrations, problems,
    allergies, lab_orders, procedures; `without` leaves prefetch keys out. `encounter` replaces
    members of the Encounter. Age None and sex "" are not stated."""
    chosen = list(drafts) or [order("amoxicillin", status="draft")]
    others = list(unselected)
    creatinine = KIDNEYS[kidneys] if not any(_is(item, "cr") for item in results) else None
    labs = [*results]
    labs += [lab("cr", creatinine)] if creatinine is not None else []
    labs += [lab("weight", weight)] if weight is not None else []
    person = hospital.patient(NOW, int(age or 0), sex)
    if age is None:
        del person["birthDate"]
    if not sex:
        del person["gender"]
    found = hospital.call(
        person=person,
        observations=_numbered("obs", labs),
        drafts=_numbered("draft", [*chosen, *others]),
        inpatient=place != "outpatient" or encounter is not None,
        **{key: _numbered(key[:3], items) for key, items in lists.items()},
    )
    found["context"]["selections"] = found["context"]["selections"][: len(chosen)]
    if encounter is not None:
        found["prefetch"]["encounter"] |= encounter
    for key in without:
        del found["prefetch"][key]
    return for_hook(found, hook)


def for_hook(request: Json, hook: str) -> Json:
    """The same call for another hook, with the context that hook has."""
    context = dict(request["context"])
    if hook != "order-select":
        del context["selections"]
    if hook in ("patient-view", "encounter-discharge"):
        del context["draftOrders"]
    if hook == "encounter-discharge":
        context.setdefault("encounterId", "enc-1")
    return request | {"hook": hook, "context": context}


def ambulatory() -> Json:
    """The `encounter` of a visit: outpatient, although an encounter is named."""
    return {"class": {"system": _ACT, "code": "AMB"}}


def _numbered(prefix: str, items: Iterable[Json]) -> list[Json]:
    """Every resource with an id of its own; one that has an id keeps it."""
    return [item | {"id": item["id"] or f"{prefix}-{i}"} for i, item in enumerate(items)]


def _is(result: Json, name: str) -> bool:
    return bool(result["code"]["coding"][0]["code"] == LABS[name][0])


def intensive_care() -> Json:
    """The `encounter` of a stay in an intensive care unit."""
    role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
    unit = {"resourceType": "Location", "id": "unit", "type": [_typed(role, "ICU")]}
    return {
        "contained": [unit],
        "location": [{"location": {"reference": "#unit"}, "status": "active"}],
    }


def _typed(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def per_day(times: int) -> Json:
    """Timing.repeat of a dose that is given so many times a day."""
    return {"frequency": times, "period": 1, "periodUnit": "d"}


def tablets(dose: str = "20 meq", times: int = 1, **more: Any) -> Json:
    """A draft of potassium chloride tablets by mouth."""
    return draft("potassium chloride tablet", dose, route="oral", repeat=per_day(times), **more)


def drip(dose: str = "20 meq", rate: str = "10 meq/h", times: int = 1, **more: Any) -> Json:
    """A draft of a potassium chloride infusion; without a rate it states none."""
    return draft("potassium chloride", dose, route="iv", rate=rate, repeat=per_day(times), **more)


def infused(end: float, hours: float = 2) -> Json:
    """2 g of magnesium sulfate given by an infusion that ended so many hours ago."""
    found = given("magnesium sulfate bag", "2 g", hours=end)
    del found["effectiveDateTime"]
    return found | {"effectivePeriod": {"start": ago(end + hours), "end": ago(end)}}
