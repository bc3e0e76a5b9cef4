"""The record of a proof: which rules were proved, by which engine, so that a service without the
theorem prover can tell proved rules from others.

`cds prove --record` writes it beside the rules; it counts for exactly the rules, the laws and the
release it names, and is no part of the rules' own digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cds.rulebook.load import LAWS, RECORD
from cds.rulebook.model import Rulebook


def record_of(directory: Path, proved: Iterable[tuple[str, str, int]]) -> str:
    """The record as text; each of `proved` is a site ("" = none), its digest, and how many laws
    hold there."""
    record = {
        "engine": version("electrolyte-cds"),
        "laws": _laws(directory),
        "proved": [
            {"site": site, "rules": digest, "laws_that_hold": number}
            for site, digest, number in proved
        ],
    }
    return json.dumps(record, indent=2) + "\n"


def write_record(directory: Path, proved: Iterable[tuple[str, str, int]]) -> Path:
    """Write it beside the rules; where it stands."""
    path = directory / RECORD
    path.write_text(record_of(directory, proved), encoding="utf-8")
    return path


def recorded(directory: Path, site: str, book: Rulebook) -> bool:
    """Whether these very rules were proved under these laws by this release."""
    record = _read(directory / RECORD)
    return (
        record.get("engine") == version("electrolyte-cds")
        and record.get("laws") == _laws(directory)
        and any(
            item.get("site") == site and item.get("rules") == book.digest
            for item in record.get("proved", ())
        )
    )


def _laws(directory: Path) -> str:
    return f"sha256:{hashlib.sha256((directory / LAWS).read_bytes()).hexdigest()}"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
