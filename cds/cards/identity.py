"""Names of cards and suggestions: the same call gives the same names, any other call others.

uuid5 over (client, service, hookInstance, SHA-256 of the body, rule, row, index), design law 7.
Feedback comes back hours later with nothing but these (CDS Hooks 2.0.1, feedback endpoint).
"""

from __future__ import annotations

import json
from uuid import UUID, uuid5

from cds.cards.context import CardContext

NAMESPACE = UUID("6f1b0a52-7c6e-5d0b-9a43-2f6f0c1f7d11")


def card_uuid(context: CardContext, rule: str, row: str, order: str) -> str:
    """`order` is the draft a `for_each` rule was judged for, else ""."""
    return _named(
        context.client,
        context.service,
        context.hook_instance,
        context.body_digest,
        rule,
        row,
        order,
    )


def suggestion_uuid(card: str, index: int) -> str:
    """`index` counts the offers of the decision, so that leaving one out renames no other."""
    return _named(card, "suggestion", str(index))


def _named(*parts: str) -> str:
    # JSON keeps ("a", "bc") and ("ab", "c") apart, which joined text would not.
    return str(uuid5(NAMESPACE, json.dumps(parts)))
