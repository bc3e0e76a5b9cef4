import json
from typing import Any

import msgspec
import pytest

from cds.errors import BadRequest, Precondition
from cds.fhir.bundle import Supplied
from cds.fhir.prefetch import EXPECTED, resolve

PATIENT = {"resourceType": "Patient", "id": "p1"}
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
WARNING = {
    "resource": {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "warning", "code": "processing"}],
    },
    "search": {"mode": "outcome"},
}
MG = {"resourceType": "Observation", "id": "mg"}
PROBLEM = {"resourceType": "Condition", "id": "c"}


def bundle(*resources: dict[str, Any], **members: Any) -> dict[str, Any]:
    entry = [{"resource": resource} for resource in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entry, **members}


def resolved(**values: Any) -> Any:
    prefetch = {"patient": PATIENT, "observations": None, **values}
    raw = {key: msgspec.Raw(json.dumps(value).encode()) for key, value in prefetch.items()}
    return resolve({key: value for key, value in raw.items() if bytes(value) != b'"-"'}, "p1")


def problems(value: Any) -> Supplied:
    found = resolved(problems=value)["problems"]
    assert isinstance(found, Supplied)
    return found


def test_every_key_is_answered_and_unknown_keys_are_ignored() -> None:
    assert set(resolved(weather=1)) == set(EXPECTED)


def test_a_key_that_is_absent_is_not_supplied() -> None:
    found = resolved()["problems"]
    assert (found.supplied, found.gap) == (False, "`problems` was not supplied")


def test_an_operation_outcome_as_value_is_not_supplied() -> None:
    found = problems(FAILED)
    assert (found.supplied, bool(found.gap), found.resources) == (False, True, ())


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle", "type": "searchset", "entry": None},
        bundle(),
        {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [WARNING]},
        {"resourceType": "Bundle", "type": "searchset", "total": 1, "entry": [WARNING]},
    ],
    ids=["null", "no entry", "entry null", "entry empty", "warning", "warning counted in total"],
)
def test_asked_and_none_is_a_closed_world(value: Any) -> None:
    assert problems(value) == Supplied("problems")


@pytest.mark.parametrize(
    ("value", "gap"),
    [
        (bundle(PROBLEM, link=[{"relation": "next", "url": "x"}]), "more pages"),
        (bundle(PROBLEM, total=50), "more pages"),
        (bundle(PROBLEM, FAILED), "reported an error"),
        (bundle({"resourceType": "OperationOutcome", "issue": []}), "reported an error"),
        (bundle({"resourceType": "OperationOutcome", "issue": [{"severity": 7}]}), "an error"),
        (bundle(MG), "holds no Condition"),
    ],
    ids=["next link", "total", "error outcome", "empty outcome", "odd outcome", "wrong type"],
)
def test_an_incomplete_list_keeps_its_entries_and_says_why(value: Any, gap: str) -> None:
    found = problems(value)
    assert found.supplied
    assert gap in found.gap
    assert all(item.type != "OperationOutcome" for item in found.resources)


def test_a_self_link_and_an_odd_total_are_no_gap() -> None:
    value = bundle(PROBLEM, link=[{"relation": "self", "url": "x"}], total="many")
    assert problems(value).gap == ""


def test_a_single_resource_is_a_list_of_one() -> None:
    assert [item.ref for item in problems(PROBLEM).resources] == ["Condition/c"]


def test_included_resources_stay_beside_the_matches() -> None:
    found = problems(bundle(PROBLEM, PATIENT))
    assert ([item.type for item in found.resources], found.gap) == (["Condition", "Patient"], "")


def test_entries_with_a_broken_envelope_are_counted() -> None:
    value = bundle(PROBLEM)
    value["entry"] += [{}, {"resource": None}, {"resource": "x"}, 7, {"resource": {"id": "x"}}]
    found = problems(value)
    assert (len(found.resources), found.broken) == (1, 5)


@pytest.mark.parametrize("key", sorted(EXPECTED))
@pytest.mark.parametrize("value", ["text", 7, True, [], {}, {"resourceType": 3}])
def test_a_value_that_is_no_resource_is_a_bad_request_naming_the_key(key: str, value: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        resolved(**{key: value})
    assert (raised.value.status, raised.value.where) == (400, f"prefetch.{key}")
    assert key in str(raised.value)


@pytest.mark.parametrize(
    "value", [{"resourceType": "Bundle", "entry": {}}, {"resourceType": "Bundle", "link": [1]}, MG]
)
def test_an_unreadable_bundle_or_another_resource_is_a_bad_request(value: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        resolved(problems=value)
    assert (raised.value.status, raised.value.where) == (400, "prefetch.problems")


@pytest.mark.parametrize("value", ["-", None, FAILED], ids=["missing", "null", "failed"])
def test_without_a_patient_the_precondition_fails(value: Any) -> None:
    with pytest.raises(Precondition) as raised:
        resolved(patient=value)
    assert (raised.value.status, raised.value.where) == (412, "prefetch.patient")
    assert "patient" in str(raised.value)


@pytest.mark.parametrize(
    "value", [{"resourceType": "Patient", "id": "p2"}, {"resourceType": "Patient"}, MG, bundle()]
)
def test_another_patient_or_no_patient_at_all_is_a_bad_request_without_values(value: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        resolved(patient=value)
    assert (raised.value.status, raised.value.where) == (400, "prefetch.patient")
    assert "p2" not in str(raised.value)
    assert "p1" not in str(raised.value)


@pytest.mark.parametrize("value", ["-", FAILED], ids=["missing", "failed"])
def test_without_observations_the_precondition_fails(value: Any) -> None:
    with pytest.raises(Precondition) as raised:
        resolved(observations=value)
    assert (raised.value.status, raised.value.where) == (412, "prefetch.observations")


@pytest.mark.parametrize("value", [None, bundle()], ids=["null", "empty"])
def test_no_observations_is_an_answer(value: Any) -> None:
    assert resolved(observations=value)["observations"] == Supplied("observations")


def test_a_page_of_observations_is_not_the_whole() -> None:
    value = bundle(MG, link=[{"relation": "next", "url": "x"}])
    assert resolved(observations=value)["observations"].gap == "more pages of `observations` exist"
