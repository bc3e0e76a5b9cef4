"""What a hook means for the advice, with the real rules behind the real application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orders import BENCH, FUROSEMIDE, drafts, magnesium_bag, renal, resources, rows, without_ids

Post = Callable[..., Any]

ALL = drafts(FUROSEMIDE, magnesium_bag(4))
CHOSEN = [f"MedicationRequest/{FUROSEMIDE['id']}"]


@pytest.mark.requirement("HOOK-ORDER-SELECT-07")
def test_an_unselected_order_gets_no_card(post: Post) -> None:
    assert not renal(post("order-select", draftOrders=ALL, selections=CHOSEN))
    chosen = post("order-select", draftOrders=ALL, selections=["MedicationRequest/draft-mg"])
    assert rows(chosen) >= {"C1"}


@pytest.mark.requirement("HOOK-ORDER-SIGN-04")
def test_a_card_may_concern_any_order_to_sign(post: Post) -> None:
    reply = post("order-sign", draftOrders=ALL)
    assert rows(reply) >= {"C1"}
    assert len(renal(reply)) == 1


def test_a_card_about_one_of_several_orders_names_it(post: Post) -> None:
    (card,) = renal(post("order-sign", draftOrders=ALL))
    assert "magnesium sulfate" in card["summary"].lower()


@pytest.mark.requirement("ACT-05", "ACT-11")
def test_an_update_at_order_sign_is_of_an_order_to_sign(post: Post) -> None:
    (card,) = renal(post("order-sign", draftOrders=ALL))
    (action,) = card["suggestions"][0]["actions"]
    assert (action["type"], action["resource"]["id"]) == ("update", "draft-mg")


@pytest.mark.requirement("HOOK-ORDER-SIGN-05")
def test_a_revised_order_is_judged_like_a_new_one(post: Post) -> None:
    revised = magnesium_bag(4, status="active")
    assert rows(post("order-sign", draftOrders=drafts(FUROSEMIDE, revised))) >= {"C1"}


def test_an_order_that_is_being_discontinued_is_no_order_to_judge(post: Post) -> None:
    stopped = magnesium_bag(4, status="stopped")
    assert not renal(post("order-sign", draftOrders=drafts(FUROSEMIDE, stopped)))


def test_no_order_to_sign_is_answered(post: Post) -> None:
    assert not renal(post("order-sign", draftOrders=drafts()))


def test_a_patient_is_judged_the_same_whichever_order_is_handled(post: Post) -> None:
    about_patient = rows(post("order-select"))
    assert about_patient
    assert rows(post("order-sign")) == rows(post("patient-view")) == about_patient


@pytest.mark.parametrize("name", ["patient-view", "encounter-discharge"])
def test_a_hook_without_orders_gives_no_card_about_one(post: Post, name: str) -> None:
    reply = post(name, draftOrders=ALL, selections=["MedicationRequest/draft-mg"])
    assert not renal(reply)
    assert without_ids(reply) == without_ids(post(name))


def test_at_discharge_the_patient_is_judged_and_no_drug_is_suggested(post: Post) -> None:
    before = post("patient-view")
    assert "MedicationRequest" in {item["resourceType"] for item in resources(before)}
    reply = post("encounter-discharge")
    assert rows(reply) & rows(before)
    assert "MedicationRequest" not in {item["resourceType"] for item in resources(reply)}


@pytest.mark.requirement("HOOK-ORDER-SELECT-11", "HOOK-ENCOUNTER-DISCHARGE-04")
def test_repeated_calls_give_equal_cards(post: Post, hook: str) -> None:
    first, *others = (
        without_ids(post(hook, instance=f"6f0a0f1e-6a55-4a0e-9f0b-1f6c8b7f2a0{number}"))
        for number in range(3)
    )
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
@pytest.mark.invalid_draft
@pytest.mark.parametrize(
    "change",
    [
        {"dosageInstruction": []},
        {"dosageInstruction": [{"text": "as needed"}]},
        {"medicationCodeableConcept": {}},
        {"medicationCodeableConcept": {"text": "magnesium"}, "category": {"text": "one"}},
        {"requester": {"agent": "STU3"}, "context": {"reference": "Encounter/1"}},
        {"medicationReference": {"reference": "Medication/m", "display": "magnesium sulfate"}},
    ],
    ids=str,
)
@pytest.mark.requirement("HOOK-ORDER-SELECT-08", "REQ-10")
def test_incomplete_and_odd_orders_are_answered(
    post: Post, name: str, change: dict[str, Any]
) -> None:
    order = {**magnesium_bag(4), **change}
    more = {"selections": ["MedicationRequest/draft-mg"]} if name == "order-select" else {}
    assert post(name, draftOrders=drafts(order), **more).status_code == 200


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
@pytest.mark.requirement("HOOK-ORDER-SELECT-09")
def test_orders_of_other_types_are_passed_over(post: Post, name: str) -> None:
    other = {"resourceType": "NutritionOrder", "id": "n-1"}
    both = {"selections": ["NutritionOrder/n-1", "MedicationRequest/draft-mg"]}
    more = both if name == "order-select" else {}
    assert rows(post(name, draftOrders=drafts(other, magnesium_bag(4)), **more)) >= {"C1"}


@pytest.mark.parametrize("key", ["patient", "observations"])
@pytest.mark.requirement("PRE-13", "PRE-18", "RESP-05")
def test_without_required_data_the_answer_is_412_and_names_the_key(
    post: Post, hook: str, key: str
) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]}
    reply = post(hook, prefetch={**BENCH["prefetch"], key: failed})
    assert (reply.status_code, "cards" in reply.json()) == (412, False)
    assert reply.json()["issue"][0]["expression"] == [f"prefetch.{key}"]


@pytest.mark.requirement("PRE-24")
def test_another_patients_data_is_never_answered(post: Post, hook: str) -> None:
    other = {**BENCH["prefetch"]["patient"], "id": "somebody-else"}
    assert post(hook, prefetch={**BENCH["prefetch"], "patient": other}).status_code == 400


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
@pytest.mark.requirement("PRE-24")
def test_orders_for_another_patient_are_refused(post: Post, name: str) -> None:
    other = {**FUROSEMIDE, "subject": {"reference": "Patient/somebody-else"}}
    reply = post(name, draftOrders=drafts(other))
    assert reply.json()["issue"][0]["expression"] == ["context.draftOrders"]
    assert reply.status_code == 400


@pytest.mark.requirement("CARD-02")
@pytest.mark.parametrize("name", ["x" * 400, "magnesium sulfate, a name of many words " * 12])
def test_a_long_name_makes_no_long_summary(post: Post, name: str) -> None:
    order = magnesium_bag(4)
    order["medicationCodeableConcept"]["text"] = name
    (card,) = renal(post("order-sign", draftOrders=drafts(order)))
    assert len(card["summary"]) < 140


@pytest.mark.requirement("ACT-04")
@pytest.mark.invalid_draft
def test_an_update_keeps_what_the_service_does_not_understand(post: Post) -> None:
    more = {
        "identifier": [{"system": "https://hospital.example/orders", "value": "7"}],
        "extension": [{"url": "https://hospital.example/x", "valueString": "y"}],
        "contained": [{"resourceType": "Basic", "id": "b"}],
        "note": [{"text": "as agreed"}],
        "aMemberOfTheNextVersion": {"given": ["a", "b"], "_given": [None, {"id": "1"}], "n": 2.50},
    }
    (card,) = renal(post("order-sign", draftOrders=drafts(magnesium_bag(4, **more))))
    (action,) = card["suggestions"][0]["actions"]
    assert {name: action["resource"][name] for name in more} == more
