"""What there is to say of the rules in force, in the words of the book: made once for each
rulebook, a sheet for each rule, and what rules share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cds.book import beside
from cds.book.chapter import Part, head, parts, purpose
from cds.book.glossary import entries, how_terms_read, law_words, terms
from cds.book.introduction import HOW, state
from cds.book.pages import Extras, LawText, Pages, pages
from cds.book.text import sections
from cds.catalogue.cases import Told, run
from cds.catalogue.links import READING, Links, slug, terms_in, titles_of
from cds.catalogue.proof import Proof, proof_of
from cds.catalogue.site import SiteDecision, decisions_of
from cds.errors import RulebookError
from cds.rulebook.laws import load_laws
from cds.rulebook.load import digest
from cds.rulebook.model import Rule, Rulebook

# Cases stand on the sheet of their rule, where they are run.
_ELSEWHERE = ("How each rule is tested",)


@dataclass(frozen=True, slots=True)
class Section:
    """A piece of the book as Markdown with links. `key` is a part of an address."""

    key: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One rule. `head`: what there is to know about its file; `terms`: number and Markdown of
    every term that the sheet names, and of those that these name; `laws`: what holds of this rule
    alone, `common`: of all rules; `site`: decisions of the hospital that touch it, each with what
    of it does; `history`: whether there is a record of changes at all."""

    rule: Rule
    head: tuple[tuple[str, str], ...]
    purpose: str
    sections: tuple[Section, ...]
    terms: tuple[tuple[int, str], ...]
    laws: tuple[str, ...]
    common: tuple[str, ...]
    site: tuple[tuple[SiteDecision, tuple[str, ...]], ...]
    history: bool

    def section(self, key: str) -> Section | None:
        """A section by its key; None where the rule has nothing to say there."""
        return next((item for item in self.sections if item.key == key), None)


class Catalogue:
    """The rules of one rulebook. Everything but `proof` is made once; asking takes a thread."""

    def __init__(self, book: Rulebook, directory: Path, release: str, base: str) -> None:
        """`base`: address of the catalogue, to which links lead."""
        self.book, self._directory = book, directory
        self.as_in_folder = digest(directory, book.site or None) == book.digest
        self.laws_known, laws = _laws(directory, book)
        self.pages = pages(book, _extras(directory, release, laws))
        self.site = decisions_of(directory, book) if self.as_in_folder else ()
        self._links = _links(self.pages, base)
        self._terms = {number: "\n".join(lines) for number, lines in entries(self.pages)}
        self._sheets: dict[str, Sheet] = {}
        self._cases: dict[str, tuple[Told, ...]] = {}
        self._running = Lock()

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules in the order of the chapters of the book."""
        return self.pages.rules

    @property
    def silenced(self) -> frozenset[str]:
        """Ids of the rules that the site made silent."""
        every = (item for decision in self.site for item in decision.changed)
        return frozenset(item.name for item in every if item.kind == "status")

    def rule(self, name: str) -> Rule | None:
        """A rule by its id."""
        return next((rule for rule in self.book.rules if rule.id == name), None)

    def purpose(self, rule: Rule) -> str:
        """What a rule is for, in one sentence (Markdown with links)."""
        first, stop, _ = purpose(rule, self.pages).partition(". ")
        return self._links.linked(f"{first}{stop.strip()}")

    def proof(self) -> Proof:
        """Whether the laws are proved for these rules, as the record says now."""
        return proof_of(self._directory, self.book)

    def sheet(self, rule: Rule) -> Sheet:
        """What there is to say of one rule."""
        found = self._sheets.get(rule.id)
        if found is None:
            found = self._sheets[rule.id] = self._sheet(rule)
        return found

    def cases(self, rule: Rule, breathe: Callable[[], None]) -> tuple[Told, ...]:
        """The cases of a rule with what came of each, run by these very rules; `breathe` is called
        after each one."""
        with self._running:  # two readers of one page wait for one run
            found = self._cases.get(rule.id)
            if found is None:
                meant = {case for x in self.site for name, case in x.cases if name == rule.id}
                found = self._cases[rule.id] = run(self.book, rule, breathe, meant)
            return found

    def reading(self) -> Section:
        """How to read the words of the book."""
        lines = [*state(self.pages), HOW]
        return Section("reading", READING, self._links.linked("\n".join(lines)))

    def shared(self) -> tuple[Section, ...]:
        """What the rules share beside terms: ranges, windows, orders, laws, sources."""
        return tuple(
            Section(slug(title), title, self._links.linked("\n".join(make(self.pages))))
            for title, make in sections(self.pages)
            if title not in _ELSEWHERE and make is not terms
        )

    def terms(self) -> tuple[Section, tuple[tuple[int, str], ...]]:
        """What stands before the terms, and every term by its number as Markdown with links."""
        title = next(title for title, make in sections(self.pages) if make is terms)
        before = Section(slug(title), title, self._links.linked("\n".join(how_terms_read())))
        every = ((number, self._links.linked(text)) for number, text in self._terms.items())
        return before, tuple(every)

    def _sheet(self, rule: Rule) -> Sheet:
        told = [part for part in parts(rule, self.pages) if part.key != "tests"]
        own = tuple(law_words(law) for law in self.pages.laws_of(rule))
        common = tuple(law_words(law) for law in self.pages.extras.laws if not law.rules)
        reach = self.pages.reaches[rule.id]
        touched = ((item, item.touching(rule, reach, self.book)) for item in self.site)
        return Sheet(
            rule,
            head(rule),
            self._links.linked(purpose(rule, self.pages)),
            tuple(self._section(part) for part in told),
            self._named_by("\n".join("\n".join(part.lines) for part in told)),
            own,
            common,
            tuple((item, words) for item, words in touched if words),
            self.pages.extras.history is not None,
        )

    def _section(self, part: Part) -> Section:
        return Section(part.key, part.title, self._links.linked("\n".join(part.lines)))

    def _named_by(self, text: str) -> tuple[tuple[int, str], ...]:
        """The terms a text names, and those that these name, to the end."""
        found: set[int] = set()
        new = terms_in(text)
        while new:
            found |= new
            new = terms_in("\n".join(self._terms[number] for number in new)) - found
        return tuple((number, self._links.linked(self._terms[number])) for number in sorted(found))


def _laws(directory: Path, book: Rulebook) -> tuple[bool, tuple[LawText, ...]]:
    """Whether the laws could be read, and the laws. They are read from the folder, whose files may
    by now be others than those in force."""
    try:
        return True, load_laws(directory, book).laws
    except RulebookError:
        return False, ()


def _extras(directory: Path, release: str, laws: tuple[LawText, ...]) -> Extras:
    return Extras(
        laws=laws,
        history=beside.history(directory.resolve().parent / "CHANGELOG.md"),
        questions=beside.questions(directory / "QUESTIONS.md"),
        declined=beside.declined(directory / "DECLINED.md"),
        release=release,
    )


def _links(found: Pages, base: str) -> Links:
    titles = tuple(title for title, _ in sections(found) if title not in _ELSEWHERE)
    return Links(base, dict(enumerate(found.rules, 1)), titles_of(base, titles))
