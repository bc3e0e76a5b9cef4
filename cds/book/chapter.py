"""One rule of the book, from its head to the lines where it is signed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds.book import signatures
from cds.book.appendix import TESTS
from cds.book.glossary import HOW_OLD, PROOF, WORKED_OUT, law_words
from cds.book.introduction import PENDING
from cds.book.markdown import bullets, paragraph, table
from cds.book.offers import numbered, offers, reasons, repeat
from cds.book.pages import FAMILIES, Pages, sentence
from cds.book.rows import at_a_glance, read_aloud, said_when
from cds.rulebook.model import Rule, Threshold
from cds.rulebook.prose.limits import limit, measured, units_of
from cds.rulebook.prose.words import HOOKS, capital, listed

_RULE = re.compile(r"\brule ([a-z][a-z0-9]*(?:-[a-z0-9]+)+)")
_STATUS = {
    "draft": "draft: not judged, shows no card",
    "silent": "silent: judged, shows no card",
    "active": "active: shows cards",
    "retired": "retired: not judged any more",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A section of a chapter. `key` names it for a program; nothing in `lines` = left out."""

    key: str
    title: str
    lines: tuple[str, ...]


def chapter(number: int, rule: Rule, pages: Pages) -> Iterator[str]:
    """The whole chapter of a rule."""
    yield f"## {number}. {rule.title}"
    yield ""
    yield from table(("About this rule", ""), head(rule))
    yield f"**What it is for.** {purpose(rule, pages)}"
    yield ""
    for part in parts(rule, pages):
        yield f"### {part.title}"
        yield ""
        yield from part.lines


def parts(rule: Rule, pages: Pages) -> Iterator[Part]:
    """The sections of a chapter in their order, without those that have nothing to say."""
    names = numbered(rule)
    every = (
        ("aloud", "The rule, to be read aloud", _aloud(rule, pages, names)),
        ("rows", "The rows at a glance", at_a_glance(rule, pages, names)),
        ("offers", "What the card may offer", offers(rule, pages, names)),
        ("limits", "Limits this rule rests on", _limits(rule, pages)),
        ("tests", "How it is tested", _tests(rule, pages)),
        ("judgement", "When it is wrong, and when not to follow it", _judgement(rule, pages)),
        ("changes", "Changes", _history(rule, pages)),
        ("signatures", "Signatures", signatures.of_rule(rule, pages)),
    )
    for key, title, lines in every:
        part = Part(key, title, tuple(lines))
        if part.lines:
            yield part


def purpose(rule: Rule, pages: Pages) -> str:
    """What the rule is for, as its file says it."""
    return _told(rule.purpose, pages)


def _aloud(rule: Rule, pages: Pages, names: Mapping[str, str]) -> Iterator[str]:
    yield from read_aloud(rule, pages, names)
    yield from said_when("Any of these cards may add", rule.notes, pages)


def _told(text: str, pages: Pages) -> str:
    """A text of the rule file; other rules are called by their chapter."""
    chapters = {rule.id: i for i, rule in enumerate(pages.rules, 1)}

    def one(match: re.Match[str]) -> str:
        number = chapters.get(match.group(1))
        return f"chapter {number}" if number else match.group()

    return _RULE.sub(one, pages.says(text))


def head(rule: Rule) -> tuple[tuple[str, str], ...]:
    """What there is to know about the file of a rule: a name and what stands there."""
    review = rule.reviewed
    signed = (
        "nobody yet: this rule is not signed off by a clinician"
        if review.by == PENDING
        else f"{review.by}, {review.date}"
    )
    return (
        ("Rows", listed((x.row for x in rule.levels), "and")),
        ("Topic", FAMILIES.get(rule.family, rule.family)),
        ("When it is judged", listed(HOOKS[hook] for hook in rule.hooks)),
        ("Version and state", f"{rule.version}, {_state(rule)}"),
        ("Owner", rule.owner),
        ("Reviewed by", signed),
        ("Review due", str(review.due)),
    )


def _state(rule: Rule) -> str:
    told = _STATUS[rule.status]
    if rule.status == "active" and rule.reviewed.by == PENDING:
        return f"{told} (for made-up patients only, until it is signed)"
    return told


def _limits(rule: Rule, pages: Pages) -> Iterator[str]:
    names = pages.reaches[rule.id].thresholds
    if not names:
        return
    found = [pages.book.thresholds[name] for name in names if name in pages.book.thresholds]
    found.sort(key=lambda limit: (limit.analyte.value, next(iter(limit.values.values()))))
    yield from table(
        ("Of what", "Limit, in each unit", "What it decides", "Sources"),
        ((measured(x.analyte), _in_units(x), x.why, pages.sources(x.cite)) for x in found),
    )
    yield from paragraph(
        f"Limits of kidney function, of time and of the diluted blood sample stand in the chapters "
        f"“{WORKED_OUT}” and “{HOW_OLD}”."
    )


def _in_units(limit_: Threshold) -> str:
    return listed(units_of(limit_)) if len(limit_.values) > 1 else limit(limit_)


def _tests(rule: Rule, pages: Pages) -> Iterator[str]:
    count = len(rule.cases)
    told = f"{count} made-up {'patient tests' if count == 1 else 'patients test'} this rule"
    yield f"{told}; the chapter “{TESTS}” lists them."
    yield ""
    laws = list(pages.laws_of(rule))
    if laws:
        yield from paragraph(f"{PROOF} These laws are about this rule:")
        yield from bullets((0, law_words(law)) for law in laws)


def _judgement(rule: Rule, pages: Pages) -> Iterator[str]:
    if rule.known_false_alarms:
        yield "Known false alarms, and what this rule does not see:"
        yield ""
        yield from bullets((0, sentence(_told(text, pages))) for text in rule.known_false_alarms)
    if rule.override_reasons:
        yield f"A clinician who does not follow the card may give a reason: {reasons(rule, pages)}."
        yield ""
    again = repeat(rule, pages)
    if again:
        yield f"{capital(again)} A critical card always comes."
        yield ""
    yield f"Sources of this rule: {pages.sources(rule.cite)}."
    yield ""


def _history(rule: Rule, pages: Pages) -> Iterator[str]:
    entries = (pages.extras.history or {}).get(rule.id, ())
    if entries:
        yield from table(("Release", "Version of the rule", "What changed, and for whom"), entries)
