"""Which answers each clause has given over all cases: a clause is shown by cases that make it
yes, no and "cannot tell"; a level by cases where it fires and where it does not; a suggestion by
cases where it is offered and where it is withheld. Answers that a clause cannot give where it is
asked are not wanted (`cds.trial.pinned`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds.engine.decision import Decision
from cds.engine.evaluate import judge
from cds.engine.facts import Facts
from cds.kernel.verdict import Verdict
from cds.rulebook.model import (
    All,
    AnyOf,
    Clause,
    Level,
    Rule,
    Rulebook,
    Suggestion,
    Where,
)
from cds.rulebook.mutate.rules import level_names
from cds.rulebook.mutate.words import written
from cds.trial.cases import CaseResult, try_cases
from cds.trial.pinned import NOT_YES, Settled

FIRED, NOT_FIRED = "fired", "not fired"
OFFERED, WITHHELD = "offered", "withheld"
Key = tuple[str, str]  # owner and part
Tried = tuple[CaseResult, Facts]


@dataclass(frozen=True, slots=True)
class ClauseSeen:
    """A clause, level or suggestion with the answers it should give, and those no case shows."""

    owner: str  # id of the rule, or `define.name`
    part: str
    words: str
    where: Where
    wanted: tuple[str, ...]
    unseen: tuple[str, ...]  # of those, what no case shows


@dataclass(frozen=True, slots=True)
class _Part:
    owner: str
    part: str
    words: str
    where: Where
    wanted: tuple[str, ...]


def clause_coverage(book: Rulebook, tried: Iterable[Tried] | None = None) -> tuple[ClauseSeen, ...]:
    """Everything that cases should show, in file order. Only what was reached counts as seen.

    `tried`: the cases of this rulebook where somebody has run them already.
    """
    parts = (*_of_definitions(book), *_of_rules(book))
    unseen = {(part.owner, part.part): set(part.wanted) for part in parts}
    for result, facts in try_cases(book) if tried is None else tried:
        if result.decision is None:
            continue
        for key, answer in _told(result.rule, result.decision):
            unseen.get(key, set()).discard(answer)
        for key, clause in asked(result.rule, result.decision, facts):
            if left := unseen.get(key):  # judging costs; what was seen need not be seen again
                left.discard(judge(clause, facts).verdict.value)
    return tuple(
        ClauseSeen(
            part.owner,
            part.part,
            part.words,
            part.where,
            part.wanted,
            tuple(item for item in part.wanted if item in unseen[part.owner, part.part]),
        )
        for part in parts
    )


def coverage_faults(book: Rulebook, tried: Iterable[Tried] | None = None) -> tuple[str, ...]:
    """One line for each clause with answers that no case shows."""
    return tuple(
        f"{item.where}: {item.part} of {item.owner}: no case shows `{item.words}` "
        f"{' or '.join(item.unseen)}."
        for item in clause_coverage(book, tried)
        if item.unseen
    )


def _tree(clause: Clause, part: str) -> Iterator[tuple[str, Clause]]:
    """The clause and everything below it, each with its place."""
    yield part, clause
    if isinstance(clause, All | AnyOf):
        word = "all" if isinstance(clause, All) else "any"
        for i, child in enumerate(clause.children, start=1):
            yield from _tree(child, f"{part}.{word}.{i}")


def _clauses(book: Rulebook, rule: Rule) -> Iterator[tuple[str, Clause, tuple[Settled, ...]]]:
    """Each clause of the rule with its place, and what is settled wherever it is asked."""
    fired = {}
    for name, level in zip(level_names(rule), rule.levels, strict=True):
        judged, fired[level] = _settled(book, rule, level)
        yield f"levels.{name}.when", level.when, (judged,)
        for part, clause in _consequences(level, f"levels.{name}"):
            yield part, clause, (fired[level],)
    for part, clause in _of_rule_when_fired(rule):
        yield part, clause, tuple(fired.values())
    if rule.unless is not None:
        yield "unless", rule.unless, (Settled(book),)
    for name in rule.suggestions:
        where = tuple(known for level, known in fired.items() if name in level.suggest)
        for part, clause in _of_suggestion(rule, name):
            yield part, clause, where


def _settled(book: Rulebook, rule: Rule, level: Level) -> tuple[Settled, Settled]:
    """What is settled when the level is judged, and what when its card is written."""
    judged, fired = Settled(book), Settled(book)
    above = [item.when for item in rule.levels[: rule.levels.index(level)]]
    for clause in above:
        judged.learn(clause, NOT_YES)
    fired.learn(level.when, frozenset({Verdict.YES}))
    for clause in (*above, *([rule.unless] if rule.unless is not None else [])):
        fired.learn(clause, NOT_YES)
    return judged, fired


def _consequences(level: Level, part: str) -> Iterator[tuple[str, Clause]]:
    """What is asked only where the level fires."""
    if level.critical_when is not None:
        yield f"{part}.critical_when", level.critical_when
    if level.info_when is not None:
        yield f"{part}.info_when", level.info_when
    for i, note in enumerate(level.notes, start=1):
        if note.if_ is not None:
            yield f"{part}.notes.{i}.if", note.if_


def _of_rule_when_fired(rule: Rule) -> Iterator[tuple[str, Clause]]:
    for i, note in enumerate(rule.notes, start=1):
        if note.if_ is not None:
            yield f"notes.{i}.if", note.if_


def _of_suggestion(rule: Rule, name: str) -> Iterator[tuple[str, Clause]]:
    suggestion = rule.suggestions[name]
    if suggestion.if_ is not None:
        yield f"suggestions.{name}.if", suggestion.if_
    for stop in suggestion.unless:
        yield f"suggestions.{name}.unless.{stop.name}", stop


def _of_definitions(book: Rulebook) -> Iterator[_Part]:
    nothing = (Settled(book),)
    for name, definition in book.definitions.items():
        for part, clause in _tree(definition.clause, "when"):
            change = f"define.{name}{part.removeprefix('when')}"
            yield _part(book, f"define.{name}", part, clause, nothing, change)


def _of_rules(book: Rulebook) -> Iterator[_Part]:
    for rule in book.rules:
        if rule.status not in ("active", "silent"):
            continue
        for name, level in zip(level_names(rule), rule.levels, strict=True):
            words = f"row {level.row}"
            yield _Part(rule.id, f"levels.{name}", words, level.where, (FIRED, NOT_FIRED))
        for name, suggestion in rule.suggestions.items():
            answers = (OFFERED, WITHHELD) if _may_be_withheld(suggestion) else (OFFERED,)
            yield _Part(rule.id, f"suggestions.{name}", name, suggestion.where, answers)
        for at, whole, settled in _clauses(book, rule):
            for part, clause in _tree(whole, at):
                yield _part(book, rule.id, part, clause, settled, part)


def _may_be_withheld(suggestion: Suggestion) -> bool:
    """A suggestion without any guard is always offered."""
    duplicate, dose = suggestion.duplicate_of, suggestion.dose
    return any((suggestion.unless, duplicate, dose, suggestion.if_ is not None))


def _part(
    book: Rulebook,
    owner: str,
    part: str,
    clause: Clause,
    settled: tuple[Settled, ...],
    change: str,
) -> _Part:
    possible = frozenset[Verdict]().union(*(known.possible(clause) for known in settled))
    if _redundant(book, clause, change):
        possible = frozenset({Verdict.YES})
    wanted = tuple(item.value for item in Verdict if item in possible)
    return _Part(owner, part, written(clause), clause.where, wanted)


def _redundant(book: Rulebook, clause: Clause, change: str) -> bool:
    """The file says under `defence_in_depth` that leaving this condition out changes nothing: so
    no case can show it stopping anything, and only its yes is wanted. A member of `any` stops
    nothing in any case, so all its answers are wanted."""
    words = {f"{change}: `{written(clause)}` {end}" for end in ("dropped", "removed")}
    excused = (item for item in book.excuses if item.where.file == clause.where.file)
    return ".any." not in change and any(item.change in words for item in excused)


def _told(rule: Rule, decision: Decision) -> Iterator[tuple[Key, str]]:
    """What became of levels and suggestions."""
    for name, item in zip(level_names(rule), decision.levels, strict=False):
        yield (rule.id, f"levels.{name}"), FIRED if item.level is decision.fired else NOT_FIRED
    for offer in decision.offers:
        yield (rule.id, f"suggestions.{offer.suggestion.name}"), OFFERED
    for held in decision.withheld:
        yield (rule.id, f"suggestions.{held.suggestion.name}"), WITHHELD


def asked(rule: Rule, decision: Decision, facts: Facts) -> Iterator[tuple[Key, Clause]]:
    """The clauses that this patient made the rule ask, and the definitions it leaned on."""
    for at, whole in _reached(rule, decision):
        for part, clause in _tree(whole, at):
            yield (rule.id, part), clause
    for name in tuple(facts.definitions):
        for part, clause in _tree(facts.book.definitions[name].clause, "when"):
            yield (f"define.{name}", part), clause


def _reached(rule: Rule, decision: Decision) -> Iterator[tuple[str, Clause]]:
    """The clauses of the rule that this patient made it ask."""
    if rule.unless is not None:
        yield "unless", rule.unless
    for name, item in zip(level_names(rule), decision.levels, strict=False):
        yield f"levels.{name}.when", item.level.when
        if item.level is decision.fired:
            yield from _consequences(item.level, f"levels.{name}")
    if decision.fired is not None:
        yield from _of_rule_when_fired(rule)
        for name in decision.fired.suggest:
            yield from _of_suggestion(rule, name)
