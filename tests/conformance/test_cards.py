"""The cards of all synthetic patients, from the real rules, against CDS Hooks 2.0.1."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from markdown_it import MarkdownIt

import r4_checks
from cds.rulebook.load import load_rulebook

ROOT = Path(__file__).parents[2]
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
INDICATORS = ("critical", "warning", "info")  # in the order in which they are to be seen
MOST_CARDS = 4
# Where a click on a card may lead: publishers of what the rules rest on.
HOSTS = {
    "dailymed.nlm.nih.gov",
    "www.medicines.org.uk",
    "www.kidney.org",
    "pubmed.ncbi.nlm.nih.gov",
    "rightdecisions.scot.nhs.uk",
}

Json = dict[str, Any]


@pytest.fixture(scope="module")
def cards(answered: list[Any]) -> list[Json]:
    found = [card for item in answered for card in item.cards]
    assert len(found) > 100
    return found


@pytest.fixture(scope="module")
def suggestions(cards: list[Json]) -> list[Json]:
    found = [item for card in cards for item in card.get("suggestions", ())]
    assert len(found) > 40
    return found


def actions(answered: list[Any], kind: str) -> list[tuple[Any, Json]]:
    """The call and each action of a kind in its answer; there is at least one."""
    found = [
        (item, action)
        for item in answered
        for card in item.cards
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        if action["type"] == kind
    ]
    assert found, kind
    return found


@pytest.mark.requirement("CARD-01", "CARD-02")
def test_a_summary_is_one_short_line(cards: list[Json]) -> None:
    for card in cards:
        assert 0 < len(card["summary"].strip()) < 140
        assert "\n" not in card["summary"]


@pytest.mark.requirement("CARD-03", "RESP-08")
def test_cards_are_few_and_the_urgent_ones_come_first(answered: list[Any]) -> None:
    for item in answered:
        ranks = [INDICATORS.index(card["indicator"]) for card in item.cards]
        assert ranks == sorted(ranks), item.sample.name
        assert len(ranks) <= MOST_CARDS, item.sample.name


@pytest.mark.requirement("CARD-04", "CARD-05", "CARD-06", "CARD-07")
def test_the_source_is_what_the_advice_rests_on(cards: list[Json]) -> None:
    citations = load_rulebook(ROOT / "rules").citations.values()
    known = {citation.title: citation.url for citation in citations}
    for card in cards:
        assert card["source"]["label"] in known
        assert card["source"].get("url", "") == (known[card["source"]["label"]] or "")


@pytest.mark.requirement("CARD-08")
def test_the_address_of_a_source_knows_nothing_of_the_patient(answered: list[Any]) -> None:
    for item in answered:
        context = item.sample.request["context"]
        ids = {context["patientId"], context.get("encounterId") or context["patientId"]}
        for card in item.cards:
            url = card["source"].get("url", "")
            assert not any(name in url for name in ids | set(item.drafts)), item.sample.name


@pytest.mark.requirement("CARD-11")
def test_a_source_has_a_topic_with_a_name(cards: list[Json]) -> None:
    for card in cards:
        topic = card["source"]["topic"]
        assert set(topic) == {"system", "code", "display"}
        assert all(isinstance(text, str) and text.strip() for text in topic.values())


@pytest.mark.requirement("CARD-10")
def test_no_card_sends_an_icon(cards: list[Json]) -> None:
    assert {name for card in cards for name in card["source"]} <= {"label", "url", "topic"}


@pytest.mark.requirement("CARD-13", "CARD-12", "SUG-02")
def test_ids_are_plain_uuids_and_none_is_given_twice_in_an_answer(answered: list[Any]) -> None:
    for item in answered:
        things = [*item.cards, *(s for card in item.cards for s in card.get("suggestions", ()))]
        ids = [thing["uuid"] for thing in things]
        assert all(UUID.fullmatch(name) for name in ids)
        assert len(ids) == len(set(ids)), item.sample.name


@pytest.mark.requirement("CARD-14", "CARD-15")
def test_details_are_markdown_without_html(cards: list[Json]) -> None:
    markdown = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    kinds: set[str] = set()
    for card in cards:
        tokens = markdown.parse(card["detail"])
        kinds |= {t.type for token in tokens for t in (token, *(token.children or ()))}
    assert {"bullet_list_open", "strong_open", "link_open"} <= kinds
    assert not kinds & {"html_block", "html_inline", "image", "code_block", "fence"}


@pytest.mark.requirement("CARD-16", "CARD-17", "CARD-18", "CARD-24")
def test_a_selection_behavior_stands_exactly_with_suggestions(cards: list[Json]) -> None:
    kinds = {(bool(c.get("suggestions")), c.get("selectionBehavior")) for c in cards}
    assert kinds == {(True, "at-most-one"), (False, None)}
    assert all(card.get("suggestions", True) for card in cards)


@pytest.mark.requirement("CARD-20", "CARD-21", "CARD-19")
def test_override_reasons_are_codes_with_a_text(cards: list[Json]) -> None:
    reasons = [reason for card in cards for reason in card["overrideReasons"]]
    assert reasons
    for reason in reasons:
        assert set(reason) == {"code", "system", "display"}
        assert all(isinstance(text, str) and text.strip() for text in reason.values())


@pytest.mark.requirement("LINK-01", "LINK-02", "LINK-03", "LINK-04", "LINK-05", "LINK-07")
def test_no_card_has_links_of_its_own(cards: list[Json]) -> None:
    assert not any("links" in card for card in cards)


@pytest.mark.requirement("LINK-08")
def test_every_address_on_a_card_is_of_a_host_that_is_listed_here(cards: list[Json]) -> None:
    texts = [json.dumps(card, ensure_ascii=False) for card in cards]
    urls = {
        url
        for text in texts
        for url in re.findall(r"(?<=<)https?://[^>]+|(?<=\"url\": \")[^\"]+", text)
    }
    assert urls
    assert {urlsplit(url).netloc for url in urls} <= HOSTS
    assert {urlsplit(url).scheme for url in urls} == {"https"}


@pytest.mark.requirement("RESP-07")
def test_a_card_has_no_members_that_the_specification_does_not_know(cards: list[Json]) -> None:
    known = {"uuid", "summary", "detail", "indicator", "source", "suggestions", "extension",
             "selectionBehavior", "overrideReasons", "links"}  # fmt: skip
    assert {name for card in cards for name in card} <= known


@pytest.mark.requirement("EXT-01")
def test_every_extension_is_an_object_of_agreed_members(cards: list[Json]) -> None:
    for card in cards:
        assert set(card["extension"]) == {"decision", "rule", "rulebook", "rows"}
    inner = [s for card in cards for s in card.get("suggestions", ())]
    found = [thing.get("extension", {"": 1}) for s in inner for thing in (s, *s["actions"])]
    assert all(isinstance(extension, dict) and extension for extension in found)


@pytest.mark.requirement("SUG-01", "ACT-02")
def test_suggestions_and_actions_say_what_they_do(suggestions: list[Json]) -> None:
    for suggestion in suggestions:
        assert suggestion["label"].strip()
        assert all(action["description"].strip() for action in suggestion["actions"])


@pytest.mark.requirement("SUG-04", "SUG-08")
def test_nothing_is_preselected_and_no_member_of_the_next_version_is_sent(
    suggestions: list[Json],
) -> None:
    assert {name for item in suggestions for name in item} <= {
        "label", "uuid", "actions", "extension",
    }  # fmt: skip


@pytest.mark.requirement("SUG-06", "SUG-07", "SUG-05")
def test_alternatives_are_suggestions_of_their_own(cards: list[Json]) -> None:
    for card in cards:
        found = card.get("suggestions", ())
        assert all(len(suggestion["actions"]) == 1 for suggestion in found)
        assert len({suggestion["label"] for suggestion in found}) == len(found)


@pytest.mark.requirement("SUG-09")
def test_a_suggested_resource_is_of_this_patient(answered: list[Any]) -> None:
    for item, action in actions(answered, "create") + actions(answered, "update"):
        patient = f"Patient/{item.sample.request['context']['patientId']}"
        assert action["resource"]["subject"]["reference"] == patient, item.sample.name


@pytest.mark.requirement("ACT-01")
def test_an_action_is_one_of_three(suggestions: list[Json]) -> None:
    kinds = {action["type"] for item in suggestions for action in item["actions"]}
    assert kinds == {"create", "update", "delete"}


@pytest.mark.requirement("ACT-03", "ACT-12", "HTTP-06")
def test_a_create_brings_a_whole_draft(answered: list[Any]) -> None:
    for item, action in actions(answered, "create"):
        resource = action["resource"]
        assert (resource["status"], "id" in resource) == ("draft", False), item.sample.name
        assert not r4_checks.faults(resource), item.sample.name
        wanted = {
            "MedicationRequest": {"intent", "medicationCodeableConcept", "subject"},
            "ServiceRequest": {"intent", "code", "subject"},
        }[resource["resourceType"]]
        assert wanted <= set(resource)


DOSE = {"dosageInstruction", "dispenseRequest"}


@pytest.mark.requirement("ACT-04", "ACT-05", "ACT-06", "ACT-12", "HTTP-06")
def test_an_update_is_the_whole_order_with_another_dose(answered: list[Any]) -> None:
    for item, action in actions(answered, "update"):
        resource = action["resource"]
        sent = item.drafts[f"{resource['resourceType']}/{resource['id']}"]
        assert {k: v for k, v in resource.items() if k not in DOSE} == {
            k: v for k, v in sent.items() if k not in DOSE
        }
        assert resource["dosageInstruction"] != sent["dosageInstruction"]
        assert not r4_checks.faults(resource), item.sample.name


@pytest.mark.requirement("ACT-07", "ACT-08", "ACT-09")
def test_a_delete_names_a_draft_order_and_brings_nothing(answered: list[Any]) -> None:
    for item, action in actions(answered, "delete"):
        assert action["resourceId"] in item.drafts, item.sample.name
        assert "resource" not in action


@pytest.mark.requirement("ACT-11")
def test_a_card_about_an_order_changes_or_removes_that_order(cards: list[Json]) -> None:
    about_orders = [c for c in cards if c["source"]["topic"]["code"] == "renal-dose-caution"]
    found = [
        (action["type"], action.get("resource", {}).get("resourceType", "MedicationRequest"))
        for card in about_orders
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]
    drugs = {kind for kind, resource in found if resource == "MedicationRequest"}
    assert drugs == {"update", "delete"}
