"""Offers -> suggestions. One suggestion holds one action: actions of one suggestion all belong
together, and several clients apply only the first (CDS Hooks 2.0.1; spec notes, trap 8).

No suggestion is marked `isRecommended`: some clients tick recommended suggestions in advance, and
a proposal nobody has looked at must not be ticked (safety, first sentence).
"""

from __future__ import annotations

from typing import Any

from cds.cards.context import CardContext
from cds.cards.dosing import (
    NOT_AN_ORDER,
    NotOrderable,
    infusion,
    infusion_values,
    tablet_values,
)
from cds.cards.draft import SuggestionDraft
from cds.cards.identity import suggestion_uuid
from cds.cards.update import updated
from cds.engine.decision import Offer
from cds.kernel.quantity import Quantity
from cds.kernel.text import plain
from cds.rulebook.holes import Filling, fill, filling
from cds.rulebook.model import OrderTemplate

NOT_EDITED = "the draft order is not edited here because parts of it cannot be read for certain"
NOT_WRITTEN = "the order could not be written safely"

MOST_DOSES = 64  # of one order that are kept; the tables of a rulebook hold a few each
_PEOPLE = {name: f"${{{name}}}" for name in ("subject", "encounter", "reasons")}  # filled later

_Amounts = tuple[Quantity | None, Quantity | None, Quantity | None, int | None, int | None]


def suggestion(offer: Offer, context: CardContext, card: str, index: int) -> SuggestionDraft | str:
    """The suggestion, or the reason why the offer stays a sentence."""
    uuid = suggestion_uuid(card, index)
    action = offer.suggestion.action
    if action == "create":
        return _create(offer, context, uuid)
    return _delete(offer, context, uuid) if action == "delete" else _update(offer, context, uuid)


def template_of(offer: Offer, context: CardContext) -> OrderTemplate | None:
    """The order template an offer creates from."""
    return context.book.templates.get(offer.suggestion.template or "")


def as_json(draft: SuggestionDraft) -> dict[str, Any]:
    """The suggestion on the wire."""
    return {
        "label": draft.label or draft.action["description"],
        "uuid": draft.uuid,
        "actions": [dict(draft.action)],
    }


def _create(offer: Offer, context: CardContext, uuid: str) -> SuggestionDraft | str:
    template = template_of(offer, context)
    if template is None:
        return NOT_WRITTEN
    try:
        resource = _ordered(offer, template)(_people(offer, context))
    except NOT_AN_ORDER:
        return NOT_WRITTEN
    drug = template.kind == "MedicationRequest"
    text = resource["dosageInstruction"][0]["text"] if drug else ""
    action = {
        "type": "create",
        "description": f"Order {template.display}: {text}" if drug else f"Order {template.display}",
        "resource": resource,
    }
    return SuggestionDraft(
        uuid=uuid,
        label=offer.label,
        action=action,
        ingredient=(template.ingredient or template.name) if drug else "",
        test="" if drug else template.code,
    )


def _ordered(offer: Offer, template: OrderTemplate) -> Filling:
    """The order with its dose, to be filled with whom it is for: doses come again and again."""
    amounts = (offer.dose, offer.rate, offer.hours, offer.units, offer.per_day)
    known = template.remembered(_no_orders)
    found = known.get(amounts)
    if found is None:
        dosed = fill(template.resource, {**_PEOPLE, **_values(offer, template)})
        found = filling(dosed)
        if len(known) < MOST_DOSES:
            known[amounts] = found
    return found


def _no_orders(_: OrderTemplate) -> dict[_Amounts, Filling]:
    return {}


def _values(offer: Offer, template: OrderTemplate) -> dict[str, Any]:
    if template.fills == "units":
        return infusion_values(infusion(offer, template), template)
    if template.fills == "frequency":
        return tablet_values(offer, template)
    if template.kind == "MedicationRequest":
        raise NotOrderable("a drug without a dose")
    return {}


def _people(offer: Offer, context: CardContext) -> dict[str, Any]:
    """Patient, encounter if known, and the results the order rests on. No date is made up."""
    encounter = context.encounter_id
    return {
        "subject": {"reference": f"Patient/{context.patient_id}"},
        "encounter": {"reference": f"Encounter/{encounter}"} if encounter else None,
        "reasons": [{"reference": source} for source in _observations(offer)] or None,
    }


def _observations(offer: Offer) -> tuple[str, ...]:
    found = dict.fromkeys(source for source in offer.because if source.startswith("Observation/"))
    found.pop("Observation/", None)
    return tuple(found)


def _delete(offer: Offer, context: CardContext, uuid: str) -> SuggestionDraft | str:
    order = offer.order
    if order is None or order.source not in context.drafts or order.source.endswith("/"):
        return NOT_EDITED
    action = {
        "type": "delete",
        "description": f"Remove the draft order {plain(order.name)}",
        "resourceId": order.source,
    }
    return SuggestionDraft(uuid, offer.label, action, target=order.source)


def _update(offer: Offer, context: CardContext, uuid: str) -> SuggestionDraft | str:
    order = offer.order
    if order is None or order.source not in context.drafts:
        return NOT_EDITED
    template = context.template_of(order.product)
    product = context.book.terminology.products.get(order.product) if order.product else None
    change = updated(context.drafts[order.source], offer, template, product)
    if change is None or f"MedicationRequest/{change.resource['id']}" != order.source:
        return NOT_EDITED
    text = change.resource["dosageInstruction"][0]["text"]
    action = {
        "type": "update",
        "description": f"Change the draft order {plain(order.name)} to {text}",
        "resource": change.resource,
    }
    return SuggestionDraft(uuid, offer.label, action, target=order.source)
