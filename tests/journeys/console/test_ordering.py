"""In the sandbox, as at an EHR: a patient, a draft order, cards, and what becomes of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import browser_kit
from cds.rulebook.load import load_rulebook
from cds.settings import usual_folder
from console_kit import Console
from console_pages import FIRST

PATIENT = f"/console/sandbox/{FIRST}"
TITLE = "Severe low magnesium, half kidneys, loop diuretic"
OFFER = re.compile("Magnesium sulfate 2 g")
_MOST_TABS = 80


@pytest.fixture
def tab(browser: Browser, console: Console) -> Iterator[Page]:
    with browser_kit.visiting(browser, console.url) as (page, _):
        yield page


def answered(tab: Page, hook: str) -> None:
    """Once the newest answer is that of this hook."""
    expect(tab.locator("#said")).to_contain_text(f"{hook}: ")
    expect(tab.locator("#advice")).to_have_attribute("aria-busy", "false")


def opened(tab: Page) -> None:
    tab.goto(PATIENT)
    answered(tab, "patient-view")


def edited(tab: Page, dose: str) -> None:
    """Another dose in the first draft order; the page asks by itself."""
    tab.locator('#drafts [data-field="dose"]').first.fill(dose)
    answered(tab, "order-select")


def offering(tab: Page) -> Locator:
    return tab.locator("#cards [data-card]").filter(has=tab.get_by_role("button", name=OFFER))


def calls(tab: Page) -> list[str]:
    """What this page called so far, the newest first."""
    return [name.strip() for name in tab.locator("#calls tr td:first-child").all_inner_texts()]


def decision_of(tab: Page, hook: str) -> str:
    """Where the newest decision about this hook is told of."""
    row = tab.locator("#calls tr").filter(has_text=hook).filter(has=tab.locator("a")).first
    found = row.locator("a").get_attribute("href")
    assert found
    return found


def fate(tab: Page, decision: str, card: str) -> Locator:
    """What became of a card, as the page of its decision has it."""
    tab.goto(decision)
    return tab.locator(f'[data-feedback="{card}"]')


def test_a_suggestion_that_is_accepted_changes_the_orders_and_is_told_in_the_decision(
    tab: Page,
) -> None:
    tab.goto("/console/sandbox")
    tab.get_by_label("Find a patient").fill("half kidneys loop")
    tab.get_by_role("link", name=TITLE).click()
    answered(tab, "patient-view")
    edited(tab, "60")
    decision, card = decision_of(tab, "order-select"), offering(tab).get_attribute("data-card")
    assert card
    expect(tab.locator("#drafts fieldset.draft")).to_have_count(1)
    offering(tab).get_by_role("button", name=OFFER).click()
    expect(tab.locator("#drafts fieldset.draft")).to_have_count(2)
    expect(tab.locator("#drafts")).to_contain_text("magnesium sulfate", ignore_case=True)
    expect(tab.locator("#said")).to_contain_text("Accepted: ")
    answered(tab, "order-select")
    assert calls(tab)[:2] == ["order-select", "feedback, accepted"]
    sent = json.loads(tab.locator("#request").inner_text())
    assert len(sent["context"]["draftOrders"]["entry"]) == 2, "the next call knows the new order"
    told = fate(tab, decision, card).locator('[data-outcome="accepted"]')
    expect(told).to_have_count(1)


def test_a_card_that_is_overridden_is_told_with_its_reason_in_the_decision(tab: Page) -> None:
    opened(tab)
    edited(tab, "80")
    decision, card = decision_of(tab, "order-select"), offering(tab)
    uuid = card.get_attribute("data-card")
    assert uuid
    card.get_by_role("button", name="Override").click()
    dialog = tab.get_by_role("dialog", name="Override this card")
    reason = dialog.locator("label:has(input[type=radio])").first
    words = reason.inner_text().strip()
    reason.click()
    dialog.get_by_label("Comment").fill("Given by the night shift already.")
    dialog.get_by_role("button", name="Override").click()
    expect(dialog).to_be_hidden()
    told = tab.locator(f'#cards [data-card="{uuid}"]')
    expect(told).to_have_class(re.compile("overridden"))
    expect(told).to_contain_text(f"Overridden: {words}")
    assert calls(tab)[0] == "feedback, overridden"
    kept = fate(tab, decision, uuid).locator('[data-outcome="overridden"]')
    expect(kept).to_have_count(1)
    expect(kept).to_contain_text(words)


def test_a_dialog_that_is_closed_overrides_nothing(tab: Page) -> None:
    opened(tab)
    offering(tab).get_by_role("button", name="Override").click()
    tab.keyboard.press("Escape")
    expect(tab.get_by_role("dialog")).to_be_hidden()
    assert calls(tab) == ["patient-view"]
    expect(offering(tab).get_by_role("button", name="Override")).to_be_focused()


def test_prefetch_keys_that_are_not_sent_show_as_gaps(tab: Page) -> None:
    opened(tab)
    expect(offering(tab)).to_have_count(1)
    tab.get_by_label("Some prefetch keys").check()
    tab.get_by_label("problems", exact=True).uncheck()
    # The severe card stays, and what it offered is withheld with the reason.
    severe = tab.locator('#cards [data-indicator="critical"]')
    expect(severe).to_contain_text("'problems' was not supplied")
    expect(offering(tab)).to_have_count(0)
    answered(tab, "patient-view")
    assert "problems" not in json.loads(tab.locator("#request").inner_text())["prefetch"]


def test_without_prefetch_the_service_fetches_and_answers_the_same(tab: Page) -> None:
    opened(tab)
    before = tab.locator("#cards h3").all_inner_texts()
    tab.get_by_label("No prefetch: FHIR server and token").check()
    expect(tab.locator("#request")).to_contain_text("fhirAuthorization")
    answered(tab, "patient-view")
    sent = json.loads(tab.locator("#request").inner_text())
    assert "prefetch" not in sent
    assert tab.locator("#cards h3").all_inner_texts() == before
    assert before


def test_the_trace_of_every_rule_stands_beside_the_cards(tab: Page) -> None:
    opened(tab)
    edited(tab, "50")  # some rules are only asked about an order
    tab.locator("#trace > summary").click()
    expect(tab.locator('#trace-body [data-rule="hypomagnesemia"]').first).to_be_visible()
    told = tab.locator("#trace-body [data-rule]").evaluate_all(
        "(all) => all.map((one) => one.dataset.rule)"
    )
    assert set(told) == {rule.id for rule in load_rulebook(usual_folder("rules")).rules}


def test_json_that_cannot_be_read_is_told_at_its_field_and_not_sent(tab: Page) -> None:
    opened(tab)
    draft = tab.locator("#drafts fieldset.draft").first
    draft.get_by_text("The resource as JSON").click()
    draft.get_by_label("FHIR R4 resource").fill('{"resourceType": ')
    expect(draft.get_by_role("alert").filter(has_text="no JSON")).to_be_visible()
    tab.get_by_role("button", name="Sign").click()
    expect(tab.locator("#said")).to_contain_text("nothing is sent")
    assert calls(tab) == ["patient-view"]


def reached(tab: Page, wanted: Locator) -> None:
    """Go there by the Tab key alone, and see where one is."""
    for _ in range(_MOST_TABS):
        tab.keyboard.press("Tab")
        if wanted.evaluate("(one) => one === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    ring: Any = wanted.evaluate("(one) => getComputedStyle(one).outlineStyle")
    assert ring != "none", "the focus can be seen"


def test_the_whole_way_can_be_gone_by_keyboard(tab: Page) -> None:
    tab.goto("/console/sandbox")
    tab.keyboard.press("Tab")
    expect(tab.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab.keyboard.press("Enter")
    reached(tab, tab.get_by_label("Find a patient"))
    tab.keyboard.type("half kidneys loop")
    reached(tab, tab.get_by_role("link", name=TITLE))
    tab.keyboard.press("Enter")
    answered(tab, "patient-view")
    reached(tab, tab.locator('#drafts [data-field="dose"]').first)
    tab.keyboard.press("Control+A")
    tab.keyboard.type("60")
    answered(tab, "order-select")
    reached(tab, offering(tab).get_by_role("button", name="Override"))
    tab.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog", name="Override this card")
    expect(dialog).to_be_visible()
    reached(tab, dialog.get_by_role("radio").first)
    tab.keyboard.press("ArrowDown")
    expect(dialog.get_by_role("radio").nth(1)).to_be_checked()
    reached(tab, dialog.get_by_role("button", name="Override"))
    tab.keyboard.press("Enter")
    expect(tab.locator("#cards .overridden")).to_have_count(1)
    assert calls(tab)[0] == "feedback, overridden"
