"""Which rules are judged at a hook: all that are in use, or only those that may fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cds.engine.facts import Facts
from cds.engine.guards import Watch, watch
from cds.facts.record import Record
from cds.rulebook.model import Rule, Rulebook


def rules_of(book: Rulebook, hook: str) -> Sequence[Rule]:
    """The rules in use at this hook, in the order of the rulebook."""
    return book.remembered(_by_hook).get(hook, ())


def rules_left_over(hook: str, facts: Facts) -> Sequence[Rule]:
    """Those of them that may fire for this patient; all where a draft has no id."""
    rules = rules_of(facts.book, hook)
    if _nameless(facts.record):
        return rules
    known = facts.book.remembered(_watches)
    if hook not in known and rules:
        known[hook] = watch(facts.book, rules)
    return known[hook].left_over(facts) if rules else ()


def _nameless(record: Record) -> bool:
    """Is there a draft without an id? Its card is named by its place among all decisions."""
    return any(order.source.endswith("/") for order in record.drafts)


def _by_hook(book: Rulebook) -> Mapping[str, Sequence[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in book.rules:
        if rule.status in ("active", "silent"):
            for hook in dict.fromkeys(rule.hooks):
                found.setdefault(hook, []).append(rule)
    return found


def _watches(_book: Rulebook) -> dict[str, Watch]:
    """By hook, made when a hook is first called: only hooks that rules name are kept."""
    return {}
