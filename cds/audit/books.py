"""The rules of past decisions, held ready for who looks at several of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from cds.audit.batch import Sealed
from cds.audit.rulebooks import ArchiveError, book_of
from cds.audit.store import AuditStore
from cds.rulebook.model import Rulebook

MOST = 4  # rulebooks; each takes some megabytes


class Books:
    """Rulebooks by digest and site, for use in any thread. The same digest is the same rules, so
    those in force need not be loaded again."""

    def __init__(self, current: Callable[[], Rulebook]) -> None:
        """`current` gives the rules in force."""
        self._current = current
        self._known: OrderedDict[tuple[str, str], Rulebook] = OrderedDict()
        self._lock = Lock()

    def of(self, store: AuditStore | None, sealed: Sealed) -> Rulebook:
        """Those of a record; `store` None where the database cannot be asked.

        Raises ArchiveError where they are not kept, RulebookError where this version cannot load
        them, StoreError.
        """
        entry, current = sealed.entry, self._current()
        key = entry.rulebook, entry.site
        if (current.digest, current.site) == key:
            return current
        with self._lock:
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = _loaded(store, *key)
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)
            return found


def _loaded(store: AuditStore | None, digest: str, site: str) -> Rulebook:
    if store is None:
        raise ArchiveError("the rules of this decision cannot be read now")
    packed = store.rulebook(digest)
    if packed is None:
        raise ArchiveError("the rules of this decision are not kept")
    return book_of(packed, digest, site)
