"""What of a hook call becomes the record of a patient on the server, and under which ids."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cds.errors import Forbidden, SettingsError, Unauthorized
from cds.fhir.store import EVERYONE, build_store, token_of
from cds.fhir.store_chart import chart_of, renamed, server_names

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OBSERVATION = {"resourceType": "Observation", "id": "k-1"}
ORDER = {"resourceType": "MedicationRequest", "id": "order-1"}


def refs(chart: Any) -> list[str]:
    return [f"{item['resourceType']}/{item['id']}" for item in chart.resources]


def test_ids_get_the_patient_in_front_because_they_come_again_with_the_next_one(made: Any) -> None:
    store = build_store([made("pat-a", OBSERVATION), made("pat-b", OBSERVATION)], lambda: NOW)
    assert store.records.get("Observation/k-1") is None
    for patient in ("pat-a", "pat-b"):
        found = store.records.get(f"Observation/{patient}.k-1")
        assert found is not None
        assert (found.patient, found.resource["subject"]) == (
            patient,
            {"reference": f"Patient/{patient}"},
        )


def test_the_patient_and_the_encounter_keep_their_ids(made: Any) -> None:
    chart = chart_of(made("pat-a", {"resourceType": "Encounter", "id": "visit-a"}))
    assert refs(chart) == ["Patient/pat-a", "Encounter/visit-a"]


def test_what_refers_to_a_resource_follows_its_new_id(made: Any) -> None:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "given-1",
        "request": {"reference": "MedicationRequest/order-1"},
        "context": {"reference": "Encounter/visit-a"},
        "performer": [{"actor": {"reference": "Practitioner/nurse"}}],
    }
    chart = chart_of(made("pat-a", ORDER, given))
    (found,) = (item for item in chart.resources if item["id"] == "pat-a.given-1")
    assert found["request"] == {"reference": "MedicationRequest/pat-a.order-1"}
    assert found["context"] == given["context"]
    assert found["performer"] == given["performer"]


def test_a_contained_resource_keeps_the_id_of_its_own_house(made: Any) -> None:
    contained = {"resourceType": "MedicationRequest", "id": "order-1"}
    sample = made("pat-a", ORDER, {**OBSERVATION, "contained": [contained]})
    found = renamed(sample.request["prefetch"], server_names(sample))
    observation = found["observations"]["entry"][1]["resource"]
    assert observation["id"] == "pat-a.k-1"
    assert observation["contained"] == [contained]


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ({**OBSERVATION, "subject": {"reference": "Patient/pat-b"}}, "of another patient"),
        (
            {
                "resourceType": "AllergyIntolerance",
                "id": "k-1",
                "patient": {"reference": "Patient/pat-b"},
            },
            "of another patient",
        ),
        ({"resourceType": "Patient", "id": "pat-b"}, "of another patient"),
        ({"resourceType": "OperationOutcome", "id": "k-1"}, "no record of a patient"),
        ({"resourceType": "Observation", "id": "not-valid"}, "not valid R4"),
    ],
)
def test_what_cannot_be_served_as_this_patients_is_left_out_and_told(
    made: Any, resource: dict[str, Any], reason: str
) -> None:
    chart = chart_of(made("pat-a", resource, name="odd", not_valid=["Observation/not-valid"]))
    assert refs(chart) == ["Patient/pat-a"]
    assert chart.left_out == (f"odd: {resource['resourceType']}/{resource['id']}, {reason}",)
    assert build_store([made("pat-a", resource)], lambda: NOW).records.patients == ("pat-a",)


def test_draft_orders_are_not_served(made: Any) -> None:
    sample = made("pat-a")
    sample.request["context"]["draftOrders"] = {
        "resourceType": "Bundle",
        "entry": [{"resource": {"resourceType": "MedicationRequest", "id": "draft-1"}}],
    }
    assert refs(chart_of(sample)) == ["Patient/pat-a"]


def test_a_draft_that_revises_an_order_names_it_as_the_server_does(made: Any) -> None:
    sample = made("pat-a", ORDER)
    draft = {**ORDER, "id": "draft-1", "basedOn": [{"reference": "MedicationRequest/order-1"}]}
    context = {
        "patientId": "pat-a",
        "selections": ["MedicationRequest/order-1", "MedicationRequest/draft-1"],
        "draftOrders": {
            "resourceType": "Bundle",
            "entry": [{"resource": ORDER}, {"resource": draft}],
        },
    }
    found = renamed(context, server_names(sample))
    assert found["selections"] == ["MedicationRequest/pat-a.order-1", "MedicationRequest/draft-1"]
    revised, new = (entry["resource"] for entry in found["draftOrders"]["entry"])
    assert (revised["id"], new["id"]) == ("pat-a.order-1", "draft-1")
    assert new["basedOn"] == [{"reference": "MedicationRequest/pat-a.order-1"}]


def test_two_patients_of_one_id_never_mix(made: Any) -> None:
    with pytest.raises(SettingsError, match="first and second have the same patient id"):
        build_store([made("pat-a", name="first"), made("pat-a", name="second")], lambda: NOW)


def test_two_resources_of_one_id_never_hide_each_other(made: Any) -> None:
    visit = {"resourceType": "Encounter", "id": "visit"}
    with pytest.raises(SettingsError, match="another resource has the id of its Encounter"):
        build_store([made("pat-a", visit), made("pat-b", visit)], lambda: NOW)


def test_dates_stay_fresh_while_the_server_runs_and_move_at_most_once_a_minute(made: Any) -> None:
    moment = [NOW]
    timed = {**OBSERVATION, "effectiveDateTime": "2026-11-21T11:00:00Z"}
    store = build_store([made("pat-a", timed)], lambda: moment[0])
    stored = store.records.get("Observation/pat-a.k-1")
    assert stored is not None

    def shown(later: timedelta) -> str:
        moment[0] = NOW + later
        return str(json.loads(bytes(store.json(stored)))["effectiveDateTime"])

    assert shown(timedelta()) == "2026-11-21T11:00:00Z"
    assert shown(timedelta(seconds=59)) == "2026-11-21T11:00:00Z"
    assert shown(timedelta(seconds=60)) == "2026-11-21T11:01:00Z"
    assert shown(timedelta(days=3)) == "2026-11-24T11:00:00Z"
    assert shown(timedelta(days=-1)) == "2026-11-20T11:00:00Z", "a clock that was put back"


def test_a_token_opens_the_record_of_its_patient_only(made: Any) -> None:
    store = build_store([made("pat-a", OBSERVATION), made("pat-b")], lambda: NOW)
    assert store.reader(f"Bearer {token_of('pat-a')}") == "pat-a"
    assert store.reader(f"bearer  {token_of('pat-b')} ") == "pat-b"
    assert store.read("Observation/pat-a.k-1", "pat-a") is not None
    assert store.read("Observation/pat-a.no", "pat-a") is None
    with pytest.raises(Forbidden):
        store.read("Observation/pat-a.k-1", "pat-b")


def test_the_token_for_tools_opens_all(made: Any) -> None:
    store = build_store([made("pat-a", OBSERVATION)], lambda: NOW)
    assert store.read("Observation/pat-a.k-1", store.reader(f"Bearer {EVERYONE}")) is not None


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", "sandbox.pat-a", "Basic sandbox.pat-a", "Bearer pat-a"),
        *("Bearer sandbox.", "Bearer sandbox.pat-x", "Bearer sandbox.pat-a more"),
    ],
)
def test_any_other_token_opens_nothing_and_is_not_repeated(made: Any, header: str) -> None:
    store = build_store([made("pat-a")], lambda: NOW)
    with pytest.raises(Unauthorized) as error:
        store.reader(header)
    assert "pat-" not in str(error.value)
