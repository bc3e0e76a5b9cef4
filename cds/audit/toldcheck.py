"""Is feedback what was written? Each row is sealed by itself.

So an edited row and a forged one are found, and a deleted one is not: rows of feedback are in no
chain. Without feedback a card comes that might have been held back; no card is ever lost by it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cds.audit.chain import told_holds, told_otherwise
from cds.audit.findings import FEEDBACK, Finding, Inspection
from cds.audit.kept import stamp
from cds.audit.store import AuditStore


def check_told(store: AuditStore, key: bytes, done: Inspection) -> None:
    """Look at every row; `done` hears what was found. Raises StoreError."""
    old = others = bad = 0
    received: list[str] = []
    for row in store.told_rows():
        if told_holds(key, row):
            continue
        if row[-1] == "":
            old += 1
        elif told_otherwise(key, row[-1]):
            others += 1
        else:
            bad += 1
            received = [min(found)] if (found := [*received, *_moment(row[-2])]) else []
    if bad:
        first = f"the first was received at {received[0]}" if received else "none says when"
        words = f"{bad} entries of feedback were edited, or added without the key; {first}"
        done.findings.append(Finding("", None, FEEDBACK, words))
    if others:
        done.remarks.append(f"{others} entries of feedback were sealed with another key, or forged")
    if old:
        done.remarks.append(
            f"{old} entries of feedback have no seal, as those from before there were any; they "
            "hold back no card"
        )


def _moment(text: Any) -> list[str]:
    """This text if it is a moment: anything else could be anything."""
    try:
        return [text] if stamp(datetime.fromisoformat(text)) == text else []
    except (ValueError, TypeError):
        return []
