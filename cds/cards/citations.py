"""Which document a card rests on, and how all of them are printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds.cards.markdown import is_web_address, link
from cds.rulebook.model import Citation, Rulebook

# The primary source is the strongest one named, not the first one written down (CDS Hooks 2.0.1:
# `source.label` names the clinical source, not the vendor).
_STANDING = {"label": 0, "guideline": 1, "review": 2, "weak": 3, "design": 4}


@dataclass(frozen=True, slots=True)
class _Document:
    """One citation as cards print it. `rank`: the smaller, the stronger."""

    rank: int
    label: str
    url: str  # "" = no web address
    line: str


def primary(names: tuple[str, ...], book: Rulebook, otherwise: str) -> dict[str, Any]:
    """`label` and, for a web address, `url`; `otherwise` where nothing is cited."""
    first = min(_cited(names, book), key=lambda item: item.rank, default=None)
    if first is None:
        return {"label": otherwise}
    return {"label": first.label} | ({"url": first.url} if first.url else {})


def lines(names: tuple[str, ...], book: Rulebook) -> tuple[str, ...]:
    """Every citation once, as Markdown."""
    return tuple(dict.fromkeys(item.line for item in _cited(names, book)))


def _cited(names: tuple[str, ...], book: Rulebook) -> list[_Document]:
    known = book.remembered(_documents)
    return [known[name] for name in dict.fromkeys(names) if name in known]


def _documents(book: Rulebook) -> Mapping[str, _Document]:
    return {name: _document(item) for name, item in book.citations.items()}


def _document(item: Citation) -> _Document:
    url = item.url if is_web_address(item.url) else ""
    return _Document(_STANDING.get(item.standing, 9), item.title, url, link(item.title, item.url))
