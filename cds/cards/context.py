"""What cards need besides the decisions: who asked, for whom, and the drafts as they came."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from cds.rulebook.model import OrderTemplate, Rulebook


@dataclass(frozen=True, slots=True)
class CardContext:
    """One hook call as the cards see it.

    `client` is the verified caller ("" in an open sandbox), `body_digest` the SHA-256 of the
    request body: together with rule and row they name the card (design law 7). `drafts` holds
    every draft order, undecoded, by `Type/id`. `today` is the clinical date: it decides whether the
    review of a rule is overdue.
    """

    client: str
    service: str
    hook_instance: str
    body_digest: str
    decision_id: str
    patient_id: str
    encounter_id: str | None
    book: Rulebook
    drafts: Mapping[str, msgspec.Raw]
    today: dt.date

    def template_of(self, product: str | None) -> OrderTemplate | None:
        """The order template of a product, by its RxNorm code."""
        return next(
            (item for item in self.book.templates.values() if product and item.code == product),
            None,
        )
