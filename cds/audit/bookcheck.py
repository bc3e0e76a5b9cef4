"""Are the rules that decisions were made by still here, and what they were?

Their digest is sealed with each decision. It does not cover the laws that stand beside the rules
(`laws.yaml`): they decide nothing.
"""

from __future__ import annotations

from cds.audit.batch import Sealed
from cds.audit.findings import RULEBOOK, Finding, Inspection
from cds.audit.rulebooks import ArchiveError, unpacked
from cds.audit.store import AuditStore
from cds.rulebook.load import digest

Book = tuple[str, str]  # digest and site


class BookCheck:
    """Sees the records of one chain after the other, from `start` to `end`."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._books: set[Book] = set()
        self.start()

    def start(self) -> None:
        """A chain begins, maybe the same one anew."""
        self._seen: set[Book] = set()

    def saw(self, record: Sealed) -> None:
        """A record whose seal holds."""
        self._seen.add((record.entry.rulebook, record.entry.site))

    def end(self) -> None:
        """All records of the chain were seen, and it is good."""
        self._books |= self._seen

    def close(self, done: Inspection) -> None:
        """All chains were seen: look at each rulebook once. Raises StoreError."""
        for book in sorted(self._books):
            packed, named = self._store.rulebook(book[0]), _named(book)
            if packed is None:
                words = f"{named} are not kept: what they decided cannot be repeated"
                done.remarks.append(words)
            elif trouble := _trouble(packed, book):
                done.findings.append(Finding("", None, RULEBOOK, f"{named} {trouble}"))


def _trouble(packed: object, book: Book) -> str:
    wanted, site = book
    if not isinstance(packed, bytes):
        return "were changed: they are not an archive"
    try:
        with unpacked(packed) as directory:
            if digest(directory, site or None) == wanted:
                return ""
    except (ArchiveError, ValueError):  # a name that no file can have
        return "were changed: they are not an archive of rules"
    except OSError as error:
        return f"cannot be unpacked here ({error.strerror or type(error).__name__})"
    return "were changed: they are others than the decisions name"


def _named(book: Book) -> str:
    wanted, site = book
    return f"the rules {wanted}" + (f" of site {site}" if site else "")
