"""Suggestions that differ: what is drafted, how much, and what withholds it."""

from __future__ import annotations

from collections.abc import Iterator

from cds.diff.clauses import clause
from cds.diff.difference import Difference, Harm, Two, changed, place, plain, same
from cds.rulebook.model import DoseSpec, Holds, Rule, Suggestion
from cds.rulebook.prose.clauses import Speaker
from cds.rulebook.prose.limits import amount


def offers(two: Two, title: str, a: Rule, b: Rule) -> Iterator[Difference]:
    """The suggestions of one rule, by name."""
    for name in dict.fromkeys((*a.suggestions, *b.suggestions)):
        old, new = a.suggestions.get(name), b.suggestions.get(name)
        if old is None or new is None:
            verb = "new offer" if new else "offer removed"
            text = f"{title}: {verb} {name}"
            yield Difference(Harm.DOSE, text, place(old), place(new))
        elif not same(old, new):
            yield from _offer(two, f"{title}, offer {name}", old, new)


def _offer(two: Two, title: str, a: Suggestion, b: Suggestion) -> Iterator[Difference]:
    at = place(a), place(b)
    for word, said in (("action", "what it does"), ("template", "the order it drafts")):
        before, after = getattr(a, word), getattr(b, word)
        if before != after:
            text = f"{title}: {said}, {changed(plain(before), plain(after))}"
            yield Difference(Harm.DOSE, text, *at)
    if not same(a.dose, b.dose):
        yield Difference(Harm.DOSE, f"{title}: dose, {changed(_dose(a.dose), _dose(b.dose))}", *at)
    if a.total != b.total:
        told = changed(*(" at most ".join(x.total) if x.total else "" for x in (a, b)))
        yield Difference(Harm.DOSE, f"{title}: total of 24 h, {told}", *at)
    yield from _stops(two, title, a, b)
    yield from clause(two, Harm.FINDING, f"{title}: offered", a.if_, b.if_)
    if a.duplicate_of != b.duplicate_of:
        told = changed(plain(a.duplicate_of), plain(b.duplicate_of))
        yield Difference(Harm.FINDING, f"{title}: not offered again, {told}", *at)
    if a.label != b.label:
        yield Difference(Harm.TEXT, f"{title}: label, {changed(a.label, b.label)}", *at)


def _dose(dose: DoseSpec | None) -> str:
    if dose is None:
        return ""
    rate = f" at {amount(dose.rate)}" if dose.rate else ""
    over = f" over {amount(dose.over)}" if dose.over else ""
    return f"table {dose.table}{rate}{over}"


def _stops(two: Two, title: str, a: Suggestion, b: Suggestion) -> Iterator[Difference]:
    at = place(a), place(b)
    old, new = ([stop.name for stop in item.unless] for item in (a, b))
    for name in old:
        if name not in new:
            said = _named(two.before, a, name)
            yield Difference(Harm.STOP, f"{title}: no longer withheld when {said}", *at)
    for name in new:
        if name not in old:
            said = _named(two.now, b, name)
            yield Difference(Harm.STOP, f"{title}: newly withheld when {said}", *at)
    if sorted(old) == sorted(new) and old != new:
        yield Difference(Harm.LAYOUT, f"{title}: the order of what withholds it", *at)


def _named(speaker: Speaker, item: Suggestion, name: str) -> str:
    return speaker.sentence(Holds(name, False, item.where))
