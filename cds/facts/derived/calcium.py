"""Albumin-corrected calcium (Payne; clinical pack section 4, R20).

Ionized calcium is another analyte and always wins where both are judged; a value the laboratory
reports as corrected is never corrected again (safety point 13). Unreliable in kidney disease,
intensive care, paraproteins and albumin below 2 g/dL: the explanation says which albumin was used.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from cds.facts.derived.formulas import corrected_calcium_mgdl, corrected_calcium_si
from cds.facts.derived.inputs import Unavailable, need, or_absent
from cds.facts.draws import Draw, Results
from cds.facts.model import Fact, Measured, Missing, Reason
from cds.facts.show import both_units, quantity_words, span_words
from cds.facts.view import View
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte

ALBUMIN_WITHIN = timedelta(hours=24)  # R20


def nearest_albumin(labs: Results, when: datetime, now: datetime) -> Draw | None:
    """The usable albumin drawn nearest to `when`, at most 24 h away; of two as near, the later."""
    until = min(when + ALBUMIN_WITHIN, now)
    series = labs.series(Analyte.ALBUMIN).between(when - ALBUMIN_WITHIN, until)
    return min(series, key=lambda draw: abs(draw.when - when), default=None)


def corrected(calcium: Quantity, albumin: Quantity) -> Quantity:
    """Payne's correction in the unit the calcium was reported in."""
    span = calcium.interval
    in_gdl = calcium.unit == "mg/dL"
    formula = corrected_calcium_mgdl if in_gdl else corrected_calcium_si
    base = span if in_gdl else calcium.to("mmol/L").interval
    alb = albumin.to("g/dL" if in_gdl else "g/L").interval
    # Falls as albumin rises: each end takes the opposite end of the albumin.
    low = None if base.low is None or alb.high is None else formula(base.low, alb.high)
    high = None if base.high is None or alb.low is None else formula(base.high, alb.low)
    opens = (base.low_open or alb.high_open, base.high_open or alb.low_open)
    unit = "mg/dL" if in_gdl else "mmol/L"
    return Quantity(Analyte.CALCIUM_CORRECTED, Interval(low, high, *opens), unit).to(calcium.unit)


def calcium_corrected(view: View) -> Fact:
    """Corrected calcium in the unit of the total calcium in its window (clinical pack section 4).

    The laboratory's own corrected value where it is at least as new as the total calcium.
    Missing without an albumin within 24 h of the draw.
    """
    name = "calcium_corrected"
    reported = view.fact("calcium_corrected_reported")
    total = view.fact("calcium").state
    if isinstance(reported.state, Measured) and not _newer(total, reported.state):
        words = f"{reported.explained} (corrected by the laboratory)"
        return Fact(name, reported.state, words, reported.evidence)
    return or_absent(name, "albumin-corrected calcium", lambda: _computed(view, name))


def _newer(total: object, reported: Measured) -> bool:
    if not isinstance(total, Measured) or total.when is None or reported.when is None:
        return False
    return total.when > reported.when


def _computed(view: View, name: str) -> Fact:
    total = need(view, "calcium")
    face = both_units(total.quantity, total.as_received)
    near = None if total.when is None else nearest_albumin(view.results, total.when, view.now)
    if near is None or total.when is None:
        missing = Missing(Reason.NONE_FOUND, total.as_received, total.when)
        raise Unavailable(missing, f"no albumin within 24 h of the total calcium {face}")
    value = corrected(total.quantity, near.quantity)
    words = (
        f"albumin-corrected calcium {both_units(value)}, from total calcium {face} and albumin "
        f"{near.face} drawn {span_words(abs(near.when - total.when))} apart (Payne)"
    )
    state = Measured(value, quantity_words(value), total.when, near.flags)
    return Fact(name, state, words, (*view.fact("calcium").evidence, *near.evidence))
