"""Every small change of one rule: its levels, notes, suggestions and guards.

Texts are not changed here: no clause, number or guard stands in them. Nor is `repeat`: it decides
when a card comes again, and no case, boundary or law knows of earlier cards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from cds.rulebook.model import All, Indicator, Level, Note, Rule, Where
from cds.rulebook.mutate.clauses import changes
from cds.rulebook.mutate.context import Context
from cds.rulebook.mutate.words import written

_INDICATORS: tuple[Indicator, ...] = get_args(Indicator)


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule with one change."""

    kind: str
    where: Where
    part: str
    words: str
    rule: Rule


def rule_changes(rule: Rule, context: Context) -> Iterator[RuleChange]:
    """The rule with one change, for each change there is; its suggestions are changed elsewhere."""
    names = level_names(rule)
    for i, (name, level) in enumerate(zip(names, rule.levels, strict=True)):

        def put(new: Level, i: int = i) -> Rule:
            return replace(rule, levels=(*rule.levels[:i], new, *rule.levels[i + 1 :]))

        yield from _level(level, f"levels.{name}", context, put)
    yield from _order_of_levels(rule, names, context)
    yield from _notes(rule.notes, "notes", context, lambda notes: replace(rule, notes=notes))
    if rule.unless is not None:
        bare = replace(rule, unless=None)
        text = f"`{written(rule.unless)}` removed"
        yield RuleChange("guard", rule.where, "unless", text, bare)
        for found in changes(rule.unless, context):
            changed = replace(rule, unless=found.clause)
            yield RuleChange(found.kind, found.where, f"unless{found.at}", found.words, changed)
    yield from _roles(rule)


def level_names(rule: Rule) -> tuple[str, ...]:
    """`A2`, or `A1-2` for the second level of a row that has several."""
    rows = [level.row for level in rule.levels]
    return tuple(
        row if rows.count(row) == 1 else f"{row}-{rows[: i + 1].count(row)}"
        for i, row in enumerate(rows)
    )


def _roles(rule: Rule) -> Iterator[RuleChange]:
    each = rule.for_each
    if each is None or len(each.roles) < 2:
        return
    for role in each.roles:
        less = replace(each, roles=tuple(item for item in each.roles if item != role))
        yield RuleChange(
            "guard", rule.where, "for_each", f"{role} dropped", replace(rule, for_each=less)
        )


def _level(
    level: Level, part: str, context: Context, put: Callable[[Level], Rule]
) -> Iterator[RuleChange]:
    for found in changes(level.when, context):
        changed = put(replace(level, when=found.clause))
        yield RuleChange(found.kind, found.where, f"{part}.when{found.at}", found.words, changed)
    yield from _optional(level, part, context, put)
    for indicator in _INDICATORS:
        if indicator != level.indicator:
            words = f"{level.indicator} turned into {indicator}"
            changed = put(replace(level, indicator=indicator))
            yield RuleChange("indicator", level.where, f"{part}.indicator", words, changed)
    for name in level.suggest:
        rest = tuple(item for item in level.suggest if item != name)
        changed = put(replace(level, suggest=rest))
        yield RuleChange("guard", level.where, f"{part}.suggest", f"{name} taken off", changed)
    if level.alone:
        changed = put(replace(level, alone=False))
        yield RuleChange("guard", level.where, f"{part}.alone", "removed", changed)
    fired = context.beside((level.when,))
    yield from _notes(
        level.notes, f"{part}.notes", fired, lambda notes: put(replace(level, notes=notes))
    )


def _optional(
    level: Level, part: str, context: Context, put: Callable[[Level], Rule]
) -> Iterator[RuleChange]:
    """`info_when` and `critical_when`: only a yes has a consequence."""
    near = context.yes_counts().beside((level.when,))
    for word, clause in (("info_when", level.info_when), ("critical_when", level.critical_when)):
        if clause is None:
            continue
        without: Any = {word: None}
        bare = put(replace(level, **without))
        text = f"`{written(clause)}` removed"
        yield RuleChange("guard", clause.where, f"{part}.{word}", text, bare)
        for found in changes(clause, near):
            new: Any = {word: found.clause}
            changed = put(replace(level, **new))
            yield RuleChange(
                found.kind, found.where, f"{part}.{word}{found.at}", found.words, changed
            )


def _order_of_levels(rule: Rule, names: tuple[str, ...], context: Context) -> Iterator[RuleChange]:
    levels = rule.levels
    for i, level in enumerate(levels if len(levels) > 1 else ()):
        rest = (*levels[:i], *levels[i + 1 :])
        less = replace(rule, levels=rest)
        yield RuleChange("dropped", level.where, f"levels.{names[i]}", "dropped", less)
    for i in range(len(levels) - 1):
        first, second = levels[i], levels[i + 1]
        if context.exclusive(first.when, second.when):
            continue  # no patient has both, so their order decides nothing
        swapped = replace(rule, levels=(*levels[:i], second, first, *levels[i + 2 :]))
        words = f"put after {names[i + 1]}"
        yield RuleChange("swapped", first.where, f"levels.{names[i]}", words, swapped)


def _notes(
    notes: tuple[Note, ...], part: str, context: Context, put: Callable[[tuple[Note, ...]], Rule]
) -> Iterator[RuleChange]:
    """Conditional sentences; one that is always said is a text, and texts are not changed."""
    for i, note in enumerate(notes):
        if note.if_ is None:
            continue
        at = f"{part}.{i + 1}"

        def put_note(*new: Note, i: int = i) -> Rule:
            return put((*notes[:i], *new, *notes[i + 1 :]))

        yield RuleChange("dropped", note.where, at, "dropped", put_note())
        always = put_note(replace(note, if_=All((), note.where)))
        words = f"said always, not only if `{written(note.if_)}`"
        yield RuleChange("guard", note.where, at, words, always)
        near = context if note.unknown else context.yes_counts()
        if note.unknown:
            mute = put_note(replace(note, unknown=""))
            yield RuleChange("dropped", note.where, f"{at}.unknown", "dropped", mute)
        for found in changes(note.if_, near):
            changed = put_note(replace(note, if_=found.clause))
            yield RuleChange(found.kind, found.where, f"{at}.if{found.at}", found.words, changed)
