"""Rules that differ, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from cds.diff.clauses import clause
from cds.diff.difference import Difference, Harm, Two, changed, place, plain, same
from cds.diff.offers import offers
from cds.rulebook.model import Case, Level, Note, Rule

T = TypeVar("T")
Key = Callable[[T], object]
# Word of a rule -> what it is called, and how much it can harm.
_WORDS: tuple[tuple[str, str, Harm], ...] = (
    ("status", "state", Harm.SEVERITY),
    ("hooks", "where it is judged", Harm.SEVERITY),
    ("for_each", "the orders it looks at", Harm.FINDING),
    ("family", "topic", Harm.TEXT),
    ("title", "title", Harm.TEXT),
    ("purpose", "purpose", Harm.TEXT),
    ("override_reasons", "what a clinician may answer", Harm.TEXT),
    ("known_false_alarms", "known false alarms", Harm.SOURCES),
    ("cite", "sources", Harm.SOURCES),
    ("version", "version", Harm.SOURCES),
    ("owner", "owner", Harm.SOURCES),
)

_LEVEL_WORDS: tuple[tuple[str, str, Harm], ...] = (
    ("row", "name of the row", Harm.TEXT),
    ("summary", "headline", Harm.TEXT),
    ("info_summary", "headline as information", Harm.TEXT),
    ("detail", "text", Harm.TEXT),
    ("alone", "shown only where no other card is", Harm.SEVERITY),
    ("cite", "sources", Harm.SOURCES),
)


def rules(two: Two) -> Iterator[Difference]:
    """All rules, in the order of the new ones."""
    old = {rule.id: rule for rule in two.old.rules}
    new = {rule.id: rule for rule in two.new.rules}
    for name in dict.fromkeys((*new, *old)):
        a, b = old.get(name), new.get(name)
        if a is None or b is None:
            verb = "new rule" if b else "rule removed"
            title = (b or a or two.new.rules[0]).title
            yield Difference(Harm.FINDING, f"{verb}: {title} ({name})", place(a), place(b))
        elif not same(a, b):
            yield from _rule(two, a, b)
    if [x for x in old if x in new] != [x for x in new if x in old]:
        yield Difference(Harm.SEVERITY, "the order in which the rules are judged")


def _rule(two: Two, a: Rule, b: Rule) -> Iterator[Difference]:
    title = f"{b.title} ({b.id})"
    yield from _levels(two, title, a, b)
    about = f"{title}: silences the card"
    yield from clause(two, Harm.STOP, about, a.unless, b.unless)
    yield from offers(two, title, a, b)
    yield from notes(two, title, a.notes, b.notes)
    for word, said, harm in _WORDS:
        before, after = getattr(a, word), getattr(b, word)
        if not same(before, after):
            told = changed(_told(before), _told(after))
            yield Difference(harm, f"{title}: {said}, {told}", place(a), place(b))
    if a.reviewed != b.reviewed:
        told = changed(*(f"{x.by}, {x.date}, due {x.due}" for x in (a.reviewed, b.reviewed)))
        yield Difference(Harm.SOURCES, f"{title}: review, {told}", place(a), place(b))
    if not same(a.repeat, b.repeat):
        yield from _repeat(two, title, a, b)
    yield from _cases(title, a, b)


def _told(value: object) -> str:
    return plain(getattr(value, "roles", value))


def _repeat(two: Two, title: str, a: Rule, b: Rule) -> Iterator[Difference]:
    spans = [plain(rule.repeat and rule.repeat.after) for rule in (a, b)]
    if spans[0] != spans[1]:
        text = f"{title}: how long the card stays away, {changed(*spans)}"
        yield Difference(Harm.SEVERITY, text, place(a), place(b))
    clauses = [rule.repeat.unless if rule.repeat else None for rule in (a, b)]
    about = f"{title}: the card comes again at once"
    yield from clause(two, Harm.SEVERITY, about, *clauses)


def _levels(two: Two, title: str, a: Rule, b: Rule) -> Iterator[Difference]:
    pairs = paired(a.levels, b.levels, lambda level: (level.row, level.summary), _row)
    for before, after in pairs:
        if before is None or after is None:
            found = after or before
            if found is not None:
                speaker = two.now if after else two.before
                verb = "new row" if after else "row removed"
                text = f"{title}: {verb} {found.row}, when {speaker.sentence(found.when)}"
                yield Difference(Harm.FINDING, text, place(before), place(after))
        elif not same(before, after):
            yield from _level(two, f"{title}, row {after.row}", before, after)
    known = [before for before, after in pairs if before and after]
    if known != sorted(known, key=a.levels.index):
        order = [", ".join(level.row for level in rule.levels) for rule in (a, b)]
        text = f"{title}: the order of its rows, {changed(*order)}"
        yield Difference(Harm.FINDING, text, place(a), place(b))


def _row(level: Level) -> object:
    return level.row


def _level(two: Two, title: str, a: Level, b: Level) -> Iterator[Difference]:
    at = place(a), place(b)
    yield from clause(two, Harm.FINDING, f"{title}: comes", a.when, b.when)
    for word, said in (("critical_when", "critical"), ("info_when", "only information")):
        about = f"{title}: {said}"
        yield from clause(two, Harm.SEVERITY, about, getattr(a, word), getattr(b, word))
    if a.indicator != b.indicator:
        yield Difference(Harm.SEVERITY, f"{title}: {a.indicator} -> {b.indicator}", *at)
    yield from _suggests(title, a, b)
    for word, said, harm in _LEVEL_WORDS:
        before, after = getattr(a, word), getattr(b, word)
        if before != after:
            text = f"{title}: {said}, {changed(plain(before), plain(after))}"
            yield Difference(harm, text, *at)
    yield from notes(two, title, a.notes, b.notes)


def _suggests(title: str, a: Level, b: Level) -> Iterator[Difference]:
    at = place(a), place(b)
    for name in a.suggest:
        if name not in b.suggest:
            yield Difference(Harm.FINDING, f"{title}: no longer offers {name}", *at)
    for name in b.suggest:
        if name not in a.suggest:
            yield Difference(Harm.FINDING, f"{title}: newly offers {name}", *at)
    if sorted(a.suggest) == sorted(b.suggest) and a.suggest != b.suggest:
        told = changed(", ".join(a.suggest), ", ".join(b.suggest))
        yield Difference(Harm.FINDING, f"{title}: the order of its offers, {told}", *at)


def notes(two: Two, title: str, old: Sequence[Note], new: Sequence[Note]) -> Iterator[Difference]:
    """Conditional sentences: what is said, and when."""
    pairs = paired(old, new, lambda note: note.say, lambda note: _if(two, note))
    for a, b in pairs:
        if a is None or b is None:
            found = a or b
            if found is not None:
                verb = "newly says" if b else "no longer says"
                speaker = two.now if b else two.before
                when = f" when {speaker.sentence(found.if_)}" if found.if_ else " always"
                text = f"{title}: {verb}{when}: “{found.say}”"
                yield Difference(Harm.TEXT, text, place(a), place(b))
            continue
        about = f"{title}: says “{b.say}”"
        yield from clause(two, Harm.TEXT, about, a.if_, b.if_)
        for word, before, after in (
            ("text", a.say, b.say),
            ("where unknown", a.unknown, b.unknown),
        ):
            if before != after:
                told = f"{title}: {word}, {changed(before, after)}"
                yield Difference(Harm.TEXT, told, place(a), place(b))
    known = [a for a, b in pairs if a and b]
    if known != sorted(known, key=list(old).index):
        yield Difference(Harm.TEXT, f"{title}: the order of its conditional sentences")


def _if(two: Two, note: Note) -> object:
    """A note whose text differs is known by its condition, in the words of either side."""
    if note.if_ is None:
        return None
    for speaker in (two.now, two.before):
        try:
            return speaker.sentence(note.if_)
        except KeyError:
            continue
    return note


def paired(
    old: Sequence[T], new: Sequence[T], exactly: Key[T], nearly: Key[T]
) -> list[tuple[T | None, T | None]]:
    """Which is which: the same first, then by what they are exactly, then nearly."""
    left = list(old)
    found: dict[int, T] = {}
    for alike in (same, _by(exactly), _by(nearly)):
        for at, item in enumerate(new):
            match = next((x for x in left if at not in found and alike(x, item)), None)
            if match is not None:
                found[at] = match
                left.remove(match)
    pairs: list[tuple[T | None, T | None]] = [(found.get(at), x) for at, x in enumerate(new)]
    pairs += [(x, None) for x in left]
    return pairs


def _by(key: Key[T]) -> Callable[[T, T], bool]:
    return lambda old, new: key(old) == key(new)


def _cases(title: str, a: Rule, b: Rule) -> Iterator[Difference]:
    old = {case.name: case for case in a.cases}
    new = {case.name: case for case in b.cases}
    parts: dict[str, list[Case]] = {
        "added": [case for name, case in new.items() if name not in old],
        "removed": [case for name, case in old.items() if name not in new],
        "changed": [
            case for name, case in new.items() if name in old and not same(old[name], case)
        ],
    }
    if len(b.cases) != len(new) or len(a.cases) != len(old):
        parts["named more than once"] = []
    told = "; ".join(
        f"{len(cases)} {word}: {', '.join(case.name for case in cases)}"
        for word, cases in parts.items()
        if cases
    )
    if not told and [*old] != [*new]:
        told = "their order"
    if told:
        yield Difference(Harm.TESTS, f"{title}: tests, {told}", place(a), place(b))
