"""The four formulas of the clinical pack (section 4), in exact decimal arithmetic.

Pure functions of numbers; units are in the names of the arguments. Worked values of the pack are
the tests. No rounding here: bands are decided on the unrounded number.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

_ONE = Decimal(1)


def ckd_epi_2021(creatinine_mgdl: Decimal, age_years: Decimal, female: bool) -> Decimal:
    """eGFR in mL/min/1.73 m2, adults (CKD-EPI 2021 creatinine, race-free; clinical pack L9)."""
    value = _by_creatinine(str(creatinine_mgdl), female) * Decimal("0.9938") ** age_years
    return value * Decimal("1.012") if female else value


@lru_cache(maxsize=4096)
def _by_creatinine(creatinine_mgdl: str, female: bool) -> Decimal:
    """What does not depend on the age. Powers with fractions are slow, and there are only so many
    creatinines; kept by their digits, so that an answer never depends on an earlier one."""
    kappa, alpha = (
        (Decimal("0.7"), Decimal("-0.241")) if female else (Decimal("0.9"), Decimal("-0.302"))
    )
    ratio = Decimal(creatinine_mgdl) / kappa
    return Decimal(142) * min(ratio, _ONE) ** alpha * max(ratio, _ONE) ** Decimal("-1.200")


def cockcroft_gault(
    creatinine_mgdl: Decimal, age_years: Decimal, weight_kg: Decimal, female: bool
) -> Decimal:
    """Creatinine clearance in mL/min for the weight given (clinical pack section 4)."""
    value = (Decimal(140) - age_years) * weight_kg / (Decimal(72) * creatinine_mgdl)
    return value * Decimal("0.85") if female else value


def bedside_schwartz(creatinine_mgdl: Decimal, height_cm: Decimal) -> Decimal:
    """eGFR in mL/min/1.73 m2, 1 to 18 years, IDMS creatinine (clinical pack L10)."""
    return Decimal("0.413") * height_cm / creatinine_mgdl


def corrected_calcium_mgdl(calcium_mgdl: Decimal, albumin_gdl: Decimal) -> Decimal:
    """Albumin-corrected total calcium in mg/dL (Payne; clinical pack section 4)."""
    return calcium_mgdl + Decimal("0.8") * (Decimal("4.0") - albumin_gdl)


def corrected_calcium_si(calcium_mmoll: Decimal, albumin_gl: Decimal) -> Decimal:
    """Albumin-corrected total calcium in mmol/L (Payne; clinical pack section 4)."""
    return calcium_mmoll + Decimal("0.02") * (Decimal(40) - albumin_gl)
