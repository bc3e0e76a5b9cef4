"""A card says when the review of its rule is overdue, by the clinical date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from cds.cards.render import render
from cds.engine.decision import Decisions
from cds.rulebook.model import Review

DUE = date(2027, 11, 22)
LINE = "The review of this rule was due on 2027-11-22."
REVIEWS = {
    "nobody": Review("pending", date(2026, 11, 22), DUE),
    "a person": Review("A. Pharmacist", date(2026, 11, 22), DUE),
}


def detail(make: Any, review: Review, today: date) -> str:
    decisions = Decisions((make.decision(reviewed=review),))
    (card,) = render(decisions, make.context(today=today))
    return str(card["detail"])


@pytest.mark.parametrize("who", REVIEWS)
@pytest.mark.parametrize(
    ("today", "said"),
    [(date(2027, 11, 21), False), (DUE, False), (date(2027, 11, 23), True)],
)
def test_the_line_stands_from_the_day_after(make: Any, who: str, today: date, said: bool) -> None:
    assert (LINE in detail(make, REVIEWS[who], today)) is said


def test_what_is_said_about_the_review_itself_stays(make: Any) -> None:
    late = date(2028, 1, 1)
    assert "Not signed off by a clinician." in detail(make, REVIEWS["nobody"], late)
    assert "Reviewed by A. Pharmacist, 2026-11-22." in detail(make, REVIEWS["a person"], late)
