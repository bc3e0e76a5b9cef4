"""What a hook call must hold to be answered, and how a refusal speaks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from cds.errors import BadRequest
from cds.hooks.request import hook_of, read_call
from cds.hooks.services import ORDER_SELECT

Body = Callable[..., dict[str, Any]]

SECRET = "ZZ-secret-value-ZZ"


def read(body: Any) -> Any:
    return read_call(ORDER_SELECT, body if isinstance(body, bytes) else json.dumps(body).encode())


def test_a_valid_call_is_read_with_its_resources_undecoded(hook_body: Body) -> None:
    body = json.dumps(hook_body()).encode()
    call = read_call(ORDER_SELECT, body)
    assert (call.service, call.hook) == ("electrolytes-order-select", "order-select")
    assert (call.user_id, call.patient_id, call.encounter_id) == (
        "Practitioner/prac-1",
        "pat-1",
        "enc-1",
    )
    assert call.selections == ("MedicationRequest/draft-1",)
    assert json.loads(bytes(call.prefetch["patient"]))["id"] == "pat-1"
    assert bytes(call.prefetch["observations"]) == b"null"
    assert call.draft_orders is not None
    assert json.loads(bytes(call.draft_orders))["resourceType"] == "Bundle"
    assert call.body_digest == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "structure"),
        (b"  \n", "structure"),
        (b"{", "structure"),
        (b"[]", "structure"),
        (b'"text"', "structure"),
        (b"null", "structure"),
        (b'{"hook": "order-select", "x": 1} {}', "required"),
        (b'{"hook": "order-select",}', "structure"),
        (b'{"hook": "\xff\xfe"}', "structure"),
        (b'{"other": "\xff"}', "structure"),
        (b'\xef\xbb\xbf{"hook": "order-select"}', "structure"),
        (b'{"hook": "order-select", "x": NaN}', "structure"),
        (b'{"hook": "order-select", "x": -Infinity}', "structure"),
        (b'{"hook": "\\ud800"}', "structure"),
        (b'{"x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "structure"),
        (b'{"x": ' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000 + b"}", "structure"),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else value,
)
def test_what_is_no_json_object_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(body)
    assert refused.value.status == 400
    assert refused.value.code == code


MISSING = object()


def changed(body: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    target = body
    for name in parents:
        target = target[name]
    if value is MISSING:
        del target[last]
    else:
        target[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        ("hook", MISSING, "hook"),
        ("hook", 123, "hook"),
        ("hook", "patient-view", "hook"),
        ("hook", SECRET, "hook"),
        ("hookInstance", MISSING, "hookInstance"),
        ("hookInstance", "", "hookInstance"),
        ("hookInstance", "  ", "hookInstance"),
        ("hookInstance", None, "hookInstance"),
        ("hookInstance", 5, "hookInstance"),
        ("context", MISSING, "context"),
        ("context", None, "context"),
        ("context", [], "context"),
        ("context", SECRET, "context"),
        ("context.userId", MISSING, "context.userId"),
        ("context.userId", SECRET, "context.userId"),
        ("context.userId", "Practitioner/", "context.userId"),
        ("context.userId", f"Patient/{SECRET}", "context.userId"),
        ("context.patientId", MISSING, "context.patientId"),
        ("context.patientId", "", "context.patientId"),
        ("context.patientId", f"Patient/{SECRET}", "context.patientId"),
        ("context.patientId", 17, "context.patientId"),
        ("context.encounterId", "", "context.encounterId"),
        ("context.encounterId", f"Encounter/{SECRET}", "context.encounterId"),
        ("context.selections", MISSING, "context.selections"),
        ("context.selections", [], "context.selections"),
        ("context.selections", f"MedicationRequest/{SECRET}", "context.selections"),
        ("context.selections", [123], "context.selections[0]"),
        ("context.selections", ["draft-1"], "context.selections[0]"),
        (
            "context.selections",
            ["MedicationRequest/draft-1", f"MedicationRequest/{SECRET}"],
            "context.selections[1]",
        ),
        ("context.draftOrders", MISSING, "context.draftOrders"),
        ("context.draftOrders", None, "context.draftOrders"),
        ("context.draftOrders", [], "context.draftOrders"),
        ("context.draftOrders", {"resourceType": SECRET}, "context.draftOrders"),
        ("context.draftOrders", {"entry": []}, "context.draftOrders"),
        (
            "context.draftOrders",
            {"resourceType": "Bundle", "entry": SECRET},
            "context.draftOrders.entry",
        ),
        ("prefetch", [], "prefetch"),
        ("prefetch", SECRET, "prefetch"),
        ("fhirServer", 5, "fhirServer"),
        ("fhirServer", f"ftp://{SECRET}", "fhirServer"),
        ("fhirAuthorization", {"access_token": SECRET}, "fhirServer"),
        ("fhirAuthorization", SECRET, "fhirAuthorization"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_and_its_value_is_not(
    hook_body: Body, path: str, value: Any, where: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        read(changed(hook_body(), path, value))
    assert refused.value.status == 400
    assert refused.value.where == where
    assert where.split(".")[-1].split("[")[0] in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("extension", {"com.example.x": 1}),
        ("context.fooBar", [1, {"a": None}]),
        ("context.encounterId", MISSING),
        ("context.encounterId", None),
        ("prefetch", MISSING),
        ("prefetch", None),
        ("fhirServer", None),
        ("fhirServer", "https://ehr.example.org/fhir"),
        ("fhirAuthorization", None),
        ("hookInstance", "6F0A0F1E-6A55-1A0E-9F0B-1F6C8B7F2A01"),
        ("hookInstance", "x" * 200),
        ("context.patientId", "p" * 200),
        ("context.userId", "PractitionerRole/" + "r" * 200),
    ],
)
def test_what_clients_really_send_is_tolerated(hook_body: Body, path: str, value: Any) -> None:
    assert read(changed(hook_body(), path, value)).hook == "order-select"


def test_a_bundle_without_type_and_ids_of_200_characters_are_read(hook_body: Body) -> None:
    long = "o" * 200
    drafts = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "MedicationRequest", "id": long}},
            {"resource": {"resourceType": "Medication", "id": "m"}},
            {"fullUrl": "urn:uuid:1"},
            "not an entry",
        ],
    }
    call = read(hook_body(draftOrders=drafts, selections=[f"MedicationRequest/{long}"]))
    assert call.selections == (f"MedicationRequest/{long}",)


def test_a_selection_named_twice_is_one_selection(hook_body: Body) -> None:
    call = read(hook_body(selections=["MedicationRequest/draft-1"] * 2))
    assert call.selections == ("MedicationRequest/draft-1",)


def test_the_hook_of_a_body_chooses_the_service() -> None:
    assert hook_of(b'{"hook": "order-select"}') == "order-select"
    with pytest.raises(BadRequest) as refused:
        hook_of(b"{}")
    assert refused.value.where == "hook"
