"""What became of cards, told to `/cds-services/{id}/feedback` (CDS Hooks 2.0.1, Feedback)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

CARD = "0b0f8f5e-6a0f-5a3e-9a55-0d4d5f1c2b3a"
OTHER = "5b1d9c7a-23cd-5f0e-8a55-0d4d5f1c2b3b"
AT = "2026-11-21T09:00:00Z"
REASON = {"code": "goals-of-care", "system": "urn:electrolyte-cds:override-reason"}
ACCEPTED = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": OTHER}],
    "outcomeTimestamp": AT,
}
OVERRIDDEN = {"card": CARD, "outcome": "overridden", "outcomeTimestamp": AT}

Tell = Callable[..., Any]


@pytest.fixture
def tell(client: Any, address: str) -> Tell:
    """Send items of feedback; the status."""
    return lambda *items: client.post(f"{address}/feedback", json={"feedback": items})


def lacking(item: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != name}


@pytest.mark.requirement("FB-02")
@pytest.mark.parametrize("body", [[], {}, {"feedback": {}}, {"feedback": None}, {"feedback": [7]}])
def test_a_body_without_a_list_of_feedback_is_refused(client: Any, address: str, body: Any) -> None:
    assert client.post(f"{address}/feedback", json=body).status_code == 400


@pytest.mark.requirement("FB-02", "FB-05", "HTTP-01", "FB-01", "FB-10")
def test_feedback_is_answered_with_json(tell: Tell) -> None:
    reply = tell(ACCEPTED, OVERRIDDEN)
    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


@pytest.mark.requirement("FB-03", "FB-04", "FB-05", "FB-06", "FB-08")
@pytest.mark.parametrize(
    ("item", "field"),
    [
        (lacking(ACCEPTED, "card"), "card"),
        ({**ACCEPTED, "card": ""}, "card"),
        ({**ACCEPTED, "card": 7}, "card"),
        (lacking(ACCEPTED, "outcome"), "outcome"),
        ({**ACCEPTED, "outcome": "ignored"}, "outcome"),
        ({**ACCEPTED, "outcome": "dismissed"}, "outcome"),
        (lacking(ACCEPTED, "acceptedSuggestions"), "acceptedSuggestions"),
        ({**ACCEPTED, "acceptedSuggestions": []}, "acceptedSuggestions"),
        ({**ACCEPTED, "acceptedSuggestions": [{}]}, "acceptedSuggestions"),
        (lacking(ACCEPTED, "outcomeTimestamp"), "outcomeTimestamp"),
        ({**ACCEPTED, "outcomeTimestamp": "yesterday"}, "outcomeTimestamp"),
        ({**ACCEPTED, "outcomeTimestamp": "2026-11-21T09:00:00"}, "outcomeTimestamp"),
        ({**ACCEPTED, "outcomeTimestamp": 1}, "outcomeTimestamp"),
        ({**OVERRIDDEN, "overrideReason": {}}, "overrideReason"),
        ({**OVERRIDDEN, "overrideReason": {"reason": {}}}, "overrideReason"),
    ],
)
def test_what_an_item_must_hold_is_demanded_by_name(
    tell: Tell, item: dict[str, Any], field: str
) -> None:
    reply = tell(OVERRIDDEN, item)
    assert reply.status_code == 400
    where = reply.json()["issue"][0]["expression"][0]
    assert where.startswith(f"feedback[1].{field}")


@pytest.mark.requirement("FB-03", "FB-05", "FB-06", "FB-07", "FB-08")
@pytest.mark.parametrize(
    "item",
    [
        {**ACCEPTED, "card": "not a UUID, as some clients send it"},
        {**ACCEPTED, "acceptedSuggestions": [{"id": CARD}, {"id": OTHER}]},
        {**ACCEPTED, "outcomeTimestamp": "2026-11-21T09:00:00.123Z"},
        OVERRIDDEN,
        {**OVERRIDDEN, "overrideReason": {"reason": REASON}},
        {**OVERRIDDEN, "overrideReason": {"reason": {**REASON, "display": "Goals of care"}}},
        {**OVERRIDDEN, "overrideReason": {"userComment": "too early"}},
        {**OVERRIDDEN, "overrideReason": {"reason": REASON, "userComment": "too early"}},
    ],
)
def test_what_may_be_there_and_what_may_be_left_out_is_accepted(
    tell: Tell, item: dict[str, Any]
) -> None:
    assert tell(item).status_code == 200


@pytest.mark.requirement("FB-09")
def test_several_cards_and_the_same_card_again_are_accepted(tell: Tell) -> None:
    items = (ACCEPTED, {**OVERRIDDEN, "card": OTHER}, ACCEPTED)
    assert [tell(*items).status_code for _ in range(2)] == [200, 200]


@pytest.mark.requirement("FB-12")
@pytest.mark.parametrize("outcome", ["overridden", "ignored"])
def test_a_comment_comes_into_no_log_and_no_reply(
    tell: Tell, logged: Callable[[int], str], outcome: str
) -> None:
    marker = "a remark about Mrs Synthetic"
    reply = tell({**OVERRIDDEN, "outcome": outcome, "overrideReason": {"userComment": marker}})
    assert "Synthetic" not in logged(1) + reply.text


@pytest.mark.requirement("HTTP-10")
def test_feedback_to_a_service_that_is_not_there_is_404(client: Any) -> None:
    reply = client.post("/cds-services/none/feedback", json={"feedback": [OVERRIDDEN]})
    assert reply.status_code == 404
