"""`cds book`: the files that are made from the rules, and whether they are up to date."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

from cds.book import beside
from cds.book.coverage import coverage_sentences
from cds.book.pages import Extras
from cds.book.text import book_text
from cds.errors import Problem
from cds.rulebook.jsonschema import schema_text
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.trial.coverage import clause_coverage

BOOK = "BOOK.md"
SCHEMA = "rule.schema.json"
MAKE = "cds book"
_CHANGES = re.compile(r"^### [\d.]+ Changes\n.*?(?=^##)", re.MULTILINE | re.DOTALL)


def book_files(directory: Path) -> dict[Path, str]:
    """What `cds book` writes. Raises RulebookError when the rules do not load."""
    book = load_rulebook(directory)
    laws = load_laws(directory, book)
    extras = Extras(
        laws=laws.laws,
        coverage=coverage_sentences(book, clause_coverage(book)),
        history=beside.history(directory.resolve().parent / "CHANGELOG.md"),
        questions=beside.questions(directory / "QUESTIONS.md"),
        declined=beside.declined(directory / "DECLINED.md"),
        release=version("electrolyte-cds"),
    )
    return {
        directory / BOOK: book_text(book, extras),
        directory / SCHEMA: schema_text(book, laws.book),
    }


def write_book(directory: Path) -> tuple[Path, ...]:
    """Write what has changed; the paths that were written."""
    written = []
    for path, text in book_files(directory).items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            written.append(path)
    return tuple(written)


def stale(directory: Path) -> tuple[Problem, ...]:
    """Files that are not what the rules would make of them.

    Where there is no changelog (an installed package), what the book tells of changes is not
    compared. Raises RulebookError when the rules do not load.
    """
    known = (directory.resolve().parent / "CHANGELOG.md").is_file()
    found = []
    for path, text in book_files(directory).items():
        shown, fix = f"{directory.name}/{path.name}", f"Write it anew with `{MAKE}`."
        if not path.is_file():
            found.append(Problem(shown, 1, "the file is missing.", fix))
            continue
        now = path.read_text(encoding="utf-8")
        if _told(now, known) != _told(text, known):
            line = _first_difference(now, text)
            found.append(Problem(shown, line, "the rules have changed since it was made.", fix))
    return tuple(found)


def _told(text: str, history: bool) -> str:
    return text if history else _CHANGES.sub("", text)


def _first_difference(now: str, then: str) -> int:
    pairs = zip(now.splitlines(), then.splitlines(), strict=False)
    return next(
        (i for i, (a, b) in enumerate(pairs, 1) if a != b),
        min(now.count("\n"), then.count("\n")) + 1,
    )
