"""What the sandbox page starts from: patients, orders to choose from, the base call of a patient.

The page itself makes hook calls of it and fires them; nothing is judged here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from cds.cards.dosing import Infusion, infusion_values, shown
from cds.fhir.store_chart import server_names
from cds.rulebook.holes import fill
from cds.rulebook.model import OrderTemplate, Rulebook
from cds.sample import FOLDERS, Sample, sample_request, samples

FULL, NONE = "full", "none"  # how the data comes: in the call, or from the FHIR server

# What a fixture says of one patient only; the page says it of the patient it is used for.
_OF_ONE = ("id", "subject", "encounter", "authoredOn", "reasonReference", "basedOn")

GROUPS = {
    "firing": ("Cards", "Patients about whom the service has something to say."),
    "boundary": ("Boundaries", "Patients exactly on a limit of a rule, or one step beside it."),
    "well": ("No card", "Patients about whom the service must stay silent."),
    "broken": ("Broken data", "Calls with data as it should not be, but as it does come."),
}


@dataclass(frozen=True, slots=True)
class Patient:
    """A line of the list. `expected` says in words what the pack asks the answer to be."""

    name: str
    folder: str
    title: str
    hook: str
    expected: str


@dataclass(frozen=True, slots=True)
class Group:
    """The patients of one purpose."""

    name: str
    title: str
    about: str
    patients: tuple[Patient, ...]


@dataclass(frozen=True, slots=True)
class _All:
    patients: tuple[Patient, ...]
    drafts: Mapping[str, dict[str, Any]]


def groups(words: str = "") -> tuple[Group, ...]:
    """All patients whose lines hold every one of these words, by what they are for. Reads the
    files the first time, which takes a while. Raises SettingsError."""
    wanted = words.casefold().split()
    found = [one for one in _all().patients if all(word in line(one) for word in wanted)]
    return tuple(
        Group(folder, *GROUPS[folder], tuple(one for one in found if one.folder == folder))
        for folder in FOLDERS
    )


def line(patient: Patient) -> str:
    """What a search looks at."""
    return f"{patient.name} {patient.title} {patient.hook} {patient.expected}".casefold()


def orders(book: Rulebook) -> dict[str, list[dict[str, Any]]]:
    """The orders to choose from, by where they come from: `name` and `resource`, which lacks what
    says whose order it is. Reads the files the first time. Raises SettingsError."""
    ours = [
        {"name": template.display, "resource": fill(template.resource, _values(template))}
        for template in book.templates.values()
    ]
    drafts = _all().drafts
    theirs = [{"name": name, "resource": drafts[name]} for name in sorted(drafts, key=str.casefold)]
    return {"rulebook": ours, "patients": theirs}


def base_call(found: Sample, now: datetime, fhir_server: str | None) -> dict[str, Any]:
    """What every call about this patient begins with, its dates around `now` (aware).

    `prefetch`: key -> JSON text, so that a browser hands on each number with the digits it has.
    With `fhir_server` there is none, but the token of the sandbox's FHIR server; `names` then says
    which resource has which id there.
    """
    body = sample_request(now, found.name, fhir_server)
    more = {key: body[key] for key in ("fhirServer", "fhirAuthorization") if key in body}
    prefetch = body.get("prefetch") or {}
    return {
        "hook": body["hook"],
        "context": body["context"],
        "more": more,
        "names": dict(server_names(found)) if fhir_server else {},
        "prefetch": {key: json.dumps(value, indent=2) for key, value in prefetch.items()},
    }


@cache
def _all() -> _All:
    """All patients in short, read once in a process."""
    patients: list[Patient] = []
    drafts: dict[str, dict[str, Any]] = {}
    for found in samples():
        patients.append(_patient(found))
        for entry in (found.request["context"].get("draftOrders") or {}).get("entry") or ():
            order = entry["resource"]
            name = (order.get("medicationCodeableConcept") or order.get("code") or {}).get("text")
            # of several with one drug, that of a patient about whom nothing is to be said
            if name and found.folder != "broken" and (name not in drafts or found.folder == "well"):
                kept = {key: value for key, value in order.items() if key not in _OF_ONE}
                drafts[str(name)] = kept
    return _All(tuple(patients), drafts)


def _patient(found: Sample) -> Patient:
    status, cards = found.expect.get("status", 200), found.expect.get("cards") or ()
    said = ", ".join(f"{'/'.join(card['rows'])} {card['indicator']}" for card in cards)
    expected = f"refused with {status}" if status != 200 else said or "no card"
    return Patient(found.name, found.folder, found.title, found.request["hook"], expected)


def _values(template: OrderTemplate) -> dict[str, Any]:
    """One unit of the product, once: where somebody who chooses an order begins. Whom it is for is
    left open."""
    nobody: dict[str, Any] = {"subject": None, "encounter": None, "reasons": None}
    if template.per_unit is None:
        return nobody
    if template.fills == "units":
        grams = template.per_unit.to("g").value
        return {**nobody, **infusion_values(Infusion(grams, Decimal(60), grams, 1), template)}
    one = template.per_unit.value
    elemental = shown(template.elemental_mg or Decimal(0))
    daily = {"per_day": 1, "times_words": "daily", "elemental_words": elemental}
    return {**nobody, **daily, "dose": one}
