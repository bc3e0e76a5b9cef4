"""What may be measured, in which units, and how the units of one analyte relate.

Units are a closed table per analyte: the valence decides what a milliequivalent is (2 for Mg and
Ca, 1 for K), so no general UCUM library is asked. Unit texts seen in the field that are not UCUM
(`mEq/L`, `mg/dl`, `K/uL`) are aliases and are reported as such.

Source of factors and plausibility limits: IUPAC conventional atomic masses (Mg 24.305, Ca 40.078,
K 39.0983, P 30.974) and creatinine 113.118 with the customary 88.4 umol/L per mg/dL, rounded as in
the clinical pack (units table). Plausibility limits are engineering choices, not reference ranges.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from cds.errors import UnknownUnit


class Analyte(Enum):
    """A dimension of its own: quantities of two different members are never comparable."""

    __hash__ = object.__hash__  # members are themselves and nothing else: no need of Python

    MAGNESIUM = "magnesium"
    POTASSIUM = "potassium"
    CALCIUM = "calcium"  # total, not corrected
    CALCIUM_CORRECTED = "calcium_corrected"  # reported or computed as albumin-corrected
    CALCIUM_IONIZED = "calcium_ionized"
    CREATININE = "creatinine"
    ALBUMIN = "albumin"
    PHOSPHATE = "phosphate"
    EGFR = "egfr"
    CRCL = "crcl"
    WBC = "wbc"
    QTC = "qtc"
    WEIGHT = "weight"
    HEIGHT = "height"
    AGE = "age"
    MAGNESIUM_SULFATE_DOSE = "magnesium_sulfate_dose"  # g of MgSO4.7H2O
    MAGNESIUM_OXIDE_DOSE = "magnesium_oxide_dose"  # mg of MgO
    POTASSIUM_DOSE = "potassium_dose"  # meq of K
    MAGNESIUM_SULFATE_RATE = "magnesium_sulfate_rate"  # g/h
    POTASSIUM_RATE = "potassium_rate"  # meq/h
    DURATION = "duration"
    FREQUENCY = "frequency"  # doses per day


@dataclass(frozen=True, slots=True)
class UnitTable:
    """The units of one analyte.

    `factors`: UCUM code -> factor to the canonical unit. `aliases`: field spelling -> UCUM code.
    `low`, `high`: plausibility limits in the canonical unit; outside them a result is set aside.
    """

    canonical: str
    factors: dict[str, Decimal]
    aliases: dict[str, str]
    low: Decimal | None = None
    high: Decimal | None = None


_SPELLINGS = {
    "mmol/L": ("mmol/l", "MMOL/L", "mMol/L", "mM"),
    "mg/dL": ("mg/dl", "MG/DL", "mg/100mL", "mg%"),
    "meq/L": ("mEq/L", "meq/l", "MEQ/L", "mEq/l", "mval/L"),
    "mg/L": ("mg/l", "ug/mL"),
    "umol/L": ("umol/l", "\u00b5mol/L", "\u03bcmol/L", "UMOL/L", "mcmol/L"),
    "g/dL": ("g/dl", "G/DL"),
    "g/L": ("g/l",),
    "mL/min/{1.73_m2}": ("mL/min/1.73m2", "mL/min/1.73 m2", "mL/min"),
    "mL/min": ("ml/min",),
    "10*9/L": ("10^9/L", "x10E9/L"),
    "10*3/uL": ("K/uL", "x10E3/uL", "10^3/uL", "thou/uL"),
    "/uL": ("cells/uL",),
    "ms": ("msec", "MS"),
    "s": ("sec",),
    "kg": ("KG",),
    "[lb_av]": ("lb", "lbs"),
    "cm": ("CM",),
    "[in_i]": ("in", "inch"),
    "a": ("years", "year", "y"),
    "g": ("gm", "G", "gram", "grams"),
    "mg": ("MG",),
    "meq": ("mEq", "MEQ"),
    "g/h": ("g/hr", "gm/hr"),
    "meq/h": ("mEq/h", "mEq/hr"),
    "/d": ("per day",),
    "mmol": ("MMOL",),
}


def unit_table(
    canonical: str, factors: dict[str, str], low: str | None = None, high: str | None = None
) -> UnitTable:
    """A table out of numbers as text (never through float); spellings that are units stay units."""
    aliases = {alias: unit for unit in factors for alias in _SPELLINGS.get(unit, ())}
    return UnitTable(
        canonical,
        {unit: Decimal(factor) for unit, factor in factors.items()},
        {alias: unit for alias, unit in aliases.items() if alias not in factors},
        Decimal(low) if low else None,
        Decimal(high) if high else None,
    )


_CALCIUM = {"mmol/L": "1", "mg/dL": "0.249513", "meq/L": "0.5"}

UNITS: dict[Analyte, UnitTable] = {
    Analyte.MAGNESIUM: unit_table(
        "mmol/L",
        {
            "mmol/L": "1",
            "mg/dL": "0.411438",
            "meq/L": "0.5",
            "mg/L": "0.0411438",
            "umol/L": "0.001",
        },
        "0.1",
        "8.0",
    ),
    Analyte.POTASSIUM: unit_table(
        "mmol/L", {"mmol/L": "1", "meq/L": "1", "mg/dL": "0.255766"}, "1.0", "12.0"
    ),
    Analyte.CALCIUM: unit_table("mmol/L", _CALCIUM, "0.75", "5.0"),
    Analyte.CALCIUM_CORRECTED: unit_table("mmol/L", _CALCIUM, "0.75", "5.0"),
    Analyte.CALCIUM_IONIZED: unit_table("mmol/L", _CALCIUM, "0.3", "3.0"),
    Analyte.CREATININE: unit_table(
        "umol/L", {"umol/L": "1", "mg/dL": "88.4", "mmol/L": "1000"}, "8.84", "3536"
    ),
    Analyte.ALBUMIN: unit_table("g/dL", {"g/dL": "1", "g/L": "0.1"}, "0.5", "7"),
    Analyte.PHOSPHATE: unit_table("mmol/L", {"mmol/L": "1", "mg/dL": "0.322872"}, "0.05", "5"),
    Analyte.EGFR: unit_table("mL/min/{1.73_m2}", {"mL/min/{1.73_m2}": "1"}, "0", "200"),
    Analyte.CRCL: unit_table("mL/min", {"mL/min": "1"}, "0", "250"),
    Analyte.WBC: unit_table("10*9/L", {"10*9/L": "1", "10*3/uL": "1", "/uL": "0.001"}, "0", "500"),
    Analyte.QTC: unit_table("ms", {"ms": "1", "s": "1000"}, "200", "900"),
    Analyte.WEIGHT: unit_table(
        "kg", {"kg": "1", "g": "0.001", "[lb_av]": "0.45359237"}, "0.3", "500"
    ),
    Analyte.HEIGHT: unit_table("cm", {"cm": "1", "m": "100", "[in_i]": "2.54"}, "20", "250"),
    Analyte.AGE: unit_table("a", {"a": "1"}),
    # 1 g MgSO4.7H2O = 4.06 mmol = 8.12 meq (50 % label; clinical pack R31)
    Analyte.MAGNESIUM_SULFATE_DOSE: unit_table("g", {"g": "1", "mg": "0.001"}),
    Analyte.MAGNESIUM_OXIDE_DOSE: unit_table("mg", {"mg": "1", "g": "1000"}),
    Analyte.POTASSIUM_DOSE: unit_table("meq", {"meq": "1", "mmol": "1"}),
    Analyte.MAGNESIUM_SULFATE_RATE: unit_table("g/h", {"g/h": "1"}),
    Analyte.POTASSIUM_RATE: unit_table("meq/h", {"meq/h": "1"}),
    Analyte.DURATION: unit_table("h", {"h": "1", "min": "0.0166666666666666666667", "d": "24"}),
    Analyte.FREQUENCY: unit_table("/d", {"/d": "1"}),
}


def read_unit(analyte: Analyte, text: str) -> tuple[str, bool]:
    """The UCUM code for a unit text and whether it was spelled as an alias.

    Raises `UnknownUnit` when the text means nothing for this analyte: a unit is never guessed.
    """
    table = UNITS[analyte]
    spelled = text.strip()
    if spelled in table.factors:
        return spelled, False
    if spelled in table.aliases:
        return table.aliases[spelled], True
    raise UnknownUnit(f"`{spelled}` is not a unit of {analyte.value}")


def factor(analyte: Analyte, unit: str) -> Decimal:
    """Factor from `unit` to the canonical unit of `analyte`."""
    return UNITS[analyte].factors[unit]
