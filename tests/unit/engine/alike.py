"""What of two answers has to be the same, in words that show where they differ."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cds.engine.decide import decide
from cds.engine.decision import Decision, Decisions, Judgement, Outcome
from cds.facts.record import Record
from cds.rulebook.model import Rulebook

HOOKS = ("order-select", "order-sign", "patient-view", "encounter-discharge", "no-such-hook")


def answered(item: Decision) -> dict[str, Any]:
    """What a card, a count or the record of outcomes shows of a decision."""
    return {
        "rule": item.rule.id,
        "order": item.order,
        "outcome": item.outcome,
        "row": item.fired.row if item.fired else None,
        "indicator": item.indicator,
        "summary": item.summary,
        "detail": item.detail,
        "offers": item.offers,
        "withheld": item.withheld,
        "undecided": item.undecided,
        "cites": item.cites,
        "silent_mode": item.silent_mode,
        "held_back": item.held_back,
    }


def everything(found: Decisions) -> dict[str, Any]:
    """Every field of an answer, all words made."""
    return {
        "items": [
            (
                answered(item),
                item.reason,
                item.ruled_out,
                item.fired,
                item.facts,
                [(level.level, tree(level.judgement)) for level in item.levels],
                [tree(one) for lost in item.withheld for one in lost.judgements],
            )
            for item in found.items
        ],
        "facts": found.facts,
        "fine_print": found.fine_print,
        "unread": found.unread,
    }


def tree(node: Judgement) -> tuple[object, ...]:
    """A judgement with all its words."""
    said = (node.clause, node.why, node.say)
    children = tuple(tree(child) for child in node.children)
    return (node.verdict, *said, node.fact, node.definition, node.names, children)


def whole_and_quick(
    book: Rulebook, record: Record, now: datetime, hook: str
) -> tuple[Decisions, Decisions]:
    """Both answers, after they were found to be the same in all that is shown."""
    whole = decide(book, record, now, hook)
    quick = decide(book, record, now, hook, whole=False)
    assert [answered(item) for item in quick.items] == [answered(item) for item in whole.items]
    assert {item.outcome for item in quick.items if item.ruled_out} <= {Outcome.SILENT}
    assert not any(item.ruled_out for item in whole.items)
    assert (quick.fine_print, quick.unread) == (whole.fine_print, whole.unread)
    return whole, quick
