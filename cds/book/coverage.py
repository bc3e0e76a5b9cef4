"""How far the cases of each rule show what it can answer, in a sentence for its reader."""

from __future__ import annotations

from collections.abc import Iterable

from cds.rulebook.model import Rulebook
from cds.trial.coverage import ClauseSeen


def coverage_sentences(book: Rulebook, seen: Iterable[ClauseSeen]) -> dict[str, str]:
    """Rule id -> how many of the ways its conditions, rows and offers can turn out a case shows."""
    parts = tuple(seen)
    return {
        rule.id: _sentence([part for part in parts if part.owner == rule.id]) for rule in book.rules
    }


def _sentence(parts: list[ClauseSeen]) -> str:
    wanted = sum(len(part.wanted) for part in parts)
    missing = sum(len(part.unseen) for part in parts)
    all_of = f"This rule has {wanted} such possibilities"
    if not missing:
        return f"{all_of}, and the cases show every one of them"
    return f"{all_of}; the cases show {wanted - missing} of them"
