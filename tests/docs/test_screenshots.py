"""The pictures of the pages are there, are all of them, and are of the pages as they are now.

Two versions of a browser draw one page with other bytes. So the digest of what pages are drawn from
is compared, not the pictures.
"""

from __future__ import annotations

import re

import pytest
from pages import README, ROOT

from tests import screenshots

LARGEST = 400_000  # bytes: a page of pictures that many may want to open
PICTURE = re.compile(r"!\[[^\]]+\]\(([^)\s]+)\)")
NAMES = [name for name, *_ in screenshots.names()]


def test_the_pictures_are_of_the_pages_as_they_are_now() -> None:
    drawn = screenshots.DIGEST.read_text(encoding="utf-8").strip()
    assert drawn == screenshots.digest(), "a template, style or script changed: `make screenshots`"


def test_the_page_of_pictures_is_as_the_script_writes_it() -> None:
    assert screenshots.PAGE.read_text(encoding="utf-8") == screenshots.page_of_pictures()


def test_every_picture_is_there_and_no_other() -> None:
    assert {path.name for path in screenshots.FOLDER.glob("*.png")} == set(NAMES)
    assert set(PICTURE.findall(screenshots.page_of_pictures())) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_one_and_is_not_large(name: str) -> None:
    found = (screenshots.FOLDER / name).read_bytes()
    assert found.startswith(b"\x89PNG")
    assert len(found) < LARGEST


def test_the_readme_shows_two_of_them() -> None:
    shown = PICTURE.findall(README)
    assert len(shown) == 2
    assert all((ROOT / path).parent == screenshots.FOLDER for path in shown)
    assert {path.rpartition("/")[2] for path in shown} <= set(NAMES)
