import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.read import Chart, read_chart
from cds.errors import BadRequest, Precondition
from cds.facts.model import Reason
from cds.facts.record import OrderKind, Setting
from cds.facts.terminology import LabCode, Terminology
from cds.hooks.request import HookCall
from cds.kernel.codes import LOINC, SNOMED, Coding
from cds.kernel.units import Analyte

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SUBJECT = {"subject": {"reference": "Patient/p1"}}
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1951-08-09"}
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
TERMS = Terminology(
    labs={Coding(LOINC, "2823-3"): LabCode(Analyte.POTASSIUM, "K", property="substance")},
    problems={Coding(SNOMED, "105502003"): frozenset({"dialysis"})},
    procedures={Coding(SNOMED, "302497006"): frozenset({"dialysis"})},
)
LISTS = (
    "medications",
    "administrations",
    "problems",
    "procedures",
    "allergies",
    "lab_orders",
)


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": resource} for resource in resources],
    }


def coded(system: str, code: str) -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": code}]}}


def potassium(**members: Any) -> dict[str, Any]:
    value = {
        "value": 3.1,
        "unit": "mmol/L",
        "system": "http://unitsofmeasure.org",
        "code": "mmol/L",
    }
    return {
        "resourceType": "Observation",
        "id": "k",
        "status": "final",
        **SUBJECT,
        **coded(LOINC, "2823-3"),
        "effectiveDateTime": "2026-11-21T08:00:00Z",
        "valueQuantity": value,
        **members,
    }


def draft(kind: str = "MedicationRequest", **members: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": "d",
        "status": "draft",
        "intent": "order",
        **SUBJECT,
        "medicationCodeableConcept": {"text": "omeprazole 20 mg"},
        **members,
    }


def read(
    drafts: Any = None,
    selections: tuple[str, ...] = (),
    encounter: str | None = None,
    **prefetch: Any,
) -> Chart:
    values = {"patient": PATIENT, "observations": None, **prefetch}
    call = HookCall(
        service="electrolytes-order-select",
        hook="order-select",
        hook_instance="i",
        user_id="Practitioner/u",
        patient_id="p1",
        encounter_id=encounter,
        selections=selections,
        draft_orders=None if drafts is None else raw(drafts),
        prefetch={key: raw(value) for key, value in values.items()},
    )
    return read_chart(call, TERMS, NOW)


def raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(value).encode())


def test_with_nothing_but_the_required_keys_everything_else_is_not_known() -> None:
    record = read().record
    assert (record.person.sex, record.place.setting) == ("female", Setting.OUTPATIENT)
    assert (record.labs.supplied, record.labs.gap, record.labs.items) == (True, "", ())
    for key in LISTS:
        listing = record.medications if key == "medications" else getattr(record, key)
        assert (listing.key, listing.supplied, bool(listing.gap)) == (key, False, True)
    assert (record.drafts, record.draft_lab_orders, record.unreadable) == ((), (), ())


def test_null_and_empty_lists_are_a_closed_world() -> None:
    record = read(**dict.fromkeys(LISTS[:3]), **dict.fromkeys(LISTS[3:], bundle())).record
    for key in LISTS:
        listing = getattr(record, key)
        assert (listing.key, listing.supplied, listing.gap) == (key, True, "")


def test_each_key_reaches_its_place_in_the_record() -> None:
    record = read(
        encounter="e1",
        observations=bundle(potassium()),
        problems=bundle(
            {"resourceType": "Condition", "id": "c", **SUBJECT, **coded(SNOMED, "105502003")}
        ),
        procedures=bundle(
            {
                "resourceType": "Procedure",
                "id": "p",
                "status": "completed",
                **SUBJECT,
                **coded(SNOMED, "302497006"),
            }
        ),
        allergies=bundle(
            {
                "resourceType": "AllergyIntolerance",
                "id": "a",
                "patient": {"reference": "Patient/p1"},
                "code": {"text": "magnesium"},
            }
        ),
        lab_orders=bundle(
            {
                "resourceType": "ServiceRequest",
                "id": "s",
                "status": "active",
                "intent": "order",
                **SUBJECT,
                **coded(LOINC, "19123-9"),
            }
        ),
    ).record
    assert [item.source for item in record.labs.items] == ["Observation/k"]
    assert [item.source for item in record.problems.items] == ["Condition/c"]
    assert [item.source for item in record.procedures.items] == ["Procedure/p"]
    assert [item.source for item in record.allergies.items] == ["AllergyIntolerance/a"]
    assert [item.source for item in record.lab_orders.items] == ["ServiceRequest/s"]
    assert (record.place.setting, record.place.known) == (Setting.INPATIENT, False)


def test_medication_orders_and_drafts_are_read() -> None:
    active = draft(id="m", status="active")
    record = read(bundle(draft()), ("MedicationRequest/d",), medications=bundle(active)).record
    assert [(item.source, item.kind) for item in record.medications.items] == [
        ("MedicationRequest/m", OrderKind.ACTIVE)
    ]
    assert [(item.source, item.kind, item.selected) for item in record.drafts] == [
        ("MedicationRequest/d", OrderKind.DRAFT, True)
    ]


def test_drafts_are_kept_as_received_and_tests_among_them_are_lab_orders() -> None:
    order = draft("ServiceRequest", id="s", **coded(LOINC, "19123-9"))
    chart = read(bundle(draft(), order))
    assert set(chart.drafts) == {"MedicationRequest/d", "ServiceRequest/s"}
    assert json.loads(bytes(chart.drafts["MedicationRequest/d"].raw)) == draft()
    assert [item.source for item in chart.record.draft_lab_orders] == ["ServiceRequest/s"]


def test_the_sandbox_sends_draft_orders_without_a_bundle_type() -> None:
    chart = read({"resourceType": "Bundle", "entry": [{"resource": draft()}]})
    assert set(chart.drafts) == {"MedicationRequest/d"}


@pytest.mark.parametrize("kind", ["MedicationRequest", "ServiceRequest", "DeviceRequest"])
def test_a_draft_for_another_patient_is_a_bad_request_without_values(kind: str) -> None:
    with pytest.raises(BadRequest) as raised:
        read(bundle(draft(kind, subject={"reference": "Patient/p2"})))
    error = raised.value
    assert (error.status, error.code, error.where) == (400, "invalid", "context.draftOrders")
    assert "p2" not in str(error)


@pytest.mark.parametrize("subject", [None, {}, {"reference": "https://x.example/fhir/Patient/p1"}])
def test_a_draft_without_or_with_an_absolute_subject_is_taken(subject: Any) -> None:
    assert set(read(bundle(draft(subject=subject))).drafts) == {"MedicationRequest/d"}


@pytest.mark.parametrize(
    "drafts", [7, {}, draft(), {"resourceType": "Bundle", "entry": 7}], ids=str
)
def test_draft_orders_that_are_no_bundle_are_a_bad_request(drafts: Any) -> None:
    with pytest.raises(BadRequest) as raised:
        read(drafts)
    assert (raised.value.status, raised.value.where) == (400, "context.draftOrders")


def test_missing_observations_fail_the_precondition() -> None:
    call = HookCall(
        "s", "patient-view", "i", "Practitioner/u", "p1", prefetch={"patient": raw(PATIENT)}
    )
    with pytest.raises(Precondition):
        read_chart(call, TERMS, NOW)


def test_everything_left_out_is_named_in_one_list() -> None:
    other = {"subject": {"reference": "Patient/p2"}}
    drafts = bundle(draft())
    drafts["entry"].append({})
    record = read(
        drafts,
        observations=bundle(potassium(id="o", **other), potassium(id="bad", issued=7)),
        problems=bundle({"resourceType": "Condition", "id": "c", **SUBJECT, "code": 7}),
    ).record
    assert record.unreadable == (
        "context.draftOrders: 1 without a readable resource",
        "Observation/o: belongs to another patient",
        "Observation/bad: could not be read",
        "Condition/c: could not be read",
    )
    assert [item.set_aside for item in record.labs.items] == [Reason.UNREADABLE]
    assert record.problems.gap == "1 entry of `problems` could not be read"
