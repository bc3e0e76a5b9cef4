"""What is made of decisions alone is made once, and never of one in the place of another."""

from __future__ import annotations

from dataclasses import replace

from cds.audit.decided import LONGEST, MOST, Known
from cds.audit.marks import marks_of
from cds.audit.trees import tables
from cds.audit.valueband import band_of
from cds.engine.decision import Decisions
from cds.facts.model import Fact, Presence
from kept_decisions import answered, book, named

FIRST = "first-card"


def test_what_is_remembered_is_what_the_decisions_say() -> None:
    known = Known()
    for item in answered():
        decisions = item.answer.decisions
        for found in (known.of(decisions, book()), known.of(decisions, book())):
            assert found.tables == tables(decisions), item.sample.name
            assert found.marks == marks_of(decisions.items)
            for one in decisions.items:
                if one.fired is not None:
                    told = found.band(one.rule.id, one.fired.row, one.summary)
                    assert told == band_of(one, book())


def test_decisions_that_come_again_are_not_written_again() -> None:
    known, decisions = Known(), named(FIRST).answer.decisions
    found = known.of(decisions, book())
    assert known.of(replace(decisions, unread=("Observation/1: why",)), book()) is found
    assert len(known) == 1


def test_other_facts_other_rules_and_equal_decisions_are_told_apart() -> None:
    known, decisions = Known(), named(FIRST).answer.decisions
    found = known.of(decisions, book())
    fact = Fact("of_this_test", Presence(True), "it is there")
    more = replace(decisions, facts=(fact, *decisions.facts))
    assert known.of(more, book()).tables == tables(more) != found.tables
    equal = replace(decisions, items=(*decisions.items[:1], *decisions.items[1:]))
    assert equal == decisions
    assert known.of(equal, book()) is not found
    bandless = known.of(decisions, replace(book(), facts={}))
    assert set(bandless.bands) == set(found.bands)
    assert {band for bands in bandless.bands.values() for band in bands.values()} == {""}


def test_no_more_decisions_are_remembered_than_the_bound_allows() -> None:
    known = Known(most=3)
    for item in answered()[:20]:
        known.of(item.answer.decisions, book())
        assert 1 <= len(known) <= 3


def test_long_tables_are_written_every_time() -> None:
    known = Known(MOST, 50)
    known.of(named(FIRST).answer.decisions, book())
    assert len(known) == 0
    short = Decisions(())
    assert Known(MOST, LONGEST).of(short, book()).marks == ()


def test_a_headline_that_was_cut_has_the_band_of_the_first() -> None:
    item = next(
        one for one in named(FIRST).answer.decisions.items if one.fired and band_of(one, book())
    )
    other = replace(item, summary="another order", levels=())
    assert item.fired is not None
    rule, row = item.rule.id, item.fired.row
    found = Known().of(Decisions((item, other)), book())
    assert found.band(rule, row, "cut") == found.band(rule, row, item.summary) != ""
    assert found.band(rule, row, "another order") == ""
    assert found.band(rule, "Z9", item.summary) == ""
    turned = Known().of(Decisions((other, item)), book())
    assert turned.band(rule, row, "cut") == ""
