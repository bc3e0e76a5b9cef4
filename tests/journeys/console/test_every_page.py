"""Promises that hold on every page, in both widths and both themes.

No serious finding of axe, nothing wider than the window, nothing that moves under the reader, no
request that leaves the machine, no complaint of the browser.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from starlette.routing import Route

import browser_kit
import console_kit
from cds.bootstrap import build
from cds.links import WHY
from cds.settings import Settings
from cds.web.console.app import application, public
from cds.web.console.place import CONSOLE
from console_kit import TOKENS, Console
from console_pages import PAGES, PARTS, Page

STILL = 0.1  # of the window, summed up: what is called good for cumulative layout shift
LOOKS = [("wide", "light"), ("narrow", "dark")]
EVERY = list(itertools.product(PAGES, LOOKS))


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console that asks who comes, so that it has all its pages."""
    state = tmp_path_factory.mktemp("state")
    yield from console_kit.running(state, CDS_ADMIN_TOKEN=TOKENS["admin"])


@pytest.mark.parametrize(
    ("page", "look"), EVERY, ids=[f"{page.name}-{'-'.join(look)}" for page, look in EVERY]
)
def test_a_page_keeps_its_promises(
    browser: Browser, console: Console, page: Page, look: tuple[str, str]
) -> None:
    width, theme = look
    headers = {"authorization": f"Bearer {TOKENS['admin']}"} if page.name != "signin" else {}
    with browser_kit.visiting(
        browser, console.url, width=width, theme=theme, extra_http_headers=headers
    ) as (tab, watch):
        if page.status != 200:
            watch.expects(f"status of {page.status}")
        reply = tab.goto(console.seeded.path(page))
        assert reply is not None
        assert reply.status == page.status
        tab.wait_for_selector(page.shown, state="attached")
        browser_kit.at_rest(tab)
        moved, what = browser_kit.shifted(tab)
        assert moved < STILL, what
        assert browser_kit.overflow(tab) == []
        assert browser_kit.barriers(tab, drawn=look != LOOKS[0]) == []


def test_every_page_of_the_application_is_looked_at(tmp_path: Path) -> None:
    settings = Settings(
        sandbox=True, state=tmp_path, audit_key="a-key-of-a-test-about-pages", admin_token="a" * 32
    )
    service = build(settings, audited=True)
    found = {
        f"{below}{route.path}"
        for below, app in ((CONSOLE, application(service)), (WHY, public(service)))
        for route in app.routes
        if isinstance(route, Route) and "GET" in (route.methods or ())
    }
    assert found == {page.route for page in PAGES} - {""} | PARTS
