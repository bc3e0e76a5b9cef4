"""Which rules are judged at a hook: all that are in use, and which of them may fire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cds.engine.drafted import what_stands
from cds.engine.guards import Net, net
from cds.rulebook.model import Rule, Rulebook


def prepare(book: Rulebook) -> None:
    """Work out now what the first call would work out: it takes a moment for many rules."""
    book.remembered(what_stands)
    book.remembered(_nets)


def rules_of(book: Rulebook, hook: str) -> Sequence[Rule]:
    """The rules in use at this hook, in the order of the rulebook."""
    return book.remembered(_by_hook).get(hook, ())


def net_of(book: Rulebook, hook: str) -> Net | None:
    """Their guards; None where no rule is in use at this hook."""
    return book.remembered(_nets).get(hook)


def _by_hook(book: Rulebook) -> Mapping[str, Sequence[Rule]]:
    found: dict[str, list[Rule]] = {}
    for rule in book.rules:
        if rule.status in ("active", "silent"):
            for hook in dict.fromkeys(rule.hooks):
                found.setdefault(hook, []).append(rule)
    return found


def _nets(book: Rulebook) -> Mapping[str, Net]:
    """By hook; hooks with the same rules share one."""
    made: dict[tuple[str, ...], Net] = {}
    found = {}
    for hook, rules in book.remembered(_by_hook).items():
        names = tuple(rule.id for rule in rules)
        if names not in made:
            made[names] = net(book, rules)
        found[hook] = made[names]
    return found
