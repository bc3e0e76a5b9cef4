"""The catalogue of the rules in force with its pieces of HTML, made once for each rulebook.

Everything here computes and belongs into a thread. Hook calls share the interpreter with it, so a
run of cases stops after each one for as long as they need to be let in.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from itertools import count
from threading import Lock

from jinja2 import Environment
from markupsafe import Markup, escape

from cds.book.appendix import EXPECTED
from cds.bootstrap import Service
from cds.catalogue.cases import Told
from cds.catalogue.catalogue import Catalogue, Section, Sheet
from cds.rulebook.model import Rule, Rulebook
from cds.web.console.words import markdown

RULES = "/console/rules"
BREATH = 0.001  # seconds after each case; without it a hook call waits 5 ms for the interpreter

Piece = tuple[str, str, Markup]  # key, title, text


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came of the cases of a rule, `ran` at that moment (aware): `broken` of `count` do not
    hold, nor do those that the site `changed` on purpose. `table` shows them all."""

    count: int
    broken: int
    changed: int
    ran: datetime
    table: Markup


@dataclass(frozen=True, slots=True)
class Shown:
    """The sheet of a rule with its texts as HTML."""

    sheet: Sheet
    purpose: Markup
    pieces: tuple[Piece, ...]
    terms: tuple[tuple[int, Markup], ...]

    def piece(self, key: str) -> Piece | None:
        """A section of the book by its key."""
        return next((item for item in self.pieces if item[0] == key), None)


@dataclass(frozen=True, slots=True)
class SharedPages:
    """What the rules share as HTML: `reading`, the terms, and the other chapters."""

    reading: Markup
    before_terms: Markup
    terms: tuple[tuple[int, Markup], ...]
    pieces: tuple[Piece, ...]


class Shelf:
    """One rulebook with what was made of it so far."""

    def __init__(self, book: Rulebook, service: Service, templates: Environment) -> None:
        release = version("electrolyte-cds")
        self.catalogue = Catalogue(book, service.settings.rules, release, RULES)
        self.purposes = {x.id: markdown(self.catalogue.purpose(x)) for x in book.rules}
        self._templates, self._wall = templates, service.wall
        self._shown: dict[str, Shown] = {}
        self._verdicts: dict[str, Verdicts] = {}
        self._shared: SharedPages | None = None

    def shown(self, rule: Rule) -> Shown:
        """The sheet of a rule."""
        found = self._shown.get(rule.id)
        if found is None:
            found = self._shown[rule.id] = _shown(self.catalogue.sheet(rule))
        return found

    def verdicts(self, rule: Rule) -> Verdicts:
        """The cases of a rule, run."""
        found = self._verdicts.get(rule.id)
        if found is None:
            told = self.catalogue.cases(rule, partial(time.sleep, BREATH))
            found = self._verdicts[rule.id] = self._told(rule, told)
        return found

    def _told(self, rule: Rule, told: tuple[Told, ...]) -> Verdicts:
        groups = [(title, [x for x in told if x.expect == key]) for key, title in EXPECTED.items()]
        table = self._templates.get_template("rules_cases.html").render(
            rule=rule,
            broken=[item for item in told if item.verdict == "broken"],
            groups=[(title, items) for title, items in groups if items],
            numbers={item: number for number, item in enumerate(told, 1)},
        )
        came = Counter(item.verdict for item in told)
        html = Markup(table)  # noqa: S704 - rendered with escapes
        return Verdicts(len(told), came["broken"], came["changed"], self._wall(), html)

    def shared(self) -> SharedPages:
        """What the rules share."""
        if self._shared is None:
            before, terms = self.catalogue.terms()
            self._shared = SharedPages(
                markdown(self.catalogue.reading().text),
                markdown(before.text),
                tuple((number, markdown(text)) for number, text in terms),
                tuple(_piece(x) for x in self.catalogue.shared()),
            )
        return self._shared


def _piece(section: Section) -> Piece:
    """A section as HTML; each of its tables has a name of its own, for who hears the page."""
    names = (f'aria-label="{escape(section.title)}, table {number}"' for number in count(1))
    text = re.sub(r'aria-label="Table"', lambda _: next(names), markdown(section.text))
    return section.key, section.title, Markup(text)  # noqa: S704 - of our own frame


def _shown(sheet: Sheet) -> Shown:
    return Shown(
        sheet,
        markdown(sheet.purpose),
        tuple(_piece(x) for x in sheet.sections),
        tuple((number, markdown(text)) for number, text in sheet.terms),
    )


def shelves(service: Service, templates: Environment) -> Callable[[], Shelf]:
    """Gives the shelf of the rules in force; a new one where they were replaced."""
    lock = Lock()
    kept: list[tuple[Rulebook, Shelf]] = []

    def shelf() -> Shelf:
        assert service.rules is not None  # noqa: S101 - no pages are mounted without rules
        book = service.rules()
        with lock:
            if not kept or kept[0][0] is not book:
                kept[:] = [(book, Shelf(book, service, templates))]
            return kept[0][1]

    return shelf
