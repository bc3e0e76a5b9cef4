"""The reasoning of a decision as a tree to be opened branch by branch.

The very judgements that `cds/trace.py` tells as prose, in its words; here no branch is left out,
and every value names its source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cds.audit.marks import outcome_of
from cds.engine.decision import Decision, Decisions, Judgement, LevelJudged, Outcome
from cds.engine.phrases import finding
from cds.engine.reasons import deciding
from cds.facts.model import Evidence, Fact
from cds.facts.show import age_words, time_words
from cds.trace import ANSWERS, HEADS

# What a reader looks for first; of the outcome, in the order of pages.
_GROUPS = (
    (Outcome.FIRES, "Fired"),
    (Outcome.CANNOT_TELL, "Could not be judged"),
    (Outcome.ERROR, "Broke"),
    (Outcome.SILENT, "Stayed silent"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """What a value rests on: a resource, what it says, when that was, and how long before the
    decision ("" = not known)."""

    reference: str
    text: str
    when: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """One clause: the question, its answer (`yes`, `no`, `cannot tell`) and why. `decides`: the
    answer above rests on it. `say` is the sentence of a named clause."""

    question: str
    answer: str
    why: str
    say: str
    decides: bool
    sources: tuple[Source, ...] = ()
    children: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One level as far as it was judged. `applies`: the rule fired with it."""

    row: str
    indicator: str
    heading: str
    applies: bool
    node: Node


@dataclass(frozen=True, slots=True)
class Ruling:
    """One rule (for one draft order, `about`). `mark` is the word of its outcome as it is counted,
    `head` the word as it is told. `quiet`: ruled out, and no more is known of it."""

    id: str
    version: str
    title: str
    mark: str
    head: str
    about: str
    row: str
    indicator: str
    summary: str
    because: str
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]
    offers: tuple[str, ...]
    withheld: tuple[tuple[str, tuple[str, ...]], ...]
    undecided: tuple[str, ...]
    quiet: bool


@dataclass(frozen=True, slots=True)
class Group:
    """The rules of one outcome."""

    outcome: str
    title: str
    rulings: tuple[Ruling, ...]


def groups(decisions: Decisions, now: datetime) -> tuple[Group, ...]:
    """All rules by outcome, each group in the order of the rulebook; `now` is the moment that was
    decided for."""
    made = {
        outcome: tuple(_ruling(x, now) for x in decisions.items if x.outcome is outcome)
        for outcome, _ in _GROUPS
    }
    return tuple(
        Group(outcome.value, title, made[outcome]) for outcome, title in _GROUPS if made[outcome]
    )


def _ruling(item: Decision, now: datetime) -> Ruling:
    fired = item.fired
    return Ruling(
        id=item.rule.id,
        version=item.rule.version,
        title=item.rule.title,
        mark=outcome_of(item),
        head=HEADS[item.outcome],
        about=item.order.name if item.order else "",
        row=fired.row if fired else "",
        indicator=item.indicator or "" if fired else "",
        summary=item.summary,
        because=item.reason if not item.levels else "",
        remarks=tuple(_remarks(item)),
        rows=tuple(_row(level, item, now) for level in reversed(item.levels)),
        offers=tuple(offer.label for offer in item.offers),
        withheld=tuple((x.suggestion.name.replace("-", " "), x.reasons) for x in item.withheld),
        undecided=item.undecided,
        quiet=item.ruled_out and not item.levels,
    )


def _remarks(item: Decision) -> Iterable[str]:
    if item.silent_mode:
        yield "Silent mode: no card."
    if item.held_back:
        yield f"No card now: {item.held_back}."


def _row(level: LevelJudged, item: Decision, now: datetime) -> Row:
    about = level.level
    return Row(
        row=about.row,
        indicator=about.indicator,
        heading=finding(about.summary),
        applies=about is item.fired,
        node=_node(level.judgement, now, decides=True),
    )


def _node(judgement: Judgement, now: datetime, *, decides: bool) -> Node:
    settled = {id(child) for child in deciding(judgement)} if decides else set()
    return Node(
        question=judgement.clause.removesuffix(" present"),
        answer=ANSWERS[judgement.verdict],
        why=judgement.why,
        say=judgement.say,
        decides=decides,
        sources=() if judgement.children else _sources(judgement.fact, now),
        children=tuple(
            _node(child, now, decides=id(child) in settled) for child in judgement.children
        ),
    )


def _sources(fact: Fact | None, now: datetime) -> tuple[Source, ...]:
    found: Sequence[Evidence] = fact.evidence if fact else ()
    return tuple(_source(item, now) for item in found)


def _source(item: Evidence, now: datetime) -> Source:
    if item.when is None:
        return Source(item.source, item.text)
    # A moment after the decision has no age.
    age = age_words(now, item.when) if item.when <= now else ""
    return Source(item.source, item.text, time_words(item.when), age)
