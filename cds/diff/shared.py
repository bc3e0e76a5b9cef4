"""Facts, order templates, sources and the site's word that differ."""

from __future__ import annotations

from collections.abc import Iterator

from cds.diff.difference import Difference, Harm, Two, changed, leaves, place, plain, same
from cds.rulebook.model import FactSpec, MedicationSource, ProblemSource
from cds.rulebook.prose.clauses import Speaker
from cds.rulebook.prose.presence import is_there

_HARMLESS = frozenset({"display", "fine_print"})  # words of an order that only texts show


def facts(two: Two) -> Iterator[Difference]:
    """What is read of a patient."""
    old, new = two.old.facts, two.new.facts
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            verb = "newly read" if b else "no longer read"
            text = f"{verb}: {name.replace('_', ' ')} ({name})"
            yield Difference(Harm.CODES, text, place(a), place(b))
        elif not same(a, b):
            text = f"{_fact(two, a, b)}{two.concerned(name)}"
            yield Difference(Harm.FINDING, text, place(a), place(b))


def _fact(two: Two, a: FactSpec, b: FactSpec) -> str:
    title = f"what counts as {b.name.replace('_', ' ')} ({b.name})"
    said = [_sentence(speaker, spec) for speaker, spec in ((two.before, a), (two.now, b))]
    if said[0] and said[1] and said[0] != said[1]:
        return f"{title}, {changed(*said)}"
    return f"{title}: {_moved(a, b)}"


def _moved(a: object, b: object) -> str:
    found = leaves(a, b)
    return "; ".join(f"{path or 'value'}: {plain(x)} -> {plain(y)}" for path, x, y in found)


def _sentence(speaker: Speaker, spec: FactSpec) -> str:
    if isinstance(spec.source, MedicationSource | ProblemSource):
        return is_there(spec, True, speaker.book)
    return ""


def templates(two: Two) -> Iterator[Difference]:
    """The orders a card may offer."""
    old, new = two.old.templates, two.new.templates
    for name in dict.fromkeys((*old, *new)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            verb = "new order" if b else "order removed"
            display = (b or a).display if (b or a) else name  # type: ignore[union-attr]
            yield Difference(Harm.DOSE, f"{verb}: {display} ({name})")
            continue
        for path, before, after in leaves(a, b):
            harm = Harm.TEXT if path.split(" ")[0] in _HARMLESS else Harm.DOSE
            told = changed(plain(before), plain(after))
            yield Difference(harm, f"order {b.display} ({name}): {path}, {told}")


def documents(two: Two) -> Iterator[Difference]:
    """Sources, answers to cards, what cases take for granted, and the site."""
    for title, harm, old, new in (
        ("source", Harm.SOURCES, two.old.citations, two.new.citations),
        ("answer to a card", Harm.TEXT, two.old.override_reasons, two.new.override_reasons),
        ("accepted at this site", Harm.SEVERITY, two.old.accepted, two.new.accepted),
        ("what a case takes for granted", Harm.TESTS, two.old.case_defaults, two.new.case_defaults),
    ):
        for name in dict.fromkeys((*old, *new)):
            a, b = old.get(name), new.get(name)
            if a is None or b is None:
                verb = "added" if b is not None else "removed"
                yield Difference(harm, f"{title} {verb}: {name}{_shown(a or b)}")
            elif a != b:
                yield Difference(harm, f"{title}, {name}: {_moved(a, b)}")
    if two.old.site != two.new.site:
        told = changed(two.old.site, two.new.site)
        yield Difference(Harm.SEVERITY, f"the site whose decisions apply, {told}")
    yield from _excuses(two)


def _shown(value: object) -> str:
    title = getattr(value, "title", None)
    text = title if isinstance(title, str) else value if isinstance(value, str) else ""
    return f" ({text})" if text else ""


def _excuses(two: Two) -> Iterator[Difference]:
    old = {item.change: item for item in two.old.excuses}
    new = {item.change: item for item in two.new.excuses}
    for change in dict.fromkeys((*old, *new)):
        a, b = old.get(change), new.get(change)
        if a is None or b is None or a.reason != b.reason:
            reasons = changed(a.reason if a else "", b.reason if b else "")
            text = f"a guard that no test needs, {change}, {reasons}"
            yield Difference(Harm.TESTS, text, place(a), place(b))
