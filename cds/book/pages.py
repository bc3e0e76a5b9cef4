"""What every page of the book may look up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from cds.rulebook.model import AnyOf, Definition, Holds, Rule, Rulebook
from cds.rulebook.prose.clauses import Speaker, doubted
from cds.rulebook.prose.reach import Reach, clauses_of, offered, reach
from cds.rulebook.prose.texts import filled
from cds.rulebook.prose.words import bare, capital
from cds.rulebook.walk import holds_in

FAMILIES = {
    "hypomagnesemia": "Low magnesium",
    "refractory-hypokalemia": "Refractory hypokalemia (and low calcium)",
    "renal-dose-caution": "Renal dose caution (and high magnesium)",
    "potassium-safety": "Potassium safety",
    "qt-and-interactions": "QT interval and interactions",
    "data-quality": "Data quality",
}


class LawText(Protocol):
    """What the book prints of a law; `rules` names those it is about, none = all."""

    @property
    def title(self) -> str: ...
    @property
    def why(self) -> str: ...
    @property
    def cite(self) -> tuple[str, ...]: ...
    @property
    def rules(self) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True)
class Extras:
    """What stands beside the rules; each may be missing, and its section is then left out.

    `coverage`: rule id -> a sentence on how far its cases cover it. `history`: rule id -> what
    changed, newest first. `questions`, `declined`: the Markdown of those files. `release`: of the
    service.
    """

    laws: Sequence[LawText] = ()
    coverage: Mapping[str, str] | None = None
    history: Mapping[str, tuple[tuple[str, str, str], ...]] | None = None
    questions: str = ""
    declined: tuple[str, ...] = ()
    release: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """One rulebook with its speaker, the reach of each rule and what stands beside the rules."""

    book: Rulebook
    speaker: Speaker
    reaches: Mapping[str, Reach]
    extras: Extras

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order of the chapters: by topic, within one as in the rulebook."""
        topics = tuple(FAMILIES)
        last = len(topics)
        return tuple(
            sorted(
                self.book.rules,
                key=lambda x: topics.index(x.family) if x.family in topics else last,
            )
        )

    def says(self, text: str) -> str:
        """A text of a card as its reader would meet it."""
        return filled(text, self.book)

    def sources(self, names: Iterable[str]) -> str:
        """Titles of citations, with links where there are any."""
        return "; ".join(self._source(name) for name in dict.fromkeys(names))

    def _source(self, name: str) -> str:
        found = self.book.citations.get(name)
        if found is None:
            return name.replace("-", " ")
        return f"[{found.title}]({found.url})" if found.url else found.title

    def laws_of(self, rule: Rule) -> Iterator[LawText]:
        """The laws that name a rule."""
        return (law for law in self.extras.laws if rule.id in law.rules)


def pages(book: Rulebook, extras: Extras) -> Pages:
    """Everything the pages need; terms are numbered in the order of their words."""
    reaches = {rule.id: reach(rule, book) for rule in book.rules}
    plain = Speaker(book)
    terms = terms_of(book, plain, named(book))
    numbers = {definition.name: i for i, definition in enumerate(terms, 1)}
    return Pages(book, Speaker(book, numbers), reaches, extras)


def named(book: Rulebook) -> set[str]:
    """Definitions that some sentence of the book names, and those that these name in turn.

    One that only says `not x, or x cannot be told` has no name in a sentence: it is said in full.
    """
    open_ = [name for rule in book.rules for name in _named_by(rule, book)]
    found: set[str] = set()
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_ += [other for other, _ in holds_in(book.definitions[name].clause)]
    return {name for name in found if doubted(book.definitions[name]) is None}


def _named_by(rule: Rule, book: Rulebook) -> Iterator[str]:
    for clause in clauses_of(rule):
        yield from (name for name, _ in holds_in(clause))
    for item in offered(rule).values():
        if item.if_:
            yield from (name for name, _ in holds_in(item.if_))
        if item.duplicate_of:
            yield item.duplicate_of
        for stop in item.unless:
            yield from (definition.name for definition in innermost(stop.name, book))


def innermost(name: str, book: Rulebook) -> Iterator[Definition]:
    """A stop that is a list of others is each of them."""
    definition = book.definitions[name]
    clause = definition.clause
    if isinstance(clause, AnyOf) and all(
        isinstance(child, Holds) and not child.negated for child in clause.children
    ):
        for child in clause.children:
            if isinstance(child, Holds):
                yield from innermost(child.name, book)
    else:
        yield definition


def terms_of(book: Rulebook, speaker: Speaker, names: Iterable[str]) -> list[Definition]:
    """Definitions in the order of the glossary."""

    def order(definition: Definition) -> tuple[str, str]:
        return bare(speaker.means(definition)).lower(), definition.name

    return sorted((book.definitions[name] for name in names), key=order)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    said = capital(text)
    return said if said.endswith((".", "”", ":", "?")) else f"{said}."
