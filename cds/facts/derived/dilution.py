"""Might the sample be diluted by a running infusion? A line on the card, never a set-aside (R44).

Clinical pack R44: total calcium below 5.5 mg/dL, potassium and creatinine each down by more than
25 % against a result of the last 24 h. The calcium may be one that was set aside as implausible:
a diluted sample is what makes it so. Where one of the two others was not measured in that draw,
the other decides alone [engineering choice: it only adds a line].
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from cds.facts.model import Evidence, Fact, NotKnown, Reason, presence
from cds.facts.record import LabResult
from cds.facts.show import both_units
from cds.facts.view import View
from cds.kernel.quantity import Quantity, below
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict

_NAME = "possible_dilution"
LOW_CALCIUM = Quantity.of(Analyte.CALCIUM, "5.5", "mg/dL")
WITHIN = timedelta(hours=24)
LEFT = Decimal("0.75")  # down by more than 25 %
_READABLE = (None, Reason.IMPLAUSIBLE)


def possible_dilution(view: View) -> Fact:
    """Present when a draw of the last 24 h looks diluted; names what fell (R44)."""
    labs = view.record.labs
    if labs.gap:
        return Fact(_NAME, NotKnown(labs.key, labs.gap), labs.gap)
    found = _very_low_calcium(view)
    if found is None:
        return presence(_NAME, False, "no very low calcium in the last 24 h")
    calcium, quantity, drawn = found
    told = _compared(view, drawn)
    face = both_units(quantity, calcium.face)
    evidence = (Evidence(calcium.source, calcium.face, drawn),)
    if not told or "" in told:
        return presence(_NAME, False, f"total calcium {face} stands alone", (), evidence)
    words = f"total calcium {face}; {' and '.join(told)}"
    return presence(_NAME, True, words, told, evidence)


def _very_low_calcium(view: View) -> tuple[LabResult, Quantity, datetime] | None:
    """The newest total calcium below 5.5 mg/dL drawn in the last 24 h."""
    found = [
        (item, item.quantity, item.effective)
        for item in view.results.in_force(Analyte.CALCIUM)
        if item.set_aside in _READABLE
        and item.quantity is not None
        and item.effective is not None
        and timedelta(0) <= view.now - item.effective <= WITHIN
        and below(item.quantity, LOW_CALCIUM) is Verdict.YES
    ]
    return max(found, key=lambda one: one[0].order, default=None)


def _compared(view: View, drawn: datetime) -> tuple[str, ...]:
    """How each analyte of that draw fell by more than a quarter; "" for one that did not."""
    told: list[str] = []
    for analyte in (Analyte.POTASSIUM, Analyte.CREATININE):
        series = view.results.series(analyte).between(drawn - WITHIN, drawn)
        if len(series) < 2 or series[0].when != drawn:
            continue
        now, before = series[0], series[1]
        bound = before.quantity.to(now.quantity.unit).interval.scaled(LEFT)
        fell = below(now.quantity, Quantity(analyte, bound, now.quantity.unit)) is Verdict.YES
        told.append(f"{analyte.value} fell from {before.face} to {now.face}" if fell else "")
    return tuple(told)
