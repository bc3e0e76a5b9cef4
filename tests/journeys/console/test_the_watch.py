"""What the other tests of this folder lean on: a page that breaks a promise is noticed.

Each page here breaks one, so a watch that sees nothing cannot pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

import browser_kit
from cds.web.console.headers import POLICY

HEADERS = {"content-type": "text/html", "content-security-policy": POLICY}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A page under the policy of the console, and nothing else."""
    with browser_kit.pages_at({"/": (b'<html lang="en"><title>A page</title>', HEADERS)}) as origin:
        yield origin


def shown(tab: Page, body: str) -> None:
    tab.goto("/")
    tab.set_content(
        f'<html lang="en"><title>A page</title><main><h1>A page</h1>{body}</main></html>'
    )


def visit(browser: Browser, url: str, body: str, *expected: str, bypass_csp: bool = False) -> None:
    with browser_kit.visiting(browser, url, bypass_csp=bypass_csp) as (tab, watch):
        watch.expects(*expected)
        shown(tab, body)
        browser_kit.at_rest(tab)


@pytest.mark.parametrize("place", ["https://elsewhere.example/x.png", "http://127.0.0.1:9/x.png"])
def test_a_request_to_another_place_is_seen(browser: Browser, url: str, place: str) -> None:
    with pytest.raises(AssertionError, match=f"asked elsewhere: .*{re.escape(place)}"):
        visit(browser, url, f'<img alt="" src="{place}">', "ERR_", bypass_csp=True)


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        ("<script>document.title = 'ran'</script>", "Content Security Policy"),
        ('<p style="color: red">Red</p>', "Content Security Policy"),
        ("<p onclick='go()'>Go</p>", "Content Security Policy"),
    ],
    ids=["script", "style", "event"],
)
def test_what_the_browser_complains_about_is_seen(
    browser: Browser, url: str, body: str, seen: str
) -> None:
    with pytest.raises(AssertionError, match=f"complained: .*{seen}"):
        visit(browser, url, body)


def test_what_keeps_people_out_is_seen(browser: Browser, url: str) -> None:
    with browser_kit.visiting(browser, url, bypass_csp=True) as (tab, _):
        shown(tab, '<p style="color: #999; background: #fff">Pale</p><input><p id="x">')
        assert [one for one in browser_kit.barriers(tab) if "(label)" in one]
        assert [one for one in browser_kit.barriers(tab, drawn=True) if "(color-contrast)" in one]


def test_what_is_too_wide_and_what_moves_is_seen(browser: Browser, url: str) -> None:
    with browser_kit.visiting(browser, url, width="narrow", bypass_csp=True) as (tab, _):
        shown(
            tab,
            '<div class="wide" style="width: 800px">Wide</div><p style="height: 600px">Below</p>',
        )
        assert [one for one in browser_kit.overflow(tab) if "div#.wide" in one]
        assert browser_kit.shifted(tab)[0] < 0.01
        tab.wait_for_timeout(600)  # what moves just after something was pressed does not count
        tab.evaluate(
            """() => new Promise((done) => {
              const pushed = document.createElement("div");
              pushed.style.height = "400px";
              document.querySelector("h1").before(pushed);
              requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)));
            })"""
        )
        moved, what = browser_kit.shifted(tab)
        assert moved > 0.1, what


def test_what_playwright_switches_off_in_a_browser_stays_off(browser: Browser) -> None:
    said = browser.new_browser_cdp_session().send("SystemInfo.getInfo")["commandLine"]
    theirs, ours = (
        set(names.split(",")) for names in re.findall(r"--disable-features=(\S+)", said)
    )
    assert "HttpsUpgrades" in theirs
    assert theirs < ours
