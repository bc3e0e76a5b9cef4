"""A small server of made patients: `make_store(...)`, `ask(store, "Observation?code=...")`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from cds.fhir.store import Store, build_store
from cds.fhir.store_page import bundle
from cds.fhir.store_query import read_query
from cds.fhir.store_search import search
from cds.sample import Sample

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE = "http://fhir.example/sandbox/fhir"


def sample_of(patient: str, *resources: dict[str, Any], name: str = "", **expect: Any) -> Sample:
    owned = [
        {"subject": {"reference": f"Patient/{patient}"}, **resource}
        if resource["resourceType"] not in ("Patient", "AllergyIntolerance", "OperationOutcome")
        else resource
        for resource in resources
    ]
    entry = [{"resource": resource} for resource in owned]
    request = {
        "hook": "order-select",
        "hookInstance": "a-b",
        "context": {"patientId": patient},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": patient},
            "observations": {"resourceType": "Bundle", "type": "searchset", "entry": entry},
            "problems": None,
        },
    }
    return Sample(name or f"call-of-{patient}", "firing", "", NOW, request, expect)


@pytest.fixture(scope="session")
def made() -> Callable[..., Sample]:
    """A call whose prefetch holds these resources: `made("pat-a", {...}, name=, not_valid=[])`."""
    return sample_of


@pytest.fixture(scope="session")
def make_store() -> Callable[..., Store]:
    """A server of one patient `pat-a` with these resources, its clock at the fixtures' moment."""

    def make(*resources: dict[str, Any], patient: str = "pat-a") -> Store:
        return build_store([sample_of(patient, *resources)], lambda: NOW)

    return make


@pytest.fixture(scope="session")
def ask() -> Callable[..., dict[str, Any]]:
    """The Bundle of a search, as a patient's reader or as the reader of all."""

    def asked(store: Store, url: str, reader: str = "pat-a", offset: int = 0) -> dict[str, Any]:
        kind, _, text = url.partition("?")
        query = read_query(kind, parse_qsl(text, keep_blank_values=True), BASE, offset=offset)
        page = search(store, query, reader, BASE)
        found: dict[str, Any] = json.loads(bundle(store, query, page, BASE))
        return found

    return asked


@pytest.fixture(scope="session")
def ids(ask: Callable[..., dict[str, Any]]) -> Callable[..., list[str]]:
    """The ids of a search as in the fixtures, in order of the answer."""

    def asked(store: Store, url: str, reader: str = "pat-a") -> list[str]:
        entries = ask(store, url, reader).get("entry", ())
        return [
            entry["resource"]["id"].rpartition(".")[2]
            for entry in entries
            if entry["search"]["mode"] == "match"
        ]

    return asked
