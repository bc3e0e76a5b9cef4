"""The OpenAPI document is kept: whatever is made from it, the reply is one it declares, with the
status, content type and shape it says (schemathesis)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TIMES = min(1000, max(15, int(os.environ.get("CDS_FUZZ", "0")) // 100))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture
def every_emitted_resource_is_valid() -> None:
    """Not what this is about."""


@pytest.fixture(scope="module")
def document() -> Any:
    built = bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), NOW)
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(built))


OPERATIONS = [
    ("GET", "/cds-services"),
    ("POST", "/cds-services/{service_id}"),
    ("POST", "/cds-services/{service_id}/feedback"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
]


def test_no_operation_is_left_out(document: Any) -> None:
    found = {(one.ok().method.upper(), one.ok().path) for one in document.get_all_operations()}
    assert found == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_every_reply_is_one_the_document_declares(document: Any, method: str, path: str) -> None:
    @given(case=document[path][method].as_strategy())
    @settings(
        max_examples=TIMES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def every_case(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    every_case()
