"""What is worked out once for a rulebook belongs to it, and no answer leaves a mark on the next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from cds.cards.draft import SuggestionDraft
from cds.cards.imprint import imprint
from cds.cards.render import render
from cds.cards.suggestions import MOST_DOSES, NOT_WRITTEN, suggestion
from cds.engine.decision import Decisions


def offering(make: Any) -> Any:
    return make.decision(offers=(make.infusion("4"), make.test()))


def spoiled(node: Any) -> None:
    """Everything that can be written over is written over."""
    for below in list(inner(node)):
        spoiled(below)
    if isinstance(node, dict):
        for name in node:
            node[name] = "spoiled"
    elif isinstance(node, list):
        node[:] = ["spoiled"] * 2


def inner(node: Any) -> Iterator[Any]:
    found = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    yield from found


def test_an_answer_that_is_written_over_leaves_the_next_one_as_it_was(make: Any) -> None:
    context = make.context()
    first = render(Decisions((offering(make),)), context)
    said = msgspec.json.encode(first)
    assert json.loads(said)[0]["suggestions"][0]["actions"][0]["resource"]["dosageInstruction"]
    for card in first:
        spoiled(card)
    assert b"spoiled" in msgspec.json.encode(first)
    assert msgspec.json.encode(render(Decisions((offering(make),)), context)) == said


def test_a_rule_of_the_rulebook_is_worked_out_once(make: Any) -> None:
    rule = make.decision().rule
    book = replace(make.context().book, rules=(rule,))
    assert imprint(rule, book) is imprint(rule, book)


def test_another_rule_of_the_same_id_is_not_taken_for_it(make: Any) -> None:
    rule = make.decision().rule
    book = replace(make.context().book, rules=(rule,))
    assert imprint(replace(rule, version="2.0.0"), book).name == "hypomagnesemia@2.0.0"
    assert imprint(rule, book).name == "hypomagnesemia@1.0.0"


def test_another_rulebook_says_itself_who_accepted_a_rule(make: Any) -> None:
    rule = make.decision().rule
    book = replace(make.context().book, rules=(rule,))
    accepting = replace(book, accepted={rule.id: "B. Chief, 2026-11-02"})
    assert "Not signed off" in imprint(rule, book).in_time
    assert "B. Chief" in imprint(rule, accepting).in_time


def test_orders_of_many_doses_are_each_of_their_own_dose_and_patient(make: Any) -> None:
    context = make.context()
    for _ in "once", "again":
        for grams in range(1, MOST_DOSES + 3):
            asked = replace(context, patient_id=f"p{grams}")
            found = suggestion(make.infusion(str(grams)), asked, "card", 0)
            assert isinstance(found, SuggestionDraft)
            order = found.action["resource"]
            assert order["subject"] == {"reference": f"Patient/p{grams}"}
            (dosage,) = order["dosageInstruction"]
            assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == grams
            assert dosage["text"].startswith(f"{grams} g (")


def test_an_order_is_not_kept_for_an_offer_that_says_more(make: Any) -> None:
    context = make.context()
    slow, fast = make.infusion("2"), make.infusion("2", rate="2")
    offers = (slow, fast, make.infusion("2", rate=None, hours=make.hours("4")), slow)
    found = [suggestion(offer, context, "card", 0) for offer in offers]
    texts = [one.action["description"] for one in found if isinstance(one, SuggestionDraft)]
    assert len(texts) == 4
    assert len(set(texts)) == 3
    assert suggestion(make.infusion("2", units=1), context, "card", 0) == NOT_WRITTEN
