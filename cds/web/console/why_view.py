"""What a signed link shows of a decision: the cards and what decided them, and nobody's name.

Only what is listed here is shown; each sentence of it passes through `Nameless`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds.cards import citations
from cds.cards.imprint import imprint
from cds.desk import Kept
from cds.engine.decision import Decision, Decisions, Judgement, Outcome
from cds.engine.reasons import decisive
from cds.facts.model import Fact, Measured
from cds.facts.show import both_units
from cds.rulebook.model import Rulebook
from cds.trace import ANSWERS
from cds.web.console.decision_view import decided_for
from cds.web.console.nameless import Nameless


@dataclass(frozen=True, slots=True)
class Clause:
    """A question that decided, its answer and why."""

    question: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Value:
    """A measured value that was looked at: how long before the decision it was taken ("" = not
    known)."""

    name: str
    value: str
    age: str


@dataclass(frozen=True, slots=True)
class RuleWhy:
    """A rule that speaks on a card. `purpose` "" = the rules of that time are not at hand."""

    id: str
    version: str
    title: str
    row: str
    purpose: str
    clauses: tuple[Clause, ...]
    values: tuple[Value, ...]
    undecided: tuple[str, ...]
    withheld: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardWhy:
    """A card as it was shown. `detail` is Markdown."""

    indicator: str
    summary: str
    detail: str
    offers: tuple[str, ...]
    rules: tuple[RuleWhy, ...]


@dataclass(frozen=True, slots=True)
class Why:
    """All of it. `missing`: lists that were not complete, by key. `signed`: somebody vouches for
    every rule that speaks."""

    cards: tuple[CardWhy, ...]
    missing: tuple[tuple[str, str], ...]
    rulebook: str
    engine: str
    signed: bool


def why(kept: Kept, decisions: Decisions, book: Rulebook | None) -> Why:
    """Of a record that can be read. `book`: the rules of that time, where they are at hand."""
    view = _View(kept, decisions, book)
    entry, gaps = kept.sealed.entry, kept.body.get("gaps", {})
    return Why(
        cards=tuple(view.card(card) for card in kept.body.get("cards", ())),
        missing=tuple((key, view.say.text(words)) for key, words in gaps.items()),
        rulebook=entry.rulebook,
        engine=entry.engine,
        signed=view.signed(),
    )


class _View:
    """The cards of one decision."""

    def __init__(self, kept: Kept, decisions: Decisions, book: Rulebook | None) -> None:
        self._book = book
        self._now = decided_for(kept)
        self.say = Nameless(kept.sealed.entry, kept.body, self._now, _ours(book))
        self._fired = [item for item in decisions.items if _speaks(item)]
        cards: Iterable[Mapping[str, Any]] = kept.body.get("cards", ())
        self._own = {_rule_of(card) for card in cards}

    def signed(self) -> bool:
        """Whether each rule that speaks was reviewed by somebody."""
        rules = {x.id: x for x in self._book.rules} if self._book else {}
        found = [rules.get(item.rule.id) for item in self._fired]
        return bool(found) and all(x is not None and x.reviewed.by != "pending" for x in found)

    def card(self, card: Mapping[str, Any]) -> CardWhy:
        """One card."""
        return CardWhy(
            indicator=str(card["indicator"]),
            summary=self.say.text(card["summary"]),
            detail=self.say.text(card.get("detail", "")),
            offers=self.say.lines(x["label"] for x in card.get("suggestions", ())),
            rules=tuple(map(self._rule, self._speaking(card))),
        )

    def _speaking(self, card: Mapping[str, Any]) -> Iterator[Decision]:
        """The decision of the card, then those that are told on it because they have no card of
        their own. A rule about orders may have a card for each: their headlines differ."""
        rows = card["extension"]["rows"]
        own = [x for x in self._fired if x.rule.id == _rule_of(card) and _row(x) in rows]
        yield from [x for x in own if x.summary == card["summary"]] or own
        for item in self._fired:
            if item.rule.id not in self._own and _row(item) in rows:
                yield item

    def _rule(self, item: Decision) -> RuleWhy:
        book = self._book
        purpose = next((x.purpose for x in book.rules if x.id == item.rule.id), "") if book else ""
        judged = [x.judgement for x in item.levels if x.level is item.fired]
        return RuleWhy(
            id=item.rule.id,
            version=item.rule.version,
            title=item.rule.title,
            row=_row(item),
            purpose=purpose,
            clauses=tuple(self._clauses(judged)),
            values=tuple(self._values(item.facts)),
            undecided=self.say.lines(item.undecided),
            withheld=self.say.lines(
                f"{x.suggestion.name.replace('-', ' ')}: {'; '.join(x.reasons)}"
                for x in item.withheld
            ),
        )

    def _clauses(self, judged: Iterable[Judgement]) -> Iterator[Clause]:
        leaves = dict.fromkeys(leaf for one in judged for leaf in decisive(one))
        for leaf in leaves:
            question = leaf.clause.removesuffix(" present")
            yield Clause(self.say.text(question), ANSWERS[leaf.verdict], self.say.text(leaf.why))

    def _values(self, facts: Iterable[Fact]) -> Iterator[Value]:
        for fact in facts:
            state = fact.state
            if isinstance(state, Measured):
                face = both_units(state.quantity, state.as_received)
                age = self.say.span(state.when) if state.when else ""
                yield Value(fact.name.replace("_", " "), self.say.text(face), age)


def _speaks(item: Decision) -> bool:
    return item.outcome is Outcome.FIRES and not item.silent_mode and not item.held_back


def _row(item: Decision) -> str:
    return item.fired.row if item.fired else ""


def _rule_of(card: Mapping[str, Any]) -> str:
    return str(card["extension"]["rule"]).partition("@")[0]


def _ours(book: Rulebook | None) -> Iterator[str]:
    """Lines of cards that come from the rule files as they stand."""
    if book is None:
        return
    yield from citations.lines(tuple(book.citations), book)
    for rule in book.rules:
        own = imprint(rule, book)
        yield from (own.in_time, own.overdue)
