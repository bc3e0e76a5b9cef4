"""Where people sign: each with a role, a decision and remarks."""

from __future__ import annotations

from collections.abc import Iterator

from cds.book.introduction import shown
from cds.book.markdown import paragraph, table
from cds.book.pages import Pages
from cds.rulebook.model import Rule

ROLES = ("Clinician", "Pharmacist", "Informatics")
_DECISION = "approved / approved with changes / rejected"


def of_rule(rule: Rule, pages: Pages) -> Iterator[str]:
    """The lines below a rule."""
    yield from paragraph(
        f"We have read version {rule.version} of this rule aloud, as it stands in "
        f"{shown(pages)}, and decided:"
    )
    yield from _lines()


def of_shared(pages: Pages) -> Iterator[str]:
    """The lines below what every rule rests on."""
    yield from paragraph(
        "A term, a limit, a dose or a time that several rules share belongs to all of "
        "them: it can change what a rule does while the version of the rule stays. So "
        "these chapters are signed by themselves: terms, ranges, what is worked out, the "
        "age of results, units, and orders."
    )
    yield f"We have read these chapters as they stand in {shown(pages)}, and decided:"
    yield ""
    yield from _lines()


def _lines() -> Iterator[str]:
    yield from table(
        ("Role", "Name", "Decision (strike out)", "Remarks", "Date and signature"),
        [(role, "", _DECISION, "", "") for role in ROLES],
    )
