"""A card that only keeps an answer from being empty goes where another card is."""

from __future__ import annotations

from dataclasses import replace

from cds.cards.draft import CardDraft, Said
from cds.cards.fold import fold

SAID = Said("a@1.0.0", "data-quality", ("D4",), "info", "failed", {})
CARD = CardDraft(0, "u-1", SAID)
ALONE = replace(CARD, said=replace(SAID, alone=True))
OTHER = replace(CARD, position=1, uuid="u-2", said=replace(SAID, summary="low magnesium"))


def test_alone_it_stays() -> None:
    assert fold((ALONE,)).cards == (ALONE,)


def test_two_of_them_stay_together() -> None:
    again = replace(ALONE, uuid="u-3")
    assert fold((ALONE, again)).cards == (ALONE, again)


def test_beside_another_card_it_goes() -> None:
    assert fold((ALONE, OTHER)).cards == (OTHER,)
