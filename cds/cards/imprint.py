"""What a card prints whoever the patient is: worked out once for each rulebook."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from cds.cards.markdown import sentence
from cds.kernel.text import HOLE, plain
from cds.rulebook.model import Level, OrderTemplate, OverrideReason, Rule, Rulebook
from cds.rulebook.review import is_overdue, overdue_line

LONGEST_REASON = 600  # one explanation; a chart text that fills it is cut


@dataclass(frozen=True, slots=True)
class Imprint:
    """Of one rule: `name` is id@version, `in_time` and `overdue` say who vouches for it until its
    review is due and afterwards, `overrides` are the reasons a clinician may give."""

    rule: Rule
    name: str
    in_time: str
    overdue: str
    overrides: tuple[OverrideReason, ...]

    def standing(self, today: dt.date) -> str:
        """Who vouches for the rule, as it is on that day."""
        return self.overdue if is_overdue(self.rule, today) else self.in_time


def imprint(rule: Rule, book: Rulebook) -> Imprint:
    """Of a rule as it stands in the rulebook."""
    known = book.remembered(_imprints).get(rule.id)
    return known if known is not None and known.rule is rule else _imprint(rule, book)


def told(text: str) -> str:
    """Explanations may quote the chart as received: they are plain text, never Markdown."""
    return plain(text, LONGEST_REASON)


def fine_print(template: OrderTemplate) -> tuple[str, ...]:
    """The remarks on an order, each once."""
    return template.remembered(_fine_print)


def named(level: Level) -> frozenset[str]:
    """The facts that the headline and the sentences of a level name."""
    return level.remembered(_named)


def _imprints(book: Rulebook) -> Mapping[str, Imprint]:
    return {rule.id: _imprint(rule, book) for rule in book.rules}


def _imprint(rule: Rule, book: Rulebook) -> Imprint:
    said = f"Rule {rule.id}, version {rule.version}. {_signed(rule, book)} "
    known = book.override_reasons
    return Imprint(
        rule,
        f"{rule.id}@{rule.version}",
        sentence(f"{said}{overdue_line(rule, dt.date.min)}"),
        sentence(f"{said}{overdue_line(rule, dt.date.max)}"),
        tuple(known[name] for name in rule.override_reasons if name in known),
    )


def _signed(rule: Rule, book: Rulebook) -> str:
    if rule.reviewed.by != "pending":
        return f"Reviewed by {rule.reviewed.by}, {rule.reviewed.date}."
    accepted = book.accepted.get(rule.id)
    if accepted:
        return f"Accepted for use at this site: {accepted}."
    return "Not signed off by a clinician."


def _fine_print(template: OrderTemplate) -> tuple[str, ...]:
    return tuple(told(text) for text in dict.fromkeys(template.fine_print) if text)


def _named(level: Level) -> frozenset[str]:
    texts = (level.summary, *level.detail)
    return frozenset(name for text in texts for name, _ in HOLE.findall(text))
