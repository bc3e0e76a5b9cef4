"""Decisions -> cards (CDS Hooks 2.0.1). A card prints the decision's own sentences and nothing of
its own invention; no nulls, no empty arrays; names of cards are a function of the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cds.cards import citations
from cds.cards.context import CardContext
from cds.cards.draft import CardDraft, SuggestionDraft
from cds.cards.fold import fold
from cds.cards.identity import card_uuid
from cds.cards.markdown import bullets, paragraphs, sentence
from cds.cards.suggestions import as_json, suggestion, template_of
from cds.engine.decision import Decision, Decisions, Offer, Outcome, Withheld
from cds.engine.phrases import sentence as capitalised
from cds.engine.reasons import decisive
from cds.facts.model import Fact, Measured, Missing, NotKnown
from cds.kernel.text import HOLE, plain, shortened
from cds.rulebook.model import Level, OverrideReason, Rule, Suggestion
from cds.rulebook.review import overdue_line

LONGEST_REASON = 600  # one explanation; a chart text that fills it is cut
KIDNEYS = "renal_band"  # the fact that dose bands go by
UNCHECKED = "could not be checked: "  # how the engine begins what it could not tell
MOST_UNREAD = 3  # resources named on a card; the trace names all
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


@dataclass(frozen=True, slots=True)
class Rendered:
    """The cards on the wire, and the defects `fold` had to repair."""

    cards: tuple[dict[str, Any], ...]
    defects: tuple[str, ...] = ()


def render(decisions: Decisions, context: CardContext) -> tuple[dict[str, Any], ...]:
    """The cards of one answer, most severe first."""
    return render_all(decisions, context).cards


def render_all(decisions: Decisions, context: CardContext) -> Rendered:
    """The cards of one answer with the defects found on the way."""
    drafts = (
        _draft(position, item, item.fired, decisions, context)
        for position, item in enumerate(decisions.items)
        if item.fired is not None and item.outcome is Outcome.FIRES and not _kept_quiet(item)
    )
    folded = fold(drafts)
    cards = tuple(_card(draft, context) for draft in _with_unread(folded.cards, decisions.unread))
    return Rendered(cards, folded.defects)


def _kept_quiet(item: Decision) -> bool:
    """Before folding, so that nothing another card says or offers goes with a card nobody sees."""
    return item.silent_mode or item.held_back != ""


def _with_unread(cards: tuple[CardDraft, ...], unread: tuple[str, ...]) -> tuple[CardDraft, ...]:
    """The first card names what could not be read: advice must not look surer than its data."""
    if not cards or not unread:
        return cards
    more = f" and {len(unread) - MOST_UNREAD} more" if len(unread) > MOST_UNREAD else ""
    named = "; ".join(_told(line) for line in unread[:MOST_UNREAD])
    return (cards[0].saying(_line("Not read", f"{named}{more}.")), *cards[1:])


def _draft(
    position: int, item: Decision, fired: Level, decisions: Decisions, context: CardContext
) -> CardDraft:
    order = item.order.source if item.order else ""
    # drafts without an id share the reference `MedicationRequest/`: their place tells them apart
    which = f"{order}{position}" if order.endswith("/") else order
    uuid = card_uuid(context, item.rule.id, fired.row, which)
    offered, kept_back, remarks = _suggestions(item, context, uuid)
    withheld = (*kept_back, *(_withheld(lost, context) for lost in item.withheld))
    body = _body(item, withheld)
    names = item.cites or fired.cite or item.rule.cite
    return CardDraft(
        position=position,
        uuid=uuid,
        rule=f"{item.rule.id}@{item.rule.version}",
        family=item.rule.family,
        rows=(fired.row,),
        indicator=item.indicator or fired.indicator,
        summary=_summary(item),
        source=_source(item, names, context),
        order=which,
        body=body,
        lines=(*remarks, *(_line("Could not be checked", _told(x)) for x in item.undecided)),
        evidence=_evidence(_based_on(item, fired), (*body, *decisions.fine_print)),
        kidneys=_unsaid(decisions.fine_print, body) if _doses(item, context) else (),
        fine_print=_unsaid(_fine_print(item, context, offered), body),
        sources=citations.lines(names, context.book),
        rules=(_standing(item, context),),
        suggestions=offered,
        overrides=_overrides(item, context),
        alone=fired.alone,
    )


def _doses(item: Decision, context: CardContext) -> bool:
    """Do kidneys matter to this card: does it ask the dose band, or is it about giving a drug?"""
    if any(fact.name == KIDNEYS for fact in item.facts):
        return True
    weighed = [offer.suggestion for offer in item.offers]
    weighed += [lost.suggestion for lost in item.withheld]
    templates = (context.book.templates.get(one.template or "") for one in weighed)
    return any(found is None or found.kind == "MedicationRequest" for found in templates)


def _overrides(item: Decision, context: CardContext) -> tuple[OverrideReason, ...]:
    known = context.book.override_reasons
    return tuple(known[name] for name in item.rule.override_reasons if name in known)


def _suggestions(
    item: Decision, context: CardContext, card: str
) -> tuple[tuple[SuggestionDraft, ...], tuple[str, ...], tuple[str, ...]]:
    """What is offered, what could not be written and why, and remarks on what is offered."""
    offered: list[SuggestionDraft] = []
    kept_back: list[str] = []
    remarks: list[str] = []
    for index, offer in enumerate(item.offers):
        found = suggestion(offer, context, card, index)
        if isinstance(found, str):
            kept_back.append(_line("Withheld", f"{offer.label}: {found}."))
        else:
            offered.append(found)
        remarks.extend(sentence(line) for line in offer.lines)
    return tuple(offered), tuple(kept_back), tuple(remarks)


def _summary(item: Decision) -> str:
    return shortened(" ".join((item.summary or item.rule.title).split()), LONGEST_SUMMARY)


def _body(item: Decision, withheld: tuple[str, ...]) -> tuple[str, ...]:
    """What to do, then at once what is not offered and why, then the rest; nothing twice."""
    whole = " ".join(item.summary.split())
    # a summary that had to be cut is said in full
    first = (sentence(whole),) if len(whole) > LONGEST_SUMMARY else ()
    name = plain(item.order.name) if item.order else ""
    about = (_line("About", f"draft order {name}"),) if not _said(name, (whole,)) else ()
    said = tuple(sentence(text) for text in item.detail if text and not _said(text, withheld))
    return (*first, *said[:1], *withheld, *said[1:], *about)


def _said(text: str, lines: tuple[str, ...]) -> bool:
    """Does one of the lines say it already, apart from capitals and the full stop?"""
    bare = text.rstrip(".").casefold()
    return any(bare in line.casefold() for line in lines)


def _unsaid(texts: Iterable[str], lines: tuple[str, ...]) -> tuple[str, ...]:
    """Explanations that stand nowhere else on the card, each a sentence of its own."""
    told = (_told(text) for text in dict.fromkeys(texts) if text)
    return tuple(capitalised(text) for text in told if not _said(text, lines))


def _withheld(item: Withheld, context: CardContext) -> str:
    reasons = "; ".join(reason.rstrip(".") for reason in item.reasons if reason)
    head, said, open_ = reasons.partition(UNCHECKED)
    reasons = f"{head}{said}{open_.replace(UNCHECKED, '')}"  # said once for all that is open
    what = _in_words(item.suggestion, context)
    return _line("Withheld", f"{what}: {_told(reasons) or 'not every check could be made'}.")


def _in_words(item: Suggestion, context: CardContext) -> str:
    # not the label: its dose was never filled in
    template = context.book.templates.get(item.template or "")
    if template is not None:
        return template.display
    return "removal of the draft order" if item.action == "delete" else "change of the draft order"


def _told(text: str) -> str:
    """Explanations may quote the chart as received: they are plain text, never Markdown."""
    return plain(text, LONGEST_REASON)


def _line(title: str, text: str) -> str:
    return f"**{title}:** {sentence(text)}"


def _based_on(item: Decision, fired: Level) -> Iterator[Fact]:
    """The facts its texts name, and those that decided; what else was looked at is in the trace."""
    judged = [one.judgement for one in item.levels if one.level is fired]
    if not judged:
        return iter(item.facts)
    names = {leaf.fact.name for one in judged for leaf in decisive(one) if leaf.fact}
    names |= {name for text in (fired.summary, *fired.detail) for name, _ in HOLE.findall(text)}
    return (fact for fact in item.facts if fact.name in names)


def _evidence(facts: Iterable[Fact], lines: tuple[str, ...]) -> tuple[str, ...]:
    shown = (fact for fact in facts if isinstance(fact.state, Measured | Missing | NotKnown))
    return _unsaid((_flagged(fact) for fact in shown), lines)


def _flagged(fact: Fact) -> str:
    """With what the reader should know of a value and its sentence leaves out (safety point 6)."""
    flags = fact.state.flags if isinstance(fact.state, Measured) else ()
    told = [flag for flag in flags if flag.startswith("the test code") and fact.explained]
    return f"{fact.explained} ({'; '.join(told)})" if told else fact.explained


def _fine_print(
    item: Decision, context: CardContext, offered: tuple[SuggestionDraft, ...]
) -> tuple[str, ...]:
    def of(offer: Offer) -> tuple[str, ...]:
        template = template_of(offer, context)
        return template.fine_print if template else ()

    if not any(found.action["type"] == "create" for found in offered):
        return ()
    return tuple(dict.fromkeys(line for offer in item.offers for line in of(offer)))


def _source(item: Decision, names: tuple[str, ...], context: CardContext) -> dict[str, Any]:
    family = item.rule.family
    topic = {"code": family, "system": TOPIC_SYSTEM, "display": TOPICS.get(family, family)}
    return {**citations.primary(names, context.book, item.rule.title), "topic": topic}


def _standing(item: Decision, context: CardContext) -> str:
    rule = item.rule
    told = f"Rule {rule.id}, version {rule.version}. {_signed(rule, context)} "
    return sentence(f"{told}{overdue_line(rule, context.today)}".rstrip())


def _signed(rule: Rule, context: CardContext) -> str:
    if rule.reviewed.by != "pending":
        return f"Reviewed by {rule.reviewed.by}, {rule.reviewed.date}."
    accepted = context.book.accepted.get(rule.id)
    if accepted:
        return f"Accepted for use at this site: {accepted}."
    return "Not signed off by a clinician."


def _detail(draft: CardDraft) -> str:
    return paragraphs(
        (
            *draft.body,
            *draft.lines,
            bullets("Based on", draft.evidence),
            bullets("Kidney function", draft.kidneys),
            bullets("Please note", draft.fine_print),
            _sources(draft),
            *draft.rules,
        )
    )


def _sources(draft: CardDraft) -> str:
    return f"**Sources:** {'; '.join(draft.sources)}" if draft.sources else ""


def _card(draft: CardDraft, context: CardContext) -> dict[str, Any]:
    card: dict[str, Any] = {
        "uuid": draft.uuid,
        "summary": draft.summary,
        "detail": _detail(draft),
        "indicator": draft.indicator,
        "source": dict(draft.source),
    }
    if draft.suggestions:
        card["suggestions"] = [as_json(item) for item in draft.suggestions]
        card["selectionBehavior"] = "at-most-one"
    if draft.overrides:
        card["overrideReasons"] = [
            {"code": reason.code, "system": reason.system, "display": reason.display}
            for reason in draft.overrides
        ]
    card["extension"] = {
        "decision": context.decision_id,
        "rule": draft.rule,
        "rulebook": context.book.digest,
        "rows": list(draft.rows),
    }
    return card
