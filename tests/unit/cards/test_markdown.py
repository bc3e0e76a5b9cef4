"""Sentences stay sentences in GitHub-flavoured Markdown."""

from __future__ import annotations

import pytest

from cds.cards.markdown import bullets, is_web_address, link, paragraphs, sentence


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Magnesium 1.0 mg/dL is low.", "Magnesium 1.0 mg/dL is low."),
        ("two\nlines\t here", "two lines here"),
        ("<b>x</b>", "\u2039b>x\u2039/b>"),
        ("<0.5 mg/dL", "<0.5 mg/dL"),
        ("# heading", "\\# heading"),
        (">60 mL/min", "\\>60 mL/min"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("1.0 mg/dL", "1.0 mg/dL"),
        ("| a |", "\\| a |"),
        ("```", "\\```"),
    ],
)
def test_a_sentence_begins_no_block_and_holds_no_html(text: str, written: str) -> None:
    assert sentence(text) == written


def test_an_empty_list_is_not_announced() -> None:
    assert bullets("Based on", ("",)) == ""
    assert bullets("Based on", ("a", "b")) == "**Based on**\n\n- a\n- b"


def test_paragraphs_are_parted_by_a_blank_line() -> None:
    assert paragraphs(("a", "", "b")) == "a\n\nb"


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://example.org/a", True),
        ("http://example.org", True),
        ("javascript:alert(1)", False),
        ("example.org", False),
        ("https://example.org/a b", False),
        ("https://example.org/>x", False),
        ("", False),
    ],
)
def test_only_web_addresses_become_links(url: str, linked: bool) -> None:
    assert is_web_address(url) is linked
    assert link("Title [1]", url) == (f"[Title (1)](<{url}>)" if linked else "Title (1)")
