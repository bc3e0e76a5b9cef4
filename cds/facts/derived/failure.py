"""Kidney failure: dialysis, and end-stage disease without a transplant (clinical pack R13).

In both every magnesium product is held, and no estimate is computed or printed.
"""

from __future__ import annotations

from datetime import timedelta

from cds.facts.derived.inputs import Finding, finding
from cds.facts.model import Evidence, NotKnown
from cds.facts.show import age_words
from cds.facts.view import View
from cds.kernel.verdict import Verdict, all_of

PRE_DIALYSIS_WITHIN = timedelta(days=30)  # R13
PROCEDURES_UNSEEN = "dialysis procedures are not visible"


def dialysis(view: View) -> Finding:
    """Dialysis: active code, procedure, or a pre-dialysis laboratory code at most 30 d old.

    Procedures that are not known are no stop (R10): they are named, not counted.
    """
    coded, performed = finding(view, "dialysis"), finding(view, "dialysis_procedure")
    for found in (coded, performed, _pre_dialysis_result(view)):
        if found.verdict is Verdict.YES:
            return found
    if coded.verdict is Verdict.CANNOT_TELL:
        return coded
    unseen = performed.verdict is Verdict.CANNOT_TELL
    return Finding(Verdict.NO, PROCEDURES_UNSEEN if unseen else "")


def end_stage(view: View) -> Finding:
    """An end-stage renal disease code without a kidney transplant code."""
    esrd, transplant = finding(view, "esrd"), finding(view, "kidney_transplant")
    verdict = all_of((esrd.verdict, transplant.verdict.negated()))
    open_part = esrd if esrd.verdict is Verdict.CANNOT_TELL else transplant
    absent = open_part.absent if verdict is Verdict.CANNOT_TELL else None
    return Finding(verdict, esrd.words, esrd.evidence, absent)


def kidney_failure(view: View) -> Finding:
    """Either of them: the band is hold whatever the creatinine (R13). Words start with which."""
    on_dialysis, esrd = view.once(dialysis), end_stage(view)
    if on_dialysis.verdict is Verdict.YES:
        return Finding(Verdict.YES, f"dialysis ({on_dialysis.words})", on_dialysis.evidence)
    if esrd.verdict is Verdict.YES:
        words = f"end-stage renal disease ({esrd.words}) without a transplant on record"
        return Finding(Verdict.YES, words, esrd.evidence)
    for found, what in ((on_dialysis, "dialysis"), (esrd, "end-stage renal disease")):
        if found.verdict is Verdict.CANNOT_TELL:
            words = f"{what} cannot be excluded ({_why(found.absent, found.words)})"
            return Finding(Verdict.CANNOT_TELL, words, (), found.absent)
    return Finding(Verdict.NO, on_dialysis.words)


def _why(absent: NotKnown | None, words: str) -> str:
    return absent.why if absent else words


def _pre_dialysis_result(view: View) -> Finding:
    now = view.now
    for item in view.record.labs.items:
        when = item.effective
        if item.pre_dialysis and when and now - PRE_DIALYSIS_WITHIN <= when <= now:
            words = f"a pre-dialysis laboratory result {age_words(now, when)} ago"
            return Finding(Verdict.YES, words, (Evidence(item.source, item.face, when),))
    return Finding(Verdict.NO)
