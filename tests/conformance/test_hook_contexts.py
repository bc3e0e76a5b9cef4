"""The contexts of the CDS Hooks Library 1.0.1, member by member.

The pipeline is a stand-in; what a hook means for the advice is in `test_advice_per_hook.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Body = Callable[..., dict[str, Any]]
ABSENT = object()
CLINICIANS = ("Practitioner", "PractitionerRole")
OTHERS = ("Patient", "RelatedPerson")

# requirement, hook, member, value that is refused
REFUSED = [
    *((f"HOOK-{hook.upper()}-01", hook, "userId", value)
      for hook in ("order-select", "order-sign", "patient-view", "encounter-discharge")
      for value in (ABSENT, None, "", "prac-1", "Practitioner/", 7)),
    *((f"HOOK-{hook.upper()}-01", hook, "userId", f"{kind}/1")
      for hook in ("order-select", "order-sign", "encounter-discharge") for kind in OTHERS),
    ("HOOK-PATIENT-VIEW-01", "patient-view", "userId", "Group/1"),
    *((f"HOOK-{hook.upper()}-02", hook, "patientId", value)
      for hook in ("order-select", "order-sign", "patient-view", "encounter-discharge")
      for value in (ABSENT, None, "", "Patient/123", 7)),
    *((f"HOOK-{hook.upper()}-03", hook, "encounterId", value)
      for hook in ("order-select", "order-sign", "patient-view", "encounter-discharge")
      for value in ("", "Encounter/1", 7)),
    *(("HOOK-ENCOUNTER-DISCHARGE-03", "encounter-discharge", "encounterId", value)
      for value in (ABSENT, None)),
    *(("HOOK-ORDER-SELECT-04", "order-select", "selections", value)
      for value in (ABSENT, None, [], "x", [123], {})),
    *(("HOOK-ORDER-SELECT-05", "order-select", "selections", value)
      for value in (["A/b"], ["draft-1"], ["MedicationRequest/draft-1", "A/b"])),
    *(("HOOK-ORDER-SELECT-06", "order-select", "draftOrders", value)
      for value in (ABSENT, None, {"a": 1}, [], "x")),
    *(("HOOK-ORDER-SIGN-04", "order-sign", "draftOrders", value)
      for value in (ABSENT, None, {"a": 1}, [], "x")),
]  # fmt: skip


@pytest.mark.parametrize(("requirement", "name", "member", "value"), REFUSED)
@pytest.mark.requirement(
    "HOOK-ORDER-SELECT-01",
    "HOOK-ORDER-SELECT-02",
    "HOOK-ORDER-SELECT-04",
    "HOOK-ORDER-SELECT-05",
    "HOOK-ORDER-SELECT-06",
    "HOOK-ORDER-SIGN-01",
    "HOOK-ORDER-SIGN-02",
    "HOOK-ORDER-SIGN-04",
    "HOOK-PATIENT-VIEW-01",
    "HOOK-PATIENT-VIEW-02",
    "HOOK-ENCOUNTER-DISCHARGE-01",
    "HOOK-ENCOUNTER-DISCHARGE-02",
    "HOOK-ENCOUNTER-DISCHARGE-03",
)
def test_what_the_context_must_hold_is_demanded_by_name(
    client: Any, body_of: Body, pipeline: Any,
    requirement: str, name: str, member: str, value: Any,
) -> None:  # fmt: skip
    body = body_of(name, **{member: value})
    if value is ABSENT:
        del body["context"][member]
    reply = client.post(f"/cds-services/electrolytes-{name}", json=body)
    assert reply.status_code == 400, requirement
    (issue,) = reply.json()["issue"]
    assert issue["expression"][0].partition("[")[0] == f"context.{member}"
    assert pipeline.calls == []


@pytest.mark.parametrize("kind", CLINICIANS)
@pytest.mark.requirement(
    "VER-02",
    "HOOK-ORDER-SELECT-01",
    "HOOK-ORDER-SIGN-01",
    "HOOK-PATIENT-VIEW-01",
    "HOOK-ENCOUNTER-DISCHARGE-01",
)
def test_every_clinician_is_a_user(
    client: Any, address: str, hook: str, body_of: Body, pipeline: Any, kind: str
) -> None:
    assert client.post(address, json=body_of(hook, userId=f"{kind}/1")).status_code == 200
    assert pipeline.calls[0].user_id == f"{kind}/1"


@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.requirement("HOOK-PATIENT-VIEW-01", "HOOK-PATIENT-VIEW-04")
def test_a_patient_or_a_proxy_is_a_user(client: Any, body_of: Body, kind: str) -> None:
    body = body_of("patient-view", userId=f"{kind}/1")
    assert client.post("/cds-services/electrolytes-patient-view", json=body).status_code == 200


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("HOOK-ORDER-SELECT-03", "order-select"),
        ("HOOK-ORDER-SIGN-03", "order-sign"),
        ("HOOK-PATIENT-VIEW-03", "patient-view"),
    ],
)
@pytest.mark.requirement(
    "VER-01", "PRE-09", "HOOK-ORDER-SELECT-03", "HOOK-ORDER-SIGN-03", "HOOK-PATIENT-VIEW-03"
)
def test_a_call_without_an_encounter_is_answered(
    client: Any, body_of: Body, pipeline: Any, requirement: str, name: str
) -> None:
    body = body_of(name)
    del body["context"]["encounterId"]
    reply = client.post(f"/cds-services/electrolytes-{name}", json=body)
    assert reply.status_code == 200, requirement
    assert pipeline.calls[0].encounter_id is None


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
@pytest.mark.requirement("HOOK-ORDER-SELECT-06")
def test_a_bundle_without_type_is_accepted(client: Any, body_of: Body, name: str) -> None:
    body = body_of(name)
    del body["context"]["draftOrders"]["type"]
    assert client.post(f"/cds-services/electrolytes-{name}", json=body).status_code == 200


@pytest.mark.requirement("HOOK-ORDER-SIGN-04")
def test_there_are_no_selections_to_sign_and_those_sent_are_not_read(
    client: Any, body_of: Body, pipeline: Any
) -> None:
    for more in ({}, {"selections": ["MedicationRequest/nowhere"]}, {"selections": 7}):
        body = body_of("order-sign", **more)
        assert client.post("/cds-services/electrolytes-order-sign", json=body).status_code == 200
    assert {call.selections for call in pipeline.calls} == {()}
    assert all(call.all_selected for call in pipeline.calls)


@pytest.mark.parametrize("name", ["patient-view", "encounter-discharge"])
def test_a_hook_without_orders_does_not_read_those_sent(
    client: Any, body_of: Body, pipeline: Any, name: str
) -> None:
    orders = body_of("order-select")["context"]
    for drafts in (orders["draftOrders"], {"a": 1}, "x", None):
        body = body_of(name, draftOrders=drafts, selections=orders["selections"])
        assert client.post(f"/cds-services/electrolytes-{name}", json=body).status_code == 200
    assert {call.draft_orders for call in pipeline.calls} == {None}
