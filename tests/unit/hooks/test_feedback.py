"""Feedback as clients send it: by the specification, and as two of them really write it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cds.errors import BadRequest
from cds.hooks.feedback import OWN_REASON, Feedback, Reason, read_feedback

Json = dict[str, Any]

CARD = "4e0a3a1e-8b06-5a1c-9d5e-0d4d5f1c2b3a"
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
ACCEPTED: Json = {
    "card": CARD,
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "s-1"}],
    "outcomeTimestamp": "2026-03-01T10:00:00Z",
}
OVERRIDDEN: Json = {
    "card": CARD,
    "outcome": "overridden",
    "outcomeTimestamp": "2026-03-01T10:00:00Z",
}
REASON = {"code": "patrefused", "system": "urn:reasons", "display": "Patient refused"}
EPIC_REASON = {
    f"{OWN_REASON}.reasonCategory": "45",
    f"{OWN_REASON}.reasonDisplay": "Does not meet criteria",
    f"{OWN_REASON}.reasonTitle": "Not indicated",
}


def read(*items: Json) -> tuple[Feedback, ...]:
    return read_feedback(json.dumps({"feedback": items}).encode())


def without(item: Json, member: str) -> Json:
    return {name: value for name, value in item.items() if name != member}


def test_an_accepted_card_names_its_suggestions() -> None:
    item = {**ACCEPTED, "acceptedSuggestions": [{"id": "s-1"}, {"id": "s-2"}, {"id": "s-1"}]}
    assert read(item) == (Feedback(CARD, "accepted", AT, ("s-1", "s-2")),)


@pytest.mark.parametrize("member", ["overrideReason", "overrideReasons"])
@pytest.mark.parametrize(
    ("override", "reason", "comment"),
    [
        ({"reason": REASON}, Reason("patrefused", "urn:reasons", "Patient refused"), ""),
        (
            {"reason": {"code": "patrefused", "system": "urn:reasons"}, "userComment": " why "},
            Reason("patrefused", "urn:reasons"),
            "why",
        ),
        ({"reason": {"code": "c", "system": None}}, Reason("c"), ""),
        ({"userComment": "seen"}, None, "seen"),
        ({"extension": EPIC_REASON}, Reason("45", OWN_REASON, "Not indicated"), ""),
        (
            {"extension": without(EPIC_REASON, f"{OWN_REASON}.reasonTitle"), "userComment": "x"},
            Reason("45", OWN_REASON, "Does not meet criteria"),
            "x",
        ),
        ({"extension": {"org.example": 1}, "userComment": "seen"}, None, "seen"),
        (
            {"reason": REASON, "extension": EPIC_REASON},
            Reason("patrefused", "urn:reasons", "Patient refused"),
            "",
        ),
    ],
)
def test_both_spellings_of_a_reason_are_read(
    member: str, override: Json, reason: Reason | None, comment: str
) -> None:
    (found,) = read({**OVERRIDDEN, member: override})
    assert (found.outcome, found.reason, found.comment) == ("overridden", reason, comment)


def test_of_two_spellings_the_one_of_the_specification_counts() -> None:
    both = {"overrideReason": {"userComment": "a"}, "overrideReasons": {"userComment": "b"}}
    assert read({**OVERRIDDEN, **both})[0].comment == "a"


def test_a_card_overridden_without_a_reason_is_valid() -> None:
    assert read(OVERRIDDEN) == (Feedback(CARD, "overridden", AT),)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01T10:00:00.123Z", AT.replace(microsecond=123000)),
        ("2026-03-01T12:00:00+02:00", AT),
    ],
)
def test_moments_are_read_as_utc(text: str, at: datetime) -> None:
    assert read({**OVERRIDDEN, "outcomeTimestamp": text})[0].at == at


def test_one_body_tells_of_several_cards_and_of_one_card_twice() -> None:
    other = {**OVERRIDDEN, "card": "123456"}
    found = read(ACCEPTED, other, ACCEPTED)
    assert [item.card for item in found] == [CARD, "123456", CARD]
    assert found[0] == found[2]


def test_members_nobody_knows_are_ignored() -> None:
    assert read({**OVERRIDDEN, "extension": {"org.example": 1}}) == read(OVERRIDDEN)


def test_a_batch_of_nothing_is_nothing() -> None:
    assert read() == ()


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"{", ""),
        (b"\xff", ""),
        (b"{}", "feedback"),
        (b'{"feedback": {}}', "feedback"),
        (b'{"feedback": null}', "feedback"),
        (b'{"feedback": [1]}', "feedback[0]"),
    ],
)
def test_a_body_that_is_no_feedback_is_refused(body: bytes, where: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read_feedback(body)
    assert (refused.value.where, refused.value.status) == (where, 400)


REFUSED = [
    *((without(ACCEPTED, name), f"feedback[1].{name}") for name in ("card", "outcome")),
    (without(ACCEPTED, "outcomeTimestamp"), "feedback[1].outcomeTimestamp"),
    ({**ACCEPTED, "card": " "}, "feedback[1].card"),
    ({**ACCEPTED, "card": 7}, "feedback[1].card"),
    ({**ACCEPTED, "card": "a" * 257}, "feedback[1].card"),
    # no database keeps this character: such a body could never be recorded
    ({**ACCEPTED, "card": "a\0b"}, "feedback[1].card"),
    (
        {**ACCEPTED, "acceptedSuggestions": [{"id": "\0"}]},
        "feedback[1].acceptedSuggestions[0].id",
    ),
    *(
        (
            {**OVERRIDDEN, "overrideReason": {"reason": {"code": "c", "system": "s", part: "\0c"}}},
            f"feedback[1].overrideReason.reason.{part}",
        )
        for part in ("code", "system")
    ),
    (
        {
            **OVERRIDDEN,
            "overrideReason": {
                "extension": {**EPIC_REASON, f"{OWN_REASON}.reasonCategory": "4\0"}
            },
        },
        "feedback[1].overrideReason.extension",
    ),
    ({**ACCEPTED, "outcome": "ignored"}, "feedback[1].outcome"),
    ({**ACCEPTED, "outcome": "Accepted"}, "feedback[1].outcome"),
    (without(ACCEPTED, "acceptedSuggestions"), "feedback[1].acceptedSuggestions"),
    ({**ACCEPTED, "acceptedSuggestions": []}, "feedback[1].acceptedSuggestions"),
    ({**ACCEPTED, "acceptedSuggestions": [{"id": ""}]}, "feedback[1].acceptedSuggestions[0].id"),
    ({**ACCEPTED, "acceptedSuggestions": [{}]}, "feedback[1].acceptedSuggestions[0].id"),
    *(({**ACCEPTED, "outcomeTimestamp": text}, "feedback[1].outcomeTimestamp")
      for text in ("yesterday", "2026-03-01", "2026-03-01T10:00:00", "0001-01-01T00:00:00+01:00")),
    ({**OVERRIDDEN, "overrideReason": {}}, "feedback[1].overrideReason"),
    ({**OVERRIDDEN, "overrideReasons": {}}, "feedback[1].overrideReasons"),
    ({**OVERRIDDEN, "overrideReasons": {"extension": {}}}, "feedback[1].overrideReasons"),
    ({**OVERRIDDEN, "overrideReason": {"userComment": "  "}}, "feedback[1].overrideReason"),
    ({**OVERRIDDEN, "overrideReason": {"reason": {"display": "x"}}},
     "feedback[1].overrideReason.reason.code"),
]  # fmt: skip


@pytest.mark.parametrize(("item", "where"), REFUSED)
def test_an_entry_that_cannot_be_used_is_named(item: Json, where: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(OVERRIDDEN, item)
    assert refused.value.where == where
    assert "yesterday" not in str(refused.value)


def test_what_a_clinician_wrote_shows_in_no_log_line() -> None:
    (found,) = read({**OVERRIDDEN, "overrideReason": {"userComment": "Mrs. Example declined"}})
    assert "Example" not in repr(found)
