"""What was overridden for a reason is not said again for a while (safety point 32).

A card that came at every edit of an order would soon be read by nobody. So a clinician who gives a
coded reason for not following a card is not shown it again for as long as the rule's `repeat`
says, unless something changed. Doubt never silences, and a critical card is never held back. The
rule fires all the same: outcome, row and texts are kept, only the card stays away.

Held back is a card whose rule was overridden for this patient
- on the same row, not less urgent than it is now, with a coded reason (an override without one, a
  card that was only shown, or one that was accepted counts for nothing);
- less than `after` ago, at most a few minutes in the future (clocks of clients differ);
- while it said the same: on what was known then the rule finds the same level as it does now, in
  the same bands, with the same drugs and problems;
- while nothing more urgent is in doubt: every row above it, and whether it is critical, is told;
- while `unless` is definitely no. There `rising_by` and `falling_by` ask for a change since the
  override, not since the result before.

Feedback names no order, so a rule that is judged for each order is never held back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cds.engine.decision import Decision
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.facts.model import Category, Presence, State
from cds.facts.record import Overridden
from cds.facts.show import age_words, span_words
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Indicator, Level, Repeat, Rule, Rulebook
from cds.rulebook.prose.clauses import SINCE, Speaker

SEVERITY: Mapping[Indicator, int] = {"info": 0, "warning": 1, "critical": 2}
CLOCKS = timedelta(minutes=5)  # how far the clock of a client may be ahead

# Anything else in the place of a code may be a sentence, and name somebody.
_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")

Again = Callable[[Rule, Facts], Decision]


def history_of(told: Iterable[Overridden]) -> tuple[Overridden, ...]:
    """What counts of it, oldest first, each once: overrides with a coded reason."""
    found = {item for item in told if _CODE.fullmatch(item.reason)}
    return tuple(sorted(found, key=lambda x: (x.at, x.rule, x.row, x.indicator, x.reason)))


def longest(book: Rulebook) -> timedelta:
    """How far back an override can still hold a card of this rulebook back; 0 = none ever can."""
    spans = (rule.repeat.after for rule in book.rules if rule.repeat is not None)
    return max(spans, default=timedelta(0))


def held_back(item: Decision, facts: Facts, again: Again) -> str:
    """Why this decision gives no card now, in words for the trace; "" = its card is shown.

    `again` judges a rule on other facts: it is how one asks what the rule said then.
    """
    rule, fired = item.rule, item.fired
    if fired is None or item.silent_mode or rule.repeat is None or rule.for_each is not None:
        return ""
    past = _newest(item, fired, rule.repeat, facts)
    if past is None or _in_doubt(item, fired, facts):
        return ""
    then = facts.as_of(min(past.at, facts.now))
    if not _same(item, again(rule, then)) or _unless_holds(rule.repeat, facts.since(then)):
        return ""
    return _words(past, rule.repeat, facts)


def _newest(item: Decision, fired: Level, repeat: Repeat, facts: Facts) -> Overridden | None:
    """The last override of this very card that is not over yet."""
    if item.indicator is None or item.indicator == "critical":
        return None
    urgency = SEVERITY[item.indicator]
    found = (
        past
        for past in facts.record.overridden
        if (past.rule, past.row) == (item.rule.id, fired.row)
        and _urgency(past) >= urgency
        and _counts(past.at, repeat.after, facts.asked)
    )
    return max(found, key=lambda past: past.at, default=None)


def _in_doubt(item: Decision, fired: Level, facts: Facts) -> bool:
    """Whether more could be wrong than the card's own row says: a row above it, or that it is
    critical, cannot be told. The clinician may have seen another doubt, or none."""
    critical = fired.critical_when
    if critical is not None and judge(critical, facts).verdict is Verdict.CANNOT_TELL:
        return True
    return item.undecided != ()


def _urgency(past: Overridden) -> int:
    """Below every other where the word is not one of ours."""
    return next((rank for word, rank in SEVERITY.items() if word == past.indicator), -1)


def _counts(at: datetime, after: timedelta, now: datetime) -> bool:
    return -CLOCKS <= now - at < after


def _same(now: Decision, then: Decision) -> bool:
    """Levels may share a row, a level may span bands or speak of several drugs: what it rests on
    may not change unheard. Of values `unless` says which change is news."""
    return then.fired is now.fired and _rests_on(then) == _rests_on(now)


def _rests_on(item: Decision) -> dict[str, State]:
    return {x.name: x.state for x in item.facts if isinstance(x.state, Category | Presence)}


def _unless_holds(repeat: Repeat, facts: Facts) -> bool:
    """What cannot be told counts as yes: doubt never silences."""
    return repeat.unless is not None and judge(repeat.unless, facts).verdict is not Verdict.NO


def _words(past: Overridden, repeat: Repeat, facts: Facts) -> str:
    known = facts.book.override_reasons.values()
    said = next((x.display for x in known if x.code == past.reason), "")
    reason = f"{said[:1].lower()}{said[1:]}" or "a reason that is not on our list"
    told = f"overridden {age_words(facts.asked, past.at)} ago ({reason})"
    ends = f"told again after {span_words(repeat.after)}"
    if repeat.unless is None:
        return f"{told}; {ends}"
    speaker = replace(Speaker(facts.book), against=SINCE)
    return f"{told}; {ends}, or when {speaker.sentence(repeat.unless)}"
