"""A real browser for tests: what it looks at, and proof that it stays on this machine.

A test module that wants it says

    browser = pytest.fixture(scope="module")(browser_kit.started)

for a module and not for a session: while a browser runs, its own event loop holds the thread, and
tests of other modules that want one of theirs would be refused.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# For each visitor the bar for addresses makes pages of its own to draw its suggestions in. Nobody
# sees them, and they take half of the time of a visit. A browser that is given two such lists goes
# by the last, so what Playwright switches off is named again; `test_the_watch.py` holds it to that.
_OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding",
    "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch", "msForceBrowserSignIn", "msEdgeUpdateLaunchServicesPreferredVersion",
)  # fmt: skip
ARGUMENTS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", f"--disable-features={','.join(_OFF)}",
    # What is not this machine has no address: a page that asked elsewhere fails wherever it is run.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
# Root may not put a browser into its sandbox; anybody else shall.
_AS_ROOT = ("--no-sandbox",) if os.geteuid() == 0 else ()

WIDTHS = {"wide": (1280, 900), "narrow": (390, 844)}
THEMES = ("light", "dark")
_PATIENCE = 20_000  # milliseconds until what a page shall show counts as missing
_DRAWN = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
_AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"

# Begun before the page, so that no shift is missed.
_SHIFTS = """
window.__shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    const who = entry.sources.map((source) => {
      const node = source.node?.nodeType === 3 ? source.node.parentElement : source.node;
      return node ? `${node.tagName.toLowerCase()}.${node.className}` : "?";
    });
    window.__shifts.push([entry.value, who.join(" ")]);
  }
}).observe({ type: "layout-shift", buffered: true });
"""


def program() -> str | None:
    """Where this machine has a browser of the Chromium kind."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without a window. AssertionError where there is none."""
    found = program()
    assert found is not None, f"none of {', '.join(PROGRAMS)} is installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*ARGUMENTS, *_AS_ROOT], chromium_sandbox=not _AS_ROOT
        )
        try:
            yield browser
        finally:
            browser.close()


def started() -> Iterator[Browser]:
    """A browser for as long as a fixture lasts; skips the test where there is none."""
    if program() is None:
        pytest.skip("Chromium is not installed: on Debian, `apt-get install chromium`")
    with launched() as browser:
        yield browser


@dataclass
class Watch:
    """What the pages of one visitor asked for, and what they complained about."""

    origins: tuple[str, ...]
    asked: list[Request] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    meant: list[str] = field(default_factory=list)

    def begin(self, context: BrowserContext) -> None:
        """Watch from now on."""
        context.on("request", self._request)
        context.on("console", self._console)
        context.on("weberror", lambda error: self.said.append(str(error.error)))

    def expects(self, *parts: str) -> None:
        """The test provokes these messages of the browser itself, such as a refused request."""
        self.meant += parts

    def to(self, path: str, method: str = "") -> list[Request]:
        """The requests whose address holds `path`."""
        return [one for one in self.asked if path in one.url and method in ("", one.method)]

    def end(self) -> None:
        """Nothing left the machine, and no page broke a promise."""
        assert self.asked, "no page was opened"
        assert not self.left, f"asked elsewhere: {self.left}"
        surprising = [line for line in self.said if not any(part in line for part in self.meant)]
        assert not surprising, f"the browser complained: {surprising}"

    def _request(self, request: Request) -> None:
        self.asked.append(request)
        if not request.url.startswith(tuple(f"{origin}/" for origin in self.origins)):
            self.left.append(request.url)

    def _console(self, message: ConsoleMessage) -> None:
        # A violation of the content security policy is told here too.
        if message.type in ("error", "warning"):
            self.said.append(f"{message.text} {message.location.get('url', '')}")


@contextmanager
def visiting(
    browser: Browser, *origins: str, width: str = "wide", theme: str = "light", **more: Any
) -> Iterator[tuple[Page, Watch]]:
    """An empty tab of a new visitor, who may ask the first origin by paths and no origin that is
    not named. On leaving, the promises that hold everywhere are looked at."""
    wide, high = WIDTHS[width]
    context = browser.new_context(
        base_url=origins[0],
        viewport={"width": wide, "height": high},
        color_scheme=theme,  # type: ignore[arg-type]
        locale="en-US",
        timezone_id="UTC",
        **more,
    )
    context.set_default_timeout(_PATIENCE)
    context.add_init_script(_SHIFTS)
    watch = Watch(origins)
    watch.begin(context)
    try:
        yield context.new_page(), watch
        watch.end()
    finally:
        context.close()


@contextmanager
def pages_at(pages: Mapping[str, tuple[bytes, Mapping[str, str]]]) -> Iterator[str]:
    """These pages, path -> body and headers, on a port of their own, which makes them another
    origin. A browser asks for an icon too: that, and whatever else, is an empty text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, headers = pages.get(self.path, (b"", {"content-type": "text/plain"}))
            self.send_response(200)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}"
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def at_rest(page: Page) -> None:
    """Once nothing is being loaded and nothing is drawn anew."""
    page.wait_for_load_state("networkidle")


def shifted(page: Page) -> tuple[float, list[str]]:
    """How far the page moved under its reader so far (cumulative layout shift), and what moved."""
    found = page.evaluate("window.__shifts")
    return sum(value for value, _ in found), [f"{value:.3f} {who}" for value, who in found]


def overflow(page: Page) -> list[str]:
    """What makes the page wider than its window; a part that scrolls by itself does not."""
    found: list[str] = page.evaluate(
        """() => {
          const room = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= room) return [];
          const wide = [...document.querySelectorAll("body *")].filter(
            (one) => one.getBoundingClientRect().right > room + 1
          );
          return [`${document.documentElement.scrollWidth} > ${room}`, ...wide.slice(0, 10).map(
            (one) => `${one.tagName.toLowerCase()}#${one.id}.${one.className}`
          )];
        }"""
    )
    return found


@cache
def _axe() -> str:
    return _AXE.read_text(encoding="utf-8")


def barriers(page: Page, *, drawn: bool = False) -> list[str]:
    """Serious and critical findings of axe on this page: WCAG 2.2 A and AA, and good practice.
    `drawn`: only of what width and theme can change, for who has looked at the rest before."""
    page.evaluate(_axe())
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if drawn:
        options["runOnly"] = {"type": "rule", "values": list(_DRAWN)}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    assert found["passes"], "axe looked at nothing"
    return [_told(one) for one in found["violations"] if one["impact"] in ("serious", "critical")]


def _told(one: dict[str, Any]) -> str:
    nodes = [f"{node['html'][:160]} [{node['failureSummary'][-200:]}]" for node in one["nodes"]]
    return f"{one['impact']}: {one['help']} ({one['id']}): {'; '.join(nodes[:4])}"
