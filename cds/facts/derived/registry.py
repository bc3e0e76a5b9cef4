"""The derived facts a rule file may name (`derived: renal_band`), with what each one reads.

The declaration is checked by a test that records what the function really asks: the rulebook
compiler, the audit record and the proofs rely on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from cds.facts.derived.calcium import calcium_corrected
from cds.facts.derived.creatinine import unstable_creatinine
from cds.facts.derived.dilution import possible_dilution
from cds.facts.derived.estimates import creatinine_clearance, egfr, schwartz
from cds.facts.derived.hypocalcemia import refractory_hypocalcemia
from cds.facts.derived.magnesium import magnesium_draft_dose, magnesium_post_dose
from cds.facts.derived.refractory import refractory_hypokalemia
from cds.facts.derived.renal import LABELS, kidney_estimates, renal_band
from cds.facts.derived.totals import magnesium_24h, potassium_24h
from cds.facts.model import Fact
from cds.facts.view import View
from cds.kernel.units import Analyte


@dataclass(frozen=True, slots=True)
class Derived:
    """A derived fact: its function, the type of its answer, and everything it asks.

    `reads`: declared facts; `windows`, `thresholds`: names of the rulebook; `drafts`: does it look
    at draft orders; `cite`: the source.
    """

    function: Callable[[View], Fact]
    kind: Literal["quantity", "category", "presence"]
    analyte: Analyte | None = None
    labels: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    thresholds: tuple[str, ...] = ()
    drafts: bool = False
    cite: str = ""


_DIALYSIS = ("dialysis", "dialysis_procedure")
_ADULT = ("age", "creatinine")
_BAND = (
    *_ADULT, "weight", "egfr_reported", "aki_recent", *_DIALYSIS, "esrd", "kidney_transplant",
)  # fmt: skip
_CALCIUM = ("calcium", "calcium_corrected_reported")

DERIVED: Mapping[str, Derived] = {
    "egfr": Derived(
        egfr,
        "quantity",
        Analyte.EGFR,
        reads=(*_ADULT, *_DIALYSIS),
        cite="CKD-EPI 2021 creatinine equation; clinical pack section 4, R13",
    ),
    "creatinine_clearance": Derived(
        creatinine_clearance,
        "quantity",
        Analyte.CRCL,
        reads=(*_ADULT, "weight", *_DIALYSIS),
        cite="Cockcroft-Gault, actual weight; clinical pack section 4, R13",
    ),
    "schwartz": Derived(
        schwartz,
        "quantity",
        Analyte.EGFR,
        reads=(*_ADULT, "height", *_DIALYSIS),
        cite="bedside Schwartz; clinical pack section 4",
    ),
    "unstable_creatinine": Derived(
        unstable_creatinine,
        "presence",
        reads=("creatinine", "aki_recent"),
        cite="KDIGO AKI; clinical pack R13, R41",
    ),
    "renal_band": Derived(
        renal_band,
        "category",
        labels=LABELS,
        reads=_BAND,
        cite="clinical pack R12, R13",
    ),
    "kidney_estimates": Derived(
        kidney_estimates,
        "presence",
        reads=_BAND,
        cite="clinical pack section 4, R13",
    ),
    "calcium_corrected": Derived(
        calcium_corrected,
        "quantity",
        Analyte.CALCIUM_CORRECTED,
        reads=_CALCIUM,
        cite="Payne; clinical pack section 4, R20",
    ),
    "refractory_hypokalemia": Derived(
        refractory_hypokalemia,
        "presence",
        reads=("potassium",),
        thresholds=("k_low",),
        cite="clinical pack R19, R40",
    ),
    "refractory_hypocalcemia": Derived(
        refractory_hypocalcemia,
        "presence",
        reads=("calcium_ionized", *_CALCIUM),
        thresholds=("ca_corrected_low", "ica_low"),
        cite="clinical pack R20",
    ),
    "possible_dilution": Derived(
        possible_dilution,
        "presence",
        cite="clinical pack R44",
    ),
    "magnesium_24h": Derived(
        magnesium_24h,
        "quantity",
        Analyte.MAGNESIUM_SULFATE_DOSE,
        drafts=True,
        cite="clinical pack R30",
    ),
    "magnesium_post_dose": Derived(
        magnesium_post_dose,
        "presence",
        reads=("magnesium",),
        cite="clinical pack section 6, repeat dosing",
    ),
    "magnesium_draft_dose": Derived(
        magnesium_draft_dose,
        "quantity",
        Analyte.MAGNESIUM_SULFATE_DOSE,
        drafts=True,
        cite="clinical pack safety point 5",
    ),
    "potassium_24h": Derived(
        potassium_24h,
        "quantity",
        Analyte.POTASSIUM_DOSE,
        drafts=True,
        cite="clinical pack R30",
    ),
}
