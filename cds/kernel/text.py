"""Text that came from a chart, made safe to stand in a sentence.

Drug names, units and result texts are written by others. On a card they become Markdown, in a
client we do not know; so that a name like `<b>`, `[x](http://evil)` or one with line breaks stays
plain text, it passes through `plain` before it fills a hole (CDS Hooks 2.0.1, `card.detail`).
"""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 120

# A hole in the text of a rule: `{magnesium}` or `{magnesium.age}`.
HOLE = re.compile(r"\{([a-z_][a-z0-9_]*)(?:\.([a-z_]+))?\}")

_MARKS = str.maketrans(
    {"[": "(", "]": ")", "`": "'", "|": "/", "\\": "/", "*": "\u2217", "~": "\u223c"}
)
# `<` and `>` are kept before a number: `<0.5 mg/dL` is a result, not a tag.
_OPENS_TAG = re.compile(r"<(?![\s\d.=])")
_CLOSES_TAG = re.compile(r">(?![\s\d.=])")
# `mL/min/{1.73_m2}` is a unit: an underscore inside a word emphasises nothing.
_EMPHASIS = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_LINK = re.compile(r"://|(?<=www)\.|@", re.IGNORECASE)
# Most texts are plain words already.
_NOTHING_TO_DO = re.compile(r"[A-Za-z0-9 ,.;:()%/+'=-]*")
_LINK_WORDS = {"://": ": //", ".": " .", "@": " at "}


def plain(text: str, longest: int = LONGEST_NAME) -> str:
    """One line of plain words: no control or direction marks, no Markdown, HTML or links.

    Readable rather than reversible; at most `longest` characters, cut with an ellipsis.
    """
    if _NOTHING_TO_DO.fullmatch(text) and not _may_change(text):
        return shortened(text.strip(), longest)
    usual = text.isascii() and text.isprintable()
    visible = text if usual else "".join(_visible(mark) for mark in text)
    harmless = _ENTITY.sub("& ", _EMPHASIS.sub(" ", visible.translate(_MARKS)))
    harmless = _CLOSES_TAG.sub("\u203a", _OPENS_TAG.sub("\u2039", harmless))
    harmless = _LINK.sub(lambda found: _LINK_WORDS[found.group()], harmless)
    return shortened(" ".join(harmless.split()), longest)


def _may_change(text: str) -> bool:
    """Of plain characters: spaces to be folded, and what may begin a link."""
    return "  " in text or "://" in text or "www" in text.lower()


def _visible(mark: str) -> str:
    """Line ends become spaces; other control, format and private characters vanish."""
    if mark.isspace():
        return " "
    return "" if unicodedata.category(mark).startswith("C") else mark


def shortened(text: str, longest: int) -> str:
    """At most `longest` characters, cut at a word where there is one, ending in an ellipsis."""
    if len(text) <= longest:
        return text
    head = text[: longest - 1]
    # the cut falls inside a word unless the next character is a space
    if not text[longest - 1].isspace() and " " in head:
        head = head[: head.rindex(" ")]
    return head.rstrip(" ,;:(-") + "\u2026"
