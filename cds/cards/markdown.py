"""GitHub-flavoured Markdown for `card.detail`, without HTML (CDS Hooks 2.0.1).

The texts are final sentences of the engine; names from the chart were made plain when they filled
their holes (`kernel.text`). This module is the second lock: it lets no HTML through and no
sentence begin a heading, list, quote or code block by accident.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_BLOCK_START = re.compile(r"^(\s*)([#>+\-*=|~`]|\d+(?=[.)]\s))")


def sentence(text: str) -> str:
    """One paragraph of plain sentences: no HTML, no accidental block."""
    line = " ".join(text.split())
    if "<" in line:
        line = _TAG.sub("\u2039", line)
    match = None if line[:1].isalpha() else _BLOCK_START.match(line)
    if match is None:
        return line
    mark = match.group(2)
    # `>60` and `-0.3` begin a sentence rightly; `> 60` and `- 0.3` would begin a quote or a list
    if mark.isdigit():
        return f"{mark}\\{line[len(mark) :]}"
    return f"\\{line}"


def paragraphs(blocks: Iterable[str]) -> str:
    """Blocks with a blank line between them; empty ones vanish."""
    return "\n\n".join(block for block in blocks if block)


def bullets(title: str, items: Iterable[str]) -> str:
    """A bold title and a list, or "" when there is nothing to list."""
    found = [sentence(item) for item in items if item]
    if not found:
        return ""
    return "\n".join((f"**{title}**", "", *(f"- {item}" for item in found)))


def link(title: str, url: str) -> str:
    """A link where the address is a web address, else the title."""
    clean = sentence(title).replace("[", "(").replace("]", ")")
    return f"[{clean}](<{url}>)" if is_web_address(url) else clean


def is_web_address(url: str) -> bool:
    """Absolute, http or https, and nothing in it that could end a Markdown link."""
    parts = urlsplit(url)
    safe = not any(mark.isspace() or mark in "<>()" for mark in url)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and safe
