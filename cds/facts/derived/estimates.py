"""Kidney function estimates from creatinine: CKD-EPI 2021, Cockcroft-Gault, bedside Schwartz.

Each falls with creatinine and age and rises with weight or height, so an interval of the input
gives the interval of the estimate from its two ends. In dialysis none is computed (R13).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cds.facts.derived.failure import dialysis
from cds.facts.derived.formulas import bedside_schwartz, ckd_epi_2021, cockcroft_gault
from cds.facts.derived.inputs import (
    Person,
    Unavailable,
    adult,
    evidence_of,
    need,
    or_absent,
    person,
)
from cds.facts.model import Fact, Measured, Missing, Reason
from cds.facts.show import quantity_words, rounded_words
from cds.facts.view import View
from cds.kernel.quantity import Interval, Quantity, at_least, point
from cds.kernel.units import Analyte
from cds.kernel.verdict import Verdict

EGFR_UNIT = "mL/min/{1.73_m2}"
CKD_EPI = "CKD-EPI 2021 eGFR"
COCKCROFT = "Cockcroft-Gault"
_ONE_YEAR = Quantity.of(Analyte.AGE, 1, "a")
_ZERO = Decimal(0)


def ckd_epi(creatinine: Quantity, who: Person) -> Quantity:
    """CKD-EPI 2021 eGFR in mL/min/1.73 m2."""
    span = _falling(
        creatinine.to("mg/dL").interval,
        who.age.interval,
        lambda scr, age: ckd_epi_2021(scr, age, who.female),
    )
    return Quantity(Analyte.EGFR, span, EGFR_UNIT)


def clearance(creatinine: Quantity, who: Person, weight: Quantity) -> Quantity:
    """Cockcroft-Gault creatinine clearance in mL/min; the weight is the actual one."""
    per_kg = _falling(
        creatinine.to("mg/dL").interval,
        who.age.interval,
        lambda scr, age: cockcroft_gault(scr, age, Decimal(1), who.female),
    )
    return Quantity(Analyte.CRCL, _times(per_kg, weight.to("kg").interval), "mL/min")


def clearance_words(value: Quantity, weight: Quantity) -> str:
    """`Cockcroft-Gault 24 mL/min (actual weight 70 kg)`."""
    kilograms = rounded_words(weight.to("kg"), 1)
    return f"{COCKCROFT} {quantity_words(value)} (actual weight {kilograms})"


def egfr_words(value: Quantity) -> str:
    """`CKD-EPI 2021 eGFR 22 mL/min/1.73 m2`."""
    return f"{CKD_EPI} {quantity_words(value)}"


def egfr(view: View) -> Fact:
    """CKD-EPI 2021 eGFR in mL/min/1.73 m2, adults (clinical pack section 4, L9, R13).

    Missing in children, without age or sex, without usable creatinine, and in dialysis.
    """

    def make() -> Fact:
        who = _ready(view)
        value = ckd_epi(need(view, "creatinine").quantity, who)
        return _estimate("egfr", value, egfr_words(value), view, "creatinine")

    return or_absent("egfr", CKD_EPI, make)


def creatinine_clearance(view: View) -> Fact:
    """Cockcroft-Gault clearance in mL/min, actual weight (clinical pack section 4, R13).

    Missing as `egfr`, and without a fresh weight.
    """

    def make() -> Fact:
        who = _ready(view)
        creatinine, weight = need(view, "creatinine").quantity, need(view, "weight").quantity
        value = clearance(creatinine, who, weight)
        words = clearance_words(value, weight)
        return _estimate("creatinine_clearance", value, words, view, "creatinine", "weight")

    return or_absent("creatinine_clearance", COCKCROFT, make)


def schwartz(view: View) -> Fact:
    """Bedside Schwartz eGFR in mL/min/1.73 m2, 1 to under 18 years (clinical pack L10).

    For information only: children get no band and no dose (R12, R13).
    """

    def make() -> Fact:
        _refuse_in_dialysis(view)
        age = need(view, "age").quantity
        if at_least(age, _ONE_YEAR) is not Verdict.YES or adult(age) is not Verdict.NO:
            raise Unavailable(Missing(Reason.NOT_APPLICABLE), "made for 1 to 18 years")
        scr = need(view, "creatinine").quantity.to("mg/dL").interval
        per_cm = _falling(scr, point(_ZERO), lambda s, _: bedside_schwartz(s, Decimal(1)))
        height = need(view, "height").quantity.to("cm").interval
        value = Quantity(Analyte.EGFR, _times(per_cm, height), EGFR_UNIT)
        words = f"bedside Schwartz eGFR {quantity_words(value)}"
        return _estimate("schwartz", value, words, view, "creatinine", "height")

    return or_absent("schwartz", "bedside Schwartz eGFR", make)


def _ready(view: View) -> Person:
    _refuse_in_dialysis(view)
    who = person(view)
    if adult(who.age) is not Verdict.YES:
        raise Unavailable(Missing(Reason.NOT_APPLICABLE), "made for adults")
    return who


def _refuse_in_dialysis(view: View) -> None:
    if view.once(dialysis).verdict is Verdict.YES:
        raise Unavailable(Missing(Reason.NOT_APPLICABLE), "not computed in dialysis")


def _estimate(name: str, value: Quantity, words: str, view: View, *inputs: str) -> Fact:
    when = need(view, "creatinine").when
    state = Measured(value, quantity_words(value), when)
    return Fact(name, state, words, evidence_of(view, *inputs))


def _falling(
    scr: Interval, age: Interval, formula: Callable[[Decimal, Decimal], Decimal]
) -> Interval:
    """The interval of a formula that falls with creatinine and with age, never below zero."""
    low, high = _ZERO, None
    if scr.high is not None and age.high is not None:
        low = formula(scr.high, age.high)
    if scr.low is not None and scr.low > 0 and age.low is not None:
        exact = (scr.low, age.low) == (scr.high, age.high)
        high = low if exact else formula(scr.low, age.low)
    return Interval(low, high, scr.high_open, scr.low_open and high is not None)


def _times(rate: Interval, size: Interval) -> Interval:
    """The product of two positive intervals."""
    low = _ZERO if rate.low is None or size.low is None else rate.low * size.low
    high = None if rate.high is None or size.high is None else rate.high * size.high
    return Interval(low, high, rate.low_open and low > 0, rate.high_open and high is not None)
