"""A kept decision made once more says the same, or what is different and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds.audit.batch import Sealed
from cds.audit.codec import CodecError, canonical
from cds.audit.rerun import Difference, differences, remarks, rerun
from cds.audit.ruledout import in_order
from cds.rulebook.model import Rulebook
from kept_decisions import answered, book, named

KEPT_OF_FORMAT_2 = Path(__file__).with_name("kept") / "format-2.json"
PATIENT = named("first-card").sealed()
WHOLE = named("first-card").whole().sealed()


def changed(sealed: Sealed, change: Callable[[dict[str, Any]], None]) -> Sealed:
    """The decision with another body."""
    body = json.loads(sealed.entry.body)
    change(body)
    return replace(sealed, entry=replace(sealed.entry, body=canonical(body)))


def fired(body: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(x for x in body["rules"] if x["rule"] == "hypomagnesemia")
    return found


def of_format(number: int, body: dict[str, Any]) -> dict[str, Any]:
    """A body in which every rule is told, as it was kept before any was left out."""
    assert body.pop("ruled_out") == []
    for place, rule in enumerate(body["rules"]):
        assert rule.pop("place") == place
    return {**body, "format": number}


def older(number: int) -> Sealed:
    body = of_format(number, json.loads(WHOLE.entry.body))
    return replace(WHOLE, entry=replace(WHOLE.entry, body=canonical(body)))


def without(rule: str) -> Rulebook:
    return replace(book(), rules=tuple(item for item in book().rules if item.id != rule))


@pytest.mark.parametrize("folder", ["firing", "boundary", "well", "broken"])
def test_every_decision_is_the_same_with_the_rules_it_was_made_with(folder: str) -> None:
    found = [item for item in answered() if item.sample.folder == folder]
    assert found
    assert [item.sample.name for item in found if rerun(item.sealed(), book())] == []
    assert not [item for item in found if remarks(item.sealed(), book())]


CHANGES: list[tuple[str, Callable[[dict[str, Any]], None], str]] = [
    ("outcome", lambda body: fired(body).update(outcome="silent"), "silent"),
    ("row", lambda body: fired(body).update(row="A9"), "A9"),
    ("urgency", lambda body: fired(body).update(indicator="info"), "info"),
    ("headline", lambda body: fired(body).update(summary="Another"), "Another"),
    ("sentences", lambda body: fired(body).update(detail=["One.", "Two."]), "One.; Two."),
    ("reason", lambda body: fired(body).update(reason="none"), "none"),
    ("silent mode", lambda body: fired(body).update(silent=True), "True"),
    ("why no card came", lambda body: fired(body).update(held_back="overridden"), "overridden"),
    (
        "what could not be checked",
        lambda body: fired(body).update(undecided=["torsades"]),
        "torsades",
    ),
]


@pytest.mark.parametrize(("what", "change", "before"), CHANGES, ids=[x[0] for x in CHANGES])
def test_whatever_a_reader_was_told_is_compared(
    what: str, change: Callable[[dict[str, Any]], None], before: str
) -> None:
    (difference,) = rerun(changed(PATIENT, change), book())
    assert (difference.rule, difference.what) == ("hypomagnesemia", what)
    assert difference.before == before
    assert str(difference).startswith(f"hypomagnesemia: {what} was: {before}; is now: ")


@pytest.mark.parametrize("name", ["label", "dose", "dose_text", "units", "rate", "hours"])
def test_every_number_of_an_offer_is_compared(name: str) -> None:
    def change(body: dict[str, Any]) -> None:
        offer = fired(body)["offers"][0]
        assert name in offer
        offer[name] = "another"

    (difference,) = rerun(changed(PATIENT, change), book())
    assert difference.what.startswith("offer ")
    assert difference.what.endswith(f", {name.replace('_', ' ')}")
    assert difference.before == "another"


def test_an_offer_that_is_new_and_one_that_is_withheld_are_told() -> None:
    def change(body: dict[str, Any]) -> None:
        rule = fired(body)
        offers = rule.pop("offers")
        rule["withheld"] = [{"suggestion": offers[0]["suggestion"], "reasons": ["too much"]}]

    found = {item.what: item for item in rerun(changed(PATIENT, change), book())}
    (withheld,) = [what for what in found if what.startswith("withheld ")]
    assert (found[withheld].before, found[withheld].after) == ("too much", "(nothing)")
    (label,) = [what for what in found if what.endswith(", label")]
    assert found[label].before == "(nothing)"
    assert "Magnesium sulfate 2 g" in found[label].after


def test_a_rule_that_is_gone_and_one_that_is_new_are_told() -> None:
    def forgotten(body: dict[str, Any]) -> None:
        rule = fired(body)
        body["rules"].remove(rule)
        for other in body["rules"]:
            other["place"] -= other["place"] > rule["place"]

    gone = {item.what: item for item in rerun(PATIENT, without("hypomagnesemia"))}
    assert (gone["outcome"].before, gone["outcome"].after) == ("fires", "(not judged)")
    (new,) = [item for item in rerun(changed(PATIENT, forgotten), book()) if item.what == "outcome"]
    assert (new.before, new.after) == ("(not judged)", "fires")


def test_other_rules_say_what_they_would_have_said() -> None:
    limit = book().thresholds["mg_severe"]
    lower = {unit: value / 2 for unit, value in limit.values.items()}
    other = replace(
        book(),
        digest="sha256:other",
        thresholds={**book().thresholds, "mg_severe": replace(limit, values=lower)},
    )
    found = {item.what: item for item in rerun(PATIENT, other) if item.rule == "hypomagnesemia"}
    assert found["row"].before == "A2"
    assert found["row"].after.startswith("A1")
    assert remarks(PATIENT, other) == (
        f"decided with rulebook {book().digest}, repeated with sha256:other",
    )


def test_orders_of_one_rule_are_compared_one_by_one() -> None:
    item = named("signing-two-electrolyte-orders")
    orders = [rule["order"] for rule in in_order(item.body()) if "order" in rule]
    assert len({order["source"] for order in orders}) > 1

    def change(body: dict[str, Any]) -> None:
        rule = [rule for rule in body["rules"] if "order" in rule][-1]
        rule["outcome"] = "error"

    (difference,) = rerun(changed(item.sealed(), change), book())
    assert difference.order == item.body()["rules"][-1]["order"]["name"]
    assert f" for {difference.order}: outcome was: error" in str(difference)


def test_two_decisions_about_one_reference_are_not_mistaken_for_one() -> None:
    def change(body: dict[str, Any]) -> None:
        for rule in body["rules"]:
            rule["place"] += 1
        body["rules"].insert(0, {**fired(body), "outcome": "error", "place": 0})

    found = [item for item in rerun(changed(PATIENT, change), book()) if item.what == "outcome"]
    assert [(item.before, item.after) for item in found] == [
        ("error", "fires"),
        ("fires", "(not judged)"),
    ]


def test_lines_that_stand_on_every_card_are_compared() -> None:
    (kidneys,) = rerun(changed(PATIENT, lambda body: body.update(kidneys=["none"])), book())
    assert kidneys == Difference("", "", "the lines on kidney function", "none", kidneys.after)
    assert str(kidneys).startswith("every card: the lines on kidney function was: none; is now:")


def test_another_version_of_the_program_is_said_aloud() -> None:
    older = replace(PATIENT, entry=replace(PATIENT.entry, engine="0.1.0"))
    (line,) = remarks(older, book())
    assert line.startswith("decided by version 0.1.0 of the service, repeated by version ")
    assert rerun(older, book()) == ()


def test_a_body_of_another_format_says_which_version_reads_it() -> None:
    with pytest.raises(CodecError, match=r"not of format 1 or 2 or 3, .* with version"):
        rerun(changed(PATIENT, lambda body: body.update(format=4)), book())


@pytest.mark.parametrize("number", [1, 2])
def test_a_body_of_an_older_format_is_decided_as_it_was(number: int) -> None:
    body = json.loads(older(number).entry.body)
    assert "overridden" not in body["record"]
    assert body.keys() == json.loads(KEPT_OF_FORMAT_2.read_text("utf-8")).keys()
    assert rerun(older(number), book()) == ()


def test_why_a_rule_was_silent_is_compared_where_it_was_kept() -> None:
    def change(body: dict[str, Any]) -> None:
        rule = next(rule for rule in body["rules"] if rule["outcome"] == "silent")
        rule["reason"] = "another"

    (difference,) = rerun(changed(older(2), change), book())
    assert (difference.what, difference.before) == ("reason", "another")


def test_a_rule_that_was_ruled_out_and_is_silent_now_is_no_difference() -> None:
    """Nor is one that is ruled out now and was told to be silent."""
    assert json.loads(PATIENT.entry.body)["ruled_out"]
    assert not json.loads(WHOLE.entry.body)["ruled_out"]
    body = json.loads(PATIENT.entry.body)
    assert differences(body, named("first-card").whole().answer.decisions) == ()
    assert rerun(WHOLE, book()) == ()


def test_a_rule_that_was_ruled_out_and_fires_now_is_told() -> None:
    def change(body: dict[str, Any]) -> None:
        rule = fired(body)
        body["rules"].remove(rule)
        quiet = f"{rule['rule']}@{rule['version']}"
        before = sum(other["place"] < rule["place"] for other in body["rules"])
        body["ruled_out"].insert(rule["place"] - before, quiet)

    found = {item.what: item for item in rerun(changed(PATIENT, change), book())}
    assert (found["outcome"].before, found["outcome"].after) == ("silent", "fires")
    assert found["row"].after == "A2"


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("record"),
        lambda body: body.update(now=7),
        lambda body: body.update(now="yesterday"),
        lambda body: body.update(rules=[1]),
        lambda body: body["record"].pop("person"),
    ],
)
def test_a_body_that_cannot_be_decided_again_is_refused(
    change: Callable[[dict[str, Any]], None],
) -> None:
    with pytest.raises(CodecError):
        rerun(changed(PATIENT, change), book())
