"""Pictures of every page, and the digest that says whether they are still of these pages.

    python -m tests.screenshots              writes docs/screenshots anew
    python -m tests.screenshots FOLDER       all widths and themes there, to look at; docs stay

Two versions of a browser draw the same page with other bytes, so pictures cannot be compared.
Beside them stands a digest of what they were drawn from (templates, styles, scripts); where it is
another one, they have to be made anew.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import browser_kit
from browser_kit import Browser
from cds.settings import Settings
from cds.web.app import create_app
from console_kit import Clock, told_the_time
from console_pages import ASKED, LINK_KEY, PAGES, Page, Seeded, seed
from loopback import serving

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "screenshots"
DIGEST = FOLDER / "drawn-from.sha256"
PAGE = FOLDER / "README.md"
DRAWN_FROM = ROOT / "cds" / "web" / "console"
KINDS = ("templates/*.html", "static/*.css", "static/*.js", "static/*.svg")
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PACE = timedelta(minutes=7)  # between the calls that the pictures show
TOKEN = "a-token-for-the-pictures-of-the-pages"
HIGHEST = 1200  # pixels of a picture in docs: the beginning of a long page tells what it is
NARROW = ("sandbox-patient", "rule", "decision")  # in docs as on a phone, too
DARK = ("sandbox-patient",)


def digest() -> str:
    """Of all that a page is drawn from."""
    found = hashlib.sha256()
    for path in sorted(path for kind in KINDS for path in DRAWN_FROM.glob(kind)):
        found.update(f"{path.relative_to(DRAWN_FROM)}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def names() -> list[tuple[str, Page, str, str]]:
    """The pictures of docs: file name, page, width and theme."""
    found = [(f"{page.name}.png", page, "wide", "light") for page in PAGES]
    found += [(f"{p.name}-narrow.png", p, "narrow", "light") for p in PAGES if p.name in NARROW]
    found += [(f"{p.name}-dark.png", p, "wide", "dark") for p in PAGES if p.name in DARK]
    return found


@contextmanager
def server(folder: Path, clock: Clock, **more: str) -> Iterator[str]:
    """A sandbox in this process, so that the clock on the wall can stand still too."""
    settings = Settings(
        rules=ROOT / "rules", sandbox=True, now=NOW, state=folder, log_level="error",
        audit_key="a-key-for-the-pictures", link_key=LINK_KEY, deadline_ms=10_000, **more,
    )  # type: ignore[arg-type]  # fmt: skip
    with serving(create_app(told_the_time(settings, clock))) as url:
        yield url


@contextmanager
def both_servers() -> Iterator[tuple[str, str, Seeded]]:
    """One that is open, with decisions, and one with tokens."""
    clock = Clock(NOW - PACE * len(ASKED))
    with tempfile.TemporaryDirectory() as folder:
        open_state, closed_state = Path(folder) / "open", Path(folder) / "closed"
        with (
            server(open_state, clock) as url,
            server(closed_state, clock, admin_token=TOKEN) as closed,
        ):
            yield url, closed, seed(url, NOW, NOW, lambda: clock.pass_by(PACE))


def draw(
    browser: Browser, urls: tuple[str, str], seeded: Seeded, page: Page, *,
    width: str, theme: str, path: Path, whole: bool,
) -> None:  # fmt: skip
    """One picture. `whole`: down to the end of the page."""
    url = urls[1 if page.tokens else 0]
    headers = {"authorization": f"Bearer {TOKEN}"} if page.name == "admin" else {}
    with browser_kit.visiting(
        browser, url, width=width, theme=theme, extra_http_headers=headers, reduced_motion="reduce"
    ) as (tab, watch):
        if page.status != 200:
            watch.expects(f"status of {page.status}")
        tab.goto(seeded.path(page))
        tab.wait_for_selector(page.shown, state="attached")
        browser_kit.at_rest(tab)
        wide, _ = browser_kit.WIDTHS[width]
        high = tab.evaluate("document.documentElement.scrollHeight")
        tab.screenshot(
            path=path,
            full_page=True,
            clip=None if whole else {"x": 0, "y": 0, "width": wide, "height": min(high, HIGHEST)},
        )


def main(folder: Path | None) -> None:
    """Draw all of them."""
    whole = folder is not None
    target = folder or FOLDER
    target.mkdir(parents=True, exist_ok=True)
    wanted = names() if not whole else [
        (f"{page.name}-{width}-{theme}.png", page, width, theme)
        for page in PAGES for width in browser_kit.WIDTHS for theme in browser_kit.THEMES
    ]  # fmt: skip
    with both_servers() as (url, closed, seeded), browser_kit.launched() as browser:
        for name, page, width, theme in wanted:
            draw(
                browser, (url, closed), seeded, page,
                width=width, theme=theme, path=target / name, whole=whole,
            )  # fmt: skip
    if not whole:
        for old in {path.name for path in FOLDER.glob("*.png")} - {name for name, *_ in wanted}:
            (FOLDER / old).unlink()
        PAGE.write_text(page_of_pictures(), encoding="utf-8")
        DIGEST.write_text(f"{digest()}\n", encoding="utf-8")


def page_of_pictures() -> str:
    """`docs/screenshots/README.md`."""
    lines = [
        "# The pages of the console",
        "",
        "Made by `make screenshots` from the sandbox, with synthetic patients and a clock that",
        "stands still. Long pages are cut off.",
    ]
    for name, page, width, theme in names():
        how = {"wide": "", "narrow": ", on a phone"}[width] + (", dark" if theme == "dark" else "")
        lines += ["", f"## {page.title}{how}", "", f"![{page.title}{how}]({name})"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
