"""Is creatinine stable enough for an estimate (clinical pack R13, R41; KDIGO AKI, L8)?

Rising is judged backwards from the newest usable value; a falling creatinine, anuria and urine
output are not read in this version (clinical pack section 6).
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from cds.facts.derived.inputs import Finding, evidence_of, finding, need, or_absent
from cds.facts.derived.spans import minus, reaches
from cds.facts.draws import Draw
from cds.facts.model import Fact, Measured, NotKnown, presence
from cds.facts.show import both_units, span_words
from cds.facts.view import View
from cds.kernel.quantity import Interval, Quantity
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict, all_of

RISE_WITHIN = timedelta(hours=48)
RATIO_WITHIN = timedelta(days=7)
RATIO = Decimal("1.5")
# 0.3 mg/dL in each unit's own constant (L8); converted values get the tolerance of section 4.
_RISE = {"mg/dL": Decimal("0.3"), "umol/L": Decimal("26.5"), "mmol/L": Decimal("0.0265")}
_TOLERANCE = Decimal("1e-9")


def unstable(view: View) -> Finding:
    """Creatinine up by 0.3 mg/dL in 48 h, or by half (and 0.3) in 7 d, or a recent AKI code.

    No usable creatinine in the window leaves only the AKI code to judge by (R13).
    """
    coded = finding(view, "aki_recent")
    if coded.verdict is Verdict.YES:
        return Finding(Verdict.YES, f"acute kidney injury ({coded.words})", coded.evidence)
    rising = _rising(view)
    if rising.verdict is Verdict.YES or coded.verdict is Verdict.NO:
        return rising
    why = coded.absent.why if coded.absent else coded.words
    words = f"acute kidney injury cannot be excluded ({why})"
    return Finding(Verdict.CANNOT_TELL, words, (), coded.absent)


def unstable_creatinine(view: View) -> Fact:
    """Present when no estimate can be trusted because creatinine is rising (R13, R41)."""
    name = "unstable_creatinine"

    def make() -> Fact:
        found = view.once(unstable)
        if found.verdict is Verdict.CANNOT_TELL:
            state = found.absent or NotKnown("observations", found.words)
            return Fact(name, state, found.words, found.evidence)
        if found.verdict is Verdict.YES:
            return presence(name, True, found.words, (found.words,), found.evidence)
        need(view, "creatinine")
        return presence(name, False, found.words, (), evidence_of(view, "creatinine"))

    return or_absent(name, "creatinine trend", make)


def _rising(view: View) -> Finding:
    fact = view.fact("creatinine")
    state = fact.state
    if isinstance(state, NotKnown):
        return Finding(Verdict.CANNOT_TELL, fact.explained, (), state)
    if not isinstance(state, Measured) or state.when is None:
        return Finding(Verdict.NO, "no earlier creatinine to compare with")
    since = state.when - RATIO_WITHIN
    series = view.results.series(Analyte.CREATININE).between(since, state.when)
    risen = [(_risen(state, draw), draw) for draw in series if draw.when < state.when]
    for wanted in (Verdict.YES, Verdict.CANNOT_TELL):
        found = next((draw for verdict, draw in risen if verdict is wanted), None)
        if found is not None:
            words = _against(state, found, wanted)
            return Finding(wanted, words, (*fact.evidence, *found.evidence))
    return Finding(Verdict.NO, "creatinine is not rising")


def _span(newest: Measured, earlier: Draw) -> timedelta:
    return newest.when - earlier.when if newest.when else RATIO_WITHIN


def _risen(newest: Measured, earlier: Draw) -> Verdict:
    """Since one earlier value: risen by 0.3 within 48 h, or by half and 0.3 within 7 days."""
    now, then = newest.quantity, earlier.quantity.to(newest.quantity.unit)
    rise = _grown(now, then)
    if rise is Verdict.NO or _span(newest, earlier) <= RISE_WITHIN:
        return rise
    return all_of((rise, _multiplied(now.interval, then.interval)))


def _against(newest: Measured, earlier: Draw, rise: Verdict) -> str:
    face = both_units(newest.quantity, newest.as_received)
    words = f"creatinine {face}, {span_words(_span(newest, earlier))} after {earlier.words}"
    return f"{words}: the rise cannot be told" if rise is Verdict.CANNOT_TELL else words


def _grown(now: Quantity, then: Quantity) -> Verdict:
    """R41: the absolute rise, needed by both criteria."""
    bound = _RISE[now.unit] - _TOLERANCE
    return reaches(minus(now.interval, then.interval), bound)


def _multiplied(now: Interval, then: Interval) -> Verdict:
    """now >= 1.5 x then, as now - 1.5 x then >= 0."""
    return reaches(minus(now, then.scaled(RATIO)), -_TOLERANCE)
