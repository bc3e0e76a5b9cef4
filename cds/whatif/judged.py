"""Every rule judged for a stated patient, by the engine that answers hook calls, and what changed.

Nothing is shared with hook calls: no patient of theirs is known here, and none of these there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cds.engine.decide import decide_rule
from cds.engine.decision import Decision, Decisions, Outcome
from cds.engine.facts import Facts
from cds.engine.select import rules_of
from cds.rulebook.model import Rule
from cds.trace import prose


@dataclass(frozen=True, slots=True)
class Change:
    """One rule before and now: one decision each, or one for each order it is about.

    `what` names what differs of what a reader is shown ("outcome", "row", "offers"); empty = all is
    as it was.
    """

    rule: Rule
    before: tuple[Decision, ...]
    now: tuple[Decision, ...]
    what: tuple[str, ...] = ()


def judged(facts: Facts, hook: str) -> tuple[Decision, ...]:
    """One decision for each rule in use at the hook, and for each order of those about orders."""
    found = tuple(one for rule in rules_of(facts.book, hook) for one in _safely(rule, facts))
    facts.forget()
    return found


def _safely(rule: Rule, facts: Facts) -> Sequence[Decision]:
    """As hook calls do: a rule that breaks is an outcome of its own (law 6)."""
    try:
        return decide_rule(rule, facts)
    except Exception as error:
        where = f"{type(error).__name__} while judging {rule.id}"
        return [Decision(rule, Outcome.ERROR, where)]


def compared(before: Iterable[Decision], now: Iterable[Decision]) -> tuple[Change, ...]:
    """Both side by side, in the order of the rulebook; what differs first."""
    sides = _by_rule(before), _by_rule(now)
    rules = {item.rule.id: item.rule for side in sides for found in side.values() for item in found}
    found = []
    for name, rule in rules.items():
        old, new = sides[0].get(name, ()), sides[1].get(name, ())
        found.append(Change(rule, old, new, _what(old, new)))
    return tuple(sorted(found, key=lambda item: not item.what))


def _by_rule(decisions: Iterable[Decision]) -> dict[str, tuple[Decision, ...]]:
    found: dict[str, tuple[Decision, ...]] = {}
    for item in decisions:
        found[item.rule.id] = (*found.get(item.rule.id, ()), item)
    return found


def _what(old: Sequence[Decision], new: Sequence[Decision]) -> tuple[str, ...]:
    if len(old) != len(new):
        return ("orders",) if old and new else ("asked",)
    pairs = [(_shown(a), _shown(b)) for a, b in zip(old, new, strict=True)]
    return tuple(name for name in _PARTS if any(a[name] != b[name] for a, b in pairs))


_PARTS = (
    "outcome", "row", "urgency", "headline", "sentences", "offers", "what is withheld",
    "what cannot be told",
)  # fmt: skip


def _shown(item: Decision) -> dict[str, object]:
    """What a reader sees of it. Why it is so may differ without any of this."""
    shown = (
        item.outcome,
        item.fired.row if item.fired else "",
        item.indicator,
        item.summary,
        item.detail,
        tuple(offer.label for offer in item.offers),
        tuple((lost.suggestion.name, lost.reasons) for lost in item.withheld),
        item.undecided,
    )
    return dict(zip(_PARTS, shown, strict=True))


def why(item: Decision) -> tuple[tuple[int, str], ...]:
    """What decided it, in the words of the trace: lines with their depth, from 0."""
    bare = replace(item, offers=(), withheld=(), undecided=(), held_back="")
    lines = prose(Decisions((bare,))).splitlines()[1:]
    headline = f"  Row {item.fired.row}, {item.indicator}: {item.summary}" if item.fired else None
    kept = [line for line in lines if line.strip() and line not in (headline, "  Because:")]
    return tuple(((len(line) - len(line.lstrip())) // 2 - 1, line.strip()) for line in kept)
