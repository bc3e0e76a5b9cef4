"""A broken copy of each rule breaks a law, and the engine confirms the patient who shows it.

For each rule one clause, one number and one guard, or why it has none. What no law can notice is
noticed by cases (`cds check --mutate`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache

import pytest
from terms import RULES

from cds.engine.decision import Decision
from cds.prove.confirm import answer, breaks
from cds.prove.prover import Prover, Standing, fired
from cds.prove.witness import Witness
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model import Rulebook
from cds.rulebook.model.laws import Law, LawBook
from cds.rulebook.mutate import Mutant, mutants

# Rule -> what is broken -> (part and how the change ends in the words of `cds check --mutate`, law
# that notices), or why there is none of the kind. A rule without a guard has its severity broken.
Pinned = tuple[str, str, str]
TEST_AGAIN = ("suggestions.repeat-set-aside.duplicate_of", "removed", "no-test-is-ordered-twice")
BROKEN: Mapping[str, Mapping[str, Pinned | str]] = {
    "high-magnesium": {
        "clause": (
            "levels.C5-2.when",
            "`not: too_much_magnesium`",
            "very-high-magnesium-is-critical",
        ),
        "number": ("thresholds.mg_high", "to 2.7 mg/dL", "high-magnesium-with-a-product"),
        "guard": ("levels.C5-2.critical_when", "removed", "very-high-magnesium-is-critical"),
    },
    "hypomagnesemia": {
        "clause": ("levels.A3.when.any.1", "dropped", "torsades-is-critical"),
        "number": (
            "tables.mg_emergency_dose",
            "half: 2 g turned into 3 g",
            "infusion-in-an-emergency",
        ),
        "guard": ("suggestions.severe-dose.total", "removed", "day-total"),
    },
    "incomplete-results": {
        "clause": (
            "levels.D4-1.when",
            "`results_supplied: present`",
            "incomplete-results-are-told",
        ),
        "number": "it says that a list is not complete, whatever stands in it",
        "guard": "its second level gives way to other cards, which is decided between cards",
        "severity": ("levels.D4-1.indicator", "warning", "information-stays-information"),
    },
    "low-potassium": {
        "clause": ("levels.B4.when.all.1", "`potassium: absent`", "severe-potassium-is-critical"),
        "number": ("thresholds.k_low", "to 3.4 meq/L", "low-potassium-with-low-magnesium"),
        "guard": ("levels.B0-1.critical_when", "removed", "severe-potassium-is-critical"),
    },
    "lupus-leukopenia": {
        "clause": ("levels.A6.when.all.1", "`lupus: absent`", "lupus-with-leukopenia"),
        "number": ("thresholds.wbc_low", "to 3.9 10*9/L", "lupus-with-leukopenia"),
        "guard": (
            "suggestions.order-magnesium.duplicate_of",
            "removed",
            "no-test-is-ordered-twice",
        ),
    },
    "magnesium-and-muscle-relaxants": {
        "clause": (
            "levels.D3-1.when.all.1",
            "`order_is_iv_magnesium: absent`",
            "muscle-relaxant-with-an-infusion",
        ),
        "number": "one drug beside another, at any dose and any level",
        "guard": "nothing holds it back",
        "severity": ("levels.D3-1.indicator", "info", "muscle-relaxant-with-an-infusion"),
    },
    "magnesium-laxatives": {
        "clause": (
            "levels.C3.when.all.1",
            "`magnesium_laxative_in_use: absent`",
            "laxatives-in-renal-impairment",
        ),
        "number": ("thresholds.mg_high", "to 2.13 meq/L", "laxatives-in-renal-impairment"),
        "guard": ("levels.C3.critical_when", "removed", "laxatives-where-kidneys-clear-little"),
    },
    "magnesium-not-measured": {
        "clause": (
            "levels.A4-2.when",
            "`not: magnesium_unmeasured`",
            "unmeasured-in-intensive-care",
        ),
        "number": (
            "thresholds.k_low",
            "to 3.4 mmol/L",
            "unmeasured-with-low-potassium-is-a-warning",
        ),
        "guard": ("unless.any.1", "dropped", "one-card-asks-for-the-level"),
    },
    "magnesium-order": {
        "clause": ("levels.C1-2.when.all.1", "`not: renal_reduced`", "infusion-above-the-kidneys"),
        "number": (
            "tables.mg_iv_allowed",
            "borderline / low: 1 g turned into 2 g",
            "an-update-never-raises",
        ),
        "guard": ("suggestions.reduce-bag.if", "removed", "an-update-never-raises"),
    },
    "magnesium-wasting-drugs": {
        "clause": (
            "levels.A5-2.when.all.1",
            "`not: magnesium_low_or_severe`",
            "wasting-drugs-are-named",
        ),
        "number": ("thresholds.mg_severe", "to 1.1 mg/dL", "severe-magnesium-under-cancer-drugs"),
        "guard": ("unless", "removed", "severe-magnesium-under-cancer-drugs"),
    },
    "order-without-results": {
        "clause": ("levels.C6-3.when.all.2", "`not: kidneys_unknown`", "blind-potassium"),
        "number": ("thresholds.mg_worth_asking", "to 3 g", "blind-infusion"),
        "guard": ("for_each", "mg-replacement-iv dropped", "blind-infusion"),
    },
    "potassium-order": {
        "clause": ("levels.C4-5.when.any.1", "dropped", "potassium-with-reduced-kidneys"),
        "number": ("thresholds.k_high", "to 5.1 mmol/L", "potassium-when-high"),
        "guard": ("for_each", "k-containing dropped", "potassium-when-high"),
    },
    "potassium-order-iv": {
        "clause": ("levels.C4-iv-3.when.all.1", "without parenteral", "potassium-too-fast"),
        "number": ("thresholds.k_rate_high", "to 21 meq/h", "potassium-too-fast"),
        "guard": "nothing holds it back",
        "severity": ("levels.C4-iv-4.indicator", "warning", "potassium-too-fast"),
    },
    "potassium-order-oral": {
        "clause": ("levels.C4-po-1.when.all.1", "without oral", "potassium-by-mouth"),
        "number": ("thresholds.k_oral_dose_most", "to 41 meq", "potassium-by-mouth"),
        "guard": "nothing holds it back",
        "severity": ("levels.C4-po-1.indicator", "info", "potassium-by-mouth"),
    },
    "qt-risk": {
        "clause": ("levels.D2-1.when.all.1", "`not: long_qtc`", "long-qtc-with-a-qt-drug"),
        "number": ("thresholds.qtc_long", "to 501 ms", "long-qtc-with-a-qt-drug"),
        "guard": "nothing holds it back",
        "severity": ("levels.D2-1.indicator", "info", "long-qtc-with-a-qt-drug"),
    },
    "refractory-calcium": {
        "clause": (
            "levels.B3-3.when.all.1",
            "`not: refractory_calcium`",
            "refractory-calcium-is-never-silent",
        ),
        "number": ("thresholds.ica_very_low", "to 0.8 mmol/L", "very-low-calcium-is-critical"),
        "guard": ("levels.B3-3.critical_when", "removed", "very-low-calcium-is-critical"),
    },
    "unusable-calcium": {
        "clause": (
            "levels.D4-1.when.all.1",
            "`holds: stale_calcium_beside_ionized`",
            "unusable-calcium-is-shown",
        ),
        "number": ("thresholds.ca_low", "to 8.4 mg/dL", "unusable-calcium-is-shown"),
        "guard": TEST_AGAIN,
    },
    "unusable-calcium-ionized": {
        "clause": (
            "levels.D4-1.when.all.1",
            "`holds: stale_ionized_beside_calcium`",
            "unusable-ionized-calcium-is-shown",
        ),
        "number": ("thresholds.ica_low", "to 1.11 mmol/L", "unusable-ionized-calcium-is-shown"),
        "guard": TEST_AGAIN,
    },
    "unusable-magnesium": {
        "clause": (
            "levels.D4-1.when",
            "`not: unusable_magnesium_shown`",
            "unusable-magnesium-is-shown",
        ),
        "number": ("thresholds.mg_lln", "to 0.69 mmol/L", "unusable-magnesium-is-shown"),
        "guard": TEST_AGAIN,
    },
    "unusable-potassium": {
        "clause": ("levels.D4-1.when.any.2", "dropped", "unusable-potassium-is-shown"),
        "number": ("thresholds.k_high", "to 5.1 mmol/L", "unusable-potassium-is-shown"),
        "guard": (
            "unless.all.2.any.2",
            "`potassium: present`",
            "unusable-potassium-beside-its-order",
        ),
    },
}
TRIED = [
    (rule, kind, *found)
    for rule, kinds in BROKEN.items()
    for kind, found in kinds.items()
    if not isinstance(found, str)
]
NONE = [
    (rule, kind)
    for rule, kinds in BROKEN.items()
    for kind, found in kinds.items()
    if isinstance(found, str)
]
# Parts of a rule that keep a card back, turn it down or up, or withhold what it offers.
GUARDS = re.compile(
    r"unless|for_each|levels\.[^.]+\.(info|critical)_when"
    r"|suggestions\.[^.]+\.(if|unless|total|duplicate_of)"
)


def kind_of(mutant: Mutant) -> str:
    """Clause, number, guard or severity; "" for what is said and offered."""
    if mutant.kind in ("nudged", "boundary", "dose"):
        return "number"
    if GUARDS.match(mutant.part):
        return "guard"
    if re.match(r"levels\.[^.]+\.indicator", mutant.part):
        return "severity"
    return "clause" if re.match(r"levels\.[^.]+\.when|define\.", mutant.part) else ""


@cache
def laws() -> LawBook:
    return load_laws(RULES, load_rulebook(RULES))


@cache
def known() -> tuple[Mutant, ...]:
    return tuple(mutants(load_rulebook(RULES)))


def mutant_of(rule: str, part: str, words: str) -> Mutant:
    """The one change of this part that ends so."""
    of_the_rule = (mutant for mutant in known() if rule in mutant.rules)
    (found,) = (m for m in of_the_rule if m.part == part and m.words.endswith(words))
    return found


def only(book: Rulebook, rules: frozenset[str]) -> Rulebook:
    return replace(book, rules=tuple(rule for rule in book.rules if rule.id in rules))


def said(book: Rulebook, rule: str, patient: Witness, law: Law) -> list[object]:
    """What the engine makes of the patient by one rule."""

    def outline(found: Decision) -> object:
        offers = [(offer.suggestion.name, offer.dose) for offer in found.offers]
        return found.outcome, found.fired and found.fired.row, found.indicator, offers

    decisions = answer(book, patient, law.hook).decisions
    return [outline(item) for item in decisions if item.rule.id == rule]


@pytest.mark.parametrize(
    ("rule", "kind", "part", "words", "law"),
    TRIED,
    ids=[f"{rule}: {kind}" for rule, kind, *_ in TRIED],
)
def test_a_broken_rule_breaks_a_law(rule: str, kind: str, part: str, words: str, law: str) -> None:
    mutant = mutant_of(rule, part, words)
    assert kind_of(mutant) == kind
    asked = next(item for item in laws().laws if item.name == law)
    # the rules the law asks for, and the broken one: the others have no part in it
    needed = fired(asked.claim) | {rule}
    broken = laws().over(only(mutant.book, needed))
    (proof,) = Prover(broken).prove(lambda item: item.name == law)
    assert proof.standing is Standing.BROKEN
    assert proof.patient is not None
    sound = laws().over(only(laws().book, needed)).book
    assert not breaks(asked, proof.patient, answer(sound, proof.patient, asked.hook))
    # this rule makes the difference, not another one that reads the same number
    was, became = (said(book, rule, proof.patient, asked) for book in (sound, broken.book))
    assert was != became


def test_every_rule_is_broken_in_each_of_its_parts() -> None:
    assert set(BROKEN) == {rule.id for rule in laws().book.rules}
    for rule, kinds in BROKEN.items():
        wanted = {"clause", "number", "guard"}
        if isinstance(kinds["guard"], str):
            wanted |= {"severity"}
        assert set(kinds) == wanted, rule


@pytest.mark.parametrize(("rule", "kind"), NONE, ids=[": ".join(item) for item in NONE])
def test_a_rule_that_is_said_to_have_no_such_part_has_none(rule: str, kind: str) -> None:
    assert [m.change for m in known() if rule in m.rules and kind_of(m) == kind] == []
