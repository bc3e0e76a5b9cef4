"""The words of the book with their references made into links: on paper a reader turns pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cds.rulebook.model import Rule

READING = "How to read this book"
# Where a word stands is up to the width of the lines, so any space may be the end of one.
_TERM = re.compile(r"\(term\s+(\d+)\)")
_CHAPTER = re.compile(r"\bchapter\s+(\d+)\b")
_QUOTED = re.compile(r"“([^“”]+)”")
_BESIDE = re.compile(r"\[([^\]]+)\]\([A-Z]+\.md\)")  # files beside the book on paper
_PAGE_BREAK = re.compile(r"<div [^>]*></div>")


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses of what the book refers to. `rules`: by the number of the chapter; `titles`:
    title of a chapter without a rule -> its address."""

    base: str
    rules: Mapping[int, Rule]
    titles: Mapping[str, str]

    def linked(self, text: str) -> str:
        """Markdown of the book with links; a term leads to its entry on the same page."""
        found = _BESIDE.sub(r"\1", _PAGE_BREAK.sub("", text))
        found = _TERM.sub(r"([term \1](#term-\1))", found)
        found = _CHAPTER.sub(self._chapter, found)
        return _QUOTED.sub(self._title, found)

    def _chapter(self, match: re.Match[str]) -> str:
        rule = self.rules.get(int(match.group(1)))
        return f"“[{rule.title}]({self.base}/{rule.id})”" if rule else match.group()

    def _title(self, match: re.Match[str]) -> str:
        title = " ".join(match.group(1).split())
        address = self.titles.get(title)
        return f"“[{title}]({address})”" if address else match.group()


def titles_of(base: str, titles: tuple[str, ...]) -> dict[str, str]:
    """The addresses of the chapters that have a place among the pages."""
    shared = {title: f"{base}/terms#{slug(title)}" for title in titles}
    return {READING: f"{base}/reading", **shared}


def slug(title: str) -> str:
    """The name of a heading as a part of an address."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def terms_in(text: str) -> frozenset[int]:
    """The numbers of the terms that a text of the book names."""
    return frozenset(int(number) for number in _TERM.findall(text))
