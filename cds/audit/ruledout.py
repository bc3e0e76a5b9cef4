"""Rules that were ruled out: silent, and nothing of what they asked is kept.

Of a thousand rules a few are judged to the end at a call. Each of the others is kept as one text,
`rule@version`, beside those that are told; with the order where it was judged for one. It can be
judged in full again, since the record, the moment and the rules are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from cds.engine.decision import Decision, Outcome
from cds.facts.record import MedicationOrder

Json = dict[str, Any]

PLACE = "place"  # of a rule that is told, among all rules of its decision
RULED_OUT = "ruled_out"
SINCE = 3  # the first format that leaves anything out


def ruled_out(items: Iterable[Decision]) -> list[str | Json]:
    """What is kept of decisions that are no more than silence; of all others nothing."""
    return [
        f"{item.rule.id}@{item.rule.version}" if item.order is None else _for(item, item.order)
        for item in items
        if item.ruled_out
    ]


def _for(item: Decision, order: MedicationOrder) -> Json:
    about = {"name": order.name, "source": order.source}
    return {"order": about, "rule": f"{item.rule.id}@{item.rule.version}"}


def in_order(body: Json) -> list[Json]:
    """The rules of a stored body as they were judged, those that were ruled out in their places:
    silent, with `ruled_out` set, without title and reason.

    Raises ValueError where the places do not fit, and what else a wrong shape raises.
    """
    rules: list[Json] = body["rules"]
    if body["format"] < SINCE:
        return rules
    found: list[Json] = []
    quiet: Iterator[Json] = map(_silent, body[RULED_OUT])
    for rule in rules:
        found += islice(quiet, rule[PLACE] - len(found))
        if rule[PLACE] != len(found):
            raise ValueError("more rules in this place than one, or none")
        found.append(rule)
    return [*found, *quiet]


def _silent(kept: str | Json) -> Json:
    name, order = (kept, None) if isinstance(kept, str) else (kept["rule"], kept["order"])
    rule, _, version = name.partition("@")
    tree = {"rule": rule, "version": version, "outcome": Outcome.SILENT.value, RULED_OUT: True}
    return tree if order is None else {**tree, "order": order}
