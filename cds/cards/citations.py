"""Which document a card rests on, and how all of them are printed."""

from __future__ import annotations

from typing import Any

from cds.cards.markdown import is_web_address, link
from cds.rulebook.model import Citation, Rulebook

# The primary source is the strongest one named, not the first one written down (CDS Hooks 2.0.1:
# `source.label` names the clinical source, not the vendor).
_STANDING = {"label": 0, "guideline": 1, "review": 2, "weak": 3, "design": 4}


def primary(names: tuple[str, ...], book: Rulebook, otherwise: str) -> dict[str, Any]:
    """`label` and, for a web address, `url`; `otherwise` where nothing is cited."""
    found = sorted(_cited(names, book), key=lambda item: _STANDING.get(item.standing, 9))
    if not found:
        return {"label": otherwise}
    first = found[0]
    return {"label": first.title} | ({"url": first.url} if is_web_address(first.url) else {})


def lines(names: tuple[str, ...], book: Rulebook) -> tuple[str, ...]:
    """Every citation once, as Markdown."""
    return tuple(dict.fromkeys(link(item.title, item.url) for item in _cited(names, book)))


def _cited(names: tuple[str, ...], book: Rulebook) -> list[Citation]:
    return [book.citations[name] for name in dict.fromkeys(names) if name in book.citations]
