"""The chart of one synthetic patient as a FHIR server holds it: from the prefetch of a hook call.

The ids of the fixtures are short (`Observation/k-1`) and come again with the next patient; on one
server they would be the same resource. So every id but that of the Patient and of the Encounter,
which are unique, gets the patient's id in front, wherever it is referred to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from cds.fhir.store_kinds import KINDS

_UNIQUE = ("Patient", "Encounter")


class Call(Protocol):
    """A synthetic hook call (`cds.sample.Sample`): dates lie around `now`; `expect["not_valid"]`
    names the resources that are deliberately not valid R4, as `Type/id`."""

    @property
    def name(self) -> str: ...
    @property
    def now(self) -> datetime: ...
    @property
    def request(self) -> dict[str, Any]: ...
    @property
    def expect(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Chart:
    """What is served of one call. `left_out` has one line per resource that is not, and why."""

    name: str
    patient: str
    now: datetime
    resources: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]


def chart_of(call: Call) -> Chart:
    """The resources of the prefetch, their ids as on the server, draft orders left aside.

    Left out is what no server could serve as this patient's: another patient's resources, what is
    not valid R4, and the outcome of a query that failed.
    """
    names = server_names(call)
    kept, left = [], []
    for resource in _prefetched(call.request):
        reason = _unfit(resource, call)
        if reason:
            left.append(f"{call.name}: {_ref(resource)}, {reason}")
        else:
            kept.append(renamed(resource, names))
    return Chart(call.name, _patient(call), call.now, tuple(kept), tuple(left))


def server_names(call: Call) -> Mapping[str, str]:
    """`Type/id` in the call -> `Type/id` on the server, for each that differs."""
    patient = _patient(call)
    return {
        _ref(resource): f"{resource['resourceType']}/{patient}.{resource.get('id')}"
        for resource in _prefetched(call.request)
        if resource["resourceType"] not in _UNIQUE
    }


def renamed(value: Any, names: Mapping[str, str]) -> Any:
    """A JSON tree in which resources and what refers to them have their ids on the server."""
    if isinstance(value, list):
        return [renamed(item, names) for item in value]
    if isinstance(value, str):
        return names.get(value, value)
    if not isinstance(value, dict):
        return value
    # A contained resource has an id of its own house: it may be spelled like one on the server.
    found = {
        key: item if key == "contained" else renamed(item, names) for key, item in value.items()
    }
    name = names.get(_ref(value)) if "resourceType" in value else None
    return {**found, "id": name.partition("/")[2]} if name else found


def _prefetched(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for value in (request.get("prefetch") or {}).values():
        if not value:
            continue
        if value["resourceType"] != "Bundle":
            yield value
        for entry in value.get("entry", ()):
            yield entry["resource"]


def _unfit(resource: Mapping[str, Any], call: Call) -> str:
    if resource["resourceType"] not in KINDS:
        return "no record of a patient"
    if _ref(resource) in call.expect.get("not_valid", ()):
        return "not valid R4"
    wanted = f"Patient/{_patient(call)}"
    owner = resource.get("subject") or resource.get("patient") or {"reference": wanted}
    if resource["resourceType"] == "Patient":
        owner = {"reference": _ref(resource)}
    return "" if owner.get("reference") == wanted else "of another patient"


def _patient(call: Call) -> str:
    return str(call.request["context"]["patientId"])


def _ref(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource.get('id')}"
