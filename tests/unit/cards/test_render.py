"""What a card says, and that its shape is the one CDS Hooks 2.0.1 gives it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pytest

from cds.cards.render import render, render_all
from cds.cards.wording import LONGEST_SUMMARY
from cds.engine.decision import (
    Decision,
    Decisions,
    Judgement,
    LevelJudged,
    Outcome,
    Withheld,
)
from cds.facts.model import Fact, Measured, Missing, NotKnown, Reason, presence
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Review

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
KIDNEYS = ("eGFR 95 mL/min/1.73 m2 (CKD-EPI 2021)", "CrCl 82 mL/min (Cockcroft-Gault), decided")
MAGNESIUM = Fact(
    "magnesium",
    Measured(
        Quantity.of(Analyte.MAGNESIUM, "1.0", "mg/dL"),
        "1.0 mg/dL",
        datetime(2026, 11, 21, 8, tzinfo=UTC),
    ),
    "magnesium 1.0 mg/dL (0.41 mmol/L), drawn 2026-11-21 08:00 UTC, 4 h ago",
)


def cards(make: Any, *items: Decision, context: Any = None) -> tuple[dict[str, Any], ...]:
    return render(Decisions(items, fine_print=KIDNEYS), context or make.context())


def only(make: Any, item: Decision, **context: Any) -> dict[str, Any]:
    (card,) = cards(make, item, context=make.context(**context))
    return card


def empties(node: Any, path: str = "") -> list[str]:
    found = [path] if node in (None, "", [], {}) else []
    if isinstance(node, dict):
        return found + [at for key, value in node.items() for at in empties(value, f"{path}.{key}")]
    if isinstance(node, list):
        return found + [at for i, value in enumerate(node) for at in empties(value, f"{path}.{i}")]
    return found


def full(make: Any) -> Decision:
    return make.decision(
        detail=("Verify renal function.", "Recheck magnesium 6-12 h after the infusion."),
        offers=(make.infusion("4"), make.test()),
        withheld=(
            Withheld(
                make.suggestion("create", "magnesium-oxide-tablet"),
                ("oral route not usable.", "kidney function unknown"),
                ("mg_stop",),
            ),
        ),
        undecided=("A3: problems were not supplied",),
        facts=(MAGNESIUM, presence("torsades", False, "no torsades")),
        cites=("design-review", "seed-002", "mgso4-label"),
    )


def test_a_full_card_has_the_members_of_the_specification_and_no_others(make: Any) -> None:
    card = only(make, full(make))
    assert set(card) == {
        "uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior",
        "overrideReasons", "extension",
    }  # fmt: skip
    assert UUID.fullmatch(card["uuid"])
    assert card["indicator"] == "critical"
    assert card["selectionBehavior"] == "at-most-one"
    assert card["overrideReasons"] == [
        {
            "code": "already-being-corrected",
            "system": "urn:reasons",
            "display": "Being corrected",
        }
    ]
    assert empties(card) == []


def test_a_card_can_be_sent_as_json(make: Any) -> None:
    encoder = msgspec.json.Encoder(decimal_format="number")
    back = msgspec.json.decode(encoder.encode(only(make, full(make))))
    dosage = back["suggestions"][0]["actions"][0]["resource"]["dosageInstruction"][0]
    assert dosage["doseAndRate"][0]["doseQuantity"]["value"] == 4


def test_every_resource_of_a_card_is_valid_r4(make: Any) -> None:
    suggestions = only(make, full(make))["suggestions"]
    assert len(suggestions) == 2
    for item in suggestions:
        assert set(item) == {"label", "uuid", "actions"}
        assert UUID.fullmatch(item["uuid"])
        (action,) = item["actions"]
        assert set(action) == {"type", "description", "resource"}
        make.r4(action["resource"])


def test_the_extension_is_the_public_contract(make: Any) -> None:
    assert only(make, full(make))["extension"] == {
        "decision": "D1",
        "rule": "hypomagnesemia@1.0.0",
        "rulebook": "sha256:abc",
        "rows": ["A2"],
    }


def test_the_source_is_the_strongest_document_cited_and_the_topic_is_the_family(
    make: Any,
) -> None:
    source = only(make, full(make))["source"]
    assert source["label"] == "Magnesium sulfate label"
    assert source["url"] == "https://example.org/label"
    assert source["topic"]["code"] == "hypomagnesemia"
    assert source["topic"]["display"] == "Low magnesium"
    assert source["topic"]["system"].startswith("https://")


def test_a_source_without_a_web_address_has_no_url(make: Any) -> None:
    source = only(make, make.decision(cites=("design-review",)))["source"]
    assert source["label"] == "Design review"
    assert "url" not in source


def test_the_detail_says_everything_the_decision_knows(make: Any) -> None:
    detail = only(make, full(make))["detail"]
    for said in (
        "Verify renal function.",
        "Recheck magnesium 6-12 h after the infusion.",
        "**Withheld:** magnesium oxide 400 mg tablet: oral route not usable; "
        "kidney function unknown.",
        "**Could not be checked:** A3: problems were not supplied",
        "- Magnesium 1.0 mg/dL (0.41 mmol/L), drawn 2026-11-21 08:00 UTC, 4 h ago",
        f"- {KIDNEYS[0]}",
        f"- {KIDNEYS[1]}",
        "off-label use of a labelled product",
        "[Magnesium sulfate label](<https://example.org/label>)",
        "Design review",
        "Rule hypomagnesemia, version 1.0.0. Not signed off by a clinician.",
    ):
        assert said in detail, said
    assert "no torsades" not in detail
    assert not re.search(r"<[a-z/]", detail.replace("(<https", ""))


def test_results_that_are_missing_or_not_known_are_named(make: Any) -> None:
    facts = (
        Fact("potassium", Missing(Reason.STALE), "potassium 3.1 mmol/L is stale (9 d)"),
        Fact("qtc", NotKnown("observations", "page truncated"), "QTc is not known"),
    )
    detail = only(make, make.decision(facts=facts))["detail"]
    assert "- Potassium 3.1 mmol/L is stale (9 d)" in detail
    assert "- QTc is not known" in detail


def test_the_fine_print_of_a_product_stands_only_where_it_is_offered(make: Any) -> None:
    assert "off-label" not in only(make, make.decision(offers=(make.test(),)))["detail"]


def test_a_card_without_suggestions_has_no_selection_behaviour(make: Any) -> None:
    card = only(make, make.decision())
    assert {"suggestions", "selectionBehavior", "links"}.isdisjoint(card)


def test_an_offer_that_cannot_become_an_order_is_said_as_withheld(make: Any) -> None:
    card = only(make, make.decision(offers=(make.infusion("4", rate=None),)))
    assert "suggestions" not in card
    assert (
        "**Withheld:** Magnesium sulfate 4 g IV: the order could not be written" in (card["detail"])
    )


def test_a_remark_of_an_offer_is_a_line_of_the_card(make: Any) -> None:
    offer = replace(make.test(), lines=("Open laboratory orders are not visible.",))
    assert (
        "Open laboratory orders are not visible."
        in only(make, make.decision(offers=(offer,)))["detail"]
    )


def test_an_edit_of_a_draft_names_the_draft_and_keeps_its_id(make: Any) -> None:
    item = make.decision("C1", order=make.order(), offers=(make.update(),))
    drafts = {"MedicationRequest/draft-1": make.raw_draft()}
    card = only(make, item, drafts=drafts)
    resource = card["suggestions"][0]["actions"][0]["resource"]
    make.r4(resource)
    assert resource["id"] == "draft-1"
    assert "**About:** draft order magnesium sulfate 4 g IV" in card["detail"]


def test_a_draft_that_is_not_understood_leaves_the_dose_as_text_only(make: Any) -> None:
    item = make.decision("C1", order=make.order(), offers=(make.update(),))
    drafts = {"MedicationRequest/draft-1": make.raw_draft() | {"dosageInstruction": []}}
    card = only(make, item, drafts=drafts)
    assert "suggestions" not in card
    said = "**Withheld:** Change to 1 g over 1 h at 1 g/h: the draft order is not edited here"
    assert said in card["detail"]


def test_the_review_is_named_and_a_site_may_accept_a_rule(make: Any) -> None:
    reviewed = Review("A. Pharmacist", date(2026, 11, 1), date(2027, 11, 1))
    signed = only(make, make.decision(reviewed=reviewed))["detail"]
    assert "Reviewed by A. Pharmacist, 2026-11-01." in signed
    accepted = only(make, make.decision(), accepted={"hypomagnesemia": "B. Chief, 2026-11-02"})
    assert "Accepted for use at this site: B. Chief, 2026-11-02." in accepted["detail"]
    assert "Not signed off" not in signed + accepted["detail"]


@pytest.mark.parametrize("outcome", [Outcome.SILENT, Outcome.CANNOT_TELL, Outcome.ERROR])
def test_only_a_rule_that_fires_gives_a_card(make: Any, outcome: Outcome) -> None:
    assert cards(make, make.decision(outcome=outcome)) == ()


def test_a_rule_in_silent_mode_gives_no_card(make: Any) -> None:
    assert cards(make, make.decision(silent_mode=True)) == ()


def test_a_card_that_is_held_back_is_not_shown(make: Any) -> None:
    assert cards(make, make.decision(held_back="overridden 3 h ago")) == ()


def test_what_was_folded_into_a_card_is_told_alone_while_that_card_is_held_back(make: Any) -> None:
    draft = {"family": "potassium-safety", "order": make.order()}
    head = make.decision("C4", "warning", rule_id="potassium-order", **draft)
    other = make.decision("C4-iv", "warning", rule_id="potassium-order-iv", **draft)
    (together,) = cards(make, head, other)
    assert together["extension"]["rows"] == ["C4", "C4-iv"]
    (alone,) = cards(make, replace(head, held_back="overridden 3 h ago"), other)
    assert alone["extension"]["rows"] == ["C4-iv"]
    assert alone["summary"] == "Summary of C4-iv"
    assert (alone,) == cards(make, other)


@pytest.mark.parametrize("length", [138, 139, 140, 400])
def test_a_summary_is_shorter_than_140_characters_and_never_ends_inside_a_word(
    make: Any, length: int
) -> None:
    text = ("severe magnesium " * 40)[: length - 1].replace("\n", " ") + "x"
    card = only(make, make.decision(summary=text))
    summary = card["summary"]
    assert len(summary) <= LONGEST_SUMMARY
    if length <= LONGEST_SUMMARY:
        assert summary == text
    else:
        assert summary.endswith("\u2026")
        assert set(summary[:-1].split()) <= {"severe", "magnesium"}
        assert text in card["detail"]


def test_the_same_call_names_its_cards_the_same_and_any_other_call_otherwise(make: Any) -> None:
    item = full(make)

    def names(**more: Any) -> tuple[str, str]:
        card = only(make, item, **more)
        return card["uuid"], card["suggestions"][0]["uuid"]

    assert names() == names()
    others = [
        names(client="other"),
        names(service="electrolytes-order-sign"),
        names(hook_instance="7c9f8b6e-0000-4000-8000-000000000002"),
        names(body_digest="1" * 64),
    ]
    assert len({names(), *others}) == 5
    assert len({uuid for pair in (names(), *others) for uuid in pair}) == 10


def test_cards_of_one_rule_for_several_drafts_have_names_of_their_own(make: Any) -> None:
    orders = ("MedicationRequest/a", "MedicationRequest/b", "MedicationRequest/", None)
    items = [
        make.decision("C1", order=make.order(source=source) if source else None)
        for source in orders
    ]
    items.append(make.decision("C1", order=make.order(source="MedicationRequest/")))
    found = cards(make, *items)
    assert len({card["uuid"] for card in found}) == len(found) == 5


def test_leaving_a_suggestion_out_renames_no_other(make: Any) -> None:
    both = only(make, make.decision(offers=(make.infusion("4"), make.test())))
    lost = only(make, make.decision(offers=(make.infusion("4", rate=None), make.test())))
    assert lost["suggestions"][0]["uuid"] == both["suggestions"][1]["uuid"]


def test_two_drug_offers_in_one_answer_are_reported_as_a_defect(make: Any) -> None:
    items = (
        make.decision("A2", offers=(make.infusion("4"),)),
        make.decision("B1", "warning", rule_id="refractory", offers=(make.infusion("2"),)),
    )
    rendered = render_all(Decisions(items), make.context())
    offered = [len(card.get("suggestions", [])) for card in rendered.cards]
    assert offered == [1, 0]
    assert len(rendered.defects) == 1


def test_the_name_of_a_drug_cannot_put_markup_into_a_card(make: Any) -> None:
    order = make.order(name="<b>bold</b> [x](http://evil)\n# big")
    detail = only(make, make.decision("C1", order=order))["detail"]
    line = next(text for text in detail.split("\n") if text.startswith("**About:**"))
    assert not re.search(r"<|\[|\]|://", line)
    assert "# big" in line


def test_a_withheld_edit_is_named_in_words(make: Any) -> None:
    withheld = tuple(
        Withheld(make.suggestion(kind), ("the dose cannot be read",), ("dose",))
        for kind in ("update", "delete")
    )
    detail = only(make, make.decision("C1", withheld=(*withheld,)))["detail"]
    assert "**Withheld:** change of the draft order: the dose cannot be read." in detail
    assert "**Withheld:** removal of the draft order: the dose cannot be read." in detail


def test_a_withheld_suggestion_without_a_reason_still_says_that_it_is_withheld(make: Any) -> None:
    withheld = (Withheld(make.suggestion("update"), (), ()),)
    assert "not every check could be made" in only(make, make.decision(withheld=withheld))["detail"]


def test_a_result_quoted_from_the_chart_cannot_put_markup_into_a_card(make: Any) -> None:
    fact = Fact("potassium", Missing(Reason.UNIT), "3.1 [x](http://evil) <img src=x>")
    detail = only(make, make.decision(facts=(fact,)))["detail"]
    assert "- 3.1 (x)(http: //evil) \u2039img src=x\u203a" in detail


def test_what_is_withheld_stands_right_behind_what_to_do(make: Any) -> None:
    withheld = Withheld(make.suggestion("delete"), ("the dose cannot be read",), ("dose",))
    item = make.decision(detail=("Do this.", "Because of that."), withheld=(withheld,))
    first, second, third, *_ = only(make, item)["detail"].split("\n\n")
    assert (first, third) == ("Do this.", "Because of that.")
    assert second.startswith("**Withheld:**")


def test_a_card_says_nothing_twice(make: Any) -> None:
    withheld = Withheld(make.suggestion("delete"), ("already ordered: a bag",), ("covered",))
    item = make.decision(
        detail=("Do this.", "Already ordered: a bag.", f"{MAGNESIUM.explained}: low."),
        withheld=(withheld,),
        facts=(MAGNESIUM,),
    )
    detail = only(make, item)["detail"]
    assert detail.casefold().count("already ordered: a bag") == 1
    assert detail.count("1.0 mg/dL") == 1
    assert "**Based on**" not in detail


def test_what_could_not_be_checked_is_said_once_for_all_reasons(make: Any) -> None:
    open_ = ("could not be checked: heart block (x)", "could not be checked: allergy (y)")
    withheld = (Withheld(make.suggestion("delete"), ("pregnancy", *open_), ()),)
    detail = only(make, make.decision(withheld=withheld))["detail"]
    assert ": pregnancy; could not be checked: heart block (x); allergy (y)." in detail


@pytest.mark.parametrize(
    ("summary", "named"), [("Hold magnesium sulfate 4 g IV", False), ("Hold it", True)]
)
def test_the_draft_order_is_named_where_the_headline_does_not(
    make: Any, summary: str, named: bool
) -> None:
    item = replace(
        make.decision("C1", order=make.order(name="magnesium sulfate 4 g IV")), summary=summary
    )
    assert ("**About:** draft order" in only(make, item)["detail"]) is named


def test_only_facts_that_decided_or_that_the_headline_names_are_what_it_is_based_on(
    make: Any,
) -> None:
    four = Quantity.of(Analyte.POTASSIUM, "4.0", "mmol/L")
    potassium = Fact("potassium", Measured(four, "4.0 mmol/L"), "potassium 4.0 mmol/L")
    leaves = (
        Judgement(Verdict.YES, "a", fact=MAGNESIUM),
        Judgement(Verdict.NO, "b", fact=potassium),
    )
    item = make.decision(facts=(MAGNESIUM, potassium))
    assert item.fired is not None
    judged = LevelJudged(item.fired, Judgement(Verdict.YES, "any of", children=leaves))
    detail = only(make, replace(item, levels=(judged,)))["detail"]
    assert "- Magnesium 1.0 mg/dL" in detail
    assert "otassium" not in detail


def test_a_rule_without_override_reasons_sends_none(make: Any) -> None:
    item = make.decision()
    item = replace(item, rule=replace(item.rule, override_reasons=("no-such-reason",)))
    assert "overrideReasons" not in only(make, item)


def test_a_rule_that_cites_nothing_known_is_its_own_source(make: Any) -> None:
    card = only(make, make.decision(cites=("unknown-name",)))
    assert card["source"]["label"] == "Low magnesium"
    assert "**Sources:**" not in card["detail"]


@pytest.mark.parametrize(
    ("unread", "line"),
    [
        (("Observation/1: no code",), "**Not read:** Observation/1: no code."),
        (
            ("Observation/1: a", "Observation/2: b", "Observation/3: c"),
            "**Not read:** Observation/1: a; Observation/2: b; Observation/3: c.",
        ),
        (
            ("Observation/1: a", "Observation/2: b", "Observation/3: c", "X/4: d", "X/5: e"),
            "**Not read:** Observation/1: a; Observation/2: b; Observation/3: c and 2 more.",
        ),
    ],
)
def test_the_first_card_names_what_could_not_be_read(
    make: Any, unread: tuple[str, ...], line: str
) -> None:
    items = (make.decision("A2"), make.decision("B1", "warning", rule_id="refractory"))
    first, second = render(Decisions(items, unread=unread), make.context())
    assert line in first["detail"].split("\n\n")
    assert "Not read" not in second["detail"]


def test_what_could_not_be_read_makes_no_card_of_its_own(make: Any) -> None:
    silent = make.decision(outcome=Outcome.SILENT)
    assert render(Decisions((silent,), unread=("Observation/1: a",)), make.context()) == ()


BAND = Fact("renal_band", Missing(Reason.NONE_FOUND), "no creatinine")


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, False),
        ({"facts": (MAGNESIUM,)}, False),
        ({"facts": (MAGNESIUM, BAND)}, True),  # it asks the dose band
        ({"offers": ("test",)}, False),
        ({"offers": ("drug",)}, True),
        ({"withheld": ("magnesium-level",)}, False),
        ({"withheld": ("magnesium-oxide-tablet",)}, True),  # a drug that is not given matters too
    ],
)
def test_the_kidney_estimates_stand_on_cards_that_are_about_a_dose(
    make: Any, more: dict[str, Any], shown: bool
) -> None:
    made = {"test": make.test(), "drug": make.infusion("4")}
    if "offers" in more:
        more = {"offers": tuple(made[name] for name in more["offers"])}
    if "withheld" in more:
        more = {
            "withheld": tuple(
                Withheld(make.suggestion("create", name), ("a reason",), ("code",))
                for name in more["withheld"]
            )
        }
    detail = only(make, make.decision(**more))["detail"]
    assert ("**Kidney function**" in detail) is shown
    assert all((line in detail) is shown for line in KIDNEYS)
