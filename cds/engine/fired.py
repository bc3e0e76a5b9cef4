"""What a level that fired says and offers, and what was left open on the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds.engine.decision import Decision, Judgement, LevelJudged, Offer, Outcome, Withheld
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.engine.offers import Ask, weigh
from cds.engine.phrases import fill, finding, sentence
from cds.engine.reasons import causes, facts_of
from cds.engine.repeat import SEVERITY
from cds.facts.model import Fact
from cds.facts.record import MedicationOrder
from cds.kernel.text import HOLE
from cds.kernel.verdict import Verdict
from cds.rulebook.model import Clause, Indicator, Level, Note, Rule


def undecided(levels: Sequence[LevelJudged]) -> tuple[str, ...]:
    """What might be found as well, and what keeps it open; one phrase for the same causes."""
    found: dict[tuple[str, ...], list[str]] = {}
    for item in levels:
        found.setdefault(causes(item.judgement), []).append(finding(item.level.summary))
    return tuple(
        f"{'; '.join(dict.fromkeys(names))} ({'; '.join(whys)})" for whys, names in found.items()
    )


def _says_more(open_: Level, fired: Level, indicator: Indicator) -> bool:
    """A level of the row that fired is news only where it would have been more severe."""
    return open_.row != fired.row or SEVERITY[open_.indicator] > SEVERITY[indicator]


@dataclass(frozen=True, slots=True)
class Fired:
    """Putting together what a fired level says and offers."""

    rule: Rule
    facts: Facts
    order: MedicationOrder | None
    judged: tuple[LevelJudged, ...]
    blocked: Judgement | None

    def decision(self) -> Decision:
        level, judgement = self.judged[-1].level, self.judged[-1].judgement
        looked_at = facts_of((judgement,))
        because = tuple(
            dict.fromkeys(
                evidence.source
                for fact in looked_at
                for evidence in fact.evidence
                if evidence.source.startswith("Observation/")
            )
        )
        offers, withheld = self._offers(level, because)
        indicator = self._indicator(level)
        above = [
            item
            for item in self.judged[:-1]
            if item.judgement.verdict is Verdict.CANNOT_TELL
            and _says_more(item.level, level, indicator)
        ]
        return Decision(
            self.rule,
            Outcome.FIRES,
            f"row {level.row} applies",
            self.judged,
            level,
            indicator,
            self.order,
            sentence(fill(self._summary(level), self.facts)),
            self._sentences(level),
            offers,
            withheld,
            (*self._blocked(), *undecided(above)),
            self._facts(level, looked_at),
            tuple(dict.fromkeys((*level.cite, *self.rule.cite))),
            self.rule.status == "silent",
        )

    def _blocked(self) -> tuple[str, ...]:
        """Law 2: an `unless` that cannot be told keeps the card, and is said."""
        if self.blocked is None:
            return ()
        why = "; ".join(causes(self.blocked))
        return (f"whether this card is wanted ({why})",)

    def _summary(self, level: Level) -> str:
        return (level.info_summary if self._yes(level.info_when) else "") or level.summary

    def _indicator(self, level: Level) -> Indicator:
        """Info (already dealt with) before critical; what cannot be told changes nothing."""
        if self._yes(level.info_when):
            return "info"
        return "critical" if self._yes(level.critical_when) else level.indicator

    def _yes(self, clause: Clause | None) -> bool:
        return clause is not None and judge(clause, self.facts).verdict is Verdict.YES

    def _offers(
        self, level: Level, because: tuple[str, ...]
    ) -> tuple[tuple[Offer, ...], tuple[Withheld, ...]]:
        answers = [
            weigh(Ask(self.rule.suggestions[name], self.facts, because, self.blocked))
            for name in level.suggest
        ]
        return (
            tuple(a for a in answers if isinstance(a, Offer)),
            tuple(a for a in answers if isinstance(a, Withheld)),
        )

    def _sentences(self, level: Level) -> tuple[str, ...]:
        found = [fill(text, self.facts) for text in level.detail]
        for note in (*level.notes, *self.rule.notes):
            said = self._note(note)
            if said:
                found.append(fill(said, self.facts))
        return tuple(dict.fromkeys(sentence(text) for text in found))

    def _note(self, note: Note) -> str:
        if note.if_ is None:
            return note.say
        verdict = judge(note.if_, self.facts).verdict
        if verdict is Verdict.YES:
            return note.say
        return note.unknown if verdict is Verdict.CANNOT_TELL else ""

    def _facts(self, level: Level, looked_at: Sequence[Fact]) -> tuple[Fact, ...]:
        """What its texts show, then what else the level looked at."""
        found: dict[str, Fact] = {}
        for text in (level.summary, *level.detail):
            for name, _ in HOLE.findall(text):
                if name in self.facts.book.facts:
                    found.setdefault(name, self.facts.fact(name))
        for fact in looked_at:
            found.setdefault(fact.name, fact)
        return tuple(found.values())
