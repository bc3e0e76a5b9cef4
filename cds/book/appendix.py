"""The appendices: the cases that test each rule, and the abbreviations."""

from __future__ import annotations

from collections.abc import Iterator

from cds.book.markdown import bullets, paragraph, table
from cds.book.pages import Pages, sentence
from cds.rulebook.model import Case, Rule

TESTS = "How each rule is tested"
EXPECTED = {
    "fires": "The card must come",
    "silent": "No card must come",
    "cannot-tell": "The rule must say that it cannot tell",
}
MADE_UP = (
    "Each rule is tested with made-up patients, one line for each. A line names only "
    "what is special about its patient; all else is as in an adult inpatient with "
    "good kidneys. Behind the colon stands what the card must offer or how urgent it "
    "must be, and the row in brackets is the one that must give the card. “Full kidneys” "
    "stands for kidney function that is good, “half kidneys” for reduced, “low kidneys” "
    "for severely reduced."
)
ABBREVIATIONS = {
    "ACE": "angiotensin-converting enzyme",
    "ACLS": "advanced cardiovascular life support",
    "AHA": "American Heart Association",
    "AV": "atrioventricular (the conduction from atria to ventricles)",
    "CKD-EPI": "a formula for the estimated GFR, here that of 2021",
    "CTCAE": "Common Terminology Criteria for Adverse Events, grades of side effects",
    "ECG": "electrocardiogram",
    "EDTA": "an anticoagulant in blood tubes; it binds calcium and magnesium",
    "EGFR": "epidermal growth factor receptor; anti-EGFR drugs are for cancer",
    "eGFR": "estimated GFR as the laboratory reports it",
    "FDA": "US Food and Drug Administration",
    "GFR": "glomerular filtration rate",
    "IV": "into a vein",
    "LOINC": "codes of laboratory tests",
    "mEq": "milliequivalent",
    "ms": "millisecond",
    "NHS": "National Health Service of the United Kingdom",
    "NSAID": "non-steroidal anti-inflammatory drug",
    "PEG": "polyethylene glycol (macrogol), a laxative without magnesium",
    "PPI": "proton pump inhibitor",
    "QT": "the QT interval of the ECG",
    "QTc": "the QT interval, corrected for the heart rate",
    "RxNorm": "codes of drugs",
    "sha256": "the kind of fingerprint that is used for the rule files",
    "SNOMED": "SNOMED CT, codes of problems",
}


def tests(pages: Pages) -> Iterator[str]:
    """The cases of every rule, by what they expect."""
    yield from paragraph(MADE_UP)
    yield from paragraph(
        "Each condition of a rule can be true, not true, or impossible to tell, and each row and "
        "offer can come or not. Where a count of these possibilities is given, it says how many a "
        "case shows; the owner of the rules can list the others. Laws are checked besides, by "
        "proof, for every possible patient."
    )
    for rule in pages.rules:
        yield f"### {rule.title}"
        yield ""
        yield from _of_rule(rule, pages)


def _of_rule(rule: Rule, pages: Pages) -> Iterator[str]:
    for expected, title in EXPECTED.items():
        cases = [case for case in rule.cases if case.expect == expected]
        if cases:
            yield f"{title} ({len(cases)} {'case' if len(cases) == 1 else 'cases'}):"
            yield ""
            yield from bullets((0, _case(case)) for case in cases)
    if pages.extras.coverage and rule.id in pages.extras.coverage:
        yield sentence(pages.extras.coverage[rule.id])
        yield ""


def _case(case: Case) -> str:
    return f"{case.name} (row {case.row})" if case.row else case.name


def abbreviations(_pages: Pages) -> Iterator[str]:
    """What the capital letters stand for."""
    yield from table(
        ("Short", "What it stands for"), sorted(ABBREVIATIONS.items(), key=lambda x: x[0].lower())
    )
