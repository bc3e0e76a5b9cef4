"""What magnesium infusions mean for a level, and what draft orders ask for.

A level drawn during an infusion or within 6 h of its end is falsely high: it starts no dose
(clinical pack section 6, "Repeat dosing"; safety point 16). A single dose above 6 g is more than a
draft may hold without a word (safety point 5).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from cds.facts.derived.doses import amount_of
from cds.facts.derived.electrolytes import is_parenteral_magnesium
from cds.facts.model import Evidence, Fact, Measured, Missing, Nothing, Reason, presence
from cds.facts.record import Administration
from cds.facts.show import mg_dose, time_words
from cds.facts.view import View
from cds.kernel.quantity import Quantity
from cds.kernel.units import Analyte

AFTER_DOSE = timedelta(hours=6)
_POST_DOSE = "magnesium_post_dose"
_DRAFT_DOSE = "magnesium_draft_dose"


def magnesium_post_dose(view: View) -> Fact:
    """Present when the level in use was drawn during a magnesium infusion or within 6 h after it.

    Doses given that are not visible are no reason to hold a dose back (R10): then absent.
    """
    level = view.fact("magnesium").state
    drawn = level.when if isinstance(level, Measured) else None
    if drawn is None:
        return presence(_POST_DOSE, False, "no magnesium level with a time")
    doses = [
        (when, item)
        for item in view.record.administrations.items
        if is_parenteral_magnesium(item) and (when := _just_before(item, drawn)) is not None
    ]
    if not doses:
        return presence(_POST_DOSE, False, "no magnesium infusion in the 6 h before the level")
    # the one nearest to the level says most
    when, last = max(doses, key=lambda dose: dose[0])
    why = f"drawn during or within 6 h of a magnesium infusion ({last.name}, {time_words(when)})"
    evidence = (Evidence(last.source, last.name, when),)
    return presence(_POST_DOSE, True, why, (last.name,), evidence)


def _just_before(item: Administration, drawn: datetime) -> datetime | None:
    """When the dose ended, or, still running, began; None where it says nothing of the level."""
    if item.start is not None and item.start > drawn:
        return None
    ended = item.end or (item.start if item.completed else None)
    if ended is None:
        return item.start  # still running when the sample was drawn
    return ended if drawn - ended <= AFTER_DOSE else None


def magnesium_draft_dose(view: View) -> Fact:
    """The largest single dose among parenteral magnesium drafts, in g of MgSO4.7H2O."""
    drafts = [o for o in view.record.drafts if o.systemic and is_parenteral_magnesium(o)]
    if not drafts:
        return Fact(_DRAFT_DOSE, Nothing("no magnesium draft"), "no parenteral magnesium draft")
    doses: list[Decimal] = []
    for order in drafts:
        dose = amount_of(order.dose, Analyte.MAGNESIUM_SULFATE_DOSE, "g").high
        if dose is None:
            why = f"the dose of {order.name} cannot be read"
            unread = (Evidence(order.source, order.name),)
            return Fact(_DRAFT_DOSE, Missing(Reason.DOSE_UNCLEAR), why, unread)
        doses.append(dose)
    grams = Quantity.of(Analyte.MAGNESIUM_SULFATE_DOSE, max(doses), "g")
    evidence = tuple(Evidence(order.source, order.name) for order in drafts)
    face = mg_dose(grams.value)
    return Fact(_DRAFT_DOSE, Measured(grams, face), f"largest draft dose {face}", evidence)
