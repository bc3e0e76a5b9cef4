"""Which draft orders a hook puts before the rules as selected (clinical pack R1)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cds.chart.read import Chart, read_chart
from cds.facts.terminology import Terminology
from cds.hooks.request import read_call
from cds.hooks.services import SERVICES

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def order(number: str, **members: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": number,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": f"drug {number}"},
        **members,
    }


def chart(hook: str, *orders: dict[str, Any], **context: Any) -> Chart:
    body = {
        "hook": hook,
        "hookInstance": "i",
        "context": {
            "userId": "Practitioner/u",
            "patientId": "p1",
            "encounterId": "e1",
            "draftOrders": {
                "resourceType": "Bundle",
                "entry": [{"resource": item} for item in orders],
            },
            **context,
        },
        "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}, "observations": None},
    }
    service = SERVICES[f"electrolytes-{hook}"]
    return read_chart(read_call(service, json.dumps(body).encode()), Terminology(), NOW)


def selected(found: Chart) -> dict[str, bool]:
    return {draft.source: draft.selected for draft in found.record.drafts}


def test_order_select_selects_what_is_named_and_nothing_else() -> None:
    found = chart("order-select", order("a"), order("b"), selections=["MedicationRequest/b"])
    assert selected(found) == {"MedicationRequest/a": False, "MedicationRequest/b": True}


@pytest.mark.parametrize("more", [{}, {"selections": ["MedicationRequest/a"]}, {"selections": 7}])
def test_order_sign_selects_every_order_whatever_selections_say(more: dict[str, Any]) -> None:
    found = chart("order-sign", order("a"), order("b", status="active"), **more)
    assert selected(found) == {"MedicationRequest/a": True, "MedicationRequest/b": True}


def test_an_order_to_sign_without_an_id_and_one_that_cannot_be_read_are_selected_too() -> None:
    nameless = {key: value for key, value in order("a").items() if key != "id"}
    found = chart("order-sign", nameless, order("b", dosageInstruction="once"))
    assert selected(found) == {"MedicationRequest/": True, "MedicationRequest/b": True}


@pytest.mark.parametrize("hook", ["patient-view", "encounter-discharge"])
def test_a_hook_without_draft_orders_has_none_although_some_were_sent(hook: str) -> None:
    found = chart(hook, order("a", subject={"reference": "Patient/p2"}), selections=["x"])
    assert (found.record.drafts, dict(found.drafts), found.record.unreadable) == ((), {}, ())
