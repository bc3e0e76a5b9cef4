"""What can be looked up of marks, for those who compare them with the records."""

from __future__ import annotations

from typing import Any

from cds.audit import schema, sql
from cds.audit.database import Database

_BETWEEN = f"SELECT {', '.join(schema.MARK_COLUMNS)} FROM marks WHERE {sql.RANGE}"  # noqa: S608 - names from schema.py
# In one statement, so that a purge that goes on takes both away, or none.
_STRAYS = (
    "SELECT m.chain, m.seq FROM marks m WHERE NOT EXISTS "
    "(SELECT 1 FROM records r WHERE r.chain = m.chain AND r.seq = m.seq) "
    "GROUP BY m.chain, m.seq ORDER BY m.chain, m.seq"
)


class MarkIndex:
    """The table `marks`. Raises StoreError."""

    def __init__(self, database: Database) -> None:
        """Use `AuditStore.marks`."""
        self._database = database

    def between(self, chain: str, first: int, last: int) -> list[tuple[Any, ...]]:
        """All rows of these records, in `schema.MARK_COLUMNS`, in no order."""
        return self._database.ask(_BETWEEN, (chain, first, last))

    def strays(self) -> list[tuple[Any, ...]]:
        """Chain and number of every record that has marks and is not there."""
        return self._database.ask(_STRAYS)
