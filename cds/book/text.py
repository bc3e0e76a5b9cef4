"""The whole book: how to read it, its contents, a chapter for each rule, and what rules share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cds.book import appendix, glossary, signatures
from cds.book.chapter import chapter
from cds.book.introduction import HOW, state
from cds.book.markdown import paragraph, table
from cds.book.pages import FAMILIES, Extras, Pages, pages
from cds.rulebook.model import Rule, Rulebook
from cds.rulebook.prose.words import listed

TITLE = "The rules on magnesium and potassium"
# Sites that show Markdown drop the style and show nothing; printers start a new page.
PAGE_BREAK = '<div style="page-break-before: always"></div>'
Section = tuple[str, Callable[[Pages], Iterator[str]]]


def book_text(book: Rulebook, extras: Extras | None = None) -> str:
    """`rules/BOOK.md`. The same rules give the same text."""
    found = pages(book, extras or Extras())
    lines = [f"# {TITLE}", ""]
    lines += state(found)
    lines += ["## How to read this book", "", *HOW.splitlines(), ""]
    lines += _contents(found)
    for number, rule in enumerate(found.rules, 1):
        lines += [PAGE_BREAK, "", *_numbered(number, chapter(number, rule, found))]
    for number, (title, section) in enumerate(sections(found), len(book.rules) + 1):
        lines += [PAGE_BREAK, "", f"## {number}. {title}", ""]
        lines += _numbered(number, section(found))
    return _tidy("\n".join(lines))


def _numbered(chapter: int, lines: Iterator[str]) -> Iterator[str]:
    """Sections with the number of their chapter: a loose page tells where it belongs."""
    section = 0
    for line in lines:
        if line.startswith("### "):
            section += 1
            yield f"### {chapter}.{section} {line.removeprefix('### ')}"
        else:
            yield line


def _contents(found: Pages) -> Iterator[str]:
    yield "## Contents"
    yield ""
    rules = enumerate(found.rules, 1)
    titles = [(i, x.title, FAMILIES.get(x.family, x.family), _rows(x)) for i, x in rules]
    more = [title for title, _ in sections(found)]
    titles += [(number, title, "", "") for number, title in enumerate(more, len(titles) + 1)]
    yield from table(
        ("Chapter", "About", "Topic", "Rows"),
        (
            (str(number), f"[{title}](#{anchor(number, title)})", topic, rows)
            for number, title, topic, rows in titles
        ),
    )


def _rows(rule: Rule) -> str:
    return listed((level.row for level in rule.levels), "and")


def anchor(number: int, title: str) -> str:
    """The name a heading gets on the usual Markdown sites."""
    words = re.sub(r"[^\w\- ]", "", f"{number}. {title}".lower())
    return words.replace(" ", "-")


def sections(found: Pages) -> tuple[Section, ...]:
    """What follows the chapters of the rules: each with its title and what makes its lines."""
    every: tuple[tuple[bool, Section], ...] = (
        (True, ("Terms", glossary.terms)),
        (True, ("Ranges of results", glossary.ranges)),
        (True, (glossary.WORKED_OUT, glossary.worked_out)),
        (True, (glossary.HOW_OLD, glossary.windows)),
        (True, ("Units and conversions", glossary.units)),
        (True, ("Orders that may be offered", glossary.orders)),
        (True, ("Signatures for terms, limits and orders", signatures.of_shared)),
        (bool(found.extras.laws), ("Laws over all rules", glossary.laws)),
        (bool(found.extras.questions), ("Open questions for a pharmacist", _questions)),
        (bool(found.extras.declined), ("What was asked for and is not done", _declined)),
        (True, ("Sources", glossary.sources)),
        (True, ("Abbreviations", appendix.abbreviations)),
        (True, (appendix.TESTS, appendix.tests)),
    )
    return tuple(section for wanted, section in every if wanted)


def _questions(found: Pages) -> Iterator[str]:
    yield from found.extras.questions.strip().splitlines()
    yield ""


def _declined(found: Pages) -> Iterator[str]:
    yield from paragraph(
        "Each point, with its reason, what happens instead and who decides, is in "
        "[DECLINED.md](DECLINED.md), beside this book. In short:"
    )
    yield from (f"- {line}" for line in found.extras.declined)
    yield ""
    yield from paragraph("Marks such as “safety 32” and “R16” are paragraphs of the clinical pack.")


def _tidy(text: str) -> str:
    """One empty line at most, no spaces at the ends of lines, one line end at the end."""
    lines = "\n".join(line.rstrip() for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
