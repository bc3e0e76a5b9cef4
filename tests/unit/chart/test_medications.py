"""MedicationRequests as orders: kinds, periods, duplicates, drafts, gaps (clinical pack R29)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds.chart.medications import MedicationIndex, read_drafts, read_orders
from cds.facts.record import Listing, MedicationOrder, OrderKind, Unclear
from cds.facts.terminology import Terminology
from cds.fhir.bundle import RawResource, Supplied
from cds.kernel.codes import RXNORM
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook.codesets import load_terminology

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
MG_BAG, KCL = "829757", "1801294"


@cache
def terms() -> Terminology:
    return load_terminology(Path(__file__).parents[3] / "rules" / "code_sets")


def request(ident: str = "r1", rxnorm: str = MG_BAG, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": ident,
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "authoredOn": "2026-11-21T08:00:00Z",
        "medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": rxnorm}]},
        "dosageInstruction": [dosage(2, "g")],
    } | more


def dosage(value: Any, unit: str, **more: Any) -> dict[str, Any]:
    return {"doseAndRate": [{"doseQuantity": {"value": value, "unit": unit}}]} | more


def raw(resource: dict[str, Any]) -> RawResource:
    text = msgspec.Raw(json.dumps(resource).encode())
    return RawResource(resource["resourceType"], resource.get("id", ""), "", text)


def read(
    *requests: dict[str, Any], gap: str = ""
) -> tuple[Listing[MedicationOrder], tuple[str, ...]]:
    supplied = Supplied("medications", tuple(map(raw, requests)), gap)
    return read_orders(supplied, MedicationIndex.of(supplied.resources), terms(), NOW, "p")


def kinds(*requests: dict[str, Any]) -> list[OrderKind]:
    return [order.kind for order in read(*requests)[0].items]


def one(**more: Any) -> MedicationOrder:
    (order,) = read(request(**more))[0].items
    return order


def test_an_order_is_read_whole() -> None:
    order = one(
        dosageInstruction=[
            dosage(2, "g", route={"coding": [{"code": "IV"}]}, timing={"code": {"text": "DAILY"}})
        ]
    )
    assert (order.source, order.kind, order.product) == (
        "MedicationRequest/r1",
        OrderKind.ACTIVE,
        MG_BAG,
    )
    assert order.roles == {"mg-replacement-iv"}
    assert order.dose == Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, 2, "g")
    assert (order.per_day, order.parenteral, order.route, order.editable) == (1, True, "IV", True)
    assert order.start == order.authored == datetime(2026, 11, 21, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    "intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"]
)
def test_an_active_order_of_these_intents_is_active(intent: str) -> None:
    assert kinds(request(intent=intent)) == [OrderKind.ACTIVE]


@pytest.mark.parametrize(
    "more",
    [
        {"intent": "plan"},
        {"intent": "proposal"},
        {"intent": "option"},
        {"intent": None},
        {"doNotPerform": True},
        {"status": "on-hold"},
        {"status": "cancelled"},
        {"status": "draft"},
        {"status": "entered-in-error"},
        {"status": "completed", "intent": "plan"},
    ],
)
def test_what_is_no_order_is_left_out_silently(more: dict[str, Any]) -> None:
    listing, lines = read(request(**more))
    assert (listing.items, listing.gap, lines) == ((), "", ())


@pytest.mark.parametrize("status", ["unknown", "Active", "in-progress", None])
def test_an_order_that_may_be_active_makes_absence_unprovable(status: str | None) -> None:
    listing, lines = read(request(status=status))
    assert listing.items == ()
    assert listing.gap == "1 entry of `medications` could not be read"
    assert len(lines) == 1
    assert lines[0].endswith("has no status that tells whether it is active")


@pytest.mark.parametrize(
    ("more", "kind", "stop"),
    [
        (
            {"dispenseRequest": {"validityPeriod": {"end": "2026-11-21T11:00:00Z"}}},
            OrderKind.ENDED,
            11,
        ),
        (
            {"dispenseRequest": {"validityPeriod": {"end": "2026-11-21T14:00:00Z"}}},
            OrderKind.ACTIVE,
            14,
        ),
        (
            {
                "dosageInstruction": [
                    dosage(
                        2, "g", timing={"repeat": {"boundsPeriod": {"end": "2026-11-21T10:00:00Z"}}}
                    )
                ]
            },
            OrderKind.ENDED,
            10,
        ),
        (
            {
                "status": "stopped",
                "dispenseRequest": {"validityPeriod": {"end": "2026-11-21T15:00:00Z"}},
            },
            OrderKind.ENDED,
            12,
        ),
    ],
)
def test_an_order_ends_with_its_period(more: dict[str, Any], kind: OrderKind, stop: int) -> None:
    order = one(**more)
    assert order.kind is kind
    assert order.stop == datetime(2026, 11, 21, stop, tzinfo=UTC)


def test_a_completed_order_without_period_has_no_known_stop() -> None:
    order = one(status="completed")
    assert (order.kind, order.stop) == (OrderKind.ENDED, None)


def test_the_start_is_that_of_the_period() -> None:
    order = one(dispenseRequest={"validityPeriod": {"start": "2026-11-21T09:00:00Z"}})
    assert order.start == datetime(2026, 11, 21, 9, tzinfo=UTC)


def test_one_instruction_of_several_that_has_ended_does_not_end_the_order() -> None:
    ended = dosage(2, "g", timing={"repeat": {"boundsPeriod": {"end": "2026-11-21T10:00:00Z"}}})
    assert kinds(request(dosageInstruction=[ended, dosage(1, "g")])) == [OrderKind.ACTIVE]


@pytest.mark.parametrize(
    "second",
    [
        {"basedOn": [{"reference": "MedicationRequest/r1"}], "authoredOn": "2026-11-21T09:00:00Z"},
        {"authoredOn": "2026-11-21T09:00:00Z"},
        {"identifier": None},
    ],
)
def test_the_same_order_seen_twice_counts_once(second: dict[str, Any]) -> None:
    shared = {"identifier": [{"system": "urn:h", "value": "17"}]}
    listing, _ = read(request("r1", **shared), request("r2", **(shared | second)))
    assert [order.source for order in listing.items] == ["MedicationRequest/r1"]
    assert listing.items[0].also == ("MedicationRequest/r2",)


@pytest.mark.parametrize(
    "second",
    [
        {"authoredOn": "2026-11-21T09:00:00Z"},
        {"dosageInstruction": [dosage(1, "g")]},
        {"dosageInstruction": [dosage(50, "mL")]},
        {"status": "completed"},
        {"dispenseRequest": {"validityPeriod": {"start": "2026-11-21T16:00:00Z"}}},
        {"rxnorm": KCL},
    ],
)
def test_two_orders_that_differ_are_two(second: dict[str, Any]) -> None:
    assert len(read(request("r1"), request("r2", **second))[0].items) == 2


def test_two_orders_without_an_id_are_not_one_for_that() -> None:
    later = {"authoredOn": "2026-11-21T09:00:00Z"}
    assert len(read(request(""), request("", **later))[0].items) == 2


def test_an_identifier_shared_by_different_drugs_is_a_group_and_no_repetition() -> None:
    shared = {"identifier": [{"system": "urn:h", "value": "17"}]}
    assert len(read(request("r1", **shared), request("r2", KCL, **shared))[0].items) == 2


def test_orders_based_on_each_other_do_not_vanish() -> None:
    first = request("r1", basedOn=[{"reference": "MedicationRequest/r2"}])
    second = request("r2", basedOn=[{"reference": "MedicationRequest/r1"}])
    assert len(read(first, second)[0].items) == 1


def test_another_patients_order_is_left_out_and_named() -> None:
    listing, lines = read(request(subject={"reference": "Patient/other"}))
    assert listing.items == ()
    assert lines == ("MedicationRequest/r1: belongs to another patient",)


@pytest.mark.parametrize("broken", [{"dosageInstruction": "2 g"}, {"status": None}])
def test_an_order_that_cannot_be_read_leaves_a_gap(broken: dict[str, Any]) -> None:
    listing, lines = read(request(**broken), request("r2", KCL))
    assert [order.source for order in listing.items] == ["MedicationRequest/r2"]
    assert listing.gap == "1 entry of `medications` could not be read"
    assert len(lines) == 1


def test_an_unidentified_drug_stays_and_leaves_a_gap() -> None:
    listing, _ = read(request(rxnorm="99999999"))
    assert [order.identified for order in listing.items] == [False]
    assert listing.gap == "1 medication could not be identified"


def test_a_past_order_of_an_unidentified_drug_leaves_no_gap() -> None:
    assert read(request(rxnorm="99999999", status="completed"))[0].gap == ""


def test_a_gap_of_the_client_is_kept() -> None:
    assert "truncated" in read(request(rxnorm="99999999"), gap="truncated")[0].gap


@pytest.mark.parametrize(
    ("more", "dose", "editable"),
    [
        ({}, True, True),
        ({"dosageInstruction": [dosage(2, "g"), dosage(1, "g")]}, False, False),
        (
            {
                "dosageInstruction": [
                    {"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "g"}}] * 2}
                ]
            },
            False,
            False,
        ),
        ({"dosageInstruction": [dosage(4, "")]}, False, False),
        ({"dosageInstruction": [{"text": "4 g IV"}]}, False, False),
        ({"dosageInstruction": []}, False, False),
    ],
)
def test_only_one_readable_dose_may_be_edited(
    more: dict[str, Any], dose: bool, editable: bool
) -> None:
    order = one(**more)
    assert isinstance(order.dose, Quantity if dose else Unclear)
    assert order.editable is editable


def test_magnesium_sulfate_by_mouth_is_a_laxative() -> None:
    order = one(rxnorm="6585", dosageInstruction=[dosage(10, "g", route={"text": "oral"})])
    assert order.roles == {"mg-containing-laxative"}


def test_the_route_comes_from_the_product_only_where_none_is_stated() -> None:
    assert one().parenteral is True
    assert one(rxnorm="6585").parenteral is None
    assert one(rxnorm=KCL).parenteral is False


def test_a_topical_form_is_no_exposure_and_has_no_dose() -> None:
    order = one(rxnorm="1945074")
    assert (order.systemic, order.dose) == (False, None)


def drafts(*resources: dict[str, Any], selected: frozenset[str] = frozenset()) -> Any:
    found = tuple(map(raw, resources))
    return read_drafts(found, selected, MedicationIndex.of(found), terms(), NOW, "p")


@pytest.mark.parametrize("selection", ["MedicationRequest/r1", "r1"])
def test_a_draft_is_a_draft_and_may_be_selected(selection: str) -> None:
    found, _ = drafts(
        request("r1", status="draft"),
        request("r2", status="draft"),
        selected=frozenset({selection}),
    )
    assert [(order.kind, order.selected) for order in found] == [
        (OrderKind.DRAFT, True),
        (OrderKind.DRAFT, False),
    ]


def test_a_draft_that_cannot_be_read_might_be_anything() -> None:
    found, lines = drafts(request(dosageInstruction="2 g"), selected=frozenset({"r1"}))
    assert (found[0].identified, found[0].selected) == (False, True)
    assert isinstance(found[0].dose, Unclear)
    assert lines == ("MedicationRequest/r1: could not be read",)


@pytest.mark.parametrize("more", [{"status": "cancelled"}, {"doNotPerform": True}])
def test_a_withdrawn_draft_is_none(more: dict[str, Any]) -> None:
    assert drafts(request(**more)) == ((), ())


def test_other_resources_among_drafts_are_passed_over() -> None:
    assert drafts({"resourceType": "ServiceRequest", "id": "s"}) == ((), ())


def test_another_patients_draft_is_left_out_and_named() -> None:
    found, lines = drafts(request(subject={"reference": "Patient/other"}))
    assert found == ()
    assert lines == ("MedicationRequest/r1: belongs to another patient",)
