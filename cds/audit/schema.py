"""Which tables the audit database has, and whether they are the ones this program knows.

The tables are made and changed by the scripts in `cds/audit/migrations`. Those take a second to
load, so a start asks here first, and loads them only where there is something to do.
"""

from __future__ import annotations

from cds.audit.database import Asked
from cds.errors import SettingsError

# The revisions of `migrations/versions`, oldest first; a test holds them together.
REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]

# In the order in which they are sealed; never reorder, only add at the end with a new seal label.
ENTRY_COLUMNS = (
    "id", "at", "client", "service", "hook", "patient", "rulebook", "site", "engine", "body",
)  # fmt: skip
SEAL_COLUMNS = ("chain", "seq", "previous", "mac")
COLUMNS = (*SEAL_COLUMNS, *ENTRY_COLUMNS)
FEEDBACK_COLUMNS = (
    "client", "service", "card", "outcome", "at", "accepted", "system", "code", "received",
    "mac",
)  # fmt: skip
CARD_COLUMNS = (
    "client", "card", "decision", "patient", "rule", "version", "row", "indicator", "band",
)  # fmt: skip
MARK_COLUMNS = ("chain", "seq", "at", "rule", "version", "row", "outcome", "nth")
TOMBSTONE_COLUMNS = ("chain", "first", "last", "previous", "mac", "purged", "tag")

REVISION_TABLE = "alembic_version"
_FIRST_TABLES = ("records", "rulebooks", "feedback")
# Which tables each revision has.
_TABLES_OF = {
    "0001": _FIRST_TABLES,
    "0002": (*_FIRST_TABLES, "cards", "tombstones"),
    "0003": (*_FIRST_TABLES, "cards", "tombstones", "marks"),
}
# What was there before revisions were: revision 0001 under another name.
_OLD_TABLE, _OLD_VERSION = "schema_version", 1


def behind(database: Asked) -> bool:
    """Whether the tables must be made, or brought to the newest revision. Raises SettingsError as
    `check`, for these are questions that must be settled before anything is changed."""
    found = database.tables()
    if not found:
        return True
    revision = _revision(database, found)
    _none_lost(found, _TABLES_OF[revision])
    return revision != HEAD


def check(database: Asked) -> None:
    """Raises SettingsError where these are not the tables this program reads and writes.

    A table that has gone is never made anew: that would cover up what happened to the old one.
    """
    if not database.tables():
        raise SettingsError("there are no tables yet; start this version of the service once")
    if behind(database):
        raise SettingsError(
            "the audit database was written by an older program; start this version of the "
            "service once, which brings it up to date"
        )


def is_old(database: Asked) -> bool:
    """Whether the tables are those of the program before revisions were, which is 0001."""
    return REVISION_TABLE not in (found := database.tables()) and _OLD_TABLE in found


def _revision(database: Asked, found: frozenset[str]) -> str:
    if REVISION_TABLE in found:
        rows = database.ask(f"SELECT version_num FROM {REVISION_TABLE}")  # noqa: S608 - our name
        names = [str(row[0]) for row in rows]
    elif _OLD_TABLE in found:
        rows = database.ask(f"SELECT version FROM {_OLD_TABLE}")  # noqa: S608 - our name
        names = [REVISIONS[0] if row[0] == _OLD_VERSION else str(row[0]) for row in rows]
    else:
        raise SettingsError(
            "this is no audit database: it holds other tables; name another one, or move it away"
        )
    if not names:
        raise _lost("the version of its tables")
    newer = [name for name in names if name not in REVISIONS]
    if newer:
        raise SettingsError(
            f"the audit database was written by a newer program (its tables have version "
            f"{newer[0][:40]}, this program knows {HEAD}); run that program, or name another one"
        )
    return max(names)


def _none_lost(found: frozenset[str], expected: tuple[str, ...]) -> None:
    for name in expected:
        if name not in found:
            raise _lost(f"the table `{name}`")


def _lost(what: str) -> SettingsError:
    return SettingsError(f"the audit database has lost {what}; restore it from a backup")
