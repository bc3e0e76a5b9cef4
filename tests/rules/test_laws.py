"""The safety laws hold for every patient there could be, as the rules stand and at each site.

Proofs take seconds; how long is printed (`pytest -s`), never asserted.
"""

from __future__ import annotations

import time
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from cds.prove.prover import Proof, Prover, Standing
from cds.rulebook.laws import load_laws
from cds.rulebook.load import load_rulebook
from cds.rulebook.model.laws import Asks, Claim, Fires, Law, LawBook, MoreThanOne, Offers, Together
from cds.rulebook.site.file import sites_of

RULES = Path(__file__).parents[2] / "rules"
SITES = (None, *sites_of(RULES))


@cache
def laws_of(site: str | None) -> LawBook:
    return load_laws(RULES, load_rulebook(RULES, site))


@cache
def proofs_of(site: str | None) -> dict[str, Proof]:
    """All of them; rules are translated once for all laws."""
    began = time.perf_counter()
    found = {proof.law.name: proof for proof in Prover(laws_of(site)).prove()}
    print(f"\n{len(found)} laws, {site or 'no site'}: {time.perf_counter() - began:.1f} s")  # noqa: T201
    return found


NAMES = [law.name for law in laws_of(None).laws]


@pytest.mark.parametrize("site", SITES, ids=lambda site: site or "as-they-are")
@pytest.mark.parametrize("law", NAMES)
def test_the_law_holds(law: str, site: str | None) -> None:
    proof = proofs_of(site)[law]
    shown = dict(proof.patient.given()) if proof.patient else proof.said
    assert proof.good, f"{proof.law.title}: {proof.standing.value}: {shown}"


def test_a_law_about_nothing_says_why_and_only_such_a_law() -> None:
    said = {law.name for law in laws_of(None).laws if law.vacuous}
    found = proofs_of(None).items()
    assert {name for name, proof in found if proof.standing is Standing.VACUOUS} == said


def test_a_site_silences_a_law_only_by_a_rule_it_silenced() -> None:
    for site in SITES:
        silent = {rule.id for rule in laws_of(site).book.rules if rule.status != "active"}
        for name, proof in proofs_of(site).items():
            if proof.standing is Standing.SILENCED:
                assert site is not None, name
                assert any(rule in said for said in proof.said for rule in silent), name


def spoken_of(law: Law) -> set[str]:
    """The rules a law names, or whose offers it is about."""
    found = set(law.rules)
    todo: list[Claim] = [law.claim] if law.claim is not None else []
    filters = [law.each_offer.cards] if law.each_offer is not None else []
    while todo:
        claim = todo.pop()
        match claim:
            case Together():
                todo += claim.claims
            case Fires():
                filters.append(claim.cards)
            case Offers() | MoreThanOne():
                filters.append(claim.offers.cards)
            case Asks():
                pass
    for wanted in filters:
        found |= wanted.rules
        found |= {
            rule.id
            for rule in laws_of(None).book.rules
            for level in rule.levels
            if level.row in wanted.rows
        }
    return found


@pytest.mark.parametrize("rule", [rule.id for rule in laws_of(None).book.rules])
def test_every_rule_is_spoken_of_by_a_law(rule: str) -> None:
    assert any(rule in spoken_of(law) for law in laws_of(None).laws)


def test_what_is_never_offered_at_order_select_is_never_offered_at_any_hook() -> None:
    # A law about what must not happen is proved at one hook: the one that judges every rule.
    for rule in laws_of(None).book.rules:
        assert "order-select" in rule.hooks, rule.id


@pytest.mark.parametrize("law", laws_of(None).laws, ids=lambda law: law.name)
def test_a_law_against_offers_is_proved_where_drugs_may_be_offered(law: Law) -> None:
    about_offers = law.each_offer is not None or law.kind in ("never", "unknown-never-adds")
    assert law.hook == "order-select" or not about_offers


# Copied by hand from the clinical pack; never worked out from the rules or from the laws.
GRAMS = {  # R11: severe 4 g, low by IV 2 g; half of it in `half`; 1 g in `low`; none beyond
    ("severe", "full"): 4, ("severe", "half"): 2, ("severe", "low"): 1,
    ("low", "full"): 2, ("low", "half"): 1, ("low", "low"): 1,
    ("unknown", "full"): 2, ("unknown", "half"): 1, ("unknown", "low"): 1,
}  # fmt: skip
IN_EMERGENCY = {("full",): 2, ("half",): 2, ("low",): 1}  # R11, row A3
TABLETS = {("full",): 800, ("half",): 400}  # R11: 2, 1 and no tablets of 400 mg a day
OF_A_DRAFT = {  # R14: 25 to 50 % of the usual 4 g when severe, of 2 g otherwise
    ("severe", "half"): 2, ("severe", "low"): 1,
    **{(c, b): 1 for c in ("low", "borderline", "normal", "unknown") for b in ("half", "low")},
}  # fmt: skip


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("law_grams", GRAMS),
        ("law_grams_in_emergency", IN_EMERGENCY),
        ("law_tablets", TABLETS),
        ("law_grams_of_a_draft", OF_A_DRAFT),
    ],
)
def test_the_doses_of_the_laws_are_those_of_the_clinical_pack(
    table: str, cells: dict[tuple[str, ...], int]
) -> None:
    rows = laws_of(None).book.tables[table].rows
    assert {key: int(cell.value) for key, cell in rows.items() if cell is not None} == cells


# R5, each in its own unit's constant.
LIMITS = {
    "law_mg_low": {"mg/dL": "1.7", "mmol/L": "0.70", "meq/L": "1.4"},
    "law_mg_severe": {"mg/dL": "1.2", "mmol/L": "0.494", "meq/L": "0.987"},
    "law_mg_high": {"mg/dL": "2.6", "mmol/L": "1.07", "meq/L": "2.14"},
    "law_mg_very_high": {"mg/dL": "4.0", "mmol/L": "1.65", "meq/L": "3.29"},
}


@pytest.mark.parametrize(("name", "values"), LIMITS.items(), ids=LIMITS)
def test_the_limits_of_the_laws_are_those_of_the_clinical_pack(
    name: str, values: dict[str, str]
) -> None:
    held = laws_of(None).book.thresholds[name].values
    assert {unit: held[unit] for unit in values} == {u: Decimal(v) for u, v in values.items()}
