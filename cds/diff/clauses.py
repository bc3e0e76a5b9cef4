"""Clauses and definitions that differ: what counts now and did not, and what no longer does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cds.diff.difference import Difference, Harm, Two, changed, place, same
from cds.rulebook.model import All, AnyOf, Clause, Rulebook
from cds.rulebook.walk import holds_in

_WORDS: dict[type, tuple[str, str]] = {
    AnyOf: ("no longer when", "now also when"),
    All: ("no longer needs that", "now also needs that"),
}


def clause(
    two: Two, harm: Harm, about: str, old: Clause | None, new: Clause | None
) -> Iterator[Difference]:
    """One clause before and now. Of a list of the same kind, only its entries that differ."""
    if same(old, new):
        return
    at = place(old), place(new)
    if isinstance(old, All | AnyOf) and type(old) is type(new):
        yield from _entries(two, harm, about, old, new)
        return
    before = two.before.sentence(old) if old is not None else ""
    after = two.now.sentence(new) if new is not None else ""
    yield Difference(harm, f"{about}, {changed(before, after)}", *at)


def _entries(
    two: Two, harm: Harm, about: str, old: All | AnyOf, new: All | AnyOf
) -> Iterator[Difference]:
    gone = [item for item in old.children if not any(same(item, x) for x in new.children)]
    come = [item for item in new.children if not any(same(item, x) for x in old.children)]
    lost, added = _WORDS[type(new)]
    if len(gone) == len(come) == 1:
        told = changed(two.before.sentence(gone[0]), two.now.sentence(come[0]))
        yield Difference(harm, f"{about}, {told}", place(gone[0]), place(come[0]))
        return
    for item in gone:
        said = two.before.sentence(item)
        yield Difference(harm, f"{about}, {lost} {said}", place(item), place(new))
    for item in come:
        said = two.now.sentence(item)
        yield Difference(harm, f"{about}, {added} {said}", place(old), place(item))
    if not gone and not come:  # only the order, or the same thing more than once
        told = f"{about}, the order or number of its conditions"
        yield Difference(Harm.LAYOUT, told, place(old), place(new))


def definitions(two: Two) -> Iterator[Difference]:
    """Named clauses, and the sentences they print."""
    old, new = two.old.definitions, two.new.definitions
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        stop = name in stops(two.old) or name in stops(two.new)
        harm = Harm.STOP if stop else Harm.FINDING
        if a is None or b is None:
            verb = "new term" if b else "term removed"
            means = two.now.means(b) if b else two.before.means(a) if a else name
            yield Difference(harm, f"{verb}: “{means}” ({name})", place(a), place(b))
            continue
        title = f"“{two.now.means(b)}” ({name})"
        withholds = ", withholds offers" if stop else ""
        for item in clause(two, harm, f"{title}{withholds}", a.clause, b.clause):
            yield replace(item, text=f"{item.text}{two.concerned(name)}")
        for word, before, after in (("says", a.say, b.say), ("is called", a.means, b.means)):
            if before != after:
                told = f"{title} {word}, {changed(before, after)}"
                yield Difference(Harm.TEXT, told, place(a), place(b))


def stops(book: Rulebook) -> frozenset[str]:
    """Every definition that withholds an offer, itself or through others."""
    todo = [
        stop.name
        for rule in book.rules
        for item in rule.suggestions.values()
        for stop in item.unless
    ]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [used for used, _ in holds_in(book.definitions[name].clause)]
    return frozenset(seen)
