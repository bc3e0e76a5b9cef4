"""What is worked out in the program, in words: how a sentence calls it, and what it is.

The list is closed, as `facts/derived/registry` is. `explained` is for readers of the book who
approve the rules: each number in it stands in the clinical pack under the source given there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Worked:
    """`noun`: what a quantity is called; `there`, `absent`: the sentence for yes and no."""

    title: str
    explained: str
    noun: str = ""
    there: str = ""
    absent: str = ""
    unclear: str = ""


BANDS: Mapping[str, str] = {
    "full": "the full dose",
    "half": "half of the dose",
    "low": "only the lowest dose",
    "hold": "no dose",
}
DERIVED: Mapping[str, Worked] = {
    "renal_band": Worked(
        "Dose by kidney function",
        "The lower of two estimates counts: CKD-EPI 2021, and Cockcroft-Gault with the actual "
        "weight where a recent one is at hand. An eGFR of the laboratory counts only where no "
        "creatinine can be used. 60 mL/min or more: the full dose. 30 to below 60: half of the "
        "dose. 15 to below 30, or an unstable creatinine: only the lowest dose. Below 15, "
        "dialysis, or end-stage kidney disease without a transplant: no dose. Without a usable "
        "creatinine or eGFR, without age or sex, and in children: not known.",
    ),
    "unstable_creatinine": Worked(
        "Unstable creatinine",
        "Creatinine rose by 0.3 mg/dL (26.5 µmol/L) or more within 48 h, or to 1.5 times the "
        "lowest value of 7 days with a rise of at least 0.3 mg/dL, or acute kidney injury of the "
        "last 7 days is on the problem list.",
        there="creatinine is unstable",
        absent="creatinine is not unstable",
    ),
    "egfr": Worked(
        "Estimated GFR",
        "CKD-EPI 2021 from creatinine, age and sex. It is not worked out under dialysis.",
        noun="the estimated GFR (CKD-EPI 2021)",
    ),
    "creatinine_clearance": Worked(
        "Creatinine clearance",
        "Cockcroft-Gault from creatinine, age, sex and actual weight. Not under dialysis.",
        noun="the creatinine clearance (Cockcroft-Gault)",
    ),
    "schwartz": Worked(
        "Estimated GFR of a child",
        "Bedside Schwartz from creatinine and height.",
        noun="the estimated GFR of a child (bedside Schwartz)",
    ),
    "kidney_estimates": Worked(
        "Kidney estimates",
        "Both estimates of kidney function, printed on every card where kidneys matter.",
        there="an estimate of kidney function is at hand",
        absent="no estimate of kidney function is at hand",
    ),
    "calcium_corrected": Worked(
        "Albumin-corrected calcium",
        "Total calcium corrected by the albumin nearest in time, within 24 h (Payne), or the "
        "corrected value of the laboratory. Without albumin it is not known.",
        noun="albumin-corrected calcium",
    ),
    "refractory_hypokalemia": Worked(
        "Low potassium that does not rise despite replacement",
        "The newest potassium is low and less than 0.3 mmol/L above an earlier one, and one of two "
        "things is true. Either the earlier one was drawn 12 to 96 h before, and at least 40 mEq "
        "of potassium were given between them. Or it was drawn 24 to 96 h before, and a potassium "
        "order that began at least 6 h before the newest result and was still active shows no "
        "doses given. A normal potassium in between means: not refractory.",
        there="potassium does not rise despite replacement",
        absent="potassium is not refractory to replacement",
    ),
    "refractory_hypocalcemia": Worked(
        "Low calcium despite replacement",
        "Two low values of one kind, ionized or albumin-corrected, 6 to 96 h apart, with calcium "
        "given or ordered between them. Calcium carbonate and acetate do not count.",
        there="calcium is low again despite replacement",
        absent="calcium is not refractory to replacement",
    ),
    "possible_dilution": Worked(
        "Possibly diluted sample",
        "Total calcium is below 5.5 mg/dL, and potassium and creatinine have each fallen by more "
        "than 25 % against a result of the last 24 h.",
        there="the sample may be diluted (calcium, potassium and creatinine fell together)",
        absent="nothing suggests a diluted sample",
    ),
    "magnesium_24h": Worked(
        "Magnesium of 24 h",
        "Magnesium sulfate given into a vein or muscle in the last 24 h, and doses of active and "
        "draft orders due in the next 24 h. A dose that cannot be read leaves the total not known.",
        noun="the magnesium sulfate of 24 h, given and ordered,",
    ),
    "magnesium_post_dose": Worked(
        "Post-dose level",
        "The magnesium level was drawn during a magnesium infusion or within 6 h after its end.",
        there="the magnesium level was drawn during an infusion or within 6 h after it",
        absent="the magnesium level was not drawn during an infusion or within 6 h after it",
    ),
    "magnesium_draft_dose": Worked(
        "Largest magnesium draft",
        "The largest single dose of magnesium sulfate among the draft orders.",
        noun="the largest single dose among the magnesium drafts",
        there="a draft order of magnesium with a readable dose is there",
        unclear="a magnesium draft has a dose that cannot be read",
    ),
    "potassium_24h": Worked(
        "Potassium of 24 h",
        "All potassium, by every route (by mouth too): given in the last 24 h, and doses of active "
        "and draft orders due in the next 24 h. A dose that cannot be read leaves the total not "
        "known.",
        noun="all potassium of 24 h by every route, given and ordered,",
    ),
}
# Heads of the columns of a table that goes by kidney function, in mL/min (per 1.73 m2).
BAND_COLUMNS: Mapping[str, str] = {
    "full": "Kidney function 60 mL/min or more",
    "half": "30 up to 60",
    "low": "15 up to 30, or creatinine unstable",
    "hold": "Below 15, dialysis or end stage",
    "unknown": "Not known",
}
