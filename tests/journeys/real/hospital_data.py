"""Half of the MIMIC-IV demo (52 real patients, de-identified), read once into bytes that can be
joined: every resource is encoded when it is read, never again per call.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
_PLANNED = ("dispenseRequest",)


@dataclass(frozen=True, slots=True)
class Order:
    """A MedicationRequest in the three ways a chart can show it: never with its final status, and
    with its end only once that end is past (the end of an order is known when it has come)."""

    id: str
    authored: datetime
    end: datetime | None
    encounter: str
    medication: str  # Medication/id, or "" where the order names its drug itself
    draft: bytes
    active: bytes
    ended: bytes


@dataclass(frozen=True, slots=True)
class Dated:
    """Any other resource: when the chart learned of it, and its bytes. `of` = when it was true."""

    id: str
    known: datetime
    of: datetime
    raw: bytes


@dataclass(frozen=True, slots=True)
class Patient:
    """All there will ever be about one patient, each list in the order the chart learned it."""

    id: str
    raw: bytes
    orders: tuple[Order, ...]
    observations: tuple[Dated, ...]
    administrations: tuple[Dated, ...]
    conditions: tuple[Dated, ...]
    encounters: dict[str, Resource]


@dataclass(frozen=True, slots=True)
class Hospital:
    """The patients by id, and what each Medication reference brings along (ingredients last)."""

    patients: tuple[Patient, ...]
    medications: dict[str, tuple[tuple[str, bytes], ...]]


def load(directory: Path) -> Hospital:
    """The data of `directory`."""
    encounters = {item["id"]: item for item in _rows(directory, "Encounter")}
    orders = _orders(directory, encounters)
    labs = _by_patient(directory, "Observation", _of_observation)
    doses = _by_patient(directory, "MedicationAdministration", _of_administration)
    problems = _by_patient(directory, "Condition", lambda item: _at_the_end(item, encounters))
    patients = (
        Patient(
            id=item["id"],
            raw=_bytes(item),
            orders=tuple(orders[item["id"]]),
            observations=tuple(labs[item["id"]]),
            administrations=tuple(doses[item["id"]]),
            conditions=tuple(problems[item["id"]]),
            encounters={key: e for key, e in encounters.items() if _patient(e) == item["id"]},
        )
        for item in _rows(directory, "Patient")
    )
    ordered = tuple(sorted(patients, key=lambda patient: patient.id))
    return Hospital(ordered, _medications(directory))


def with_local_codes(directory: Path, patient: Patient) -> Patient:
    """The same patient, the results under the codes of the hospital and no others."""
    labs = _by_patient(directory, "ObservationLocalCodes", _of_observation)
    return replace(patient, observations=tuple(labs[patient.id]))


def moment(text: str) -> datetime:
    """An aware datetime of the data set."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time of the data set has no zone")
    return found


def _rows(directory: Path, name: str) -> Iterator[Resource]:
    with gzip.open(directory / f"{name}.ndjson.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _bytes(resource: Resource) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()


def _patient(resource: Resource) -> str:
    return str(resource["subject"]["reference"]).removeprefix("Patient/")


def _by_patient(directory: Path, name: str, times: Any) -> dict[str, list[Dated]]:
    found: dict[str, list[Dated]] = defaultdict(list)
    for item in _rows(directory, name):
        known, of = times(item)
        found[_patient(item)].append(Dated(item["id"], known, of, _bytes(item)))
    for dated in found.values():
        dated.sort(key=lambda entry: (entry.known, entry.id))
    return found


def _of_observation(item: Resource) -> tuple[datetime, datetime]:
    drawn = moment(item["effectiveDateTime"])
    return (moment(item["issued"]) if "issued" in item else drawn), drawn


def _of_administration(item: Resource) -> tuple[datetime, datetime]:
    at = moment(item["effectiveDateTime"])
    return at, at


def _at_the_end(item: Resource, encounters: dict[str, Resource]) -> tuple[datetime, datetime]:
    """Discharge diagnoses are coded after the stay."""
    encounter = encounters[item["encounter"]["reference"].removeprefix("Encounter/")]
    end = moment(encounter["period"]["end"])
    return end, end


def _orders(directory: Path, encounters: dict[str, Resource]) -> dict[str, list[Order]]:
    found: dict[str, list[Order]] = defaultdict(list)
    for item in _rows(directory, "MedicationRequest"):
        encounter = item["encounter"]["reference"].removeprefix("Encounter/")
        found[_patient(item)].append(_order(item, encounter, encounters[encounter]))
    for orders in found.values():
        orders.sort(key=lambda order: (order.authored, order.id))
    return found


def _order(item: Resource, encounter: str, stay: Resource) -> Order:
    period = item.get("dispenseRequest", {}).get("validityPeriod", {})
    # An order of which the data know no period is over with its stay.
    end = period.get("end") or stay["period"].get("end")
    open_ended = {key: value for key, value in item.items() if key not in _PLANNED}
    if "start" in period:
        open_ended["dispenseRequest"] = {"validityPeriod": {"start": period["start"]}}
    return Order(
        id=item["id"],
        authored=moment(item["authoredOn"]),
        end=moment(end) if end else None,
        encounter=encounter,
        medication=item.get("medicationReference", {}).get("reference", ""),
        draft=_bytes(open_ended | {"status": "draft"}),
        active=_bytes(open_ended | {"status": "active"}),
        ended=_bytes(item | {"status": "completed"}),
    )


def _medications(directory: Path) -> dict[str, tuple[tuple[str, bytes], ...]]:
    """By reference: the Medication itself and those it is mixed of, as `_include` would bring."""
    rows = [item for name in ("Medication", "MedicationMix") for item in _rows(directory, name)]
    own = {f"Medication/{item['id']}": item for item in rows}
    found = {}
    for reference, item in own.items():
        parts = [part["itemReference"]["reference"] for part in item.get("ingredient", ())]
        names = dict.fromkeys((reference, *(part for part in parts if part in own)))
        found[reference] = tuple((name, _bytes(own[name])) for name in names)
    return found
