"""`rules/laws.yaml` -> LawBook. The clause words are those of rule files, checked the same way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from cds.errors import RulebookError
from cds.rulebook import shared, words
from cds.rulebook.claims import ClaimCompiler
from cds.rulebook.compile import declare_definitions
from cds.rulebook.fact_sources import roles_of
from cds.rulebook.lawschema import LawData, LawFactData, LawFile
from cds.rulebook.load import LAWS
from cds.rulebook.model import ExactSource, FactSpec, FactType, ForEach, OfferSource, Rulebook
from cds.rulebook.model.laws import Claim, Kind, Law, LawBook, OfferFilter
from cds.rulebook.reading import read_source
from cds.rulebook.schema import SharedFile, check_shape, suggest
from cds.rulebook.scope import Scope
from cds.rulebook.source import At, Source

DEMANDS = (
    "always",
    "never",
    "levels_can_fire",
    "unknown_never_adds",
    "doubt_never_silences",
)


def load_laws(directory: Path, book: Rulebook) -> LawBook:
    """The laws of a rules directory, for its rulebook (with or without a site).

    No file means no laws. Raises RulebookError listing all problems.
    """
    path = directory / LAWS
    if not path.is_file():
        return LawBook((), book)
    source = read_source(path, f"{directory.name}/{LAWS}")
    scope = _scope_of(book)
    data = check_shape(LawFile, source, scope.problems)
    laws: list[Law] = []
    if data is not None:
        _declare(scope, source, data)
        compiler = _LawCompiler(scope, source, book)
        laws = [compiler.law(name, item) for name, item in data.laws.items()]
    if scope.problems:
        raise RulebookError(tuple(sorted(set(scope.problems), key=lambda p: (p.file, p.line))))
    wider = replace(
        book,
        facts=scope.facts,
        thresholds=scope.thresholds,
        tables=scope.tables,
        definitions=scope.definitions,
    )
    return LawBook(tuple(laws), wider)


def _scope_of(book: Rulebook) -> Scope:
    """The names of a rulebook, to be added to; the rulebook itself stays as it is."""
    named = (book.facts, book.thresholds, book.tables, book.definitions)
    return Scope(
        book.terminology,
        book.templates,
        citations=dict(book.citations),
        windows=dict(book.windows),
        thresholds=dict(book.thresholds),
        facts=dict(book.facts),
        tables=dict(book.tables),
        definitions=dict(book.definitions),
        origin={name: str(item.where) for names in named for name, item in names.items()},
        definition_names=set(book.definitions),
    )


def _declare(scope: Scope, source: Source, data: LawFile) -> None:
    for name, fact in data.facts.items():
        try:
            made, kind = _law_fact(scope, fact)
        except ValueError as error:
            scope.report(source, ("facts", name), f"{error}.")
            continue
        if scope.declare(source, ("facts", name), name):
            where = source.where("facts", name)
            scope.facts[name] = FactSpec(name, made, kind, where)
    own = SharedFile(thresholds=data.thresholds, tables=data.tables, define=data.define)
    shared.declare_numbers(scope, source, own)
    shared.declare_tables(scope, source, own)
    for name in data.define:
        if scope.declare(source, ("define", name), name):
            scope.definition_names.add(name)
    declare_definitions(scope, source, own)


def _law_fact(scope: Scope, data: LawFactData) -> tuple[OfferSource | ExactSource, FactType]:
    if bool(data.exact) is bool(data.offer):
        raise ValueError("a fact of a law says either `offer` or `exact`")
    for name in (data.exact, data.with_):
        if name and name not in scope.facts:
            raise ValueError(
                f"`{name}` is not a declared fact. {suggest(name, list(scope.facts))}".rstrip(". ")
            )
    if data.offer == "":
        return ExactSource(data.exact), FactType("presence")
    analyte = words.analyte(data.of)
    return OfferSource(data.offer, analyte, data.with_), FactType("quantity", analyte)


class _LawCompiler:
    def __init__(self, scope: Scope, source: Source, book: Rulebook) -> None:
        self.scope = scope
        self.source = source
        self.claims = ClaimCompiler(scope, source, book)

    def law(self, name: str, data: LawData) -> Law:
        path: At = ("laws", name)
        self.scope.check_cites(self.source, (*path, "cite"), data.cite)
        kind, claim, filtered, about = self._demand(data, path)
        given = None
        if data.given is not None:
            given = self.claims.clauses.compile(data.given, (*path, "given"))
        each = data.each_offer and self.claims.offers(data.each_offer, (*path, "each_offer"))
        return Law(
            name,
            data.title,
            data.why,
            tuple(data.cite),
            self.source.where(*path),
            kind,
            data.hook,
            claim,
            given,
            filtered or each or None,
            self._for_each(data, path),
            data.vacuous,
            about,
            self._fact(data, path),
        )

    def _fact(self, data: LawData, path: At) -> str:
        if data.doubt_never_silences is None:
            return ""
        name = data.doubt_never_silences.fact
        labelled = [f.name for f in self.scope.facts.values() if f.type.labels]
        if name not in labelled:
            at = (*path, "doubt_never_silences", "fact")
            self.scope.unknown(self.source, at, "fact with labels", name, labelled)
        return name

    def _demand(
        self, data: LawData, path: At
    ) -> tuple[Kind, Claim | None, OfferFilter | None, frozenset[str]]:
        asked = [word for word in DEMANDS if getattr(data, word) is not None]
        if len(asked) != 1:
            listed = ", ".join(f"`{word}`" for word in DEMANDS)
            self.scope.report(self.source, path, f"a law has exactly one of {listed}.")
            return "never", None, None, frozenset()
        at = (*path, asked[0])
        if data.levels_can_fire is not None:
            known = [rule.id for rule in self.claims.book.rules]
            for rule in data.levels_can_fire:
                if rule not in known:
                    self.scope.unknown(self.source, at, "rule", rule, known)
            return "levels-can-fire", None, None, frozenset(data.levels_can_fire)
        if data.unknown_never_adds is not None:
            wanted = self.claims.offers(data.unknown_never_adds, at)
            return "unknown-never-adds", None, wanted, wanted.cards.rules
        if data.doubt_never_silences is not None:
            meant = self.claims.cards(data.doubt_never_silences, at)
            return "doubt-never-silences", None, None, meant.rules
        kind: Kind = "always" if data.always is not None else "never"
        return kind, self.claims.claim(data.always or data.never, at), None, frozenset()

    def _for_each(self, data: LawData, path: At) -> ForEach | None:
        if data.for_each is None:
            return None
        roles = roles_of(self.scope.terminology)
        for i, role in enumerate(data.for_each.order):
            if role not in roles:
                at = (*path, "for_each", "order", i)
                self.scope.unknown(self.source, at, "role", role, roles)
        return ForEach(tuple(data.for_each.order), " or ".join(data.for_each.order))
