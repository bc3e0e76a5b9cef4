"""Finished cards for one kind of client (`clients.profile`). The plain profile changes nothing.

What the client would not carry out as written is no button: it becomes a sentence that says the
whole order in words. Nothing is renamed: cards and suggestions keep their uuids (design law 7).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cds.cards.dosing import shown
from cds.cards.markdown import paragraphs, sentence
from cds.clients.profile import PLAIN, OrderCode, Profile
from cds.rulebook.model import OrderTemplate

LONGEST_TOPIC = 100  # characters; docs/CLIENTS.md
CATEGORY = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
BY_HAND = "Not offered as a button"
COMPARE = "Compare before signing"
NOT_CARRIED_OUT = "this system takes no {action} of an order from a card; make it by hand"
NOT_MAPPED = (
    "this system takes the details of an order from its own list, and no entry of that list is "
    "named for exactly this order; enter it by hand"
)
NOT_SHOWN = "this system would not show the drug of this order; enter it by hand"
FROM_THE_LIST = (
    "this system takes dose, rate and duration from its own list, not from this card; meant is"
)

_CODED = {"MedicationRequest": "medicationCodeableConcept", "ServiceRequest": "code"}
_NOT_IN_TOPIC = re.compile(r"[^A-Za-z0-9]")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Shaped:
    """A suggestion as the client gets it, or None, and what the card says about it."""

    suggestion: Json | None
    line: str = ""


def adapted(
    cards: tuple[Json, ...], profile: Profile, templates: Mapping[str, OrderTemplate]
) -> tuple[Json, ...]:
    """The cards of one answer in the shape this client reads.

    `templates` are the order templates of the rulebook: what a suggestion creates is found among
    them by its code. The cards handed in stay as they are.
    """
    if profile is PLAIN:
        return cards
    return tuple(_card(card, profile, templates) for card in cards)


def order_name(resource: Mapping[str, Any], templates: Mapping[str, OrderTemplate]) -> str:
    """The order with its dose: `magnesium-level`, `magnesium-sulfate-bag 2 g over 2 h`,
    `magnesium-oxide-tablet 400 mg 2/d`; "" where no template or no dose can be told.

    A site names its own orders by these. The dose is in the name because the client takes it from
    its list: one entry for all doses would give 4 g where the rules say 1 g.
    """
    template = _template(resource, templates)
    if template is None or resource["resourceType"] != "MedicationRequest":
        return template.name if template else ""
    try:
        return f"{template.name} {_dose(resource['dosageInstruction'][0])}"
    except (KeyError, IndexError):  # a template of a site may say its dose elsewhere
        return ""


def _dose(dosage: Json) -> str:
    dose, repeat = dosage["doseAndRate"][0]["doseQuantity"], dosage["timing"]["repeat"]
    amount = f"{shown(Decimal(dose['value']))} {dose['code']}"
    if "duration" in repeat:
        return f"{amount} over {shown(Decimal(repeat['duration']))} {repeat['durationUnit']}"
    return f"{amount} {repeat['frequency']}/d"


def unknown_orders(profile: Profile, templates: Mapping[str, OrderTemplate]) -> tuple[str, ...]:
    """Order codes of a profile whose name begins with no order template: spelling mistakes."""
    return tuple(name for name in profile.order_codes if name.partition(" ")[0] not in templates)


def _template(
    resource: Mapping[str, Any], templates: Mapping[str, OrderTemplate]
) -> OrderTemplate | None:
    kind = resource["resourceType"]
    codes = {item.get("code") for item in resource.get(_CODED[kind], {}).get("coding", ())}
    found = (one for one in templates.values() if one.kind == kind and one.code in codes)
    return next(found, None)


def _card(card: Json, profile: Profile, templates: Mapping[str, OrderTemplate]) -> Json:
    shaped = [_shaped(item, profile, templates) for item in card.get("suggestions", ())]
    kept = [item.suggestion for item in shaped if item.suggestion is not None]
    lines = [item.line for item in shaped if item.line]
    changed = {**card, "source": _source(card, profile)}
    if lines:  # before all else: it stands where the button would have told the order
        changed["detail"] = paragraphs((*lines, card.get("detail", "")))
    if not kept:
        return _without(changed, ("suggestions", "selectionBehavior"))
    changed["suggestions"] = kept
    changed["selectionBehavior"] = profile.selection_behavior or card["selectionBehavior"]
    return changed


def _without(card: Json, members: Iterable[str]) -> Json:
    return {name: value for name, value in card.items() if name not in members}


def _source(card: Json, profile: Profile) -> Json:
    source: Json = card["source"]
    if not profile.topic_per_row:
        return source
    topic = source["topic"]
    # the finding, not only the family: an override of a mild one must not silence a severe one
    named = _NOT_IN_TOPIC.sub("", topic["code"] + card["extension"]["rows"][0])
    return {**source, "topic": {**topic, "code": named[:LONGEST_TOPIC]}}


def _shaped(item: Json, profile: Profile, templates: Mapping[str, OrderTemplate]) -> _Shaped:
    """A suggestion holds one action (`cards.suggestions`)."""
    (action,) = item["actions"]
    if action["type"] not in profile.actions:
        return _in_words(action, NOT_CARRIED_OUT.format(action=action["type"]))
    resource = action.get("resource")
    if resource is None:
        return _Shaped(item)
    if profile.medication_text and not _is_shown(resource):
        return _in_words(action, NOT_SHOWN)
    if action["type"] != "create":
        return _Shaped(item)
    if resource["resourceType"] in profile.mapped_creates:
        return _mapped(item, action, profile, templates)
    if not profile.coding_systems:
        return _Shaped(item)
    return _Shaped(_creating(item, action, _recoded(resource, profile)))


def _mapped(
    item: Json, action: Json, profile: Profile, templates: Mapping[str, OrderTemplate]
) -> _Shaped:
    """What a client creates from its own list."""
    resource = action["resource"]
    own = profile.order_codes.get(order_name(resource, templates))
    if own is None:
        return _in_words(action, NOT_MAPPED)
    made = _creating(item, action, _recoded(_picked(resource, own), profile))
    if resource["resourceType"] == "ServiceRequest":
        return _Shaped(made)
    return _Shaped(made, _line(COMPARE, f"{FROM_THE_LIST}: {action['description']}."))


def _in_words(action: Json, why: str) -> _Shaped:
    # the description holds the dosage text word for word: drug, dose, rate and duration
    return _Shaped(None, _line(BY_HAND, f"{action['description']}. Why: {why}."))


def _line(title: str, text: str) -> str:
    return f"**{title}:** {sentence(text)}"


def _is_shown(resource: Json) -> bool:
    """Whether a drug has the text and first code that are all the client reads of it."""
    if resource["resourceType"] != "MedicationRequest":
        return True
    concept = resource.get("medicationCodeableConcept") or {}
    codings = concept.get("coding") or [{}]
    return bool(concept.get("text") and codings[0].get("code"))


def _creating(item: Json, action: Json, resource: Json) -> Json:
    return {**item, "actions": [{**action, "resource": resource}]}


def _picked(resource: Json, own: OrderCode) -> Json:
    """The order as an entry of the client's list. Its code stands alone: of several the client
    might follow another, with another dose behind it."""
    member = _CODED[resource["resourceType"]]
    coding = {"system": own.system, "code": own.code}
    if own.display:
        coding["display"] = own.display
    picked = {**resource, member: {**resource[member], "coding": [coding]}}
    if own.category:
        picked["category"] = [{"coding": [{"system": CATEGORY, "code": own.category}]}]
    return picked


def _recoded(resource: Json, profile: Profile) -> Json:
    """The order with code systems as the client spells them."""
    member = _CODED[resource["resourceType"]]
    concept = resource[member]
    systems = profile.coding_systems
    coding = [
        {**one, "system": systems.get(one["system"], one["system"])} for one in concept["coding"]
    ]
    return {**resource, member: {**concept, "coding": coding}}
