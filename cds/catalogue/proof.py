"""Whether the laws are proved for the rules in force: for these, for others, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cds.proofrecord import recorded
from cds.rulebook.load import LAWS, RECORD
from cds.rulebook.model import Rulebook

Standing = Literal["proved", "stale", "not proved"]


@dataclass(frozen=True, slots=True)
class Proof:
    """`laws`: how many the record says hold; `release`: that proved them, "" = no record."""

    standing: Standing
    laws: int = 0
    release: str = ""


def proof_of(directory: Path, book: Rulebook) -> Proof:
    """What the record beside the rules says of this rulebook, read anew: a proof may be added while
    a service runs. Stale = it names this site, and other rules, laws or another release."""
    record = _read(directory / RECORD)
    entry = _of_site(record, book.site)
    if entry is None:
        return Proof("not proved")
    holds = (directory / LAWS).is_file() and recorded(directory, book.site, book)
    release, laws = str(record.get("engine", "")), entry.get("laws_that_hold")
    return Proof("proved" if holds else "stale", laws if isinstance(laws, int) else 0, release)


def _of_site(record: Mapping[str, Any], site: str) -> Mapping[str, Any] | None:
    found = record.get("proved")
    items = found if isinstance(found, list) else []
    named = (item for item in items if isinstance(item, dict) and item.get("site") == site)
    return next(named, None)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
