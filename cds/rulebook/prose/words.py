"""Plain words for what rule files name by a short word: drug roles, problems, places, reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from cds.facts import show
from cds.facts.model import Reason

ROLES = {
    "mg-replacement-iv": "magnesium by injection or infusion",
    "mg-replacement-oral": "magnesium by mouth as a supplement",
    "mg-containing-laxative": "a magnesium laxative",
    "mg-containing-antacid": "a magnesium antacid",
    "mg-containing-bowel-prep": "a magnesium bowel preparation",
    "k-replacement": "a potassium replacement",
    "k-concentrate": "a potassium chloride concentrate",
    "k-solid-oral": "a potassium tablet or capsule",
    "k-containing-fluid": "a maintenance fluid with potassium",
    "k-containing": "another source of potassium",
    "loop-diuretic": "a loop diuretic",
    "thiazide": "a thiazide",
    "ppi": "a proton pump inhibitor",
    "aminoglycoside": "an aminoglycoside",
    "platinum": "a platinum drug",
    "anti-egfr": "an anti-EGFR drug",
    "calcineurin-inhibitor": "a calcineurin inhibitor",
    "mg-wasting": "another drug that wastes magnesium",
    "acei": "an ACE inhibitor",
    "arb": "an angiotensin receptor blocker",
    "arni": "sacubitril with valsartan",
    "mra": "an aldosterone antagonist",
    "nsaid": "an NSAID",
    "qt-prolonging": "a drug that lengthens the QT interval",
    "neuromuscular-blocker": "a neuromuscular blocker",
    "opioid": "an opioid",
    "cns-depressant": "another depressant of the nervous system",
    "tpn": "parenteral nutrition",
}
_LAXATIVES = frozenset(
    {"mg-containing-laxative", "mg-containing-antacid", "mg-containing-bowel-prep"}
)
_REPLACEMENT = frozenset({"mg-replacement-iv", "mg-replacement-oral"})
# Several kinds of drugs that people call by one name.
_TOGETHER = {
    _LAXATIVES: "a magnesium laxative, antacid or bowel preparation",
    _REPLACEMENT: "a magnesium replacement",
    _LAXATIVES | _REPLACEMENT: (
        "a magnesium product (replacement, laxative, antacid or bowel preparation)"
    ),
    frozenset({"k-replacement", "k-containing"}): "a potassium product",
}
PROBLEMS = {
    "sle": "systemic lupus erythematosus",
    "esrd": "end-stage kidney disease",
    "dka": "diabetic ketoacidosis",
    "hhs": "hyperosmolar diabetic coma",
    "aki": "acute kidney injury",
    "ckd": "chronic kidney disease",
    "covid-19": "COVID-19",
    "long-qt": "long QT",
    "short-bowel": "short bowel",
    "crohn": "Crohn's disease",
    "chronic-diarrhea": "chronic diarrhoea",
    "pre-eclampsia": "pre-eclampsia",
    "complete-av-block": "complete AV block",
    "second-degree-av-block": "second-degree AV block",
    "heart-block-unspecified": "unspecified heart block",
}
LISTS = {
    "observations": "laboratory results",
    "medications": "drugs",
    "administrations": "doses given",
    "problems": "problems",
    "procedures": "procedures",
    "allergies": "allergies",
    "lab_orders": "laboratory orders",
}
REASONS = {
    Reason.STALE: "too old",
    Reason.PRELIMINARY: "preliminary",
    Reason.HAEMOLYSED: "haemolysed",
    Reason.UNIT: "in a unit that is not understood",
    Reason.COMPARATOR: "written with a sign that is not understood",
    Reason.WRONG_SPECIMEN: "from the wrong specimen",
    Reason.IMPLAUSIBLE: "implausible",
    Reason.FUTURE: "dated in the future",
    Reason.NO_TIME: "without a readable time",
    Reason.NO_VALUE: "without a number",
    Reason.AGE_OR_SEX: "not to be judged without age and sex",
    Reason.NOT_APPLICABLE: "not applicable",
    Reason.UNREADABLE: "unreadable",
}
HOOKS = {
    "order-select": "when an order is chosen",
    "order-sign": "when orders are signed",
    "patient-view": "when a chart is opened",
    "encounter-discharge": "at discharge",
}
INDICATORS = {"info": "Information", "warning": "Warning", "critical": "Critical"}


def listed(parts: Iterable[str], last: str = "or") -> str:
    """`a`, `a or b`, `a, b or c`."""
    found = tuple(dict.fromkeys(parts))
    if len(found) < 2:
        return "".join(found)
    return f"{', '.join(found[:-1])} {last} {found[-1]}"


def problem(concept: str) -> str:
    """A problem as people call it."""
    return PROBLEMS.get(concept, concept.replace("-", " "))


def role(name: str) -> str:
    """A kind of drug with its article, as it stands in a sentence."""
    return ROLES.get(name, name.replace("-", " "))


def roles(names: Iterable[str]) -> tuple[str, ...]:
    """Kinds of drugs in a sentence; those that have one name in common are one."""
    found = tuple(names)
    together = _TOGETHER.get(frozenset(found))
    return (together,) if together else tuple(role(name) for name in found)


def bare(phrase: str) -> str:
    """Without its article: `a loop diuretic` is `loop diuretic`."""
    for article in ("a ", "an ", "the "):
        if phrase.startswith(article):
            return phrase.removeprefix(article)
    return phrase


def one(phrase: str) -> str:
    """With the article for one: `an albumin-corrected calcium`."""
    return f"{'an' if phrase[:1] in 'aeiou' and phrase[:2] != 'us' else 'a'} {phrase}"


def span(time: timedelta) -> str:
    """`24 h`, `7 days`, `15 min`."""
    return show.span_words(time)


def capital(text: str) -> str:
    """With its first letter raised; `eGFR` stays as it is."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]
