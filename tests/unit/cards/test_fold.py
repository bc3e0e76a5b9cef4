"""Few cards, most severe first, and nothing offered twice."""

from __future__ import annotations

from typing import Any

import pytest

from cds.cards.draft import CardDraft, Said, SuggestionDraft
from cds.cards.fold import (
    at_most_four,
    by_severity,
    fold,
    one_card_per_potassium_draft,
    one_drug_per_ingredient,
    one_edit_per_order,
    one_order_per_test,
)


def card(row: str, indicator: Any = "warning", position: int = 0, **more: Any) -> CardDraft:
    placed = {name: more.pop(name) for name in ("order", "suggestions") if name in more}
    said = Said(
        rule="rule@1.0.0",
        family=more.pop("family", "hypomagnesemia"),
        rows=(row,),
        indicator=indicator,
        summary=f"Summary of {row}",
        source={"label": "Label"},
        **more,
    )
    return CardDraft(position, f"uuid-{row}", said, **placed)


def drug(name: str = "magnesium") -> SuggestionDraft:
    return SuggestionDraft("u", f"Give {name}", {"type": "create"}, ingredient=name)


def lab(code: str = "19123-9") -> SuggestionDraft:
    return SuggestionDraft("u", f"Order {code}", {"type": "create"}, test=code)


def edit(target: str = "MedicationRequest/d", kind: str = "delete") -> SuggestionDraft:
    return SuggestionDraft("u", f"{kind} {target}", {"type": kind}, target=target)


def rows(cards: tuple[CardDraft, ...]) -> list[str]:
    return [item.said.rows[0] for item in cards]


def test_cards_stand_by_severity_then_in_the_order_of_the_rulebook() -> None:
    mixed = [
        card("A5", "info", 1),
        card("C1", "warning", 4),
        card("A2", "critical", 3),
        card("B0", "warning", 2),
    ]
    assert rows(by_severity(mixed)) == ["A2", "B0", "C1", "A5"]


@pytest.mark.parametrize(
    ("indicators", "shown"),
    [
        (["critical", "warning", "info", "info"], 4),
        (["critical", "warning", "warning", "info", "info"], 4),
        (["warning"] * 6, 4),
        (["critical"] * 6, 6),
        (["critical"] * 5 + ["warning", "info"], 5),
        ([], 0),
    ],
)
def test_at_most_four_cards_and_never_a_critical_one_less(
    indicators: list[str], shown: int
) -> None:
    cards = tuple(card(f"R{i}", level, i) for i, level in enumerate(indicators))
    kept = at_most_four(cards)
    assert rows(kept) == rows(cards)[:shown]


def test_the_last_card_names_what_is_not_shown_in_one_line() -> None:
    cards = tuple(card(f"R{i}", "info", i) for i in range(6))
    kept = at_most_four(cards)
    assert kept[-1].said.lines == ("Not shown: Summary of R4; Summary of R5",)
    assert [item.said.lines for item in kept[:-1]] == [(), (), ()]


def test_a_second_create_of_one_ingredient_is_removed_said_and_reported() -> None:
    cards = (card("A2", suggestions=(drug(),)), card("B1", suggestions=(drug(), lab())))
    folded = one_drug_per_ingredient(cards)
    assert folded.cards[0].suggestions == (drug(),)
    assert folded.cards[1].suggestions == (lab(),)
    assert "this answer already offers the drug" in folded.cards[1].said.lines[0]
    assert folded.defects == (
        "two drug suggestions for magnesium: rule@1.0.0 row A2 and rule@1.0.0 row B1; "
        "the second was removed",
    )


def test_a_second_create_on_the_same_card_is_removed_too() -> None:
    folded = one_drug_per_ingredient([card("A2", suggestions=(drug(), drug()))])
    assert len(folded.cards[0].suggestions) == 1
    assert len(folded.defects) == 1


def test_different_ingredients_stand_side_by_side() -> None:
    folded = one_drug_per_ingredient([card("A2", suggestions=(drug(), drug("potassium")))])
    assert (len(folded.cards[0].suggestions), folded.defects) == (2, ())


def test_one_draft_order_is_edited_once_and_a_second_edit_is_a_defect() -> None:
    cards = (
        card("C5", suggestions=(edit(),)),
        card("C1", suggestions=(edit(kind="update"), edit("MedicationRequest/e"))),
    )
    folded = one_edit_per_order(cards)
    assert [len(item.suggestions) for item in folded.cards] == [1, 1]
    assert folded.cards[1].suggestions[0].target == "MedicationRequest/e"
    assert "already offered" in folded.cards[1].said.lines[0]
    assert len(folded.defects) == 1
    assert "MedicationRequest" not in folded.defects[0]


def test_a_test_wanted_by_several_cards_stands_on_the_most_severe_one() -> None:
    cards = (card("B2", suggestions=(lab(),)), card("A4", suggestions=(lab(),)))
    first, second = one_order_per_test(cards)
    assert (len(first.suggestions), first.said.lines) == (1, ())
    assert second.suggestions == ()
    assert second.said.lines == ("Order 19123-9: ordered with the card above.",)


def test_a_test_wanted_twice_by_one_card_is_ordered_once() -> None:
    (only,) = one_order_per_test([card("C6", suggestions=(lab(), lab()))])
    assert len(only.suggestions) == 1
    assert only.said.lines == ("Order 19123-9: ordered on this card.",)


def potassium(row: str, indicator: str, position: int, order: str = "d", **more: Any) -> CardDraft:
    return card(row, indicator, position, family="potassium-safety", order=order, **more)


def test_cards_on_one_draft_potassium_order_fold_into_the_most_severe() -> None:
    cards = [
        potassium("C4", "warning", 0, body=("Start low.",), sources=("label",)),
        potassium("C4-iv", "critical", 1, suggestions=(edit(),), body=("Too fast.",)),
        potassium("C4-po", "info", 2, suggestions=(edit(), edit("MedicationRequest/e"))),
    ]
    (only,) = one_card_per_potassium_draft(cards)
    assert only.said.rows == ("C4-iv", "C4", "C4-po")
    assert only.uuid == "uuid-C4-iv"
    assert only.said.body == ("Too fast.",)
    assert only.said.lines == ("Also: Summary of C4", "Start low.", "Also: Summary of C4-po")
    assert [item.target for item in only.suggestions] == [
        "MedicationRequest/d",
        "MedicationRequest/e",
    ]
    assert only.said.sources == ("label",)


def test_ties_on_one_draft_potassium_order_fold_in_the_order_of_the_rows() -> None:
    cards = [potassium("C4-po", "warning", 0), potassium("C4", "warning", 1)]
    assert one_card_per_potassium_draft(cards)[0].said.rows == ("C4", "C4-po")


def test_two_drafts_and_other_families_are_not_folded_together() -> None:
    cards = [
        potassium("C4", "warning", 0, "d"),
        potassium("C4", "warning", 1, "e"),
        card("C1", order="d"),
        card("C3", order="d"),
        card("C4", family="potassium-safety"),
    ]
    assert len(one_card_per_potassium_draft(cards)) == 5


def test_folding_keeps_a_test_on_the_card_that_is_shown() -> None:
    cards = [card(f"I{i}", "info", i) for i in range(4)]
    cards[1:1] = [card("A4", "info", 9, suggestions=(lab(),))]
    cards.append(card("B2", "warning", 10, suggestions=(lab(),)))
    folded = fold(cards)
    assert rows(folded.cards) == ["B2", "I0", "I1", "I2"]
    assert folded.cards[0].suggestions == (lab(),)
    assert folded.cards[-1].said.lines == ("Not shown: Summary of I3; Summary of A4",)
    assert folded.defects == ()
