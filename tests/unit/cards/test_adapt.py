"""Cards for clients that read less, or other things, than the specification says."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cds.cards.adapt import (
    BY_HAND,
    COMPARE,
    FROM_THE_LIST,
    LONGEST_TOPIC,
    NOT_MAPPED,
    NOT_SHOWN,
    adapted,
    order_name,
    unknown_orders,
)
from cds.cards.render import render
from cds.cards.suggestions import as_json, suggestion
from cds.clients.profile import PLAIN, OrderCode, Profile
from cds.clients.profiles import EPIC, NDC, SANDBOX_APP
from cds.engine.decision import Decisions, Offer
from cds.kernel.codes import RXNORM

Json = dict[str, Any]

LIST = "urn:com.epic.cdshooks.action.code.system.preference-list-item"
BAG = "magnesium-sulfate-bag 2 g over 2 h"
TWO_GRAMS = (
    "Order magnesium sulfate 1 g/100 mL bag: "
    "2 g (8.12 mmol, 16.24 meq) IV over 2 h at 1 g/h (2 bags of 1 g/100 mL)"
)


def offer(make: Any, what: str) -> Offer:
    """One offer of each kind."""
    made: dict[str, Offer] = {
        "infusion": make.infusion("2"),
        "emergency": make.infusion("2", rate=None, hours=make.hours("15", "min")),
        "tablets": Offer(
            make.suggestion("create", "magnesium-oxide-tablet"),
            "MgO",
            dose=make.oxide("400"),
            per_day=2,
        ),
        "test": make.test(),
        "update": make.update("1"),
        "delete": Offer(make.suggestion("delete"), "Remove", order=make.order()),
    }
    return made[what]


def context(make: Any, **members: Any) -> Any:
    return make.context(drafts={"MedicationRequest/draft-1": {**make.raw_draft(), **members}})


def cards(make: Any, *what: str, row: str = "A2", **members: Any) -> tuple[Json, ...]:
    decision = make.decision(row, offers=tuple(offer(make, one) for one in what))
    return render(Decisions((decision,)), context(make, **members))


def created(make: Any, what: str) -> Json:
    draft = suggestion(offer(make, what), context(make), "card", 0)
    assert not isinstance(draft, str)
    resource: Json = as_json(draft)["actions"][0]["resource"]
    return resource


def shaped(make: Any, profile: Profile, *what: str, **members: Any) -> tuple[Json, Json]:
    """A plain card, and the card for a profile."""
    before = cards(make, *what, **members)
    (after,) = adapted(before, profile, make.context().book.templates)
    return before[0], after


ALL = ("infusion", "test", "update")


@pytest.mark.parametrize("what", [(), ALL, ("delete",)])
def test_the_plain_profile_changes_nothing(make: Any, what: tuple[str, ...]) -> None:
    before, after = shaped(make, PLAIN, *what)
    assert after == before


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("infusion", BAG),
        ("emergency", "magnesium-sulfate-bag 2 g over 15 min"),
        ("tablets", "magnesium-oxide-tablet 400 mg 2/d"),
        ("test", "magnesium-level"),
    ],
)
def test_an_order_is_named_with_its_dose(make: Any, what: str, name: str) -> None:
    assert order_name(created(make, what), make.context().book.templates) == name


def test_a_dose_that_cannot_be_told_names_no_order(make: Any) -> None:
    templates = make.context().book.templates
    for member, value in (("dosageInstruction", []), ("dosageInstruction", [{"text": "2 g"}])):
        assert order_name({**created(make, "infusion"), member: value}, templates) == ""


def test_a_drug_of_no_template_names_no_order(make: Any) -> None:
    concept = {"coding": [{"system": RXNORM, "code": "4603"}]}
    resource = {"resourceType": "MedicationRequest", "medicationCodeableConcept": concept}
    assert order_name(resource, make.context().book.templates) == ""


def test_an_order_without_an_entry_in_the_list_of_the_site_is_told_in_words(make: Any) -> None:
    before, after = shaped(make, EPIC, "infusion")
    assert {"suggestions", "selectionBehavior"}.isdisjoint(after)
    assert (
        after["detail"] == f"**{BY_HAND}:** {TWO_GRAMS}. Why: {NOT_MAPPED}.\n\n{before['detail']}"
    )
    assert after["uuid"] == before["uuid"]


def test_an_entry_for_another_dose_is_not_used(make: Any) -> None:
    profile = replace(
        EPIC, order_codes={"magnesium-sulfate-bag 4 g over 4 h": OrderCode(LIST, "MG4")}
    )
    _, after = shaped(make, profile, "infusion")
    assert "suggestions" not in after
    assert TWO_GRAMS in after["detail"]


def test_an_order_with_an_entry_carries_the_code_of_the_site_alone(make: Any) -> None:
    own = OrderCode(LIST, "MGS2G", "Magnesium sulfate 2 g", "inpatient")
    before, after = shaped(make, replace(EPIC, order_codes={BAG: own}), "infusion")
    (old,), (new,) = before["suggestions"], after["suggestions"]
    concept = new["actions"][0]["resource"]["medicationCodeableConcept"]
    assert concept["coding"] == [
        {"system": LIST, "code": "MGS2G", "display": "Magnesium sulfate 2 g"}
    ]
    assert concept["text"] == old["actions"][0]["resource"]["medicationCodeableConcept"]["text"]
    assert new["actions"][0]["resource"]["category"][0]["coding"][0]["code"] == "inpatient"
    assert (new["uuid"], new["label"]) == (old["uuid"], old["label"])
    make.r4(new["actions"][0]["resource"])


def test_a_button_whose_dose_comes_from_the_list_says_which_dose_is_meant(make: Any) -> None:
    profile = replace(EPIC, order_codes={BAG: OrderCode(LIST, "MGS2G")})
    before, after = shaped(make, profile, "infusion")
    line = f"**{COMPARE}:** {FROM_THE_LIST}: {TWO_GRAMS}."
    assert after["detail"] == f"{line}\n\n{before['detail']}"
    assert "category" not in after["suggestions"][0]["actions"][0]["resource"]


def test_a_laboratory_order_of_the_list_needs_no_comparing(make: Any) -> None:
    profile = replace(EPIC, order_codes={"magnesium-level": OrderCode(LIST, "MGLAB")})
    before, after = shaped(make, profile, "test")
    resource = after["suggestions"][0]["actions"][0]["resource"]
    assert resource["code"]["coding"] == [{"system": LIST, "code": "MGLAB"}]
    assert after["detail"] == before["detail"]
    make.r4(resource)


@pytest.mark.parametrize(
    ("system", "written"),
    [
        (RXNORM, "urn:oid:2.16.840.1.113883.6.88"),
        (NDC, "urn:oid:2.16.840.1.113883.6.69"),
        (LIST, LIST),
    ],
)
def test_code_systems_are_spelled_as_the_client_reads_them(
    make: Any, system: str, written: str
) -> None:
    profile = replace(EPIC, order_codes={BAG: OrderCode(system, "829757")})
    _, after = shaped(make, profile, "infusion")
    resource = after["suggestions"][0]["actions"][0]["resource"]
    assert resource["medicationCodeableConcept"]["coding"][0]["system"] == written
    assert (
        resource["dosageInstruction"][0]["route"]["coding"][0]["system"] == "http://snomed.info/sct"
    )


def test_a_client_that_reads_the_order_gets_it_in_its_own_code_system(make: Any) -> None:
    profile = replace(EPIC, mapped_creates=frozenset())
    before, after = shaped(make, profile, "infusion")
    old, new = (card["suggestions"][0]["actions"][0]["resource"] for card in (before, after))
    coding = old["medicationCodeableConcept"]["coding"][0]
    oid = {**coding, "system": "urn:oid:2.16.840.1.113883.6.88"}
    assert new["medicationCodeableConcept"]["coding"] == [oid]
    assert after["detail"] == before["detail"]


def test_a_change_the_client_does_not_carry_out_is_told_with_its_dose(make: Any) -> None:
    before, after = shaped(make, EPIC, "update")
    words = before["suggestions"][0]["actions"][0]["description"]
    assert "1 g (4.06 mmol, 8.12 meq) IV over 1 h at 1 g/h" in words
    assert after["detail"].startswith(f"**{BY_HAND}:** {words}. Why: this system takes no update")
    assert "suggestions" not in after


def test_the_removal_of_a_draft_stays_a_button(make: Any) -> None:
    before, after = shaped(make, EPIC, "delete")
    assert after["suggestions"] == before["suggestions"]
    assert after["selectionBehavior"] == "any"


def test_of_several_suggestions_those_the_client_takes_stay_in_order(make: Any) -> None:
    profile = replace(EPIC, order_codes={"magnesium-level": OrderCode(LIST, "MGLAB")})
    before, after = shaped(make, profile, *ALL)
    names = [item["uuid"] for item in before["suggestions"]]
    assert [item["uuid"] for item in after["suggestions"]] == [names[1]]
    assert after["detail"].count(BY_HAND) == 2


@pytest.mark.parametrize(
    ("family", "row", "topic"),
    [
        ("hypomagnesemia", "A2", "hypomagnesemiaA2"),
        ("potassium-safety", "C4-iv", "potassiumsafetyC4iv"),
        ("x" * 120, "A1", "x" * LONGEST_TOPIC),
    ],
)
def test_a_topic_that_carries_overrides_names_the_finding_in_letters_and_digits(
    make: Any, family: str, row: str, topic: str
) -> None:
    decisions = Decisions((make.decision(row, family=family),))
    before = render(decisions, make.context())
    (after,) = adapted(before, EPIC, {})
    assert after["source"]["topic"] == {**before[0]["source"]["topic"], "code": topic}
    assert after["source"]["label"] == before[0]["source"]["label"]


@pytest.mark.parametrize(
    "concept",
    [
        pytest.param(None, marks=pytest.mark.invalid_draft),
        {},
        {"text": "magnesium sulfate"},
        {"text": "magnesium sulfate", "coding": []},
        {"text": "magnesium sulfate", "coding": [{"display": "no code"}]},
        {"coding": [{"system": RXNORM, "code": "829757"}]},
    ],
)
def test_a_change_whose_drug_the_client_cannot_show_is_told_in_words(
    make: Any, concept: Mapping[str, Any] | None
) -> None:
    _, after = shaped(make, SANDBOX_APP, "update", medicationCodeableConcept=concept)
    assert "suggestions" not in after
    assert f"Why: {NOT_SHOWN}." in after["detail"]


def test_orders_the_client_can_show_stay_as_they_are(make: Any) -> None:
    coding = [{"system": RXNORM, "code": "829757"}]
    concept = {"text": "magnesium sulfate", "coding": coding}
    before, after = shaped(make, SANDBOX_APP, *ALL, medicationCodeableConcept=concept)
    assert after == before
    assert len(after["suggestions"]) == len(ALL)


def test_shaping_leaves_the_cards_it_was_given_alone(make: Any) -> None:
    before = cards(make, *ALL)
    kept = copy.deepcopy(before)
    first, second = (adapted(before, EPIC, make.context().book.templates) for _ in range(2))
    assert before == kept
    assert json.dumps(first, default=str) == json.dumps(second, default=str)


def test_order_codes_that_name_no_template_are_found(make: Any) -> None:
    codes = {name: OrderCode(LIST, "1") for name in (BAG, "magnesium-level", "magnesium-bag 2 g")}
    profile = replace(EPIC, order_codes=codes)
    assert unknown_orders(profile, make.context().book.templates) == ("magnesium-bag 2 g",)
