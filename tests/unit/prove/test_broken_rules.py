"""A broken copy of each rule breaks a law, and the engine confirms the patient who shows it.

For each rule one clause, one number and one guard, where breaking such a thing is for a law to
notice; what no law can notice is noticed by cases (`cds check --mutate`). A mutant is named by its
file and the first words of its change.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from terms import RULES

from cds.prove.prover import Prover, Standing, fired
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model.laws import LawBook
from cds.rulebook.mutate import Mutant, mutants

LABS, KIDNEY, MAGNESIUM = "shared/labs", "shared/kidney", "shared/magnesium"
ORDERS, RISKS = "shared/orders", "shared/risks"
# (rule, file of the change, how the change begins, law that notices)
BROKEN = (
    (
        "high-magnesium",
        "high-magnesium",
        "levels.C5-1.when: `all: [holds: magnesium_high, holds: obstetric_infusio",
        "very-high-magnesium-is-critical",
    ),
    (
        "high-magnesium",
        "high-magnesium",
        "levels.C5-2.critical_when: `holds: magnesium_very_high` removed",
        "very-high-magnesium-is-critical",
    ),
    (
        "high-magnesium",
        LABS,
        "thresholds.mg_high: 2.6 mg/dL moved to 2.7 mg/dL",
        "high-magnesium-with-a-product",
    ),
    ("hypomagnesemia", "hypomagnesemia", "levels.A3: dropped", "torsades-is-critical"),
    ("hypomagnesemia", "hypomagnesemia", "suggestions.severe-dose.total: removed", "day-total"),
    (
        "hypomagnesemia",
        MAGNESIUM,
        "tables.mg_emergency_dose: half: 2 g turned into 1 g",
        "infusion-in-an-emergency",
    ),
    (
        "incomplete-results",
        "incomplete-results",
        "levels.D4-1.when: `results_supplied: absent` turned into `results_suppli",
        "incomplete-results-are-told",
    ),
    ("low-potassium", "low-potassium", "levels.B4: dropped", "severe-potassium-is-critical"),
    (
        "low-potassium",
        "low-potassium",
        "levels.B0-1.critical_when: `potassium: {below: k_severe}` removed",
        "severe-potassium-is-critical",
    ),
    (
        "low-potassium",
        LABS,
        "thresholds.k_low: 3.5 meq/L moved to 3.4 meq/L",
        "low-potassium-with-low-magnesium",
    ),
    (
        "lupus-leukopenia",
        "lupus-leukopenia",
        "levels.A6.when.all.1: `lupus: present` turned into `lupus: absent`",
        "lupus-with-leukopenia",
    ),
    (
        "lupus-leukopenia",
        LABS,
        "thresholds.wbc_low: 4.0 10*9/L moved to 3.9 10*9/L",
        "lupus-with-leukopenia",
    ),
    (
        "magnesium-and-muscle-relaxants",
        "magnesium-and-muscle-relaxants",
        "levels.D3-1.when.all.1: `order_is_iv_magnesium: present` turned into `or",
        "muscle-relaxant-with-an-infusion",
    ),
    (
        "magnesium-and-muscle-relaxants",
        "magnesium-and-muscle-relaxants",
        "levels.D3-1.indicator: warning turned into info",
        "muscle-relaxant-with-an-infusion",
    ),
    (
        "magnesium-laxatives",
        "magnesium-laxatives",
        "levels.C3.when.all.1: `magnesium_laxative_in_use: present` turned into `",
        "laxatives-in-renal-impairment",
    ),
    (
        "magnesium-laxatives",
        "magnesium-laxatives",
        "levels.C3.indicator: warning turned into info",
        "laxatives-in-renal-impairment",
    ),
    (
        "magnesium-laxatives",
        LABS,
        "thresholds.mg_high: 2.14 meq/L moved to 2.13 meq/L",
        "laxatives-in-renal-impairment",
    ),
    (
        "magnesium-not-measured",
        "magnesium-not-measured",
        "levels.A4-2.when: `holds: magnesium_unmeasured` turned into `not: magnes",
        "unmeasured-in-intensive-care",
    ),
    (
        "magnesium-order",
        "magnesium-order",
        "levels.C1-2.critical_when.any.1: `order_dose: {above: {table: mg_iv_allo",
        "infusion-above-the-kidneys",
    ),
    (
        "magnesium-order",
        "magnesium-order",
        "suggestions.reduce-bag.if: `all: [order_is_standard_bag: present, order_",
        "an-update-never-raises",
    ),
    (
        "magnesium-order",
        ORDERS,
        "tables.mg_iv_allowed: borderline / low: 1 g turned into 2 g",
        "an-update-never-raises",
    ),
    (
        "magnesium-wasting-drugs",
        "wasting-drugs",
        "levels.A5-2.when.all.1: `holds: magnesium_low_or_severe` turned into `no",
        "wasting-drugs-are-named",
    ),
    (
        "order-without-results",
        "order-without-results",
        "levels.C6-3.when.all.2: `holds: kidneys_unknown` turned into `not: kidne",
        "blind-potassium",
    ),
    (
        "order-without-results",
        "order-without-results",
        "for_each: mg-replacement-iv dropped",
        "blind-infusion",
    ),
    (
        "order-without-results",
        MAGNESIUM,
        "thresholds.mg_worth_asking: 2 g moved to 3 g",
        "blind-infusion",
    ),
    (
        "potassium-order",
        "potassium-order",
        "levels.C4-5.when.any.1: `renal_band: {in: [half, hold, low]}` dropped",
        "potassium-with-reduced-kidneys",
    ),
    ("potassium-order", "potassium-order", "for_each: k-containing dropped", "potassium-when-high"),
    (
        "potassium-order",
        LABS,
        "thresholds.k_high: 5.0 mmol/L moved to 5.1 mmol/L",
        "potassium-when-high",
    ),
    (
        "potassium-order-iv",
        "potassium-order-iv",
        "levels.C4-iv-3.when.all.1: `order_route: {in: [parenteral, unknown]}` without par",
        "potassium-too-fast",
    ),
    (
        "potassium-order-iv",
        "potassium-order-iv",
        "levels.C4-iv-4.indicator: critical turned into warning",
        "potassium-too-fast",
    ),
    (
        "potassium-order-iv",
        LABS,
        "thresholds.k_very_low: 2.0 mmol/L moved to 2.1 mmol/L",
        "potassium-too-fast",
    ),
    (
        "potassium-order-oral",
        "potassium-order-oral",
        "levels.C4-po-1.when.all.1: `order_route: {in: [oral]}` without oral",
        "potassium-by-mouth",
    ),
    (
        "potassium-order-oral",
        "potassium-order-oral",
        "levels.C4-po-1.indicator: critical turned into info",
        "potassium-by-mouth",
    ),
    (
        "potassium-order-oral",
        ORDERS,
        "thresholds.k_oral_dose_most: 40 meq moved to 41 meq",
        "potassium-by-mouth",
    ),
    (
        "qt-risk",
        "qt-risk",
        "levels.D2-1.when.all.1: `holds: long_qtc` turned into `not: long_qtc`",
        "long-qtc-with-a-qt-drug",
    ),
    (
        "qt-risk",
        "qt-risk",
        "levels.D2-1.indicator: critical turned into info",
        "long-qtc-with-a-qt-drug",
    ),
    (
        "qt-risk",
        LABS,
        "thresholds.k_low: 3.5 mmol/L moved to 3.4 mmol/L",
        "long-qtc-with-a-qt-drug",
    ),
    (
        "refractory-calcium",
        "refractory-calcium",
        "levels.B3-3: dropped",
        "refractory-calcium-is-never-silent",
    ),
    (
        "refractory-calcium",
        LABS,
        "thresholds.mg_lln: 0.70 mmol/L moved to 0.69 mmol/L",
        "low-magnesium-is-never-silent",
    ),
    (
        "unusable-calcium",
        "unusable-calcium",
        "levels.D4-1.when.all.1: `not: stale_calcium_beside_ionized` turned into",
        "unusable-calcium-is-shown",
    ),
    (
        "unusable-calcium",
        LABS,
        "thresholds.ca_low: 8.5 mg/dL moved to 8.4 mg/dL",
        "unusable-calcium-is-shown",
    ),
    (
        "unusable-calcium-ionized",
        "unusable-calcium-ionized",
        "levels.D4-1.when.all.1: `not: stale_ionized_beside_calcium` turned into",
        "unusable-ionized-calcium-is-shown",
    ),
    (
        "unusable-calcium-ionized",
        LABS,
        "thresholds.ica_low: 1.12 mmol/L moved to 1.11 mmol/L",
        "unusable-ionized-calcium-is-shown",
    ),
    (
        "unusable-magnesium",
        "unusable-magnesium",
        "levels.D4-1.when: `holds: unusable_magnesium_shown` turned into `not: un",
        "unmeasured-in-intensive-care",
    ),
    (
        "unusable-magnesium",
        LABS,
        "thresholds.mg_lln: 0.70 mmol/L moved to 0.69 mmol/L",
        "unusable-magnesium-is-shown",
    ),
    (
        "unusable-potassium",
        "unusable-potassium",
        "levels.D4-1.when: `any: [potassium_set_aside: {below: k_low}, potassium_",
        "unusable-potassium-is-shown",
    ),
    (
        "unusable-potassium",
        "unusable-potassium",
        "levels.D4-1.when.any.2: `potassium_set_aside: {at_least: k_high}` turned",
        "unusable-potassium-is-shown",
    ),
)


@cache
def laws() -> LawBook:
    return load_laws(RULES, load_rulebook(RULES))


@cache
def known() -> tuple[Mutant, ...]:
    return tuple(mutants(load_rulebook(RULES)))


def mutant_of(file: str, change: str) -> Mutant:
    """The first that begins so."""
    found = (
        item
        for item in known()
        if item.where.file == f"rules/{file}.yaml" and item.change.startswith(change)
    )
    return next(found)


@pytest.mark.parametrize(
    ("rule", "file", "change", "law"), BROKEN, ids=[f"{rule}: {law}" for rule, _, _, law in BROKEN]
)
def test_a_broken_rule_breaks_a_law(rule: str, file: str, change: str, law: str) -> None:
    mutant = mutant_of(file, change)
    assert rule in mutant.rules
    asked = next(item for item in laws().laws if item.name == law)
    # the rules the law asks for, or the broken one: the others have no part in it
    needed = fired(asked.claim) or {rule}
    few = replace(mutant.book, rules=tuple(item for item in mutant.book.rules if item.id in needed))
    (proof,) = Prover(laws().over(few)).prove(lambda item: item.name == law)
    assert proof.standing is Standing.BROKEN
    assert proof.patient is not None


def test_every_rule_has_a_broken_copy() -> None:
    assert {rule for rule, *_ in BROKEN} == {rule.id for rule in laws().book.rules}
