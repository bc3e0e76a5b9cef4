"""Draft orders as the sandbox page edits them, in a real browser: form, text and resource never
contradict each other, and accepting does what the actions say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page

import browser_kit
import r4_checks
from cds.rulebook.holes import fill
from cds.sample import sample
from cds.web.console.static import FOLDER

browser = pytest.fixture(scope="module")(browser_kit.started)
GRAMS = "four-grams-with-stage-4-kidneys"  # 4 g over 4 h at 1 g/h, 4 bags


@pytest.fixture(scope="module")
def page(browser: Any) -> Iterator[Page]:
    """A tab that knows the functions of the two modules as `window.it`."""
    context = browser.new_context()
    tab = context.new_page()
    for name in ("sandbox_orders.js", "sandbox_calls.js"):
        # a page of no site loads no modules by address: its text is the same
        text = (FOLDER / name).read_bytes()
        address = json.dumps("data:text/javascript," + "".join(f"%{byte:02x}" for byte in text))
        tab.evaluate(
            f"async () => {{ window.it = {{...window.it, ...(await import({address}))}}; }}"
        )
    yield tab
    context.close()


def draft(name: str = GRAMS, index: int = 0) -> dict[str, Any]:
    entry = sample(name).request["context"]["draftOrders"]["entry"][index]
    return dict(entry["resource"])


def edited(page: Page, order: dict[str, Any], field: str, value: str) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("(a) => it.edited(...a)", [order, field, value])
    return found


def fields(page: Page, order: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = page.evaluate("(a) => it.fieldsOf(a)", order)
    return found


def text(order: dict[str, Any]) -> str:
    return str(order["dosageInstruction"][0]["text"])


@pytest.mark.parametrize(
    ("field", "value", "follows", "said"),
    [
        ("dose", "2", {"rate": "0.5"}, "2 g IV once over 4 h"),
        ("duration", "2", {"rate": "2"}, "4 g IV once over 2 h"),
        ("rate", "2", {"duration": "2"}, "4 g IV once over 2 h"),
        ("durationUnit", "min", {"rate": "60"}, "4 g IV once over 4 min"),
        ("often", "2/1/d", {}, "4 g IV twice a day over 4 h"),
        ("route", "26643006", {}, "4 g by mouth once over 4 h"),
        ("unit", "meq", {}, "4 mEq IV once over 4 h"),
        ("duration", "", {}, "4 g IV once at 1 g/h"),
        ("rateUnit", "", {"rate": ""}, "4 g IV once over 4 h"),
    ],
)
def test_an_edit_changes_the_resource_the_text_and_what_hangs_together(
    page: Page, field: str, value: str, follows: dict[str, str], said: str
) -> None:
    before = draft()
    after = edited(page, before, field, value)
    assert text(after) == said
    shown = {**fields(page, before), field: value, **follows}
    assert fields(page, after) == shown
    assert r4_checks.faults(after) == ()
    assert {key: item for key, item in after.items() if key in ("id", "subject", "authoredOn")} == {
        key: before[key] for key in ("id", "subject", "authoredOn")
    }


def test_the_quantity_to_dispense_goes_with_the_dose(page: Page) -> None:
    assert edited(page, draft(), "dose", "2")["dispenseRequest"]["quantity"]["value"] == 2
    assert edited(page, draft(), "often", "2/1/d")["dispenseRequest"] == draft()["dispenseRequest"]


def test_an_order_that_is_edited_and_edited_back_is_the_order_it_was(page: Page) -> None:
    there = edited(page, draft(), "dose", "2")
    back = edited(page, there, "dose", "4")
    assert back == draft()
    assert there != back


@pytest.mark.parametrize(
    ("old", "said"),
    [
        ("4 g IV over 20 min loading dose", "2 g IV once over 4 h"),
        ("4 g IV once over 4 h, with a monitor", "2 g IV once over 4 h, with a monitor"),
        ("4 g (16.24 mmol) IV once over 4 h", "2 g IV once over 4 h"),
        ("as discussed", "2 g IV once over 4 h"),
    ],
)
def test_words_of_a_text_stay_unless_a_number_in_it_could_go_stale(
    page: Page, old: str, said: str
) -> None:
    order = draft()
    order["dosageInstruction"] = [{**order["dosageInstruction"][0], "text": old}]
    assert text(edited(page, order, "dose", "2")).removesuffix(" at 0.5 g/h") == said


@pytest.mark.parametrize("typed", [None, "x", [], [None], {"a": 1}])
def test_whatever_somebody_typed_as_dosage_can_be_edited(page: Page, typed: Any) -> None:
    after = edited(page, {**draft(), "dosageInstruction": typed}, "dose", "2")
    assert after["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == 2


@pytest.mark.parametrize(
    ("value", "good"),
    [("2", True), ("0.5", True), ("", True), ("0", False), ("-1", False), ("x", False)],
)
def test_a_dose_is_a_number_above_zero_or_nothing(page: Page, value: str, good: bool) -> None:
    found = page.evaluate("(v) => it.faultOf({dose: v, duration: '', rate: ''})", value)
    assert (found is None) == good


def applied(page: Page, drafts: list[Any], actions: list[Any]) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("(a) => it.applied(...a)", [drafts, actions])
    return found


def ids(found: dict[str, Any]) -> list[str]:
    return [item["id"] for item in found["drafts"]]


def test_accepting_creates_with_a_new_id_updates_in_place_and_deletes_by_reference(
    page: Page,
) -> None:
    first, second = draft(), {**draft(), "id": "draft-2"}
    lower = {**first, "priority": "urgent"}
    new = {key: value for key, value in draft().items() if key != "id"}
    made = applied(page, [first, second], [{"type": "create", "resource": new}])
    assert (ids(made), made["added"]) == (
        ["draft-1", "draft-2", "draft-3"],
        ["MedicationRequest/draft-3"],
    )
    changed = applied(page, [first, second], [{"type": "update", "resource": lower}])
    assert changed["drafts"] == [lower, second]
    gone = applied(
        page, [first, second], [{"type": "delete", "resourceId": "MedicationRequest/draft-1"}]
    )
    assert gone["drafts"] == [second]
    nowhere = applied(page, [second], [{"type": "update", "resource": first}])
    assert (nowhere["drafts"], nowhere["missed"]) == ([second], ["MedicationRequest/draft-1"])


def test_of_several_actions_deletions_come_first(page: Page) -> None:
    found = applied(
        page,
        [draft()],
        [
            {"type": "create", "resource": {"resourceType": "ServiceRequest"}},
            {"type": "delete", "resourceId": "MedicationRequest/draft-1"},
        ],
    )
    assert [item["resourceType"] for item in found["drafts"]] == ["ServiceRequest"]


def test_names_on_the_server_are_given_and_taken_back(page: Page) -> None:
    tree = {
        **draft(),
        "basedOn": [{"reference": "MedicationRequest/order-1"}],
        "contained": [{"id": "x"}],
    }
    there = {
        "MedicationRequest/order-1": "MedicationRequest/p.order-1",
        "MedicationRequest/draft-1": "MedicationRequest/p.draft-1",
    }
    moved = page.evaluate("(a) => it.renamed(...a)", [tree, there])
    assert (moved["id"], moved["basedOn"][0]["reference"]) == (
        "p.draft-1",
        "MedicationRequest/p.order-1",
    )
    back = {value: key for key, value in there.items()}
    assert page.evaluate("(a) => it.renamed(...a)", [moved, back]) == tree


def test_a_call_holds_its_prefetch_as_it_came(page: Page) -> None:
    base = {"more": {}, "prefetch": {"patient": '{\n  "value": 1.0\n}', "problems": "null"}}
    body = page.evaluate(
        "(a) => it.composed(...a)", [base, "patient-view", {"patientId": "p"}, ["patient", "gone"]]
    )
    assert '"value": 1.0' in body
    found = json.loads(body)
    assert len(found.pop("hookInstance")) == 36
    assert found == {
        "hook": "patient-view",
        "context": {"patientId": "p"},
        "prefetch": {"patient": {"value": 1.0}},
    }


@pytest.mark.parametrize(
    ("hook", "members"),
    [
        ("patient-view", set()),
        ("order-select", {"selections", "draftOrders"}),
        ("order-sign", {"draftOrders"}),
        ("encounter-discharge", set()),
    ],
)
def test_each_hook_is_told_what_its_table_has(page: Page, hook: str, members: set[str]) -> None:
    base = {"context": {"userId": "Practitioner/a", "patientId": "p", "encounterId": "e"}}
    context = page.evaluate("(a) => it.contextFor(...a)", [hook, base, [draft()], ["x"]])
    assert context.keys() == {"userId", "patientId", "encounterId"} | members


def test_an_order_of_the_list_becomes_one_of_this_patient(page: Page) -> None:
    context = {"patientId": "p", "encounterId": "e"}
    resource = fill({"resourceType": "ServiceRequest", "status": "draft", "intent": "proposal"}, {})
    made = page.evaluate(
        "(a) => it.forPatient(...a)", [resource, context, [draft()], "2026-11-22T09:30:00Z"]
    )
    assert made["id"] == "draft-2"
    assert made["subject"] == {"reference": "Patient/p"}
    assert made["encounter"] == {"reference": "Encounter/e"}
