"""A kept decision told in words, from what was kept alone: no rule is asked again.

The words are those of `cds evaluate --trace` at the time of the decision. The rules may have
changed since, or be gone. What rules asked that were ruled out is not kept; `cds/audit/whole.py`
works it out again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cds.audit.batch import Sealed
from cds.audit.codec import CodecError, decode, parse
from cds.audit.kept import Entry
from cds.audit.ruledout import RULED_OUT, in_order
from cds.engine.decision import (
    Decision,
    Decisions,
    Judgement,
    LevelJudged,
    Offer,
    Outcome,
    Withheld,
)
from cds.facts.model import Fact
from cds.facts.record import MedicationOrder, OrderKind
from cds.facts.show import time_words
from cds.kernel.verdict import Verdict
from cds.rulebook.model import All, Level, Review, Rule, Suggestion, Where
from cds.trace import prose

Json = dict[str, Any]

# A rule is only named here: what it asks and where it was written is in the kept rulebook.
_ELSEWHERE = Where("", 0)
_ASKED = All((), _ELSEWHERE)
_REVIEW = Review("", dt.date.min, dt.date.min)


def explain(sealed: Sealed) -> str:
    """Who was told what, when and by which rules, then every rule with what decided it; of a rule
    that was ruled out only that it was silent.

    Raises CodecError when the body is not one that this version can read.
    """
    body = parse(sealed.entry.body)
    with told_as_kept():
        decisions = restored(body)
        number = sum(item.ruled_out for item in decisions.items)
        more = f"Ruled out, and told no further: {number}. `--whole` tells what they asked."
        return told(sealed, body, decisions, more if number else "")


@contextmanager
def told_as_kept() -> Iterator[None]:
    """Raises CodecError for whatever a body of another shape raises."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise CodecError("the stored body is not that of a decision") from None


def told(sealed: Sealed, body: Json, decisions: Decisions, remark: str = "") -> str:
    """These decisions in words, under the head of the record, which ends with the remark."""
    head = [*_head(sealed.entry, body), *([remark] if remark else ())]
    return "\n".join((*head, "", prose(decisions)))


def restored(body: Json) -> Decisions:
    """The decisions as far as they are told: outcomes, reasons, judged clauses and texts."""
    facts = tuple(decode(Fact, tree) for tree in body["facts"])
    nodes: list[Judgement] = []
    for tree in body["nodes"]:  # what a node rests on stands before it
        nodes.append(_node(tree, facts, nodes))
    items = tuple(_decision(tree, facts, nodes) for tree in in_order(body))
    return Decisions(items, facts, tuple(body["kidneys"]), tuple(body["unread"]))


def _head(entry: Entry, body: Json) -> list[str]:
    now = dt.datetime.fromisoformat(body["now"])
    site = f", site {entry.site}" if entry.site else ""
    lines = [
        f"Decision {entry.id}, answered {time_words(entry.at)} for clinical time "
        f"{time_words(now)}.",
        f"{entry.hook} at {entry.service}, client {entry.client}, user {body['user']}, "
        f"patient {entry.patient}.",
        f"Rulebook {entry.rulebook}{site}, version {entry.engine} of the service.",
    ]
    if body["no_drugs"]:
        lines.append(f"No drug was to be suggested: {body['no_drugs']}.")
    return lines


def _node(tree: Json, facts: tuple[Fact, ...], nodes: list[Judgement]) -> Judgement:
    fact = facts[tree["fact"]] if "fact" in tree else None
    return Judgement(
        Verdict(tree["verdict"]),
        tree["clause"],
        tree.get("why", fact.explained if fact else ""),
        fact,
        tuple(nodes[place] for place in tree.get("children", ())),
        tree.get("definition", ""),
        tree.get("say", ""),
        tuple(tree.get("names", ())),
    )


def _decision(tree: Json, facts: tuple[Fact, ...], nodes: list[Judgement]) -> Decision:
    levels = tuple(
        LevelJudged(_level(found), nodes[found["node"]]) for found in tree.get("levels", ())
    )
    outcome, order = Outcome(tree["outcome"]), tree.get("order")
    return Decision(
        _rule(tree),
        outcome,
        tree.get("reason", ""),
        levels,
        levels[-1].level if outcome is Outcome.FIRES else None,
        tree.get("indicator"),
        order and MedicationOrder(order["source"], order["name"], OrderKind.DRAFT),
        tree.get("summary", ""),
        tuple(tree.get("detail", ())),
        tuple(
            Offer(_suggestion(found), found["label"], dose_text=found.get("dose_text", ""))
            for found in tree.get("offers", ())
        ),
        tuple(_withheld(found, nodes) for found in tree.get("withheld", ())),
        tuple(tree.get("undecided", ())),
        tuple(facts[place] for place in tree.get("facts", ())),
        tuple(tree.get("cites", ())),
        tree.get("silent", False),
        tree.get("held_back", ""),
        tree.get(RULED_OUT, False),
    )


def _withheld(tree: Json, nodes: list[Judgement]) -> Withheld:
    return Withheld(
        _suggestion(tree),
        tuple(tree.get("reasons", ())),
        tuple(tree.get("codes", ())),
        tuple(nodes[place] for place in tree.get("nodes", ())),
    )


def _rule(tree: Json) -> Rule:
    return Rule(
        id=tree["rule"],
        family="",
        title="" if RULED_OUT in tree else tree["title"],
        version=tree["version"],
        status="active",
        owner="",
        reviewed=_REVIEW,
        hooks=(),
        purpose="",
        levels=(),
        suggestions={},
        where=_ELSEWHERE,
    )


def _level(tree: Json) -> Level:
    return Level(
        row=tree["row"],
        indicator=tree["indicator"],
        when=_ASKED,
        summary=tree["summary"],
        detail=(),
        suggest=(),
        where=_ELSEWHERE,
    )


def _suggestion(tree: Json) -> Suggestion:
    return Suggestion(name=tree["suggestion"], label="", action="create", where=_ELSEWHERE)
