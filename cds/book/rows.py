"""The rows of a rule: as sentences to be read aloud, and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from cds.book.markdown import bullets, paragraph, quoted, table
from cds.book.pages import Pages, sentence
from cds.rulebook.model import Clause, IsMissing, IsPresent, Level, Note, Rule
from cds.rulebook.prose.words import INDICATORS, capital, listed, roles

SHOWN = {"info": "information", "warning": "a warning", "critical": "critical"}
ORDER = "Each selected order is judged by itself, if it is an order of"
FIRST = (
    "The rows are tried in this order, and the first one that is true makes the card. So a row is "
    "tried when every row above it is not true or cannot be told. Where a row above cannot be told "
    "and might have found something else, or something more urgent, the card adds: “Could not be "
    "checked: [what that row would have found] ([why it cannot be told]).” Some rows ask again for "
    "what a row above asks for, such as “low or severely low” below “severely low”: they are for "
    "the patient of whom it cannot be told which of the two it is. If no row is true, this rule "
    "shows no card, also where a row cannot be told; other chapters speak of results that are "
    "missing or could not be used."
)


def read_aloud(rule: Rule, pages: Pages, names: Mapping[str, str]) -> Iterator[str]:
    """Each row as a paragraph: when it comes, how urgent, what it says and offers."""
    if rule.for_each:
        yield f"{ORDER} {listed(roles(rule.for_each.roles))}."
        yield ""
    if len(rule.levels) > 1:
        yield from paragraph(FIRST)
    for number, level in enumerate(rule.levels, 1):
        yield from _level(number, level, rule, pages, names)
    if rule.unless:
        yield from condition("No row gives a card when", rule.unless, pages)
        yield "Where that cannot be told, the card comes, and no drug is offered on it."
        yield ""


def _level(
    number: int, level: Level, rule: Rule, pages: Pages, names: Mapping[str, str]
) -> Iterator[str]:
    yield from condition(f"**Row {number} ({level.row}).** The card comes when", level.when, pages)
    yield from _urgency(level, pages)
    if level.detail:
        yield f"It says: {quoted(' '.join(pages.says(text) for text in level.detail))}"
        yield ""
    yield from said_when("It adds", level.notes, pages)
    if level.suggest:
        weighed = (
            f"{quoted(pages.says(rule.suggestions[name].label))} ({names[name]})"
            for name in level.suggest
        )
        yield f"It may offer {listed(weighed, 'and')}; see below."
        yield ""
    if level.alone:
        yield "It is shown only where no other card is."
        yield ""
    if level.cite:
        yield f"Sources of this row: {pages.sources(level.cite)}."
        yield ""


def _urgency(level: Level, pages: Pages) -> Iterator[str]:
    shown = SHOWN[level.indicator]
    headline = quoted(pages.says(level.summary))
    if not level.info_when and not level.critical_when:
        yield f"It is shown as {shown}, under the headline {headline}."
        yield ""
        return
    yield f"Its headline is {headline}. It is shown as:"
    yield ""
    lines: list[tuple[int, str]] = []
    if level.info_when:
        told = pages.says(level.info_summary)
        under = f", under the headline {quoted(told)}," if told else ""
        lines += _graded(f"information{under} when", level.info_when, pages)
    if level.critical_when:
        otherwise = "otherwise " if level.info_when else ""
        lines += _graded(f"{otherwise}critical when", level.critical_when, pages)
    yield from bullets([*lines, (0, f"otherwise {shown}")])


def _graded(lead: str, clause: Clause, pages: Pages) -> list[tuple[int, str]]:
    first, *more = pages.speaker.lines(clause)
    return [(0, f"{lead} {first[1]}"), *more]


def condition(lead: str, clause: Clause, pages: Pages) -> Iterator[str]:
    """A lead and a clause: one sentence, or a lead with a list below it."""
    lines = list(pages.speaker.lines(clause))
    if len(lines) == 1:
        yield sentence(f"{lead} {lines[0][1]}")
        yield ""
        return
    yield f"{lead} {lines[0][1]}"
    yield ""
    yield from bullets((depth - 1, text) for depth, text in lines[1:])


def said_when(lead: str, notes: tuple[Note, ...], pages: Pages) -> Iterator[str]:
    """Conditional sentences as a list; what is always said comes without a condition."""
    if not notes:
        return
    yield f"{lead}:"
    yield ""
    yield from bullets((0, _note(note, pages)) for note in _said_anyway(notes))


def _said_anyway(notes: tuple[Note, ...]) -> Iterator[Note]:
    """One line for a sentence that is said where a fact is there, and next where it is not."""
    at = 0
    while at < len(notes):
        note = notes[at]
        if at + 1 < len(notes) and _complement(note, notes[at + 1]):
            yield replace(note, if_=None)
            at += 2
        else:
            yield note
            at += 1


def _complement(one: Note, other: Note) -> bool:
    there, gone = one.if_, other.if_
    return (
        isinstance(there, IsPresent)
        and there.wanted
        and isinstance(gone, IsMissing)
        and not gone.reasons
        and there.fact == gone.fact
        and one.say == other.say
    )


def _note(note: Note, pages: Pages) -> str:
    said = quoted(pages.says(note.say))
    if note.if_ is None:
        return f"always: {said}"
    if_told = f"when {pages.speaker.sentence(note.if_)}: {said}"
    if note.unknown:
        return f"{if_told}; where that cannot be told: {quoted(pages.says(note.unknown))}"
    return if_told


def at_a_glance(rule: Rule, pages: Pages, names: Mapping[str, str]) -> Iterator[str]:
    """The rows as a table that fits a page in portrait."""
    yield from table(
        ("Row", "Shown as", "Headline", "It may offer"),
        (
            (
                f"{number} ({level.row})",
                _shown_as(level),
                _headlines(level, pages),
                listed((names[name] for name in level.suggest), "and") or "no offer",
            )
            for number, level in enumerate(rule.levels, 1)
        ),
    )


def _headlines(level: Level, pages: Pages) -> str:
    told = pages.says(level.summary)
    if not level.info_summary:
        return told
    return f"{told}; as information: {pages.says(level.info_summary)}"


def _shown_as(level: Level) -> str:
    found = [level.indicator]
    found += ["critical"] if level.critical_when else []
    found += ["info"] if level.info_when else []
    return capital(listed(INDICATORS[name].lower() for name in found))
