"""Rule files -> Rule. Everything is reported; nothing half-checked gets through."""

from __future__ import annotations

from typing import Any

from cds.rulebook import words
from cds.rulebook.clauses import ClauseCompiler
from cds.rulebook.fact_sources import roles_of
from cds.rulebook.model import (
    Case,
    Clause,
    Definition,
    ForEach,
    Level,
    Note,
    Repeat,
    Review,
    Rule,
    Suggestion,
)
from cds.rulebook.schema import CaseData, LevelData, NoteData, RuleFile, SharedFile
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source
from cds.rulebook.suggestions import compile_suggestion
from cds.rulebook.texts import check_text
from cds.rulebook.walk import holds_in


def declare_definitions(scope: Scope, source: Source, data: SharedFile) -> None:
    """Definitions and shared suggestions of one shared file."""
    compiler = ClauseCompiler(scope, source)
    scope.excuse(source, data.defence_in_depth)
    for name, item in data.define.items():
        path: At = ("define", name)
        clause = compiler.compile(item.when, (*path, "when"))
        check_text(scope, source, (*path, "say"), item.say, order=True)
        if clause is not None:
            where = source.where(*path)
            scope.definitions[name] = Definition(name, clause, item.say, where, item.means)


def declare_suggestions(scope: Scope, source: Source, data: SharedFile) -> None:
    """Suggestions that several rules share."""
    for name, item in data.suggestions.items():
        path: At = ("suggestions", name)
        if scope.declare(source, path, name):
            found = compile_suggestion(scope, source, path, name, item)
            if found is not None:
                scope.suggestions[name] = found


def refuse_cycles(scope: Scope, sources: dict[str, Source]) -> None:
    """A definition that needs itself would never end."""
    for name, definition in scope.definitions.items():
        seen: set[str] = set()
        todo = [used for used, _ in holds_in(definition.clause)]
        while todo:
            used = todo.pop()
            if used == name:
                scope.report(
                    sources[definition.where.file],
                    ("define", name),
                    f"`{name}` is defined by itself.",
                )
                break
            if used not in seen and used in scope.definitions:
                seen.add(used)
                todo += [inner for inner, _ in holds_in(scope.definitions[used].clause)]


class RuleCompiler:
    """Compiles one rule file."""

    def __init__(self, scope: Scope, source: Source, data: RuleFile) -> None:
        self.scope = scope
        self.source = source
        self.data = data
        self.clauses = ClauseCompiler(scope, source)
        self.order = data.for_each is not None

    def compile(self) -> Rule:
        """The rule. Problems stand in the scope; a rule with problems is never used."""
        data = self.data
        self.scope.uses[data.id] = frozenset(data.use)
        self.scope.check_cites(self.source, ("cite",), data.cite)
        self.scope.excuse(self.source, data.defence_in_depth)
        self._check_names()
        suggestions = self._suggestions()
        levels = tuple(
            level
            for i, item in enumerate(data.levels)
            if (level := self._level(item, ("levels", i), suggestions)) is not None
        )
        return Rule(
            data.id,
            data.family,
            data.title,
            data.version,
            data.status,
            data.owner,
            Review(data.reviewed.by, data.reviewed.date, data.reviewed.due),
            tuple(data.hooks),
            data.purpose,
            levels,
            suggestions,
            self.source.where("id"),
            self._for_each(),
            self._optional(data.unless, ("unless",)),
            self._notes(data.notes, ("notes",)),
            self._repeat(),
            tuple(data.override_reasons),
            tuple(data.known_false_alarms),
            tuple(c for i, item in enumerate(data.cases) if (c := self._case(item, ("cases", i)))),
            tuple(data.cite),
        )

    def _check_names(self) -> None:
        roles = roles_of(self.scope.terminology)
        for i, role in enumerate(self.data.for_each.order if self.data.for_each else ()):
            if role not in roles:
                self.scope.unknown(self.source, ("for_each", "order", i), "role", role, roles)
        for i, reason in enumerate(self.data.override_reasons):
            if reason not in self.scope.override_reasons:
                self.scope.unknown(
                    self.source,
                    ("override_reasons", i),
                    "override reason",
                    reason,
                    self.scope.override_reasons,
                )

    def _optional(self, data: Any, path: At) -> Clause | None:
        return None if data is None else self.clauses.compile(data, path)

    def _suggestions(self) -> dict[str, Suggestion]:
        found: dict[str, Suggestion] = {}
        for name, item in self.data.suggestions.items():
            path: At = ("suggestions", name)
            if name in self.scope.suggestions:
                self.scope.report(self.source, path, f"`{name}` is a shared suggestion already.")
                continue
            compiled = compile_suggestion(self.scope, self.source, path, name, item)
            if compiled is not None:
                found[name] = compiled
        wanted = {name for level in self.data.levels for name in level.suggest}
        return {**{n: s for n, s in self.scope.suggestions.items() if n in wanted}, **found}

    def _level(self, data: LevelData, path: At, suggestions: dict[str, Suggestion]) -> Level | None:
        self.scope.check_cites(self.source, (*path, "cite"), data.cite)
        for text, at in (
            (data.summary, "summary"),
            (data.info_summary, "info_summary"),
            *((d, "detail") for d in data.detail),
        ):
            check_text(self.scope, self.source, (*path, at), text, order=self.order)
        for i, name in enumerate(data.suggest):
            self._check_suggestion(name, (*path, "suggest", i), suggestions)
        when = self.clauses.compile(data.when, (*path, "when"))
        critical = self._optional(data.critical_when, (*path, "critical_when"))
        info = self._optional(data.info_when, (*path, "info_when"))
        if when is None:
            return None
        return Level(
            row=data.row,
            indicator=data.indicator,
            when=when,
            summary=data.summary,
            detail=tuple(data.detail),
            suggest=tuple(data.suggest),
            where=self.source.where(*path),
            critical_when=critical,
            info_when=info,
            info_summary=data.info_summary,
            notes=self._notes(data.notes, (*path, "notes")),
            cite=tuple(data.cite),
            alone=data.alone,
        )

    def _check_suggestion(self, name: str, path: At, known: dict[str, Suggestion]) -> None:
        if name not in known:
            self.scope.unknown(
                self.source, path, "suggestion", name, [*known, *self.scope.suggestions]
            )
        elif known[name].action != "create" and not self.order:
            self.scope.report(
                self.source, path, f"`{name}` edits an order, but this rule has no `for_each`."
            )

    def _notes(self, items: list[NoteData], path: At) -> tuple[Note, ...]:
        found = []
        for i, item in enumerate(items):
            at = (*path, i)
            check_text(self.scope, self.source, (*at, "say"), item.say, order=self.order)
            check_text(self.scope, self.source, (*at, "unknown"), item.unknown, order=self.order)
            found.append(
                Note(
                    self._optional(item.if_, (*at, "if")),
                    item.say,
                    item.unknown,
                    self.source.where(*at),
                )
            )
        return tuple(found)

    def _for_each(self) -> ForEach | None:
        data = self.data.for_each
        return None if data is None else ForEach(tuple(data.order), " or ".join(data.order))

    def _repeat(self) -> Repeat | None:
        data = self.data.repeat
        if data is None:
            return None
        if self.data.for_each is not None:
            message = "feedback names no order: a card for each order cannot stay away."
            self.scope.report(self.source, ("repeat",), message, "Leave out `repeat`.")
        try:
            return Repeat(words.span(data.after), self._optional(data.unless, ("repeat", "unless")))
        except ValueError as error:
            self.scope.report(self.source, ("repeat", "after"), f"{error}.")
            return None

    def _case(self, data: CaseData, path: At) -> Case | None:
        for name in data.given:
            if name not in self.scope.facts:
                self.scope.unknown(
                    self.source, (*path, "given", name), "fact", name, self.scope.facts
                )
        if data.expect == "fires" and data.row is None:
            self.scope.report(self.source, path, "a case that fires names its `row`.")
        self._check_case(data, path)
        rows = {level.row for level in self.data.levels}
        if data.row is not None and data.row not in rows:
            self.scope.unknown(self.source, (*path, "row"), "row of this rule", data.row, rows)
        held = data.withheld
        return Case(
            data.name,
            dict(data.given),
            data.expect,
            self.source.where(*path),
            data.row,
            data.indicator,
            None if data.suggests is None else tuple(data.suggests),
            tuple(data.because),
            data.summary,
            tuple(data.detail),
            None if data.says is None else tuple(data.says),
            None if held is None else {name: tuple(codes) for name, codes in held.items()},
            dict(data.dose),
            data.alone,
            data.otherwise,
            data.role,
        )

    def _check_case(self, data: CaseData, path: At) -> None:
        """A case asks only for what its rule can answer."""
        offered = {name for level in self.data.levels for name in level.suggest}
        for word, names in (
            ("suggests", tuple(data.suggests or ())),
            ("withheld", tuple(data.withheld or ())),
            ("dose", tuple(data.dose)),
        ):
            for name in names:
                if name not in offered:
                    self.scope.unknown(self.source, (*path, word), "suggestion", name, offered)
        if data.role is not None and self.data.for_each is None:
            message = "`role` is about the order of a rule with `for_each`."
            self.scope.report(self.source, (*path, "role"), message)
        asked = (data.says, data.alone, data.withheld)
        about_a_card = data.summary or data.detail or data.dose
        if data.expect != "fires" and (about_a_card or any(item is not None for item in asked)):
            message = "what a card says, gives or withholds can be asked only where it fires."
            self.scope.report(self.source, path, message)
