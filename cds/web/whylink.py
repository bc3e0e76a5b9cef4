"""The link "Why this card?" on cards that leave.

It is put on at the edge, once the decision is kept: it differs from moment to moment, and a record
and its re-run must not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cds.bootstrap import Service
from cds.links import LASTS, WHY

LABEL = "Why this card?"

Cards = tuple[dict[str, Any], ...]
Linked = Callable[[Cards, str], Cards]


def linking(service: Service) -> Linked:
    """What puts the link on the cards of a decision: one for all of them. It needs an absolute
    address (`CDS_PUBLIC_URL`) and a key; where either is missing, cards leave as they are."""
    links, public = service.links, service.settings.public_url
    if links is None or public is None:
        return lambda cards, _decision: cards
    wall = service.wall

    def linked(cards: Cards, decision: str) -> Cards:
        if not cards:
            return cards
        token = links.made(decision, wall() + LASTS)
        link = {"label": LABEL, "url": f"{public}{WHY}/{token}", "type": "absolute"}
        return tuple({**card, "links": [*card.get("links", ()), link]} for card in cards)

    return linked
