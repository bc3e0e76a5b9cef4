"""Who may open what: roles, sessions that end, and requests that were not meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

import browser_kit
from console_kit import TOKENS, Guarded

DECISIONS = "/console/decisions"


@contextmanager
def visitor(browser: Browser, guarded: Guarded, *others: str, refused: int = 0) -> Iterator[Page]:
    with browser_kit.visiting(browser, guarded.url, *others) as (tab, watch):
        if refused:
            watch.expects(f"status of {refused}")
        yield tab


def sign_in(tab: Page, role: str) -> None:
    tab.get_by_label("Token").fill(TOKENS[role])
    tab.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize(
    ("role", "path", "status"),
    [
        ("viewer", "/console/rules", 200),
        ("viewer", DECISIONS, 403),
        ("viewer", "/console/admin", 403),
        ("reviewer", DECISIONS, 200),
        ("reviewer", "/console/admin", 403),
        ("admin", DECISIONS, 200),
        ("admin", "/console/admin", 200),
    ],
)
def test_a_role_opens_what_it_may(
    browser: Browser, guarded: Guarded, role: str, path: str, status: int
) -> None:
    with visitor(browser, guarded, refused=403) as tab:
        tab.goto("/console/signin?next=/console/rules")
        sign_in(tab, role)
        expect(tab).to_have_url(re.compile("/console/rules$"))
        reply = tab.goto(path)
        assert reply is not None
        assert reply.status == status


def test_who_is_not_signed_in_comes_back_to_the_page_that_was_wanted(
    browser: Browser, guarded: Guarded
) -> None:
    with visitor(browser, guarded, refused=401) as tab:
        tab.goto(DECISIONS)
        expect(tab).to_have_url(re.compile("/console/signin"))
        tab.get_by_label("Token").fill("not-a-token-of-this-console")
        tab.get_by_role("button", name="Sign in").click()
        expect(tab.get_by_role("alert")).to_be_visible()
        sign_in(tab, "reviewer")
        expect(tab).to_have_url(re.compile(f"{DECISIONS}$"))
        expect(tab.locator("[data-decision]").first).to_be_visible()


def test_signing_out_ends_it(browser: Browser, guarded: Guarded) -> None:
    with visitor(browser, guarded) as tab:
        tab.goto("/console/signin")
        sign_in(tab, "viewer")
        tab.get_by_role("button", name="Sign out").click()
        expect(tab).to_have_url(re.compile("/console/signin"))
        tab.goto("/console/rules")
        expect(tab).to_have_url(re.compile("/console/signin"))


def test_a_session_ends_when_nobody_asks_for_anything(browser: Browser, guarded: Guarded) -> None:
    with visitor(browser, guarded) as tab:
        tab.goto("/console/signin?next=/console/rules")
        sign_in(tab, "viewer")
        for minutes, page in ((29, "/console/rules"), (29, "/console/rules"), (31, "signin")):
            guarded.clock.pass_by(timedelta(minutes=minutes))
            tab.goto("/console/rules")
            expect(tab).to_have_url(re.compile(page))
        expect(tab.get_by_role("alert")).to_contain_text("session has ended")


def test_a_part_of_a_page_whose_session_has_ended_says_so(
    browser: Browser, guarded: Guarded
) -> None:
    with visitor(browser, guarded, refused=401) as tab:
        tab.goto("/console/signin?next=/console/decisions")
        sign_in(tab, "reviewer")
        tab.goto(f"{DECISIONS}/{guarded.seeded.decision}")
        guarded.clock.pass_by(timedelta(hours=1))
        tab.get_by_role("button", name="Re-run now").click()
        expect(tab.locator("#result")).to_contain_text(re.compile("sign in", re.IGNORECASE))


def test_a_link_expires_by_the_clock(browser: Browser, guarded: Guarded) -> None:
    with visitor(browser, guarded, refused=410) as tab:
        tab.goto("/console/signin?next=/console/decisions")
        sign_in(tab, "reviewer")
        tab.goto(f"{DECISIONS}/{guarded.seeded.decision}")
        tab.get_by_role("button", name="Make a link for others").click()
        address = tab.get_by_label('Address of "Why this card?"').input_value()
        for days, status in ((6, 200), (1, 410)):
            guarded.clock.pass_by(timedelta(days=days))
            reply = tab.goto(address)
            assert reply is not None
            assert reply.status == status


def test_a_form_that_does_not_carry_the_word_of_its_session_does_nothing(
    browser: Browser, guarded: Guarded
) -> None:
    with visitor(browser, guarded, refused=403) as tab:
        tab.goto("/console/signin?next=/console/rules")
        sign_in(tab, "viewer")
        tab.locator('form.account input[name="csrf"]').evaluate("(field) => { field.value = 'x' }")
        tab.get_by_role("button", name="Sign out").click()
        expect(tab.locator("main")).to_contain_text("not sent from a page of your session")
        tab.goto("/console/rules")
        expect(tab.get_by_role("button", name="Sign out")).to_be_visible()


@pytest.fixture
def trap(guarded: Guarded) -> Iterator[str]:
    """A page of another port, which browsers call the same site: they send the cookie along."""
    target = f"{guarded.url}/console/signout"
    form = f'<form method="post" action="{target}"><button>A prize</button></form>'
    page = f'<html lang="en"><title>A trap</title>{form}</html>'.encode()
    with browser_kit.pages_at({"/": (page, {"content-type": "text/html"})}) as origin:
        yield origin


def test_a_form_on_a_page_of_somebody_else_does_nothing(
    browser: Browser, guarded: Guarded, trap: str
) -> None:
    with visitor(browser, guarded, trap, refused=403) as tab:
        tab.goto("/console/signin?next=/console/rules")
        sign_in(tab, "viewer")
        expect(tab).to_have_url(re.compile("/console/rules$"))
        tab.goto(trap)
        tab.get_by_role("button", name="A prize").click()
        expect(tab.locator("main")).to_contain_text("sent from another site")
        tab.goto("/console/rules")
        expect(tab.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_cookie_is_for_the_console_alone_and_out_of_reach_of_scripts(
    browser: Browser, guarded: Guarded
) -> None:
    with visitor(browser, guarded) as tab:
        tab.goto("/console/signin?next=/console/rules")
        sign_in(tab, "admin")
        expect(tab).to_have_url(re.compile("/console/rules$"))
        (cookie,) = tab.context.cookies()
        assert cookie["httpOnly"]
        assert cookie["sameSite"] == "Strict"
        assert cookie["path"] == "/console"
        assert tab.evaluate("document.cookie") == ""
        assert TOKENS["admin"] not in cookie["value"]
