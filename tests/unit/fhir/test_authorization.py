"""`fhirAuthorization` of a call: complete or refused by name, and never shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cds.errors import BadRequest
from cds.hooks.request import FhirAuthorization, HookCall, read_call
from cds.hooks.services import ORDER_SELECT

SECRET = "secret-of-this-call"
FULL = {
    "access_token": SECRET,
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "patient/*.read",
    "subject": "cds-service",
}


def read(hook_body: Callable[..., dict[str, Any]], authorization: Any) -> HookCall:
    body = {**hook_body(), "fhirServer": "https://ehr.example.org/fhir"}
    body["fhirAuthorization"] = authorization
    return read_call(ORDER_SELECT, json.dumps(body).encode())


@pytest.mark.requirement("FHIR-03")
@pytest.mark.parametrize("patient", [{}, {"patient": "pat-1"}, {"patient": None}, {"patient": ""}])
def test_a_complete_one_is_taken(hook_body: Any, patient: dict[str, Any]) -> None:
    found = read(hook_body, {**FULL, **patient, "need_patient_banner": True})
    assert found.authorization == FhirAuthorization(
        access_token=SECRET,
        expires_in=300,
        scope="patient/*.read",
        subject="cds-service",
        patient=patient.get("patient") or "",
    )


def test_null_is_none(hook_body: Any) -> None:
    assert read(hook_body, None).authorization is None


@pytest.mark.requirement("FHIR-09")
def test_the_token_is_not_shown(hook_body: Any) -> None:
    found = read(hook_body, FULL)
    assert SECRET not in f"{found} {found.authorization!r}"


@pytest.mark.requirement("FHIR-03")
@pytest.mark.parametrize("name", FULL)
def test_without_a_member_it_is_refused_by_name(hook_body: Any, name: str) -> None:
    sent = {key: value for key, value in FULL.items() if key != name}
    with pytest.raises(BadRequest) as raised:
        read(hook_body, sent)
    assert (raised.value.status, raised.value.where) == (400, f"fhirAuthorization.{name}")


@pytest.mark.requirement("FHIR-03", "FHIR-04")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("token_type", "mac"),
        ("token_type", 1),
        ("expires_in", "300"),
        ("expires_in", 1.5),
        ("access_token", ""),
        ("access_token", f"{SECRET} x"),
        ("access_token", f"{SECRET}\r\nHost: evil.example"),
        ("access_token", f"{SECRET}\u00e9"),
        ("scope", None),
        ("subject", 7),
        ("patient", f"{SECRET}-another"),
    ],
)
def test_a_member_that_cannot_be_used_is_named_and_its_value_is_not(
    hook_body: Any, name: str, value: Any
) -> None:
    with pytest.raises(BadRequest) as raised:
        read(hook_body, {**FULL, name: value})
    assert (raised.value.status, raised.value.where) == (400, f"fhirAuthorization.{name}")
    assert SECRET not in str(raised.value)
