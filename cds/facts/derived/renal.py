"""The renal band that doses go by, and the line of kidney estimates every card prints.

Clinical pack R12, R13: r = the lower of CKD-EPI 2021 and Cockcroft-Gault (actual weight, if
fresh). hold: r < 15, dialysis, or end-stage disease without transplant. low: 15 <= r < 30 or
unstable creatinine. half: 30 <= r < 60. full: r >= 60. unknown: no usable creatinine nor
laboratory eGFR in the window, age or sex missing, children.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from cds.facts.derived.creatinine import unstable
from cds.facts.derived.estimates import ckd_epi, clearance, clearance_words, egfr_words
from cds.facts.derived.failure import dialysis, kidney_failure
from cds.facts.derived.inputs import (
    Finding,
    Person,
    Unavailable,
    adult,
    evidence_of,
    need,
    person,
)
from cds.facts.derived.spans import lower_of, possible_labels
from cds.facts.model import (
    Category,
    Evidence,
    Fact,
    Missing,
    NotKnown,
    category,
    presence,
)
from cds.facts.view import View
from cds.kernel.verdict import Verdict

LABELS = ("full", "half", "low", "hold", "unknown")
# Lower limit included, upper excluded, compared unrounded (R13). Open for a pharmacist: 15 or 20.
_STEPS = (
    ("hold", None, Decimal(15)),
    ("low", Decimal(15), Decimal(30)),
    ("half", Decimal(30), Decimal(60)),
    ("full", Decimal(60), None),
)
_NAME = "renal_band"
_SAID = {
    "full": "kidney function good enough for usual doses",
    "half": "kidney function reduced",
    "low": "kidney function severely reduced",
    "hold": "kidney failure",
    "unknown": "kidney function not known",
}
_UNSTABLE = "kidney function unstable, counts as severely reduced"
_PERHAPS = {
    "full": "good",
    "half": "reduced",
    "low": "severely reduced",
    "hold": "failing",
    "unknown": "not known",
}


@dataclass(frozen=True, slots=True)
class _Base:
    """What the numbers alone say: the possible labels, and both estimates in words.

    `closing` says which one decided.
    """

    labels: frozenset[str]
    words: str
    closing: str = ""
    evidence: tuple[Evidence, ...] = ()


def renal_band(view: View) -> Fact:
    """The band: full, half, low, hold or unknown (clinical pack R12, R13).

    Several labels where a comparator or a list that is not known leaves it open. Not known when
    the results themselves are not.
    """
    failure = view.once(kidney_failure)
    if failure.verdict is Verdict.YES:
        words = f"{_SAID['hold']}: {failure.words}"
        return category(_NAME, "hold", words, failure.evidence)
    try:
        base = _base(view)
    except Unavailable as gone:
        return Fact(_NAME, gone.state, f"kidney function not known: {gone.why}")
    return _settled(base, view.once(unstable), failure)


def _settled(base: _Base, changing: Finding, failure: Finding) -> Fact:
    labels, said, evidence = base.labels, [_why(base)], base.evidence
    head = ""
    if changing.verdict is not Verdict.NO and labels & {"full", "half"}:
        certain = changing.verdict is Verdict.YES
        if certain:  # the estimates are still shown; they did not decide
            said, head = [base.words], _UNSTABLE
        labels = (labels - {"full", "half"} if certain else labels) | {"low"}
        said.insert(0, changing.words)
        evidence += changing.evidence
    if failure.verdict is Verdict.CANNOT_TELL:
        labels, head = labels | {"hold"}, ""
    if failure.words:
        said.append(failure.words)
    words = f"{head or _named(labels)}: " + "; ".join(said)
    return Fact(_NAME, Category(labels), words, tuple(dict.fromkeys(evidence)))


def _named(labels: frozenset[str]) -> str:
    """The band as a reader who has never seen these rules understands it."""
    possible = [label for label in LABELS if label in labels]
    if len(possible) == 1:
        return _SAID[possible[0]]
    return f"kidney function not certain ({' or '.join(_PERHAPS[label] for label in possible)})"


def _why(base: _Base) -> str:
    return f"{base.words}; {base.closing}" if base.closing else base.words


def _base(view: View) -> _Base:
    """The band by numbers; raises `Unavailable` only when an input is not known (R32)."""
    try:
        who = person(view)
        grown = adult(who.age)
        if grown is Verdict.NO:
            return _Base(frozenset({"unknown"}), "no band is computed for children")
        base = view.once(_by_number)
    except Unavailable as gone:
        if isinstance(gone.state, NotKnown):
            raise
        return _Base(frozenset({"unknown"}), gone.why)
    if grown is Verdict.CANNOT_TELL:
        return replace(base, labels=base.labels | {"unknown"})
    return base


def _by_number(view: View) -> _Base:
    """Of an adult whose age and sex are known."""
    if isinstance(view.fact("creatinine").state, Missing):
        reported = view.fact("egfr_reported")
        if isinstance(reported.state, Missing):
            need(view, "creatinine")
        value = need(view, "egfr_reported")
        words = f"laboratory-reported eGFR {value.as_received}"
        labels = possible_labels(value.quantity.interval, _STEPS)
        why = "no usable creatinine in the window"
        return _Base(labels, why, f"{words} decided", reported.evidence)
    return _estimated(view, person(view))


def _estimated(view: View, who: Person) -> _Base:
    creatinine = need(view, "creatinine").quantity
    egfr = ckd_epi(creatinine, who)
    first, evidence = egfr_words(egfr), evidence_of(view, "creatinine")
    try:
        weight = need(view, "weight").quantity
    except Unavailable:
        both = f"{first}; no recent weight, so Cockcroft-Gault was not computed"
        return _Base(possible_labels(egfr.interval, _STEPS), both, "", evidence)
    crcl = clearance(creatinine, who, weight)
    second = clearance_words(crcl, weight)
    labels = possible_labels(lower_of(egfr.interval, crcl.interval), _STEPS)
    evidence += evidence_of(view, "weight")
    by_egfr = (egfr.interval.low or 0) <= (crcl.interval.low or 0)
    closing = f"{'CKD-EPI' if by_egfr else 'Cockcroft-Gault'}, the lower one, decided"
    return _Base(labels, f"{first}; {second}", closing, evidence)


def kidney_estimates(view: View) -> Fact:
    """Both kidney estimates and which one decided, for every card (clinical pack R13).

    Present when there is an estimate. In dialysis none is computed or printed.
    """
    name = "kidney_estimates"
    if view.once(dialysis).verdict is Verdict.YES:
        text = "CKD-EPI 2021 eGFR and Cockcroft-Gault: not computed in dialysis"
        return presence(name, False, text)
    try:
        who = person(view)
        if adult(who.age) is Verdict.NO:
            return presence(name, False, "kidney function not estimated: not an adult")
        base = view.once(_by_number)
    except Unavailable as gone:
        return presence(name, False, f"kidney function not known: {gone.why}")
    closing = _closing(view, base)
    text = f"{base.words}; {closing}" if closing else base.words
    return presence(name, True, text, (), base.evidence)


def _closing(view: View, base: _Base) -> str:
    failure, changing = view.once(kidney_failure), view.once(unstable)
    if failure.verdict is Verdict.YES:
        return f"{failure.words} decided"
    if changing.verdict is Verdict.YES and base.labels & {"full", "half"}:
        return f"unstable creatinine decided ({changing.words})"
    return base.closing
