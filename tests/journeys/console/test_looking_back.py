"""What if, a decision looked at again, and the link for somebody who saw a card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

import browser_kit
from cds.links import Links
from cds.sample import sample
from console_kit import Console
from console_pages import FIRST, LINK_KEY

RULE = '[data-rule="hypomagnesemia"]'


@pytest.fixture
def tab(browser: Browser, console: Console) -> Iterator[Page]:
    with browser_kit.visiting(browser, console.url) as (page, _):
        yield page


def magnesium(tab: Page, value: str, unit: str = "") -> None:
    """State a level as a person does; the page asks by itself."""
    field = tab.locator('[data-fact="magnesium.latest"], [data-fact="magnesium"]').first
    group = field.locator("xpath=ancestor::details[1]")
    if group.get_attribute("open") is None:
        group.locator("summary").first.click()
    if unit:
        field.locator("select").first.select_option(label=unit)
    field.get_by_role("textbox").fill(value)


@pytest.mark.parametrize(("value", "unit"), [("1.0", "mg/dL"), ("0.41", "mmol/L")])
def test_a_value_that_is_moved_flips_a_rule_and_the_address_keeps_it(
    tab: Page, value: str, unit: str
) -> None:
    tab.goto("/console/whatif")
    line = tab.locator(f"#whatif-table {RULE}")
    expect(line).to_have_attribute("data-changed", "no")
    magnesium(tab, value, unit)
    expect(line).to_have_attribute("data-changed", "yes")
    expect(line).to_contain_text("row A2")
    expect(tab.locator("#whatif-table tbody tr").first).to_have_attribute("data-changed", "yes")
    address = tab.locator("#whatif-result").get_attribute("data-address")
    assert address
    tab.goto(address)
    expect(line).to_have_attribute("data-changed", "yes")
    tab.locator('[data-reset="all"]').click()
    expect(line).to_have_attribute("data-changed", "no")


def test_what_if_can_be_asked_without_a_script(browser: Browser, console: Console) -> None:
    with browser_kit.visiting(browser, console.url, java_script_enabled=False) as (tab, _):
        tab.goto("/console/whatif")
        magnesium(tab, "1.0")
        tab.get_by_role("button", name="Judge").click()
        expect(tab.locator(f"#whatif-table {RULE}")).to_have_attribute("data-changed", "yes")


def test_a_decision_that_is_run_again_comes_out_identical(tab: Page, console: Console) -> None:
    tab.goto("/console/decisions")
    tab.locator(f'[data-decision="{console.seeded.decision}"] a').click()
    expect(tab.locator("[data-decision-id]")).to_have_text(console.seeded.decision)
    expect(tab.locator('[data-chain="good"]')).to_be_visible()
    tab.get_by_role("button", name="Re-run now").click()
    expect(tab.locator('[data-rerun="identical"]')).to_be_visible()


def test_decisions_are_found_by_the_rule_that_fired(tab: Page) -> None:
    tab.goto("/console/decisions")
    everything = tab.locator("tr[data-decision]").count()
    tab.get_by_label("Rule", exact=True).fill("hypomagnesemia")
    tab.get_by_label("Outcome").select_option("fired")
    tab.get_by_role("button", name=re.compile("filter|show|apply|find", re.IGNORECASE)).click()
    expect(tab).to_have_url(re.compile("rule=hypomagnesemia"))
    found = tab.locator("tr[data-decision]")
    expect(found.first).to_be_visible()
    assert 0 < found.count() < everything


def test_the_number_of_times_a_rule_fired_leads_to_those_decisions(tab: Page) -> None:
    tab.goto("/console/rules/hypomagnesemia")
    number = tab.locator('tr[data-outcome="fires"] a')
    said = int(number.inner_text())
    assert said > 0
    number.click()
    expect(tab).to_have_url(re.compile("/console/decisions"))
    assert tab.locator("tr[data-decision]").count() == said


def identifiers(request: Any) -> Iterator[str]:
    """What names somebody or something in a hook call: ids, references, names, numbers, dates."""
    if isinstance(request, list):
        for item in request:
            yield from identifiers(item)
    elif isinstance(request, dict):
        for name, value in request.items():
            if isinstance(value, dict | list):
                yield from identifiers(value)
            elif name in NAMING and isinstance(value, str):
                yield from {value, value.rpartition("/")[2]}


NAMING = {
    "id", "reference", "patientId", "encounterId", "userId", "hookInstance", "birthDate", "family",
}  # fmt: skip
# `draft-1` and `mg-2` say nothing of anybody, and "mg" stands in every sentence about magnesium.
_TELLING = 6  # characters


def test_a_link_opens_for_somebody_else_and_names_nobody(
    tab: Page, browser: Browser, console: Console
) -> None:
    tab.goto(f"/console/decisions/{console.seeded.decision}")
    tab.get_by_role("button", name="Make a link for others").click()
    address = tab.get_by_label('Address of "Why this card?"').input_value()
    assert address.startswith(f"{console.url}/why/")
    with browser_kit.visiting(browser, console.url) as (other, _):
        reply = other.goto(urlsplit(address).path)
        assert reply is not None
        assert reply.status == 200
        expect(other.locator("main")).to_contain_text("Severe low magnesium")
        expect(other.locator('a[href^="/console"]')).to_have_count(0)
        page = other.content().replace("Synthetic patients", "")  # the patient has that name, too
        page += " ".join(f"{name}: {value}" for name, value in reply.headers.items())
    call = sample(FIRST).request
    named = {one for one in identifiers(call) if len(one) >= _TELLING}
    assert {call["context"]["patientId"], call["context"]["encounterId"]} <= named
    assert [one for one in sorted(named) if one in page] == []
    assert console.seeded.decision not in page, "nor the record itself"
    assert not re.search(r"\b20\d\d-\d\d-\d\dT?\d\d:", page), "times are told from the decision"


@pytest.mark.parametrize(
    ("spoil", "status", "words"),
    [("expired", 410, "expired"), ("altered", 404, ""), ("of another key", 404, "")],
)
def test_a_link_that_is_no_longer_good_opens_nothing(
    browser: Browser, console: Console, spoil: str, status: int, words: str
) -> None:
    decision, now = console.seeded.decision, datetime.now(UTC)
    path = {
        "expired": Links(LINK_KEY.encode()).made(decision, now - timedelta(seconds=1)),
        "altered": f"{console.seeded.token[:-2]}AA",
        "of another key": Links(b"another").made(decision, now + timedelta(days=1)),
    }[spoil]
    with browser_kit.visiting(browser, console.url) as (tab, watch):
        watch.expects(f"status of {status}")
        reply = tab.goto(f"/why/{path}")
        assert reply is not None
        assert reply.status == status
        expect(tab.locator("main")).to_contain_text(words)
        assert "magnesium" not in tab.content().lower()
