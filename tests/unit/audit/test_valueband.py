"""The value bands of a decision are the rulebook's own words, and never a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cds.audit.kept import Shown
from cds.audit.valueband import band_of
from cds.engine.decision import Decision, Judgement
from cds.facts.model import Category, Fact
from cds.rulebook.model import BandSource
from kept_decisions import answered, book, named

MAGNESIUM = book().facts["mg_class"].type.labels


def fired() -> Iterator[Decision]:
    for item in answered():
        yield from (found for found in item.answer.decisions.items if found.fired is not None)


def bands(rule: str, row: str) -> set[str]:
    """The bands of all synthetic patients for whom this row fired."""
    return {
        band_of(item, book())
        for item in fired()
        if item.rule.id == rule and item.fired and item.fired.row == row
    }


@pytest.mark.parametrize(
    ("rule", "row", "expected"),
    [
        ("hypomagnesemia", "A2", {"magnesium: severe"}),
        ("hypomagnesemia", "A1", {"magnesium: low", "magnesium: borderline"}),
        ("high-magnesium", "C5", {"magnesium: high", "magnesium: very-high"}),
        ("low-potassium", "B0", {"magnesium: low", "magnesium: severe"}),
        # one limit and no band: the row says on which side of it
        ("low-potassium", "B4", {""}),
        ("lupus-leukopenia", "A6", {""}),
        # the route has labels too, and is no value
        ("magnesium-order", "C7", {""}),
        ("magnesium-order", "C2", {"renal band: hold"}),
    ],
)
def test_a_band_is_named_where_the_rulebook_has_bands(
    rule: str, row: str, expected: set[str]
) -> None:
    assert bands(rule, row) == expected


def test_what_is_undecided_names_all_it_may_be_in_a_fixed_order() -> None:
    item = next(one for one in fired() if band_of(one, book()) == "magnesium: low")
    labels = Category(frozenset({"borderline", "low", "severe"}))
    opened = _with_fact(item, labels)
    assert band_of(opened, book()) == "magnesium: severe or low or borderline"


def test_several_bands_stand_by_name_each_once() -> None:
    item = next(one for one in fired() if band_of(one, book()) == "magnesium: low")
    (level,) = [one for one in item.levels if one.level is item.fired]
    verdict = level.judgement.verdict
    leaf = Judgement(verdict, "x", fact=Fact("renal_band", Category(frozenset({"half"})), ""))
    both = Judgement(verdict, "all of", children=(leaf, level.judgement, leaf))
    changed = replace(item, levels=(replace(level, judgement=both),))
    assert band_of(changed, book()) == "magnesium: low; renal band: half"


def test_what_did_not_fire_has_no_band() -> None:
    item = next(one for one in fired() if band_of(one, book()))
    assert band_of(replace(item, fired=None), book()) == ""


def test_a_band_of_another_rulebook_is_left_out() -> None:
    item = next(one for one in fired() if band_of(one, book()) == "magnesium: low")
    assert band_of(item, replace(book(), facts={})) == ""


def test_no_band_of_any_synthetic_patient_holds_a_value() -> None:
    names = {
        spec.source.of for spec in book().facts.values() if isinstance(spec.source, BandSource)
    }
    words = "|".join((*MAGNESIUM, *book().facts["renal_band"].type.labels))
    one = rf"(?:{'|'.join(names)}|renal band): (?:{words})(?: or (?:{words}))*"
    found = [band_of(item, book()) for item in fired()]
    assert sum(map(bool, found)) > 50
    assert all(re.fullmatch(rf"(?:{one}(?:; {one})*)?", band) for band in found)


def test_every_card_is_listed_with_its_rule_its_most_severe_row_and_its_band() -> None:
    item = named("first-card")
    (card, *_), shown = item.answer.cards, item.entry().shown
    assert [one.card for one in shown] == [found["uuid"] for found in item.answer.cards]
    version = next(rule.version for rule in book().rules if rule.id == "hypomagnesemia")
    assert shown[0] == Shown(
        card["uuid"], "hypomagnesemia", version, "A2", card["indicator"], "magnesium: severe"
    )


def test_cards_of_all_synthetic_patients_are_listed_as_they_were_shown() -> None:
    rows = 0
    for item in answered():
        for card, shown in zip(item.answer.cards, item.entry().shown, strict=True):
            about = card["extension"]
            assert (shown.card, f"{shown.rule}@{shown.version}") == (card["uuid"], about["rule"])
            assert (shown.row, shown.indicator) == (about["rows"][0], card["indicator"])
            fits = {
                band_of(one, book())
                for one in item.answer.decisions.items
                if one.rule.id == shown.rule and one.fired and one.fired.row == shown.row
            }
            assert shown.band in fits
            rows += len(about["rows"]) > 1
    assert rows > 0, "a card that speaks for several rules was among them"


def test_a_rule_that_fired_for_two_orders_has_the_band_of_the_order_on_the_card() -> None:
    """The headline tells which order; a headline that had to be cut stands for the first."""
    item = next(one for one in answered() if one.entry().shown[:1] and one.entry().shown[0].band)
    card, shown = item.answer.cards[0], item.entry().shown[0]
    meant = next(one for one in item.answer.decisions.items if one.summary == card["summary"])
    other = replace(meant, summary="another order", levels=())
    for order in ((other, meant), (meant, other)):
        decisions = replace(item.answer.decisions, items=order)
        changed = replace(item, answer=replace(item.answer, decisions=decisions))
        assert changed.entry().shown[0] == shown


def _with_fact(item: Decision, state: Category) -> Decision:
    """The decision with another label of magnesium."""
    (level,) = [one for one in item.levels if one.level is item.fired]
    leaf = Judgement(level.judgement.verdict, "x", fact=Fact("mg_class", state, ""))
    return replace(item, levels=(replace(level, judgement=leaf),))
