"""What a card says of a decision: all of it but its name, its place and its suggestions.

It prints the decision's own sentences and nothing of its own invention.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cds.cards import citations
from cds.cards.context import CardContext
from cds.cards.draft import Said
from cds.cards.imprint import fine_print, imprint, named, told
from cds.cards.markdown import sentence
from cds.cards.suggestions import template_of
from cds.engine.decision import Decision, Offer, Withheld
from cds.engine.phrases import sentence as capitalised
from cds.engine.reasons import decisive
from cds.facts.model import Fact, Measured, Missing, NotKnown
from cds.kernel.text import plain, shortened
from cds.rulebook.model import Level, Suggestion

KIDNEYS = "renal_band"  # the fact that dose bands go by
UNCHECKED = "could not be checked: "  # how the engine begins what it could not tell
LONGEST_SUMMARY = 139  # fewer than 140 characters (CDS Hooks 2.0.1, card.summary)
TOPIC_SYSTEM = "https://electrolyte-cds.example/CodeSystem/card-topic"
TOPICS = {
    "hypomagnesemia": "Low magnesium",
    "refractory-hypokalemia": "Refractory hypokalemia",
    "renal-dose-caution": "Renal dose caution",
    "potassium-safety": "Potassium safety",
    "qt-and-interactions": "QT interval and interactions",
    "data-quality": "Data quality",
}


def said_card(
    item: Decision,
    fired: Level,
    kidneys: tuple[str, ...],
    context: CardContext,
    offers: tuple[tuple[str, ...], tuple[str, ...]],
    creates: bool,
) -> Said:
    """All that the card says; `offers`: what could not be written, and the remarks on what is
    offered."""
    kept_back, remarks = offers
    withheld = (*kept_back, *(_withheld(lost, context) for lost in item.withheld))
    body = _body(item, withheld)
    said = folded_text(body)
    own = imprint(item.rule, context.book)
    names = item.cites or fired.cite or item.rule.cite
    return Said(
        rule=own.name,
        family=item.rule.family,
        rows=(fired.row,),
        indicator=item.indicator or fired.indicator,
        summary=_summary(item),
        source=_source(item, names, context),
        body=body,
        lines=(*remarks, *(titled("Could not be checked", told(x)) for x in item.undecided)),
        evidence=_evidence(_based_on(item, fired), f"{said}\n{folded_text(kidneys)}"),
        kidneys=_unsaid(_told(kidneys), said) if _doses(item, context) else (),
        fine_print=_unsaid(_fine_print(item, context), said) if creates else (),
        sources=citations.lines(names, context.book),
        rules=(own.standing(context.today),),
        overrides=own.overrides,
        alone=fired.alone,
    )


def _told(lines: Iterable[str]) -> Iterator[str]:
    return (told(line) for line in dict.fromkeys(lines) if line)


def _doses(item: Decision, context: CardContext) -> bool:
    """Do kidneys matter to this card: does it ask the dose band, or is it about giving a drug?"""
    if any(fact.name == KIDNEYS for fact in item.facts):
        return True
    weighed = [offer.suggestion for offer in item.offers]
    weighed += [lost.suggestion for lost in item.withheld]
    templates = (context.book.templates.get(one.template or "") for one in weighed)
    return any(found is None or found.kind == "MedicationRequest" for found in templates)


def _summary(item: Decision) -> str:
    return shortened(" ".join((item.summary or item.rule.title).split()), LONGEST_SUMMARY)


def _body(item: Decision, withheld: tuple[str, ...]) -> tuple[str, ...]:
    """What to do, then at once what is not offered and why, then the rest; nothing twice."""
    whole = " ".join(item.summary.split())
    # a summary that had to be cut is said in full
    first = (sentence(whole),) if len(whole) > LONGEST_SUMMARY else ()
    name = plain(item.order.name) if item.order else ""
    about = (
        (titled("About", f"draft order {name}"),) if not _said(name, folded_text((whole,))) else ()
    )
    folded = folded_text(withheld)
    said = tuple(sentence(text) for text in item.detail if text and not _said(text, folded))
    return (*first, *said[:1], *withheld, *said[1:], *about)


def folded_text(lines: Iterable[str]) -> str:
    """Lines to be asked by `_said` what they say."""
    return "\n".join(lines).casefold()


def _said(text: str, folded: str) -> bool:
    """Does one of the lines say it already, apart from capitals and the full stop?"""
    return text.rstrip(".").casefold() in folded


def _unsaid(explanations: Iterable[str], folded: str) -> tuple[str, ...]:
    """Explanations that stand nowhere else on the card, each a sentence of its own."""
    return tuple([capitalised(text) for text in explanations if not _said(text, folded)])


def _withheld(item: Withheld, context: CardContext) -> str:
    reasons = "; ".join(reason.rstrip(".") for reason in item.reasons if reason)
    head, said, open_ = reasons.partition(UNCHECKED)
    reasons = f"{head}{said}{open_.replace(UNCHECKED, '')}"  # said once for all that is open
    what = _in_words(item.suggestion, context)
    return titled("Withheld", f"{what}: {told(reasons) or 'not every check could be made'}.")


def _in_words(item: Suggestion, context: CardContext) -> str:
    # not the label: its dose was never filled in
    template = context.book.templates.get(item.template or "")
    if template is not None:
        return template.display
    return "removal of the draft order" if item.action == "delete" else "change of the draft order"


def titled(title: str, text: str) -> str:
    """A sentence with a heading."""
    return f"**{title}:** {sentence(text)}"


def _based_on(item: Decision, fired: Level) -> Iterable[Fact]:
    """The facts its texts name, and those that decided; what else was looked at is in the trace."""
    judged = [one.judgement for one in item.levels if one.level is fired]
    if not judged:
        return item.facts
    decided = {leaf.fact.name for one in judged for leaf in decisive(one) if leaf.fact}
    names = decided | named(fired)
    return (fact for fact in item.facts if fact.name in names)


def _evidence(facts: Iterable[Fact], folded: str) -> tuple[str, ...]:
    shown = (fact for fact in facts if isinstance(fact.state, Measured | Missing | NotKnown))
    lines = dict.fromkeys(_flagged(fact) for fact in shown)
    return _unsaid((told(line) for line in lines if line), folded)


def _flagged(fact: Fact) -> str:
    """With what the reader should know of a value and its sentence leaves out (safety point 6)."""
    flags = fact.state.flags if isinstance(fact.state, Measured) else ()
    named = [flag for flag in flags if flag.startswith("the test code") and fact.explained]
    return f"{fact.explained} ({'; '.join(named)})" if named else fact.explained


def _fine_print(item: Decision, context: CardContext) -> tuple[str, ...]:
    def of(offer: Offer) -> tuple[str, ...]:
        template = template_of(offer, context)
        return fine_print(template) if template else ()

    return tuple(dict.fromkeys(line for offer in item.offers for line in of(offer)))


def _source(item: Decision, names: tuple[str, ...], context: CardContext) -> dict[str, Any]:
    family = item.rule.family
    topic = {"code": family, "system": TOPIC_SYSTEM, "display": TOPICS.get(family, family)}
    return {**citations.primary(names, context.book, item.rule.title), "topic": topic}
