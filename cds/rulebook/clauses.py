"""Clause data -> checked clause trees. What cannot be compared does not load (law 8)."""

from __future__ import annotations

from typing import Any, Literal, get_args

from cds.facts.model import Reason
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte
from cds.rulebook import words
from cds.rulebook.model import (
    All,
    AnyOf,
    Between,
    CannotTell,
    Change,
    Clause,
    Compare,
    FactSpec,
    Holds,
    IsIn,
    IsMissing,
    IsPresent,
    LabSource,
    Operand,
    Operator,
    ToFact,
    ToQuantity,
    ToTable,
    ToThreshold,
)
from cds.rulebook.schema import suggest
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

COMPARISONS: dict[str, Operator] = {name: name for name in get_args(Operator)}
CHANGES: dict[str, Literal["rising", "falling"]] = {"rising_by": "rising", "falling_by": "falling"}
OPERATORS = (
    *COMPARISONS,
    "between",
    "is",
    "in",
    "missing",
    *CHANGES,
)
# Words for `missing: [...]`: the reasons of facts.model, in kebab-case.
REASON_WORDS = {reason.name.lower().replace("_", "-"): reason for reason in Reason}
MAX_NESTING = 2


class _Refused(Exception):
    """Internal: the clause was reported and cannot be built."""


class ClauseCompiler:
    """Compiles the clauses of one file against a scope."""

    def __init__(self, scope: Scope, source: Source) -> None:
        self.scope = scope
        self.source = source

    def compile(self, data: Any, path: At) -> Clause | None:
        """The clause, or None with its problems reported."""
        try:
            return self._clause(data, path, 0)
        except _Refused:
            return None

    def _refuse(self, path: At, message: str, fix: str = "") -> _Refused:
        self.scope.report(self.source, path, message, fix)
        return _Refused()

    def _clause(self, data: Any, path: At, depth: int) -> Clause:
        if not isinstance(data, dict) or len(data) != 1:
            raise self._refuse(
                path,
                "a clause is one line: `{fact: {operator: value}}`, "
                "`{all: [...]}`, `{any: [...]}`, `{holds: name}` or `{not: name}`.",
            )
        word, body = next(iter(data.items()))
        at = (*path, word)
        if word in ("all", "any"):
            return self._group(word, body, at, depth)
        if word in ("holds", "not", "cannot_tell"):
            return self._holds(str(body), word, at)
        if word not in self.scope.facts:
            if word in self.scope.definition_names:
                raise self._refuse(
                    at, f"`{word}` is a definition, not a fact.", f"Write `holds: {word}`."
                )
            raise self._refuse(
                at, f"`{word}` is not a declared fact.", suggest(word, list(self.scope.facts))
            )
        return self._about(self.scope.facts[word], body, at)

    def _group(self, word: str, body: Any, path: At, depth: int) -> Clause:
        if not isinstance(body, list) or not body:
            raise self._refuse(path, f"`{word}` takes a list of clauses.")
        if depth >= MAX_NESTING:
            raise self._refuse(
                path,
                "all / any are nested too deeply to read aloud.",
                "Give the inner part a name under `define` and use `holds`.",
            )
        children: list[Clause] = []
        refused = False
        for i, item in enumerate(body):
            try:
                children.append(self._clause(item, (*path, i), depth + 1))
            except _Refused:
                refused = True  # go on: every problem is listed
        if refused:
            raise _Refused
        where = self.source.where(*path)
        return All(tuple(children), where) if word == "all" else AnyOf(tuple(children), where)

    def _holds(self, name: str, word: str, path: At) -> Clause:
        if name not in self.scope.definition_names:
            self.scope.unknown(self.source, path, "definition", name, self.scope.definition_names)
            raise _Refused
        where = self.source.where(*path)
        return (
            CannotTell(name, where) if word == "cannot_tell" else Holds(name, word == "not", where)
        )

    def _about(self, spec: FactSpec, body: Any, path: At) -> Clause:
        where = self.source.where(*path)
        if body in ("present", "absent"):
            if body == "absent" and spec.type.kind != "presence":
                raise self._refuse(path, f"`{spec.name}` is never `absent`.", "Write `missing`.")
            return IsPresent(spec.name, body == "present", where)
        if body == "missing":
            return IsMissing(spec.name, frozenset(), where)
        if not isinstance(body, dict) or len(body) != 1:
            raise self._refuse(
                path,
                f"`{spec.name}` takes one operator.",
                f"Operators: {', '.join(OPERATORS)}, present, absent, missing.",
            )
        operator, value = next(iter(body.items()))
        return self._operated(spec, operator, value, (*path, operator))

    def _operated(self, spec: FactSpec, operator: str, value: Any, at: At) -> Clause:
        if operator in ("is", "in"):
            return self._labels(spec, value, at)
        if operator == "missing":
            return self._missing(spec, value, at)
        if operator not in OPERATORS:
            raise self._refuse(
                at, f"`{operator}` is not an operator.", suggest(operator, OPERATORS)
            )
        if spec.type.kind != "quantity" or spec.type.analyte is None:
            raise self._refuse(at, f"`{spec.name}` is not a quantity and has no `{operator}`.")
        return self._quantity(spec, spec.type.analyte, operator, value, at)

    def _labels(self, spec: FactSpec, value: Any, path: At) -> Clause:
        labels = value if isinstance(value, list) else [value]
        if spec.type.kind != "category":
            raise self._refuse(path, f"`{spec.name}` has no labels.")
        for label in labels:
            if label not in spec.type.labels:
                raise self._refuse(
                    path,
                    f"`{label}` is not a label of `{spec.name}` ({', '.join(spec.type.labels)}).",
                    suggest(str(label), spec.type.labels),
                )
        return IsIn(spec.name, frozenset(labels), self.source.where(*path))

    def _missing(self, spec: FactSpec, value: Any, path: At) -> Clause:
        names = value if isinstance(value, list) else [value]
        for name in names:
            if not isinstance(name, str) or name not in REASON_WORDS:
                raise self._refuse(
                    path, f"`{name}` is not a reason.", suggest(str(name), list(REASON_WORDS))
                )
        return IsMissing(
            spec.name, frozenset(REASON_WORDS[name] for name in names), self.source.where(*path)
        )

    def _quantity(
        self, spec: FactSpec, analyte: Analyte, operator: str, value: Any, path: At
    ) -> Clause:
        where = self.source.where(*path)
        if operator in CHANGES:
            by = self._by(spec, analyte, value, path)
            return Change(spec.name, CHANGES[operator], by, where)
        if operator == "between":
            if not isinstance(value, list) or len(value) != 2:
                raise self._refuse(path, "`between` takes [lower included, upper excluded].")
            lower, upper = (
                self._operand(item, analyte, (*path, i)) for i, item in enumerate(value)
            )
            return Between(spec.name, lower, upper, where)
        operand = self._operand(value, analyte, path)
        return Compare(spec.name, COMPARISONS[operator], operand, where)

    def _by(self, spec: FactSpec, analyte: Analyte, value: Any, path: At) -> Quantity:
        if not isinstance(spec.source, LabSource):
            raise self._refuse(path, f"`{spec.name}` is no lab: it has no earlier value.")
        try:
            by = words.quantity(str(value), analyte)
        except ValueError as error:
            raise self._refuse(path, f"{error}.") from None
        if not by.interval.exact or by.value <= 0:
            raise self._refuse(path, f"`{value}` is no step: name one number above zero.")
        return by

    def _operand(self, value: Any, analyte: Analyte, path: At) -> Operand:
        if isinstance(value, dict) and set(value) == {"table"}:
            return self._table(str(value["table"]), analyte, path)
        text = str(value)
        if text in self.scope.thresholds:
            self._same(self.scope.thresholds[text].analyte, analyte, text, path)
            return ToThreshold(text)
        if text in self.scope.facts:
            other = self.scope.facts[text].type.analyte
            self._same(other, analyte, text, path)
            return ToFact(text)
        if not words.looks_like_quantity(text):
            same = [t.name for t in self.scope.thresholds.values() if t.analyte is analyte]
            raise self._refuse(
                path,
                f"`{text}` is neither a threshold, a fact nor a number with a unit.",
                suggest(text, same),
            )
        try:
            return ToQuantity(words.quantity(text, analyte))
        except ValueError as error:
            raise self._refuse(path, f"{error}.") from None

    def _table(self, name: str, analyte: Analyte, path: At) -> Operand:
        if name not in self.scope.tables:
            self.scope.unknown(self.source, path, "table", name, self.scope.tables)
            raise _Refused
        self._same(self.scope.tables[name].analyte, analyte, name, path)
        return ToTable(name)

    def _same(self, found: Analyte | None, wanted: Analyte, name: str, path: At) -> None:
        if found is wanted:
            return
        same = [t.name for t in self.scope.thresholds.values() if t.analyte is wanted]
        is_a = found.value if found else "label"
        raise self._refuse(
            path,
            f"a {wanted.value} is compared with `{name}`, a {is_a}.",
            suggest(name, same) or f"Thresholds of {wanted.value}: {', '.join(same) or 'none'}.",
        )
