"""The written pages of this repository, taken apart for tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LANGUAGE = (ROOT / "docs" / "RULE_LANGUAGE.md").read_text(encoding="utf-8")
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
PAGES = {"README.md": README, "docs/RULE_LANGUAGE.md": LANGUAGE, "CHANGELOG.md": CHANGELOG}

_FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: what follows the opening fence, and the text."""

    info: str
    text: str


def blocks(page: str, info: str | None = None) -> list[Block]:
    """The fenced blocks of a page, of one kind or all."""
    found = [Block(mark.strip(), text) for mark, text in _FENCE.findall(page)]
    return [block for block in found if info is None or block.info == info]


def prose(page: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", page)


def code_words(page: str) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    return _CODE.findall(prose(page))


def mentioned(page: str, word: str) -> bool:
    """Whether the word stands in backticks, alone or as a part of what stands there."""
    whole = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
    return any(whole.search(code) for code in code_words(page))


def flat(text: str) -> str:
    """The text on one line: where it wraps says nothing."""
    return " ".join(text.split())


def tables(page: str, first_heading: str) -> list[list[str]]:
    """The rows of all tables whose first column has that heading, from the top."""
    parts = re.split(rf"^(?=\| {re.escape(first_heading)} \|)", page, flags=re.MULTILINE)
    return [row for part in parts[1:] for row in table(part, first_heading)]


def table(page: str, first_heading: str) -> list[list[str]]:
    """The rows of the first table whose first column has that heading, without backticks."""
    lines = page.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {first_heading} |"))
    rows = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip().replace("`", "") for cell in line.strip("|").split("|")])
    return rows


def anchors(page: str) -> set[str]:
    """The anchors of the headings, as the usual hosts write them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
