"""What the context of each hook must hold, and what it has no place for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds.errors import BadRequest
from cds.hooks.request import HookCall, read_call
from cds.hooks.services import HOOKS, SERVICES
from cds.rulebook.schema import RuleFile

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
SECRET = "ZZ-secret-value-ZZ"
DRAFT = {"resourceType": "MedicationRequest", "id": "draft-1"}
DRAFTS = {"resourceType": "Bundle", "entry": [{"resource": DRAFT}]}
CONTEXT = {
    "userId": "Practitioner/prac-1",
    "patientId": "pat-1",
    "encounterId": "enc-1",
    "selections": ["MedicationRequest/draft-1"],
    "draftOrders": DRAFTS,
}

# The context tables of the CDS Hooks Library 1.0.1: required members, then optional ones.
TABLES = {
    "order-select": (("userId", "patientId", "selections", "draftOrders"), ("encounterId",)),
    "order-sign": (("userId", "patientId", "draftOrders"), ("encounterId",)),
    "patient-view": (("userId", "patientId"), ("encounterId",)),
    "encounter-discharge": (("userId", "patientId", "encounterId"), ()),
}
REQUIRED = [(hook, name) for hook, (required, _) in TABLES.items() for name in required]
OPTIONAL = [(hook, name) for hook, (_, optional) in TABLES.items() for name in optional]
FOREIGN = [
    (hook, name)
    for hook, (required, optional) in TABLES.items()
    for name in ("selections", "draftOrders")
    if name not in required + optional
]
CLINICIANS = {"Practitioner", "PractitionerRole"}
USERS = {
    "order-select": CLINICIANS,
    "order-sign": CLINICIANS,
    "patient-view": CLINICIANS | {"Patient", "RelatedPerson"},
    "encounter-discharge": CLINICIANS,
}
KINDS = sorted(USERS["patient-view"] | {"Group", "Device"})


def context(hook: str) -> dict[str, Any]:
    """A context with every member of the hook's table."""
    return {name: CONTEXT[name] for names in TABLES[hook] for name in names}


def read(hook: str, members: dict[str, Any]) -> HookCall:
    (service,) = (entry for entry in SERVICES.values() if entry.hook == hook)
    body = {"hook": hook, "hookInstance": "i", "context": members}
    return read_call(service, json.dumps(body).encode())


def refused(hook: str, members: dict[str, Any]) -> BadRequest:
    with pytest.raises(BadRequest) as error:
        read(hook, members)
    assert error.value.status == 400
    return error.value


def test_every_hook_has_one_service_and_a_table_here() -> None:
    assert set(HOOKS) == set(TABLES)
    assert [service.hook for service in SERVICES.values()] == list(HOOKS)
    assert all(service.id == f"electrolytes-{service.hook}" for service in SERVICES.values())


def test_a_rule_may_name_the_hooks_that_are_offered_and_no_other() -> None:
    listed = RuleFile.model_json_schema()["properties"]["hooks"]["items"]["enum"]
    assert set(listed) == set(HOOKS)


@pytest.mark.parametrize("hook", TABLES)
def test_the_readme_says_what_a_context_must_hold(hook: str) -> None:
    members = ", ".join(f"`{name}`" for name in TABLES[hook][0])
    assert f"| `electrolytes-{hook}` | `{hook}` | {members} |" in README


@pytest.mark.parametrize("hook", TABLES)
def test_a_full_context_is_read(hook: str) -> None:
    call = read(hook, context(hook))
    assert (call.hook, call.service) == (hook, f"electrolytes-{hook}")
    assert (call.user_id, call.patient_id) == ("Practitioner/prac-1", "pat-1")
    assert call.encounter_id == "enc-1"
    assert (call.draft_orders is not None) == ("draftOrders" in context(hook))
    assert bool(call.selections) == ("selections" in context(hook))


@pytest.mark.parametrize("value", ["left out", None])
@pytest.mark.parametrize(("hook", "name"), REQUIRED)
def test_a_required_member_is_demanded_by_name(hook: str, name: str, value: Any) -> None:
    members = {**context(hook), name: value}
    if value is not None:
        del members[name]
    error = refused(hook, members)
    assert error.where == f"context.{name}"
    assert f"`context.{name}`" in str(error)


@pytest.mark.parametrize("value", ["left out", None])
@pytest.mark.parametrize(("hook", "name"), OPTIONAL)
def test_an_optional_member_may_be_left_out_or_null(hook: str, name: str, value: Any) -> None:
    members = {**context(hook), name: value}
    if value is not None:
        del members[name]
    assert read(hook, members).encounter_id is None


@pytest.mark.parametrize(
    "value",
    [None, [], {}, "text", 5, [123], ["MedicationRequest/nowhere"], DRAFTS, [DRAFT]],
    ids=str,
)
@pytest.mark.parametrize(("hook", "name"), FOREIGN)
def test_a_member_the_hook_does_not_have_changes_nothing_whatever_is_in_it(
    hook: str, name: str, value: Any
) -> None:
    plain, more = read(hook, context(hook)), read(hook, {**context(hook), name: value})
    assert more.selections == () == plain.selections
    assert more.draft_orders == plain.draft_orders


@pytest.mark.parametrize("hook", TABLES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_user_is_of_a_type_the_hook_allows(hook: str, kind: str) -> None:
    members = {**context(hook), "userId": f"{kind}/{SECRET}"}
    if kind in USERS[hook]:
        assert read(hook, members).user_id == f"{kind}/{SECRET}"
        return
    error = refused(hook, members)
    assert error.where == "context.userId"
    assert all(allowed in str(error) for allowed in USERS[hook])
    assert SECRET not in str(error)


@pytest.mark.parametrize("hook", TABLES)
@pytest.mark.parametrize("value", ["", "prac-1", "Practitioner", "Practitioner/", "Practitioner/ "])
def test_a_user_without_type_or_id_is_refused(hook: str, value: str) -> None:
    assert refused(hook, {**context(hook), "userId": value}).where == "context.userId"


@pytest.mark.parametrize("hook", TABLES)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patientId", ""),
        ("patientId", f"Patient/{SECRET}"),
        ("patientId", 17),
        ("encounterId", " "),
        ("encounterId", f"Encounter/{SECRET}"),
        ("encounterId", 17),
    ],
)
def test_ids_are_bare(hook: str, name: str, value: Any) -> None:
    error = refused(hook, {**context(hook), name: value})
    assert error.where == f"context.{name}"
    assert SECRET not in str(error)


@pytest.mark.parametrize("hook", [hook for hook, _ in REQUIRED if hook.startswith("order-")])
@pytest.mark.parametrize(
    ("drafts", "where"),
    [
        ([], "context.draftOrders"),
        (DRAFT, "context.draftOrders"),
        ({"entry": []}, "context.draftOrders"),
        ({"resourceType": "Bundle", "entry": SECRET}, "context.draftOrders.entry"),
    ],
)
def test_draft_orders_are_a_bundle(hook: str, drafts: Any, where: str) -> None:
    error = refused(hook, {**context(hook), "draftOrders": drafts})
    assert error.where == where
    assert SECRET not in str(error)


def test_orders_to_sign_may_be_none_at_all() -> None:
    members = {**context("order-sign"), "draftOrders": {"resourceType": "Bundle"}}
    assert read("order-sign", members).draft_orders is not None


@pytest.mark.parametrize(
    ("hook", "all_selected"),
    [
        ("order-select", False),
        ("order-sign", True),
        ("patient-view", False),
        ("encounter-discharge", False),
    ],
)
def test_all_drafts_count_as_selected_where_orders_are_signed(
    hook: str, all_selected: bool
) -> None:
    assert read(hook, context(hook)).all_selected is all_selected


def test_only_at_discharge_no_drug_may_be_suggested() -> None:
    assert {name for name, hook in HOOKS.items() if not hook.drugs} == {"encounter-discharge"}
