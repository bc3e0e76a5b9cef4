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


_POST_DOSE = "during a magnesium infusion or within 6 h after its end"
# The words of the cards (`facts/derived/renal`): one name for one class of kidney function.
BANDS: Mapping[str, str] = {
    "full": "good",
    "half": "reduced",
    "low": "severely reduced",
    "hold": "failing",
    "unknown": "not known",
}
DERIVED: Mapping[str, Worked] = {
    "renal_band": Worked(
        "Kidney function",
        "The lower of two estimates counts: CKD-EPI 2021, and Cockcroft-Gault with the actual "
        "weight where a recent one is at hand. An eGFR of the laboratory counts only where no "
        "creatinine can be used. The classes are judged in this order. Failing: dialysis, "
        "end-stage kidney disease without a transplant, or an estimate below 15 mL/min, also "
        "when creatinine is unstable. Not known: no usable creatinine or eGFR, no age or sex, "
        "or a child, also when creatinine is unstable. Severely reduced: 15 to below 30 mL/min, "
        "or an unstable creatinine at any higher estimate. Reduced: 30 to below 60 mL/min. Good: "
        "60 mL/min or more. Dialysis is an active entry of the problem list, of any date; a "
        "dialysis procedure of the last 30 days, or without a date; or a laboratory result of "
        "the last 30 days that is coded as drawn before dialysis. End-stage kidney disease and "
        "a kidney transplant are active entries of the problem list, of any date.",
    ),
    "unstable_creatinine": Worked(
        "Unstable creatinine",
        "Creatinine rose by 0.3 mg/dL (26.5 µmol/L) or more within 48 h, or to 1.5 times the "
        "lowest value of 7 days with a rise of at least 0.3 mg/dL, or acute kidney injury of the "
        "last 7 days is on the problem list. With a single creatinine only the problem list "
        "decides: without acute kidney injury, creatinine counts as not unstable.",
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
        "The estimates of kidney function that could be worked out, printed on every card where "
        "kidneys matter. Under dialysis there are none.",
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
        "of potassium were given between them. Or it was drawn 24 to 96 h before, a potassium "
        "order that is not “as needed” began at least 6 h before the newest result and was still "
        "active, and no record of a dose of it was sent; the potassium is then taken as given. "
        "This is so also where doses given were sent and none is of this order, and a record that "
        "says “not given” is no record of a dose. A normal potassium in between means: not "
        "refractory.",
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
        "Total calcium of the last 24 h is below 5.5 mg/dL (1.37 mmol/L), and potassium and "
        "creatinine of the same blood sample are each more than 25 % lower than a result of the "
        "24 h before it. Where one of these two was not measured in that sample, the other "
        "decides alone.",
        there="the sample may be diluted (total calcium below 5.5 mg/dL or 1.37 mmol/L, and "
        "potassium and creatinine, or the one of them that was measured, much lower than before)",
        absent="nothing suggests a diluted sample",
    ),
    "magnesium_24h": Worked(
        "Magnesium sulfate given in the last 24 h plus due in the next 24 h",
        "Given in the last 24 h, and doses of active and drafted orders due in the next 24 h: a "
        "span of 48 h, compared with a limit for 24 h. Every route but by mouth counts, also one "
        "that is not stated. Magnesium sulfate inside other infusions counts too, parenteral "
        "nutrition does not. A dose that cannot be read leaves the total not known, also where the "
        "rest alone is above the limit. Where doses given were not sent, orders alone count.",
        noun="magnesium sulfate given in the last 24 h plus due in the next 24 h",
    ),
    "magnesium_post_dose": Worked(
        "Post-dose level",
        f"The magnesium level was drawn {_POST_DOSE}. A dose into a muscle counts like an "
        "infusion.",
        there=f"the magnesium level was drawn {_POST_DOSE}",
        absent=f"the magnesium level was not drawn {_POST_DOSE}",
    ),
    "magnesium_draft_dose": Worked(
        "Largest magnesium draft",
        "The largest single dose of magnesium sulfate among the drafted orders that are not by "
        "mouth.",
        noun="the largest single dose among the drafted orders of magnesium sulfate",
        there="a drafted order of magnesium sulfate with a readable dose is there",
        unclear="a drafted order of magnesium sulfate has a dose that cannot be read",
    ),
    "potassium_24h": Worked(
        "Potassium given in the last 24 h plus due in the next 24 h",
        "Given in the last 24 h, and doses of active and drafted orders due in the next 24 h: a "
        "span of 48 h, compared with a limit for 24 h. Every route counts, by mouth too. A dose "
        "that cannot be read leaves the total not known, also where the rest alone is above the "
        "limit. Parenteral nutrition is not counted. "
        "Where doses given were not sent, orders alone count.",
        noun="all potassium (every route) given in the last 24 h plus due in the next 24 h",
    ),
}
# Heads of the columns of a table that goes by kidney function, in mL/min (per 1.73 m2).
BAND_COLUMNS: Mapping[str, str] = {
    "full": "Kidney function good: 60 mL/min or more",
    "half": "Reduced: 30 to below 60 mL/min",
    "low": "Severely reduced: 15 to below 30 mL/min, or creatinine unstable",
    "hold": "Failing: below 15 mL/min, dialysis, or end-stage disease without a transplant",
    "unknown": "Not known",
}
