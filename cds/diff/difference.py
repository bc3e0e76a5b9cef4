"""One difference between two sets of rules, and what makes two compiled things the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from enum import IntEnum
from typing import Any

from cds.rulebook.model import Rulebook, Where
from cds.rulebook.prose.clauses import Speaker
from cds.rulebook.prose.reach import reach


class Harm(IntEnum):
    """What a difference can do to a patient, the worst first."""

    DOSE = 0
    STOP = 1
    LIMIT = 2
    FINDING = 3
    SEVERITY = 4
    CODES = 5
    TEXT = 6
    SOURCES = 7
    TESTS = 8
    LAYOUT = 9


HEADS = {
    Harm.DOSE: "Doses and what is ordered",
    Harm.STOP: "What withholds an offer, and what silences a card",
    Harm.LIMIT: "Limits and how old a result may be",
    Harm.FINDING: "When a card comes, and what it offers",
    Harm.SEVERITY: "How urgent, and where",
    Harm.CODES: "Codes and data that are read",
    Harm.TEXT: "What cards say",
    Harm.SOURCES: "Sources, reviews and notes",
    Harm.TESTS: "Tests and documents",
    Harm.LAYOUT: "Comments and layout",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed for patients, in a sentence. `old`, `new`: file and line, "" where it is not."""

    harm: Harm
    text: str
    old: str = ""
    new: str = ""

    def __str__(self) -> str:
        if self.old and self.new:
            return f"{self.text} [{self.old} -> {self.new}]"
        return f"{self.text} [{self.new or self.old}]" if self.new or self.old else self.text


@dataclass(frozen=True, slots=True)
class Two:
    """The rules before and after. `touching`: name -> ids of the rules that rest on it."""

    old: Rulebook
    new: Rulebook
    touching: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def concerned(self, name: str) -> str:
        """`; concerns high-magnesium, low-potassium`, or ""."""
        rules = self.touching.get(name, ())
        return f"; concerns {', '.join(rules)}" if rules else ""

    @property
    def before(self) -> Speaker:
        """Says clauses as they were."""
        return Speaker(self.old)

    @property
    def now(self) -> Speaker:
        """Says clauses as they are."""
        return Speaker(self.new)


def two_of(old: Rulebook, new: Rulebook) -> Two:
    """Both sides, with what each rule rests on."""
    found: dict[str, dict[str, None]] = {}
    for book in (old, new):
        for rule in book.rules:
            for name in reach(rule, book).names():
                found.setdefault(name, {})[rule.id] = None
    return Two(old, new, {name: tuple(sorted(rules)) for name, rules in found.items()})


def same(old: Any, new: Any) -> bool:
    """Equal in everything but the place where it was written."""
    return next(leaves(old, new), None) is None


def leaves(old: Any, new: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any, Any]]:
    """(path, before, after) of everything that differs; None where there was or is nothing."""
    if isinstance(old, Where) and isinstance(new, Where):
        return
    parts = list(_parts(old, new))
    if not parts and old != new:
        yield " ".join(path), old, new
    for name, a, b in parts:
        yield from leaves(a, b, (*path, name))


def _parts(old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """What two things of one kind are made of, side by side."""
    if is_dataclass(old) and type(old) is type(new):
        for each in fields(old):
            yield each.name, getattr(old, each.name), getattr(new, each.name)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield _key(key), old.get(key), new.get(key)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple) and len(old) == len(new):
        for at, (a, b) in enumerate(zip(old, new, strict=True), 1):
            yield str(at), a, b


def _key(key: Any) -> str:
    return ", ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def changed(old: str, new: str) -> str:
    """`before: ...; now: ...`."""
    return f"before: {old or 'nothing'}; now: {new or 'nothing'}"


def place(item: Any) -> str:
    """File and line of a compiled thing, "" for none."""
    where = getattr(item, "where", None)
    return str(where) if where is not None else ""


def plain(value: Any) -> str:
    """Any value, for a reader."""
    if value is None or value in ("", (), frozenset()):
        return "nothing"
    if isinstance(value, frozenset | set):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
