"""What each prefetch key brought: asked and answered, asked and none, or not asked at all.

    key absent, or an OperationOutcome as value   not supplied: nothing may be concluded
    null, or an empty Bundle                      asked, and there is none (closed world)
    a Bundle with a `next` link, a larger `total` or an error outcome inside
                                                  supplied with a gap: absence proves nothing
    a resource of another patient in the list     supplied with a gap; among results it is named
    a string, a number, an unreadable Bundle      400 naming the key

What was fetched from the FHIR server stands in for a key that was not supplied, and continues a
Bundle whose `next` link was followed; it never replaces what the client supplied.
Source: CDS Hooks 2.0.1 prefetch; design section 8; clinical pack R32.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import msgspec

from cds.errors import BadRequest, Precondition
from cds.fhir.bundle import (
    UNDECODABLE,
    Page,
    RawResource,
    Supplied,
    of_raw,
    plain_page,
    read_page,
)
from cds.fhir.known_lists import known_again
from cds.fhir.owners import foreign_gap, is_foreign_owner
from cds.fhir.resources import OperationOutcome
from cds.hooks.digests import Digests

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


# No prefetch key: Medications read one by one, which any list or draft order may refer to.
REFERRED = "medication"
_NOTHING: Mapping[str, Supplied] = MappingProxyType({})


def resolve(
    call_prefetch: Mapping[str, msgspec.Raw],
    patient_id: str,
    fetched: Mapping[str, Supplied] = _NOTHING,
    digests: Digests | None = None,
) -> Mapping[str, Supplied]:
    """The nine keys, each as a `Supplied`; keys nobody asked for are ignored. `digests`: those of
    the call, where some may be known already.

    Raises `Precondition` (412) for `patient` missing, null or failed and for `observations`
    missing or failed, naming why it could not be fetched; `BadRequest` (400) for a value that is
    no resource, or for a Patient other than `patient_id`.
    """
    digests = digests or Digests()
    found = {
        key: _of_key(key, call_prefetch.get(key), patient_id, fetched, digests) for key in EXPECTED
    }
    for key in REQUIRED:
        if not found[key].supplied:
            raise Precondition(f"`{key}` is required: {found[key].gap}", where=_where(key))
    _check_patient(found["patient"], patient_id)
    return found


def _of_key(
    key: str,
    raw: msgspec.Raw | None,
    patient_id: str,
    fetched: Mapping[str, Supplied],
    digests: Digests,
) -> Supplied:
    more = fetched.get(REFERRED) if key == "medications" else None
    if raw is not None and key not in fetched and more is None and key != "patient":
        return known_again(key, patient_id, raw, digests, lambda: _alone(key, raw, patient_id))
    found = _taken(read_supplied(key, raw), fetched.get(key))
    if more is not None:
        found = replace(found, resources=(*found.resources, *more.resources))
    return _of_one_patient(found, patient_id)


def _alone(key: str, raw: msgspec.Raw, patient_id: str) -> Supplied:
    return _of_one_patient(read_supplied(key, raw), patient_id)


def _taken(own: Supplied, fetched: Supplied | None) -> Supplied:
    """What the client supplied, unless it supplied nothing or only the first page."""
    if fetched is None or (own.supplied and not own.next_page):
        return own
    if own.asked and not own.supplied and not fetched.supplied:
        return replace(fetched, gap=f"{own.gap}; {fetched.gap}", asked=True)
    return fetched


def _of_one_patient(supplied: Supplied, patient_id: str) -> Supplied:
    foreign = {
        owner
        for owner in {item.owner for item in supplied.resources}
        if is_foreign_owner(owner, patient_id)
    }
    if not foreign:
        return supplied
    strangers = sum(item.owner in foreign for item in supplied.resources)
    why = foreign_gap(supplied.key, strangers)
    return replace(supplied, gap="; ".join(filter(None, (supplied.gap, why)))) if why else supplied


def _where(key: str) -> str:
    return f"prefetch.{key}"


def _check_patient(supplied: Supplied, patient_id: str) -> None:
    where = _where("patient")
    if not supplied.resources:
        raise Precondition("`patient` is required and the client has none", where=where)
    if supplied.resources[0].id != patient_id:
        raise BadRequest("`patient` is not the patient of `context.patientId`", where=where)


def read_supplied(key: str, raw: msgspec.Raw | None) -> Supplied:
    """What the client sent for a key. Raises BadRequest for a value that is no resource."""
    if raw is None:
        return Supplied(key, gap=f"`{key}` was not supplied", supplied=False, asked=False)
    if bytes(raw).strip() == b"null":
        return Supplied(key)
    if key != "patient" and (page := plain_page(raw)) is not None:
        return _listed(key, page)
    found = of_raw(raw)
    if found is None:
        raise BadRequest(f"`{key}` is neither a resource nor null", where=_where(key))
    if found.type == "OperationOutcome":
        return Supplied(key, gap=f"the client's query for `{key}` failed", supplied=False)
    if found.type == EXPECTED[key]:
        return Supplied(key, (found,))
    if found.type != "Bundle" or key == "patient":
        raise BadRequest(f"`{key}` must hold {_wanted(key)}", where=_where(key))
    return _bundle(key, raw)


def _wanted(key: str) -> str:
    return "a Patient" if key == "patient" else f"a Bundle of {EXPECTED[key]} resources"


def _bundle(key: str, raw: msgspec.Raw) -> Supplied:
    try:
        page = read_page(raw)
    except UNDECODABLE:
        raise BadRequest(f"the Bundle of `{key}` cannot be read", where=_where(key)) from None
    return _listed(key, page)


def _listed(key: str, page: Page) -> Supplied:
    resources = listed(page)
    gap = _page_gap(key, page) or other_types_gap(key, resources)
    return Supplied(key, resources, gap, broken=page.broken, next_page=page.next_page)


def listed(page: Page) -> tuple[RawResource, ...]:
    """The entries of a page that are no OperationOutcome."""
    return tuple(item for item in page.resources if item.type != "OperationOutcome")


def _page_gap(key: str, page: Page) -> str:
    """Why a page is not all of a search, "" where it is."""
    if reports_failure(page):
        return f"the search behind `{key}` reported an error"
    if page.more or page.total > matched(key, page.resources) + page.broken:
        return f"more pages of `{key}` exist"
    return ""


def matched(key: str, resources: Iterable[RawResource]) -> int:
    """How many entries `total` may count: matches and warnings, not what is included."""
    counted = {EXPECTED[key], "OperationOutcome"}
    return sum(item.type in counted for item in resources)


def other_types_gap(key: str, resources: Sequence[RawResource]) -> str:
    """Why a list that holds only other resources is not the list that was asked for."""
    if resources and not any(item.type == EXPECTED[key] for item in resources):
        return f"`{key}` holds no {EXPECTED[key]} but other resources"
    return ""


def reports_failure(page: Page) -> bool:
    """Whether a page holds an outcome that is more than a warning."""
    return any(_failed(item.raw) for item in page.resources if item.type == "OperationOutcome")


def _failed(raw: msgspec.Raw) -> bool:
    """Anything but a plain warning or information counts as a failure of the search."""
    try:
        issues = _outcome.decode(raw).issue
    except UNDECODABLE:
        return True
    return not issues or any(issue.severity not in _HARMLESS for issue in issues)
