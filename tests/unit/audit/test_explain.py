"""A kept decision is told again in the words of the day it was made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds.audit.batch import Sealed
from cds.audit.codec import FORMAT, CodecError, canonical, parse
from cds.audit.explain import explain, restored
from cds.audit.trees import written
from cds.engine.decision import Decisions, Judgement
from cds.kernel.verdict import Verdict
from cds.trace import prose
from kept_decisions import CLIENT, KEYED, answered, named


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_every_decision_is_told_as_it_was_on_the_day(folder: str) -> None:
    for item in answered():
        if item.sample.folder == folder:
            told = prose(item.answer.decisions)
            stay = item.call.encounter_id or ""
            told = told.replace(stay, KEYED.encounter(CLIENT.name, stay)) if stay else told
            assert explain(item.sealed()).endswith(f"\n\n{told}"), item.sample.name


def test_the_head_says_who_was_answered_when_and_by_which_rules() -> None:
    item = named("first-card")
    entry = item.entry()
    number = sum(one.ruled_out for one in item.answer.decisions.items)
    assert number > 0
    head = explain(item.sealed()).split("\n\n")[0].splitlines()
    assert head == [
        f"Decision {entry.id}, answered 2026-11-21 12:30 UTC for clinical time "
        f"{item.sample.now:%Y-%m-%d %H:%M} UTC.",
        "order-select at electrolytes-order-select, client ward-7, user Practitioner, patient "
        f"{entry.patient}.",
        f"Rulebook {entry.rulebook}, version {entry.engine} of the service.",
        f"Ruled out, and told no further: {number}. `--whole` tells what they asked.",
    ]


def test_a_rule_that_was_ruled_out_is_told_to_be_silent_in_its_place() -> None:
    item = named("signing-two-electrolyte-orders")
    told = explain(item.sealed())
    places, quiet, orders = [], 0, 0
    for one in item.answer.decisions.items:
        name = f"{one.rule.id}@{one.rule.version}"
        about = f" for {one.order.name}" if one.order else ""
        line = f"\n{name} stayed silent{about}." if one.ruled_out else f"({name})"
        places.append(told.index(line, places[-1] + 1 if places else 0))
        quiet += one.ruled_out
        orders += one.ruled_out and one.order is not None
    assert len(places) > quiet > orders > 0


def test_a_record_of_the_format_before_is_told_as_that_version_told_it() -> None:
    body = (KEPT / "format-2.json").read_bytes().rstrip()
    item = named("first-card").sealed()
    rulebook = "sha256:6675453212fa1743f912bd250f8ea2e494e7c72b603414b6c140a685f71afc4f"
    name = "90d338e0-b04b-58a0-a04c-a9740d3af971"
    entry = replace(item.entry, id=name, rulebook=rulebook, engine="0.5.0", body=body)
    expected = (KEPT / "format-2.txt").read_text("utf-8")
    assert explain(replace(item, entry=entry)) + "\n" == expected
    assert "--whole" not in expected


def test_the_head_names_the_site_and_why_no_drug_was_to_be_suggested() -> None:
    item = named("low-magnesium-at-discharge").sealed()
    told = explain(replace(item, entry=replace(item.entry, site="north")))
    assert ", site north, version " in told
    assert "No drug was to be suggested: no drug is suggested at encounter-discharge." in told


def test_a_clause_with_an_answer_of_its_own_is_told_with_it() -> None:
    item = named("first-card")
    fact = item.answer.decisions.facts[0]
    for why in ("an answer of its own", "", fact.explained):
        decision = next(one for one in item.answer.decisions.items if one.fired is not None)
        clause = Judgement(Verdict.YES, "the question", why, fact)
        levels = (replace(decision.levels[-1], judgement=clause),)
        decisions = Decisions((replace(decision, levels=levels, facts=()),))
        again = restored({**parse(canonical(written(decisions))), "format": FORMAT})
        assert again.items[0].levels[0].judgement == clause
        assert prose(again) == prose(decisions)


KEPT = Path(__file__).with_name("kept")


def spoiled(**members: Any) -> Sealed:
    item = named("first-card").sealed()
    body = {**json.loads(item.entry.body), **members}
    return replace(item, entry=replace(item.entry, body=canonical(body)))


@pytest.mark.parametrize(
    "members",
    [
        {"nodes": []},
        {"rules": 1},
        {"rules": [{"rule": "x"}]},
        {"facts": None},
        {"ruled_out": 1},
        {"ruled_out": [{"rule": "x@1"}]},
        {"ruled_out": []},
        {"now": "yesterday"},
        {"nodes": [{"verdict": "perhaps", "clause": "x"}]},
    ],
)
def test_a_body_that_cannot_be_told_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(CodecError, match="not that of a decision"):
        explain(spoiled(**members))
