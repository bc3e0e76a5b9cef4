"""Decisions -> cards (CDS Hooks 2.0.1). A card prints the decision's own sentences and nothing of
its own invention; no nulls, no empty arrays; names of cards are a function of the call.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from cds.cards.context import CardContext
from cds.cards.draft import CardDraft, Said, SuggestionDraft
from cds.cards.fold import fold
from cds.cards.identity import card_uuid
from cds.cards.imprint import told
from cds.cards.markdown import bullets, paragraphs, sentence
from cds.cards.suggestions import as_json, suggestion
from cds.cards.wording import said_card, titled
from cds.engine.decision import Decision, Decisions, Outcome
from cds.rulebook.model import Level

MOST_UNREAD = 3  # resources named on a card; the trace names all
MOST_SAID = 4  # cards remembered with one decision


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
        _draft(position, item, item.fired, decisions.fine_print, context)
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
    named = "; ".join(told(line) for line in unread[:MOST_UNREAD])
    return (cards[0].saying(titled("Not read", f"{named}{more}.")), *cards[1:])


def _draft(
    position: int, item: Decision, fired: Level, kidneys: tuple[str, ...], context: CardContext
) -> CardDraft:
    order = item.order.source if item.order else ""
    # drafts without an id share the reference `MedicationRequest/`: their place tells them apart
    which = f"{order}{position}" if order.endswith("/") else order
    uuid = card_uuid(context, item.rule.id, fired.row, which)
    offered, kept_back, remarks = _suggestions(item, context, uuid)
    creates = any(found.action["type"] == "create" for found in offered)
    # what the card says besides: the same for the same decision, whoever the call is from
    known = item.remembered(_nothing_said)
    about = (context.book.digest, context.today, kidneys, kept_back, creates)
    said = known.get(about)
    if said is None:
        said = said_card(item, fired, kidneys, context, (kept_back, remarks), creates)
        if len(known) < MOST_SAID:
            known[about] = said
    return CardDraft(position, uuid, said, which, offered)


def _nothing_said(_: Decision) -> dict[Hashable, Said]:
    return {}


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
            kept_back.append(titled("Withheld", f"{offer.label}: {found}."))
        else:
            offered.append(found)
        remarks.extend(sentence(line) for line in offer.lines)
    return tuple(offered), tuple(kept_back), tuple(remarks)


def _detail(said: Said) -> str:
    return paragraphs(
        (
            *said.body,
            *said.lines,
            bullets("Based on", said.evidence),
            bullets("Kidney function", said.kidneys),
            bullets("Please note", said.fine_print),
            _sources(said),
            *said.rules,
        )
    )


def _sources(said: Said) -> str:
    return f"**Sources:** {'; '.join(said.sources)}" if said.sources else ""


def _card(draft: CardDraft, context: CardContext) -> dict[str, Any]:
    said = draft.said
    card: dict[str, Any] = {
        "uuid": draft.uuid,
        "summary": said.summary,
        "detail": said.remembered(_detail),
        "indicator": said.indicator,
        "source": {**said.source, "topic": dict(said.source["topic"])},
    }
    if draft.suggestions:
        card["suggestions"] = [as_json(item) for item in draft.suggestions]
        card["selectionBehavior"] = "at-most-one"
    if said.overrides:
        card["overrideReasons"] = [
            {"code": reason.code, "system": reason.system, "display": reason.display}
            for reason in said.overrides
        ]
    card["extension"] = {
        "decision": context.decision_id,
        "rule": said.rule,
        "rulebook": context.book.digest,
        "rows": list(said.rows),
    }
    return card
