"""`rules/sources/*.yaml`: what became of each statement of each source document.

A statement is acted on by rows or whole rules, stands behind a named number, or was declined with
the reason. Nothing may stand here without a verdict, and no rule may cite a document without
standing here. This decides no card: `cds check` reads it, the service does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from cds.errors import Problem, RulebookError
from cds.rulebook.model import Rule, Rulebook
from cds.rulebook.reading import read_source
from cds.rulebook.schema import Strict, check_shape, suggest
from cds.rulebook.source import At, Source

PREFIX = "seed-"  # citations of the documents this folder accounts for
# Rows of the decision table that are lines on the card of another row (clinical pack section 3).
LINES: Mapping[str, str] = {"A7": "A2", "D1": "A2"}


class StatementData(Strict):
    """One statement, in our own words, and what became of it."""

    id: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    says: str = Field(min_length=1)
    rows: list[str] = Field(default_factory=list)
    lines: list[str] = Field(default_factory=list)
    rules: list[str] = Field(default_factory=list)
    names: list[str] = Field(default_factory=list)
    declined: str = ""

    @property
    def acted_on(self) -> bool:
        """Whether anything in the rules rests on it."""
        return bool(self.rows or self.lines or self.rules or self.names)


class ContradictionData(StatementData):
    """Where the document contradicts another one or itself, and which side was taken."""

    verdict: str = Field(min_length=1)


class SourceFile(Strict):
    """One source document."""

    source: str
    title: str = Field(min_length=1)
    standing: Literal["label", "guideline", "review", "design", "weak"]
    statements: list[StatementData] = Field(min_length=1)
    contradictions: list[ContradictionData] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Document:
    """A file of `rules/sources` whose shape is right."""

    source: Source
    data: SourceFile

    def entries(self) -> Iterator[tuple[At, StatementData]]:
        """Every statement and contradiction with its place in the file."""
        for i, statement in enumerate(self.data.statements):
            yield ("statements", i), statement
        for i, contradiction in enumerate(self.data.contradictions):
            yield ("contradictions", i), contradiction


def read_documents(directory: Path, problems: list[Problem]) -> tuple[Document, ...]:
    """The source documents of a rules directory; problems of shape are appended."""
    found: list[Document] = []
    for path in sorted((directory / "sources").glob("*.yaml")):
        try:
            source = read_source(path, f"{directory.name}/sources/{path.name}")
        except RulebookError as error:
            problems.extend(error.problems)
            continue
        data = check_shape(SourceFile, source, problems)
        if data is not None:
            found.append(Document(source, data))
    return tuple(found)


def untraced(directory: Path, book: Rulebook) -> tuple[Problem, ...]:
    """Everything that is wrong between the source documents and a rulebook, in file order."""
    problems: list[Problem] = []
    documents = read_documents(directory, problems)
    judged = tuple(rule for rule in book.rules if rule.status in ("active", "silent"))
    rows = {level.row for rule in judged for level in rule.levels}
    known = {
        "rows": rows,
        "lines": {line for line, row in LINES.items() if row in rows},
        "rules": {rule.id for rule in judged},
        "names": {*book.thresholds, *book.windows, *book.tables, *book.definitions, *book.facts},
    }
    for document in documents:
        problems.extend(_head(document, book))
        problems.extend(_entries(document, known))
        problems.extend(_cited_elsewhere(document, judged))
    if documents:
        problems.extend(_no_file(directory, documents, book))
    return tuple(sorted(set(problems), key=lambda p: (p.file, p.line, p.message)))


def _head(document: Document, book: Rulebook) -> Iterator[Problem]:
    data, source = document.data, document.source
    cited = book.citations.get(data.source)
    if cited is None:
        fix = suggest(data.source, list(book.citations))
        yield source.problem(("source",), f"`{data.source}` is not a declared citation.", fix)
    elif cited.standing != data.standing:
        message = f"`{data.source}` is declared as `{cited.standing}`."
        yield source.problem(("standing",), message, "The two must agree.")


def _entries(document: Document, known: Mapping[str, set[str]]) -> Iterator[Problem]:
    source = document.source
    seen: set[str] = set()
    for at, entry in document.entries():
        if entry.id in seen:
            yield source.problem((*at, "id"), f"there is already an entry `{entry.id}`.")
        seen.add(entry.id)
        if not entry.acted_on and not entry.declined:
            fix = "Name `rows`, `lines`, `rules` or `names`, or say under `declined` why not."
            yield source.problem(at, f"nothing is said about what became of `{entry.id}`.", fix)
        for word, names in known.items():
            for i, name in enumerate(getattr(entry, word)):
                if name not in names:
                    message = f"`{name}` is not among the {word} of these rules."
                    yield source.problem((*at, word, i), message, suggest(name, sorted(names)))


def _cited_elsewhere(document: Document, rules: Iterable[Rule]) -> Iterator[Problem]:
    """A rule that cites the document must be found from the document."""
    name = document.data.source
    rows = {row for _, entry in document.entries() for row in entry.rows}
    named = {rule for _, entry in document.entries() for rule in entry.rules}
    for rule in rules:
        own = {level.row for level in rule.levels}
        if rule.id in named:
            continue
        missing = [x.row for x in rule.levels if name in x.cite and x.row not in rows]
        if missing or (name in rule.cite and not own & rows):
            what = f"row {missing[0]}" if missing else f"rule `{rule.id}`"
            yield document.source.problem(
                ("statements",),
                f"{what} ({rule.where.file}) cites `{name}`; no statement here says for what.",
                "Add it to the statement it acts on, or cite another source there.",
            )


def _no_file(directory: Path, documents: tuple[Document, ...], book: Rulebook) -> Iterator[Problem]:
    there = {document.data.source for document in documents}
    for name in sorted(book.citations):
        if name.startswith(PREFIX) and name not in there:
            message = f"no file here says what became of the statements of `{name}`."
            yield Problem(f"{directory.name}/sources", 1, message, "Add one.")
