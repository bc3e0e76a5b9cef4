"""What the chains vouch for besides themselves: cards, marks, rules, and by their key feedback."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from cds.audit.batch import Sealed
from cds.audit.bookcheck import BookCheck
from cds.audit.cardcheck import CardCheck
from cds.audit.findings import DATABASE, Finding, Inspection
from cds.audit.markcheck import MarkCheck
from cds.audit.store import AuditStore, StoreError
from cds.audit.toldcheck import check_told


class Witness:
    """Sees each record that holds as a chain is walked along, from `start` to `end`, so that
    nothing is read twice. `saw` raises StoreError."""

    def __init__(self, store: AuditStore, key: bytes, chains: Sequence[str]) -> None:
        """`chains`: those of this key."""
        self._store, self._key = store, key
        self._cards, self._books = CardCheck(store, chains), BookCheck(store)
        self._marks = MarkCheck(store)

    def start(self) -> None:
        """A chain begins, maybe the same one anew."""
        self._cards.start()
        self._marks.start()
        self._books.start()

    def saw(self, record: Sealed) -> None:
        """A record of the database whose seal holds."""
        self._cards.saw(record)
        self._marks.saw(record)
        self._books.saw(record)

    def end(self, chain: str, done: Inspection) -> None:
        """The chain is good; of one that is not only its first bad record is told."""
        self._books.end()
        with _heard(done):
            self._cards.end(chain, done)
        with _heard(done):
            self._marks.end(chain, done)

    def close(self, done: Inspection) -> None:
        """All chains were seen."""
        with _heard(done):
            self._cards.close(done)
        with _heard(done):
            self._marks.close(done)
        with _heard(done):
            self._books.close(done)
        with _heard(done):
            check_told(self._store, self._key, done)


@contextmanager
def _heard(done: Inspection) -> Iterator[None]:
    """What cannot be read hides nothing else."""
    try:
        yield
    except StoreError as error:
        done.findings.append(Finding("", None, DATABASE, str(error)))
