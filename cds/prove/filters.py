"""Which cards and offers a law means: one reading for terms and for real decisions."""

from __future__ import annotations

from cds.rulebook.model import Level, Rule, Rulebook, Suggestion
from cds.rulebook.model.laws import CardFilter, OfferFilter


def is_shown(rule: Rule, hook: str) -> bool:
    """Its cards reach the clinician at this hook (a silent rule is judged, and shows nothing)."""
    return rule.status == "active" and hook in rule.hooks


def card_fits(wanted: CardFilter, rule: Rule, level: Level) -> bool:
    """Rule and row, whatever the indicator."""
    rule_fits = not wanted.rules or rule.id in wanted.rules
    return rule_fits and (not wanted.rows or level.row in wanted.rows)


def offer_fits(wanted: OfferFilter, suggestion: Suggestion, book: Rulebook) -> bool:
    """Action, ingredient, template, and whether it is a drug."""
    template = book.templates.get(suggestion.template or "")
    is_drug = template is None or template.kind == "MedicationRequest"
    ingredient = template.ingredient if template else ""
    return (
        (not wanted.actions or suggestion.action in wanted.actions)
        and (not wanted.ingredients or ingredient in wanted.ingredients)
        and (not wanted.templates or suggestion.template in wanted.templates)
        and (wanted.drugs is None or is_drug is wanted.drugs)
    )
