"""Decisions as tables, and from the tables back to what can be told.

Facts and judged clauses are shared by many rules, so each stands once and is named by its place.
What is written is enough to tell again without the rules why a rule fired or could not be judged
(`explain`), and to compare a decision with a later one (`rerun`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from cds.audit.codec import canonical
from cds.audit.pieces import WRITTEN
from cds.audit.ruledout import PLACE, RULED_OUT, ruled_out
from cds.engine.decision import Decision, Decisions, Judgement, LevelJudged, Offer, Withheld
from cds.facts.model import Fact
from cds.facts.show import quantity_words
from cds.kernel.quantity import Quantity

Json = dict[str, Any]


def written(decisions: Decisions) -> Json:
    """The tables, what was not read and the lines on the kidneys."""
    said = {"unread": decisions.unread, "kidneys": decisions.fine_print}
    return {**tables(decisions), **said}


def tables(decisions: Decisions) -> dict[str, msgspec.Raw]:
    """`rules`: every rule that was judged to the end, with its place, outcome, reasons, texts and
    offers; `ruled_out`: all others, in order; `nodes`: the clauses judged for the first; `facts`:
    every fact looked at. Each is JSON already."""
    made = _Tables()
    for fact in decisions.facts:
        made.fact(fact)
    told = [
        {PLACE: place, **_rule(item, made)}
        for place, item in enumerate(decisions.items)
        if not item.ruled_out
    ]
    found = {
        "facts": made.facts,
        "nodes": made.nodes,
        "rules": told,
        RULED_OUT: ruled_out(decisions.items),
    }
    return {name: msgspec.Raw(canonical(table)) for name, table in found.items()}


class _Node(msgspec.Struct, frozen=True, omit_defaults=True):
    """A judged clause as it is written: what is left out is what its default says."""

    children: tuple[int, ...] = ()
    clause: str = ""
    definition: str = ""
    fact: int | None = None
    names: tuple[str, ...] = ()
    say: str = ""
    verdict: str = ""
    why: str | None = None  # None: the fact says it


@dataclass(slots=True)
class _Tables:
    """Facts and nodes by their place. Objects are known again by identity: the engine works each
    out once; `_kept` holds them, so that no identity is given to another."""

    facts: list[msgspec.Raw] = field(default_factory=list)
    _nodes: dict[_Node, int] = field(default_factory=dict)
    _kept: dict[int, tuple[object, int]] = field(default_factory=dict)
    _alike: dict[tuple[str, str], list[tuple[Fact, int]]] = field(default_factory=dict)

    @property
    def nodes(self) -> list[_Node]:
        """By their place."""
        return list(self._nodes)

    def fact(self, item: Fact) -> int:
        """The place of a fact."""
        known = self._kept.get(id(item))
        if known is None:
            known = self._kept[id(item)] = (item, self._fact(item))
        return known[1]

    def _fact(self, item: Fact) -> int:
        # By two texts first: to hash all that a fact holds costs as much as to write it.
        alike = self._alike.setdefault((item.name, item.explained), [])
        for other, place in alike:
            if other == item:
                return place
        place = len(self.facts)
        alike.append((item, place))
        self.facts.append(WRITTEN.fact(item))
        return place

    def node(self, item: Judgement) -> int:
        """The place of a judged clause; what it rests on stands before it."""
        known = self._kept.get(id(item))
        if known is None:
            node = self._node(item)
            known = (item, self._nodes.setdefault(node, len(self._nodes)))
            self._kept[id(item)] = known
        return known[1]

    def _node(self, item: Judgement) -> _Node:
        fact, why = item.fact, item.why or None
        about = None
        if fact is not None:
            about = self.fact(fact)
            # Most often the fact says why, and says it in its own place.
            why = None if item.why == fact.explained else item.why
        return _Node(
            tuple(map(self.node, item.children)),
            item.clause or "",
            item.definition or "",
            about,
            item.names or (),
            item.say or "",
            item.verdict._value_,
            why,
        )


def _filled(tree: Json) -> Json:
    """Without what is empty; a number that is nothing is empty too."""
    return {name: value for name, value in tree.items() if value}


def _rule(item: Decision, tables: _Tables) -> Json:
    fired = item.fired
    return _filled(
        {
            "rule": item.rule.id,
            "version": item.rule.version,
            "title": item.rule.title,
            "outcome": item.outcome.value,
            "reason": item.reason,
            "row": fired.row if fired else "",
            "indicator": item.indicator,
            "order": {"source": item.order.source, "name": item.order.name} if item.order else None,
            "levels": [_level(level, tables) for level in item.levels],
            "summary": item.summary,
            "detail": item.detail,
            "offers": [_offer(offer) for offer in item.offers],
            "withheld": [_withheld(one, tables) for one in item.withheld],
            "undecided": item.undecided,
            "facts": [tables.fact(fact) for fact in item.facts],
            "cites": item.cites,
            "silent": item.silent_mode,
            "held_back": item.held_back,
        }
    )


def _level(item: LevelJudged, tables: _Tables) -> Json:
    level = item.level
    return {
        "row": level.row,
        "indicator": level.indicator,
        "summary": level.summary,
        "node": tables.node(item.judgement),
    }


def _offer(offer: Offer) -> Json:
    return _filled(
        {
            "suggestion": offer.suggestion.name,
            "label": offer.label,
            "ingredient": offer.ingredient,
            "dose": _amount(offer.dose),
            "dose_text": offer.dose_text,
            "units": offer.units,
            "per_day": offer.per_day,
            "rate": _amount(offer.rate),
            "hours": _amount(offer.hours),
            "because": offer.because,
            "lines": offer.lines,
        }
    )


def _amount(amount: Quantity | None) -> str:
    return "" if amount is None else quantity_words(amount)


def _withheld(item: Withheld, tables: _Tables) -> Json:
    return _filled(
        {
            "suggestion": item.suggestion.name,
            "reasons": item.reasons,
            "codes": item.codes,
            "nodes": [tables.node(one) for one in item.judgements],
        }
    )
