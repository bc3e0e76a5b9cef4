"""What may come in `prefetch` and what it means, with the real rules behind it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from orders import BENCH, rows, without_ids

Post = Callable[..., Any]

GIVEN = BENCH["prefetch"]
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
WARNED = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "x"}]}
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
OPTIONAL = sorted(set(GIVEN) - {"patient", "observations"})
# Where nothing found and nothing known differ for this patient.
DECISIVE = ("medications", "problems", "allergies")


def with_(**keys: Any) -> dict[str, Any]:
    return {**GIVEN, **keys}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in GIVEN.items() if name != key}


def drugs(reply: Any) -> list[str]:
    """Labels of the drug orders that are offered."""
    return [
        suggestion["label"]
        for card in reply.json()["cards"]
        for suggestion in card.get("suggestions", ())
        if suggestion["actions"][0]["resource"]["resourceType"] == "MedicationRequest"
    ]


@pytest.mark.requirement("PRE-13", "RESP-05")
@pytest.mark.parametrize("key", ["patient", "observations"])
def test_required_data_that_did_not_come_is_412(post: Post, hook: str, key: str) -> None:
    reply = post(hook, prefetch=without(key))
    assert (reply.status_code, reply.json()["issue"][0]["expression"]) == (412, [f"prefetch.{key}"])


@pytest.mark.requirement("PRE-13", "PRE-15")
def test_a_patient_of_whom_the_client_has_nothing_is_412(post: Post, hook: str) -> None:
    assert post(hook, prefetch=with_(patient=None)).status_code == 412


@pytest.mark.requirement("PRE-14")
@pytest.mark.parametrize("key", DECISIVE)
def test_a_missing_key_withholds_the_drug_that_an_empty_one_allows(post: Post, key: str) -> None:
    known = post("order-select", prefetch=with_(**{key: None}))
    unknown = post("order-select", prefetch=without(key))
    assert drugs(known)
    assert not drugs(unknown)
    assert f"'{key}' was not supplied" in json.dumps(unknown.json())


@pytest.mark.requirement("PRE-14")
def test_a_missing_list_of_allergies_is_never_called_no_allergy(post: Post) -> None:
    text = post("order-select", prefetch=without("allergies")).text
    assert "could not be checked: allergy to magnesium" in text
    assert "no allerg" not in text.lower()


@pytest.mark.requirement("PRE-15", "PRE-16")
@pytest.mark.parametrize("key", [*OPTIONAL, "observations"])
@pytest.mark.parametrize("bundle", [EMPTY, {**EMPTY, "entry": []}], ids=["none", "empty list"])
def test_null_and_an_empty_bundle_are_the_same(post: Post, key: str, bundle: Any) -> None:
    if key == "encounter":  # a read, so null is the only way to say that there is none
        bundle = {**bundle, "entry": []}
    null = post("order-select", prefetch=with_(**{key: None}))
    empty = post("order-select", prefetch=with_(**{key: bundle}))
    assert (null.status_code, empty.status_code) == (200, 200)
    assert without_ids(null) == without_ids(empty)


@pytest.mark.requirement("PRE-17", "PRE-18")
@pytest.mark.parametrize("key", DECISIVE)
def test_an_operation_outcome_is_no_data(post: Post, key: str) -> None:
    reply = post("order-select", prefetch=with_(**{key: FAILED}))
    assert not drugs(reply)
    assert rows(reply) == rows(post("order-select", prefetch=without(key)))
    assert f"the client's query for '{key}' failed" in reply.text


@pytest.mark.requirement("PRE-17")
@pytest.mark.parametrize(("outcome", "offered"), [(FAILED, False), (WARNED, True)])
def test_an_outcome_inside_a_bundle_counts_by_its_severity(
    post: Post, outcome: Any, offered: bool
) -> None:
    bundle = {**EMPTY, "entry": [{"resource": outcome, "search": {"mode": "outcome"}}]}
    reply = post("order-select", prefetch=with_(allergies=bundle))
    assert bool(drugs(reply)) is offered


@pytest.mark.requirement("PRE-19")
@pytest.mark.parametrize(
    "more",
    [{"link": [{"relation": "next", "url": "https://fhir.example/page2"}]}, {"total": 9999}],
    ids=["next link", "total"],
)
def test_the_first_page_is_not_everything(post: Post, more: dict[str, Any]) -> None:
    page = {**GIVEN["observations"], **more}
    reply = post("order-select", prefetch=with_(observations=page))
    assert rows(reply) == {"D4"}
    assert not drugs(reply)
    assert "More pages of 'observations' exist" in reply.text


@pytest.mark.requirement("VER-01", "EXT-04")
def test_a_call_of_the_first_version_is_answered(post: Post) -> None:
    call = {k: v for k, v in BENCH["context"].items() if k in ("userId", "patientId")}
    assert call["userId"].startswith("Practitioner/")
    assert rows(post("patient-view", encounterId=None)) == rows(post("patient-view"))
