"""From all findings to the few cards of one answer, most severe first.

Pure functions over `CardDraft`, applied in this order: cards on one draft potassium order become
one (clinical pack R15); one drug create per ingredient, one edit per draft order, one order per
test (design law 11, R28); at most four cards, info dropped first, a critical never (R27).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from cds.cards.draft import CardDraft, Said, SuggestionDraft
from cds.cards.markdown import sentence

MOST_CARDS = 4
POTASSIUM = "potassium-safety"
SEVERITY = {"critical": 0, "warning": 1, "info": 2}

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Folded:
    """The cards to show, and what rules should have prevented: two offers where one may stand.

    A defect names rules, never the patient: it belongs in logs and metrics.
    """

    cards: tuple[CardDraft, ...]
    defects: tuple[str, ...] = ()


def fold(cards: Iterable[CardDraft]) -> Folded:
    """All of it, in order."""
    ordered = by_severity(one_card_per_potassium_draft(unless_others(by_severity(cards))))
    drugs = one_drug_per_ingredient(ordered)
    edits = one_edit_per_order(drugs.cards)
    tests = one_order_per_test(edits.cards)
    return Folded(at_most_four(tests), drugs.defects + edits.defects)


def unless_others(cards: tuple[CardDraft, ...]) -> tuple[CardDraft, ...]:
    """A card that only keeps an answer from being empty goes where another card is."""
    others = tuple(card for card in cards if not card.said.alone)
    return others or cards


def by_severity(cards: Iterable[CardDraft]) -> tuple[CardDraft, ...]:
    """Critical, warning, info; within one severity the order of the rulebook."""
    return tuple(sorted(cards, key=lambda card: (SEVERITY[card.said.indicator], card.position)))


def one_card_per_potassium_draft(cards: Iterable[CardDraft]) -> tuple[CardDraft, ...]:
    """C4, C4-iv and C4-po on one draft fold into the most severe; ties in that order (R15)."""
    kept: list[CardDraft] = []
    heads: dict[str, int] = {}
    rows_in_order = sorted(cards, key=lambda card: (SEVERITY[card.said.indicator], card.said.rows))
    for card in rows_in_order:
        if card.said.family != POTASSIUM or not card.order:
            kept.append(card)
        elif card.order in heads:
            kept[heads[card.order]] = _merged(kept[heads[card.order]], card)
        else:
            heads[card.order] = len(kept)
            kept.append(card)
    return tuple(kept)


def _merged(head: CardDraft, other: CardDraft) -> CardDraft:
    targets = {item.target for item in head.suggestions if item.target}
    added = tuple(item for item in other.suggestions if item.target not in targets)
    said = _both(head.said, other.said)
    return replace(head, said=said, suggestions=(*head.suggestions, *added))


def _both(head: Said, other: Said) -> Said:
    said = tuple(line for line in (*other.body, *other.lines) if line not in head.body)
    return replace(
        head,
        rows=_union(head.rows, other.rows),
        lines=_union(head.lines, (sentence(f"Also: {other.summary}"), *said)),
        evidence=_union(head.evidence, other.evidence),
        kidneys=_union(head.kidneys, other.kidneys),
        fine_print=_union(head.fine_print, other.fine_print),
        sources=_union(head.sources, other.sources),
        rules=_union(head.rules, other.rules),
        overrides=_union(head.overrides, other.overrides),
    )


def _union(first: tuple[_T, ...], second: tuple[_T, ...]) -> tuple[_T, ...]:
    return tuple(dict.fromkeys((*first, *second)))


def one_drug_per_ingredient(cards: Iterable[CardDraft]) -> Folded:
    """Two creates of one ingredient are a defect of the rules; the later one is taken out."""
    taken: dict[str, str] = {}
    kept: list[CardDraft] = []
    defects: list[str] = []
    for card in cards:
        for item in card.suggestions:
            if item.ingredient and item.ingredient in taken:
                defects.append(
                    f"two drug suggestions for {item.ingredient}: "
                    f"{taken[item.ingredient]} and {_place(card)}; the second was removed"
                )
                card = card.without(item, _not_offered(item, "this answer already offers the drug"))
            elif item.ingredient:
                taken[item.ingredient] = _place(card)
        kept.append(card)
    return Folded(tuple(kept), tuple(defects))


def one_edit_per_order(cards: Iterable[CardDraft]) -> Folded:
    """Two edits of one draft cannot both be accepted: the more severe card keeps its own (R15)."""
    taken: dict[str, str] = {}
    kept: list[CardDraft] = []
    defects: list[str] = []
    for card in cards:
        for item in card.suggestions:
            if item.target and item.target in taken:
                defects.append(
                    f"two edits of one draft order: {taken[item.target]} and {_place(card)}; "
                    "the second was removed"
                )
                why = "a change to the same draft order is already offered"
                card = card.without(item, _not_offered(item, why))
            elif item.target:
                taken[item.target] = _place(card)
        kept.append(card)
    return Folded(tuple(kept), tuple(defects))


def one_order_per_test(cards: Iterable[CardDraft]) -> tuple[CardDraft, ...]:
    """A test wanted by several cards stands on the most severe one (R28)."""
    taken: set[str] = set()
    kept: list[CardDraft] = []
    for card in cards:
        here: set[str] = set()
        for item in card.suggestions:
            if item.test and item.test in taken | here:
                where = "on this card" if item.test in here else "with the card above"
                card = card.without(item, sentence(f"{item.label}: ordered {where}."))
            elif item.test:
                here.add(item.test)
        taken |= here
        kept.append(card)
    return tuple(kept)


def at_most_four(cards: tuple[CardDraft, ...]) -> tuple[CardDraft, ...]:
    """The four most severe, more only if all are critical; the last one names the others."""
    critical = sum(card.said.indicator == "critical" for card in cards)
    room = max(MOST_CARDS, critical)
    kept, dropped = cards[:room], cards[room:]
    if not dropped:
        return kept
    names = "; ".join(card.said.summary for card in dropped)
    return (*kept[:-1], kept[-1].saying(sentence(f"Not shown: {names}")))


def _not_offered(item: SuggestionDraft, why: str) -> str:
    return sentence(f"Not offered here: {item.label}, because {why}.")


def _place(card: CardDraft) -> str:
    return f"{card.said.rule} row {card.said.rows[0]}"
