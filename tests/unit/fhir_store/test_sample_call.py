"""The call of a synthetic patient that makes the service fetch: no data in it, only where it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds.errors import SettingsError
from cds.fhir.store import build_store
from cds.sample import records, sample, sample_request, samples

FOLDER = Path(__file__).parents[3] / "fhir_fixtures"
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
SERVER = "http://127.0.0.1:8000/sandbox/fhir"
NAMES = [item.name for item in samples(FOLDER)]


def call(name: str = "first-card") -> dict[str, Any]:
    return sample_request(NOW, name, fhir_server=SERVER)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_the_same_call_but_for_the_prefetch_and_the_names_of_what_the_server_has(
    name: str,
) -> None:
    whole, found = sample(name, FOLDER).at(NOW), call(name)
    patient = whole["context"]["patientId"]
    assert set(found) == set(whole) - {"prefetch"} | {"fhirServer", "fhirAuthorization"}
    assert (found["hook"], found["hookInstance"]) == (whole["hook"], whole["hookInstance"])
    assert json.dumps(found["context"]).replace(f"{patient}.", "") == json.dumps(whole["context"])


def test_it_names_the_server_and_the_token_of_this_patient_only() -> None:
    found = call()
    patient = found["context"]["patientId"]
    access = found["fhirAuthorization"]
    assert found["fhirServer"] == SERVER
    assert (access["access_token"], access["token_type"]) == (f"sandbox.{patient}", "Bearer")
    assert (access["patient"], access["expires_in"]) == (patient, 300)
    assert "patient/Observation.read" in access["scope"].split()
    assert access["subject"]


def test_the_token_it_carries_opens_the_record_it_is_about() -> None:
    store = build_store([sample("first-card", FOLDER)], lambda: NOW)
    found = call()
    reader = store.reader(f"Bearer {found['fhirAuthorization']['access_token']}")
    assert store.read(f"Patient/{reader}", reader) is not None
    assert store.read(f"Encounter/{found['context']['encounterId']}", reader) is not None


def test_a_slash_at_the_end_of_the_address_goes() -> None:
    assert sample_request(NOW, fhir_server=f"{SERVER}/")["fhirServer"] == SERVER


@pytest.mark.parametrize("address", ["", "127.0.0.1:8000", "file:///etc", "ftp://x"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="must begin with http"):
        sample_request(NOW, fhir_server=address)


def test_the_records_of_all_patients_are_read_once() -> None:
    found = records()
    assert records() is found
    assert len(found.patients) == len(NAMES)
