"""What each prefetch key brought: asked and answered, asked and none, or not asked at all.

    key absent, or an OperationOutcome as value   not supplied: nothing may be concluded
    null, or an empty Bundle                      asked, and there is none (closed world)
    a Bundle with a `next` link, a larger `total` or an error outcome inside
                                                  supplied with a gap: absence proves nothing
    a string, a number, an unreadable Bundle      400 naming the key

Source: CDS Hooks 2.0.1 prefetch; design section 8; clinical pack R32.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cds.errors import BadRequest, Precondition
from cds.fhir.bundle import UNDECODABLE, RawResource, Supplied, entries, head
from cds.fhir.resources import OperationOutcome

EXPECTED = {
    "patient": "Patient",
    "observations": "Observation",
    "medications": "MedicationRequest",
    "administrations": "MedicationAdministration",
    "problems": "Condition",
    "allergies": "AllergyIntolerance",
    "encounter": "Encounter",
    "lab_orders": "ServiceRequest",
    "procedures": "Procedure",
}
REQUIRED = ("patient", "observations")

_HARMLESS = frozenset({"warning", "information", "success"})
_outcome = msgspec.json.Decoder(OperationOutcome)


class _Total(msgspec.Struct, gc=False):
    total: int | None = None


_total = msgspec.json.Decoder(_Total)


def resolve(call_prefetch: Mapping[str, msgspec.Raw], patient_id: str) -> Mapping[str, Supplied]:
    """The nine keys, each as a `Supplied`; keys nobody asked for are ignored.

    Raises `Precondition` (412) for `patient` missing, null or failed and for `observations`
    missing or failed; `BadRequest` (400) for a value that is no resource, or for a Patient other
    than `patient_id`.
    """
    found = {key: _supplied(key, call_prefetch.get(key)) for key in EXPECTED}
    for key in REQUIRED:
        if not found[key].supplied:
            raise Precondition(f"`{key}` is required: {found[key].gap}", where=_where(key))
    _check_patient(found["patient"], patient_id)
    return found


def _where(key: str) -> str:
    return f"prefetch.{key}"


def _check_patient(supplied: Supplied, patient_id: str) -> None:
    where = _where("patient")
    if not supplied.resources:
        raise Precondition("`patient` is required and the client has none", where=where)
    if supplied.resources[0].id != patient_id:
        raise BadRequest("`patient` is not the patient of `context.patientId`", where=where)


def _supplied(key: str, raw: msgspec.Raw | None) -> Supplied:
    if raw is None:
        return Supplied(key, gap=f"`{key}` was not supplied", supplied=False, asked=False)
    if bytes(raw).strip() == b"null":
        return Supplied(key)
    kind = head(raw)
    if kind is None:
        raise BadRequest(f"`{key}` is neither a resource nor null", where=_where(key))
    if kind[0] == "OperationOutcome":
        return Supplied(key, gap=f"the client's query for `{key}` failed", supplied=False)
    if kind[0] == EXPECTED[key]:
        return Supplied(key, (RawResource(kind[0], kind[1], "", raw),))
    if kind[0] != "Bundle" or key == "patient":
        raise BadRequest(f"`{key}` must hold {_wanted(key)}", where=_where(key))
    return _bundle(key, raw)


def _wanted(key: str) -> str:
    return "a Patient" if key == "patient" else f"a Bundle of {EXPECTED[key]} resources"


def _bundle(key: str, raw: msgspec.Raw) -> Supplied:
    try:
        found, broken, more = entries(raw)
    except UNDECODABLE:
        raise BadRequest(f"the Bundle of `{key}` cannot be read", where=_where(key)) from None
    outcomes = [item for item in found if item.type == "OperationOutcome"]
    resources = tuple(item for item in found if item.type != "OperationOutcome")
    if any(_failed(item.raw) for item in outcomes):
        gap = f"the search behind `{key}` reported an error"
    elif more or _stated_total(raw) > len(found) + broken:
        gap = f"more pages of `{key}` exist"
    elif resources and not any(item.type == EXPECTED[key] for item in resources):
        gap = f"`{key}` holds no {EXPECTED[key]} but other resources"
    else:
        gap = ""
    return Supplied(key, resources, gap, broken=broken)


def _failed(raw: msgspec.Raw) -> bool:
    """Anything but a plain warning or information counts as a failure of the search."""
    try:
        issues = _outcome.decode(raw).issue
    except UNDECODABLE:
        return True
    return not issues or any(issue.severity not in _HARMLESS for issue in issues)


def _stated_total(raw: msgspec.Raw) -> int:
    try:
        return _total.decode(raw).total or 0
    except UNDECODABLE:
        return 0
