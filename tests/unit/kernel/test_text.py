"""Names from a chart become plain words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds.kernel.text import LONGEST_NAME, plain, shortened


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("magnesium oxide (Mag-Ox) 400 mg", "magnesium oxide (Mag-Ox) 400 mg"),
        ("<b>x</b>", "\u2039b\u203ax\u2039/b\u203a"),
        ("<!-- x -->", "\u2039!-- x --\u203a"),
        ("[x](http://evil)", "(x)(http: //evil)"),
        ("two  spaces", "two spaces"),
        ("WWW.evil.com", "WWW .evil.com"),
        ("www.evil.com a@b.c", "www .evil.com a at b.c"),
        ("a\nb\r\n\tc\u2028d", "a b c d"),
        ("a\x00b\u202ec\u200bd", "abcd"),
        ("&lt;b&gt;", "& lt;b& gt;"),
        ("A & B", "A & B"),
        ("drawn 2026-11-21 06:00 UTC: 3 h ago", "drawn 2026-11-21 06:00 UTC: 3 h ago"),
        ("see http://evil: now", "see http: //evil: now"),
        (" a: b ", "a: b"),
        ("<0.5 mg/dL", "<0.5 mg/dL"),
        (">60", ">60"),
        (">= 5", ">= 5"),
        ("5-FU | `x` *y* _z_ \\q", "5-FU / 'x' \u2217y\u2217 z /q"),
        ("mL/min/{1.73_m2}", "mL/min/{1.73_m2}"),
        ("__strong__ a_ _b", "strong a b"),
        ("", ""),
        ("  ", ""),
    ],
)
def test_names_become_plain_words(text: str, words: str) -> None:
    assert plain(text) == words


@given(st.text(max_size=300))
def test_nothing_of_markup_is_left_and_the_length_is_bounded(text: str) -> None:
    words = plain(text)
    assert len(words) <= LONGEST_NAME
    assert not set("[]`|\\*~@\n\r\t") & set(words)
    assert not re.search(r"(^|\W)_|_(\W|$)", words)
    assert "://" not in words
    assert not re.search(r"<[A-Za-z/!?]", words)
    assert words == words.strip()


@pytest.mark.parametrize(
    ("text", "longest", "short"),
    [
        ("one two", 7, "one two"),
        ("one two three", 8, "one two\u2026"),
        ("one two three", 9, "one two\u2026"),
        ("one two three", 10, "one two\u2026"),
        ("one two, three", 10, "one two\u2026"),
        ("vitamin X (oral)", 11, "vitamin X\u2026"),
        ("unbroken", 5, "unbr\u2026"),
    ],
)
def test_long_text_is_cut_at_a_word(text: str, longest: int, short: str) -> None:
    assert shortened(text, longest) == short
    assert len(shortened(text, longest)) <= longest
