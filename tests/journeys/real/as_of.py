"""What an order-select call would have carried at the time of one order, and nothing later.

No look-ahead: a result counts from its issue, an order from its writing, a diagnosis from the end
of its stay; statuses are those of the moment.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from real.hospital_data import Dated, Hospital, Order, Patient, Resource, moment

LOOK_BACK = timedelta(days=400)
EMPTY = b'{"resourceType":"Bundle","type":"searchset","entry":[]}'


def body(hospital: Hospital, patient: Patient, order: Order) -> bytes:
    """The bytes of the call in which `order` is the selected draft, at its `authoredOn`."""
    now = order.authored
    own = [raw for _, raw in hospital.medications.get(order.medication, ())]
    context = json.dumps(
        {
            "userId": "Practitioner/replay",
            "patientId": patient.id,
            "encounterId": order.encounter,
            "selections": [f"MedicationRequest/{order.id}"],
        }
    ).encode()
    drafts = bundle([order.draft, *own], b"collection")
    return b"".join(
        (
            b'{"hook":"order-select","hookInstance":"',
            order.id.encode(),
            b'","context":',
            context[:-1],
            b',"draftOrders":',
            drafts,
            b'},"prefetch":{"patient":',
            patient.raw,
            *_members(hospital, patient, order, now),
            b"}}",
        )
    )


def _members(hospital: Hospital, patient: Patient, order: Order, now: datetime) -> Iterator[bytes]:
    lists = {
        "observations": bundle(results(patient, now)),
        "medications": bundle(_orders(hospital, patient, order, now)),
        "administrations": bundle(item.raw for item in _until(patient.administrations, now)),
        "problems": bundle(item.raw for item in _until(patient.conditions, now)),
        "encounter": _encounter(patient.encounters[order.encounter], now),
    }
    lists |= dict.fromkeys(("allergies", "procedures", "lab_orders"), EMPTY)
    for key, value in lists.items():
        yield b',"' + key.encode() + b'":' + value


def results(patient: Patient, now: datetime) -> Iterator[bytes]:
    """The Observations known at `now` of the last 400 days."""
    since = now - LOOK_BACK
    return (item.raw for item in _until(patient.observations, now) if since < item.of <= now)


def bundle(resources: Iterable[bytes], kind: bytes = b"searchset") -> bytes:
    """A Bundle out of resources that are JSON already."""
    entries = b",".join(b'{"resource":' + raw + b"}" for raw in resources)
    return b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (kind, entries)


def _until(items: tuple[Dated, ...], now: datetime) -> tuple[Dated, ...]:
    return items[: bisect_right(items, now, key=lambda item: item.known)]


def _orders(hospital: Hospital, patient: Patient, draft: Order, now: datetime) -> list[bytes]:
    """The other orders as they stood, then the Medications they refer to."""
    found = []
    medications: dict[str, bytes] = {}
    for order in patient.orders:
        if order.authored > now:
            break
        if order.id == draft.id:
            continue
        found.append(order.ended if order.end is not None and order.end <= now else order.active)
        medications.update(hospital.medications.get(order.medication, ()))
    return [*found, *medications.values()]


def _encounter(encounter: Resource, now: datetime) -> bytes:
    """The stay as of now: neither its end nor where it will lead."""
    begun = [stay for stay in encounter["location"] if moment(stay["period"]["start"]) <= now]
    period, status = dict(encounter["period"]), "finished"
    if moment(period["start"]) > now:
        status = "arrived" if begun else "planned"
    elif "end" not in period or moment(period["end"]) > now:
        status = "in-progress"
    if status != "finished":
        period.pop("end", None)
    shown = {key: value for key, value in encounter.items() if key != "hospitalization"}
    stays = [{**stay, "period": _so_far(stay["period"], now)} for stay in begun]
    shown |= {"period": period, "status": status, "location": stays}
    return json.dumps({key: value for key, value in shown.items() if value != []}).encode()


def _so_far(period: dict[str, Any], now: datetime) -> dict[str, Any]:
    return {key: value for key, value in period.items() if key != "end" or moment(value) <= now}
