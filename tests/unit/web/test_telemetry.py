"""Spans of hook calls, only where they are asked for, and nothing of a patient in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cds.bootstrap import Service
from cds.web.app import create_app

PATH = "/cds-services/electrolytes-order-select"


@pytest.fixture(scope="module")
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    yield exporter
    provider.shutdown()


def told(spans: InMemorySpanExporter) -> str:
    found = spans.get_finished_spans()
    spans.clear()
    return json.dumps([json.loads(span.to_json()) for span in found])


def test_there_are_none_unless_asked_for(
    spans: InMemorySpanExporter,
    make_service: Callable[..., Service],
    client_of: Callable[..., Any],
    hook_body: Callable[..., dict[str, Any]],
) -> None:
    client_of(create_app(make_service())).post(PATH, json=hook_body())
    assert told(spans) == "[]"


def test_a_call_is_a_span_of_its_route_and_holds_nothing_of_the_patient(
    spans: InMemorySpanExporter,
    make_service: Callable[..., Service],
    client_of: Callable[..., Any],
    hook_body: Callable[..., dict[str, Any]],
) -> None:
    client = client_of(create_app(make_service(telemetry=True)))
    assert client.post(PATH, json=hook_body()).status_code == 200
    found = told(spans)
    assert "/cds-services/{service_id}" in found
    assert "pat-1" not in found
    client.get("/sandbox/fhir/Observation?patient=pat-1", headers={"authorization": "Bearer x"})
    assert told(spans) == "[]"


def test_an_error_is_named_by_its_kind_and_its_message_stays_here(
    spans: InMemorySpanExporter,
    make_service: Callable[..., Service],
    client_of: Callable[..., Any],
    hook_body: Callable[..., dict[str, Any]],
    pipeline: Any,
) -> None:
    pipeline.error = ValueError("magnesium of pat-1 is 0.9")
    client = client_of(create_app(make_service(telemetry=True)))
    assert client.post(PATH, json=hook_body()).status_code == 500
    found = told(spans)
    assert "ValueError" in found
    assert "0.9" not in found
