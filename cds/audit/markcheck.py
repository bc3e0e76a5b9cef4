"""Is what is looked up of rules what the sealed bodies of their records say?"""

from __future__ import annotations

from collections import Counter
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.findings import MARKS, Finding, Inspection
from cds.audit.marks import marks_in
from cds.audit.rows import mark_rows
from cds.audit.store import AuditStore, DamagedRecord

_AT_ONCE = 64  # records whose marks are looked up together
MOST = 100  # bad records of a chain after which no more are counted: an emptied table has them all

Row = tuple[Any, ...]  # schema.MARK_COLUMNS
_RULE, _NTH = 3, 7  # where what the body says of a rule begins, and ends


class MarkCheck:
    """Sees the records of one chain after the other, from `start` to `end`. Raises StoreError."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self.start()

    def start(self) -> None:
        """A chain begins, maybe the same one anew."""
        self._batch: list[tuple[int, list[Row]]] = []
        self._bad: list[tuple[int, str]] = []
        self._chain = ""

    def saw(self, record: Sealed) -> None:
        """A record whose seal holds."""
        marks = marks_in(record.entry.body)
        if marks is None:  # then nothing says what is to be looked up
            return
        self._chain = record.chain
        self._batch.append((record.seq, mark_rows(record, marks)))
        if len(self._batch) == _AT_ONCE:
            self._compare()

    def end(self, chain: str, done: Inspection) -> None:
        """All records of this chain were seen, and it is good."""
        self._compare()
        if not self._bad:
            return
        (seq, words), more = self._bad[0], len(self._bad) - 1
        words = f"what is looked up of the rules of record {seq} is not what it says ({words})"
        if more:
            words += f", nor of {'at least ' if more + 1 >= MOST else ''}{more} more"
        done.findings.append(Finding(chain, seq, MARKS, words))

    def close(self, done: Inspection) -> None:
        """All chains were seen: look for marks of records that are not there."""
        strays = self._store.marks.strays()
        if not strays:
            return
        chain, seq = strays[0]
        first = f"the first is record {seq} of chain {chain}"
        named = first if _is_name(chain) else "the name of the first was changed"
        words = f"what rules came to is looked up of {len(strays)} records that are not there"
        done.findings.append(Finding("", None, MARKS, f"{words}; {named}"))

    def _compare(self) -> None:
        batch, self._batch = self._batch, []
        if not batch or len(self._bad) >= MOST:
            return
        there: dict[int, list[Row]] = {}
        for row in self._store.marks.between(self._chain, batch[0][0], batch[-1][0]):
            there.setdefault(row[1], []).append(row)
        for seq, said in batch:
            words = _wrong(said, there.get(seq, []))
            if words and self._is_there(seq):
                self._bad.append((seq, words))

    def _is_there(self, seq: int) -> bool:
        """Still: a purge that goes on takes a record and its marks away together."""
        try:
            found = next(self._store.read(self._chain, seq - 1), None)
        except DamagedRecord:  # it was read well before; now it has a finding of its own
            return False
        return found is not None and found.seq == seq


def _wrong(said: list[Row], there: list[Row]) -> str:
    """What is different, in words; "" where nothing is."""
    if sorted(said, key=repr) == sorted(there, key=repr):
        return ""
    added = [row for row in there if not any(_agree(one, row) for one in said)]
    missed = [one for one in said if not any(_agree(one, row) for row in there)]
    changed = min(len(added), len(missed))
    wrong = Counter(changed=changed, added=len(added) - changed, missing=len(missed) - changed)
    return ", ".join(f"{number} {what}" for what, number in wrong.items() if number)


def _agree(said: Row, row: Row) -> bool:
    """A body in which the id of a patient was replaced also where it was a part of the name of a
    rule does not tell that name, nor its place among others."""
    if any("hmac:" in text for text in said[_RULE:_NTH]):
        pairs = zip(said[_RULE:_NTH], row[_RULE:_NTH], strict=True)
        return said[:_RULE] == row[:_RULE] and all(o == t or "hmac:" in o for o, t in pairs)
    return said == row


def _is_name(chain: object) -> bool:
    return isinstance(chain, str) and chain.isprintable()
