"""What an inspection of the audit says: findings, remarks and counts."""

from __future__ import annotations

from dataclasses import dataclass, field

EDITED, MISSING, SWAPPED, INSERTED = "edited", "missing", "swapped", "inserted"
CUT, HEADS, KEY, DATABASE = "cut", "heads", "key", "database"
TOMBSTONE, SPOOL = "tombstone", "spool"
CARDS, MARKS, RULEBOOK, FEEDBACK = "cards", "marks", "rulebook", "feedback"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something is not as it was written. `chain` is empty where it is about a whole file, `seq`
    None where it is about no one record. `kind` is one of the words at the top of this module."""

    chain: str
    seq: int | None
    kind: str
    words: str

    def __str__(self) -> str:
        where = f"chain {self.chain}: " if self.chain else ""
        return where + self.words


@dataclass(slots=True)
class Inspection:
    """What was looked at and what was found.

    `records` are those in the database, `purged` those a purge has deleted, `waiting` those that
    wait in the spool and are not in the database. `remarks` are no findings: what a process that
    was killed leaves, and what cannot be told from it.
    """

    chains: int = 0
    records: int = 0
    purged: int = 0
    waiting: int = 0
    findings: list[Finding] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """One line for all of it."""
        words = "whole" if not self.findings else f"{len(self.findings)} findings"
        parts = [f"{words}: {self.records} records in {self.chains} chains"]
        if self.purged:
            parts.append(f"{self.purged} more purged")
        if self.waiting:
            parts.append(f"{self.waiting} more wait in the spool")
        return ", ".join(parts)


def lacking(first: int, last: int) -> str:
    """That these records are missing, in words."""
    return f"{some(first, last)} {'is' if first == last else 'are'} missing"


def some(first: int, last: int) -> str:
    """These records in words."""
    return f"record {first}" if first == last else f"records {first} to {last}"
