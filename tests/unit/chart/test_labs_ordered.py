import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds.chart.lab_orders import read_draft_lab_orders, read_lab_orders
from cds.facts.record import LabOrder
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import LOINC

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MG = {"coding": [{"system": "urn:x", "code": "1"}, {"system": LOINC, "code": "19123-9"}]}


def request(**members: Any) -> dict[str, Any]:
    base = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "code": MG,
        "authoredOn": "2026-11-21T08:00:00Z",
    }
    return {key: value for key, value in {**base, **members}.items() if value is not None}


def raw(resource: dict[str, Any]) -> RawResource:
    kind = resource["resourceType"]
    return RawResource(kind, "s", "", msgspec.Raw(json.dumps(resource).encode()))


def read(*resources: Any, **members: Any) -> Any:
    entries = tuple(raw(item) for item in resources)
    return read_lab_orders(Supplied("lab_orders", entries, **members), NOW, "p1")


@pytest.mark.parametrize(
    ("members", "kept", "draft"),
    [
        ({}, True, False),
        ({"intent": "filler-order"}, True, False),
        ({"status": "draft"}, True, True),
        ({"status": "draft", "intent": "proposal"}, True, True),
        ({"intent": "plan"}, False, False),
        ({"intent": None}, False, False),
        ({"status": "on-hold"}, False, False),
        ({"status": "completed"}, False, False),
        ({"status": "revoked"}, False, False),
        ({"doNotPerform": True}, False, False),
        ({"code": {"text": "Magnesium"}}, False, False),
        ({"code": None}, False, False),
    ],
)
def test_an_order_counts_when_drafted_or_active(
    members: dict[str, Any], kept: bool, draft: bool
) -> None:
    listing, lines = read(request(**members))
    assert [(item.loincs, item.draft) for item in listing.items] == (
        [({"19123-9"}, draft)] if kept else []
    )
    assert (listing.gap, lines) == ("", ())


def test_the_time_of_ordering_is_kept() -> None:
    (order,) = read(request())[0].items
    assert order.authored == datetime(2026, 11, 21, 8, tzinfo=UTC)


def test_orders_that_cannot_be_read_make_a_gap_and_those_of_others_do_not() -> None:
    listing, lines = read(request(status=7), broken=1)
    assert listing.gap == "2 entries of `lab_orders` could not be read"
    assert lines == ("ServiceRequest/s: could not be read",)
    listing, lines = read(request(subject={"reference": "Patient/p2"}))
    assert (listing.items, listing.gap) == ((), "")
    assert lines == ("ServiceRequest/s: belongs to another patient",)


def test_draft_orders_of_the_call_are_drafts_whatever_their_status() -> None:
    orders, lines = read_draft_lab_orders(
        (
            raw(request(status=None, intent=None, authoredOn=None)),
            raw(request(doNotPerform=True)),
            raw({"resourceType": "MedicationRequest", "id": "s"}),
            raw(request(code=7)),
        )
    )
    assert orders == (LabOrder("ServiceRequest/s", frozenset({"19123-9"}), draft=True),)  # type: ignore[arg-type]
    assert lines == ("ServiceRequest/s: could not be read",)
