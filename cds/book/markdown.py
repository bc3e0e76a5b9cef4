"""The little Markdown the book needs, so written that it also reads well on paper."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

WIDTH = 96


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table with an empty line behind it; nothing where there are no rows."""
    found = [tuple(row) for row in rows]
    if not found:
        return
    yield _row(head)
    yield _row(["---"] * len(head))
    yield from (_row(row) for row in found)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def bullets(lines: Iterable[tuple[int, str]]) -> Iterator[str]:
    """A nested list: (depth, text), with an empty line behind it."""
    found = [f"{'  ' * depth}- {text}" for depth, text in lines]
    if found:
        yield from found
        yield ""


def paragraph(text: str) -> Iterator[str]:
    """Running text in lines of one width, with an empty line behind it."""
    yield from textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False)
    yield ""


def full(text: str) -> str:
    """With a full stop, where it has no closing mark yet."""
    return text if text.endswith((".", ":", "?", "!", "”")) else f"{text}."


def quoted(text: str) -> str:
    """What a card says, in quotation marks."""
    return f"“{text}”"
