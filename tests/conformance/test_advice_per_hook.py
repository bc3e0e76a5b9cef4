"""What a hook means for the advice, with the real rules behind the real application."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.bodies import NOW
from bench.bodies import body as bench_body
from cds import bootstrap
from cds.settings import Settings
from cds.web.app import create_app

ROOT = Path(__file__).parents[2]
BENCH = json.loads(bench_body("40k"))  # low magnesium, low potassium, kidneys moderately reduced
PATIENT = BENCH["context"]["patientId"]
RXNORM, UCUM = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://unitsofmeasure.org"
FUROSEMIDE = BENCH["context"]["draftOrders"]["entry"][0]["resource"]

Post = Callable[..., Any]


@pytest.fixture(scope="module")
def service() -> bootstrap.Service:
    return bootstrap.build(Settings(rules=ROOT / "rules", sandbox=True), NOW)


@pytest.fixture
def post(service: bootstrap.Service, client_of: Any, body_of: Callable[..., Any]) -> Post:
    """Ask the service of a hook about the patient; keyword arguments replace context members."""
    client = client_of(create_app(service))

    def ask(hook: str, *, prefetch: dict[str, Any] | None = None, **context: Any) -> Any:
        members = {name: BENCH["context"][name] for name in body_of(hook)["context"]}
        instance = context.pop("instance", BENCH["hookInstance"])
        body = {
            "hook": hook,
            "hookInstance": instance,
            "context": {**members, **context},
            "prefetch": {**BENCH["prefetch"], **(prefetch or {})},
        }
        return client.post(f"/cds-services/electrolytes-{hook}", json=body)

    return ask


def magnesium_bag(grams: int, **members: Any) -> dict[str, Any]:
    """A draft of magnesium sulfate, more than these kidneys can clear at once."""
    quantity = {"value": grams, "unit": "g", "system": UCUM, "code": "g"}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-mg",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": {
            "coding": [{"system": RXNORM, "code": "829757"}],
            "text": "magnesium sulfate 1 g in 100 mL",
        },
        "dosageInstruction": [
            {
                "text": f"{grams} g IV over 2 h, once",
                "timing": {"repeat": {"count": 1, "duration": 2, "durationUnit": "h"}},
                "route": {"coding": [{"system": "http://snomed.info/sct", "code": "47625008"}]},
                "doseAndRate": [{"doseQuantity": quantity}],
            }
        ],
        **members,
    }


def drafts(*orders: dict[str, Any]) -> dict[str, Any]:
    entries = [{"resource": item} for item in orders]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def rows(reply: Any) -> set[str]:
    assert reply.status_code == 200, reply.text
    return {row for card in reply.json()["cards"] for row in card["extension"]["rows"]}


def renal(reply: Any) -> list[dict[str, Any]]:
    """The cards about the magnesium order."""
    found = reply.json()["cards"]
    return [card for card in found if card["source"]["topic"]["code"] == "renal-dose-caution"]


def resources(reply: Any) -> Iterator[dict[str, Any]]:
    for card in reply.json()["cards"]:
        for suggestion in card.get("suggestions", ()):
            for action in suggestion["actions"]:
                yield action.get("resource", {"resourceType": "removed"})


def without_ids(reply: Any) -> list[dict[str, Any]]:
    """The cards without what names this very call."""
    cards: list[dict[str, Any]] = reply.json()["cards"]
    for card in cards:
        del card["uuid"], card["extension"]["decision"]
        for suggestion in card.get("suggestions", ()):
            del suggestion["uuid"]
    return cards


ALL = drafts(FUROSEMIDE, magnesium_bag(4))
CHOSEN = [f"MedicationRequest/{FUROSEMIDE['id']}"]


def test_hook_order_select_07_an_unselected_order_gets_no_card(post: Post) -> None:
    assert not renal(post("order-select", draftOrders=ALL, selections=CHOSEN))
    chosen = post("order-select", draftOrders=ALL, selections=["MedicationRequest/draft-mg"])
    assert rows(chosen) >= {"C1"}


def test_hook_order_sign_04_a_card_may_concern_any_order(post: Post) -> None:
    reply = post("order-sign", draftOrders=ALL)
    assert rows(reply) >= {"C1"}
    assert len(renal(reply)) == 1


def test_inf_card_06_a_card_about_one_of_several_orders_names_it(post: Post) -> None:
    (card,) = renal(post("order-sign", draftOrders=ALL))
    assert "magnesium sulfate" in card["summary"].lower()


def test_act_05_an_update_at_order_sign_is_of_an_order_to_sign(post: Post) -> None:
    (card,) = renal(post("order-sign", draftOrders=ALL))
    (action,) = card["suggestions"][0]["actions"]
    assert (action["type"], action["resource"]["id"]) == ("update", "draft-mg")


def test_hook_order_sign_05_a_revised_order_is_judged_like_a_new_one(post: Post) -> None:
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


def test_hook_order_select_11_encounter_discharge_04_repeated_calls_give_equal_cards(
    post: Post, hook: str
) -> None:
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
def test_hook_order_select_08_req_10_incomplete_and_odd_orders_are_answered(
    post: Post, name: str, change: dict[str, Any]
) -> None:
    order = {**magnesium_bag(4), **change}
    more = {"selections": ["MedicationRequest/draft-mg"]} if name == "order-select" else {}
    assert post(name, draftOrders=drafts(order), **more).status_code == 200


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
def test_hook_order_select_09_orders_of_other_types_are_passed_over(post: Post, name: str) -> None:
    other = {"resourceType": "NutritionOrder", "id": "n-1"}
    both = {"selections": ["NutritionOrder/n-1", "MedicationRequest/draft-mg"]}
    more = both if name == "order-select" else {}
    assert rows(post(name, draftOrders=drafts(other, magnesium_bag(4)), **more)) >= {"C1"}


@pytest.mark.parametrize("key", ["patient", "observations"])
def test_pre_13_without_required_data_the_answer_is_412_and_names_the_key(
    post: Post, hook: str, key: str
) -> None:
    failed = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "x"}]}
    reply = post(hook, prefetch={key: failed})
    assert (reply.status_code, "cards" in reply.json()) == (412, False)
    assert reply.json()["issue"][0]["expression"] == [f"prefetch.{key}"]


def test_pre_24_another_patients_data_is_never_answered(post: Post, hook: str) -> None:
    other = {**BENCH["prefetch"]["patient"], "id": "somebody-else"}
    assert post(hook, prefetch={"patient": other}).status_code == 400


@pytest.mark.parametrize("name", ["order-select", "order-sign"])
def test_orders_for_another_patient_are_refused(post: Post, name: str) -> None:
    other = {**FUROSEMIDE, "subject": {"reference": "Patient/somebody-else"}}
    reply = post(name, draftOrders=drafts(other))
    assert reply.json()["issue"][0]["expression"] == ["context.draftOrders"]
    assert reply.status_code == 400
