"""The review clock: until when a rule counts as looked at (design section 3, `reviewed.due`)."""

from __future__ import annotations

import datetime as dt

from cds.errors import Problem
from cds.rulebook.model import Rule, Rulebook

JUDGED = ("active", "silent")


def is_overdue(rule: Rule, today: dt.date) -> bool:
    """Whether the day has passed by which the rule was to be reviewed again."""
    return today > rule.reviewed.due


def overdue_line(rule: Rule, today: dt.date) -> str:
    """The sentence that a card of the rule prints, or ""."""
    if not is_overdue(rule, today):
        return ""
    return f"The review of this rule was due on {rule.reviewed.due}."


def overdue(book: Rulebook, today: dt.date) -> tuple[Problem, ...]:
    """A finding for every rule that is judged and whose review is overdue, in file order."""
    return tuple(
        Problem(
            rule.where.file,
            rule.where.line,
            f"the review of rule `{rule.id}` was due on {rule.reviewed.due}.",
            "Have it reviewed, and write who, when and until when under `reviewed`.",
        )
        for rule in book.rules
        if rule.status in JUDGED and is_overdue(rule, today)
    )
