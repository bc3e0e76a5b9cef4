"""The shipped code sets say what the clinical pack says: spot checks by name, and invariants."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from cds.facts.model import Reason
from cds.facts.terminology import DrugCode, Terminology
from cds.kernel.codes import ATC, ICD10, LOINC, RXNORM, SNOMED, Coding, RxNorm
from cds.kernel.units import Analyte
from cds.rulebook.codesets import load_terminology

RULES = Path(__file__).parents[2] / "rules"


@cache
def terms() -> Terminology:
    return load_terminology(RULES / "code_sets")


def drug(code: str, system: str = RXNORM) -> DrugCode:
    return terms().drugs[Coding(system, code)]


@pytest.mark.parametrize(
    ("code", "analyte"),
    [
        ("19123-9", Analyte.MAGNESIUM),
        ("2601-3", Analyte.MAGNESIUM),
        ("2823-3", Analyte.POTASSIUM),
        ("17861-6", Analyte.CALCIUM),
        ("29265-6", Analyte.CALCIUM_CORRECTED),
        ("1994-3", Analyte.CALCIUM_IONIZED),
        ("2160-0", Analyte.CREATININE),
        ("1751-7", Analyte.ALBUMIN),
        ("98979-8", Analyte.EGFR),
        ("35591-7", Analyte.CRCL),
        ("2777-1", Analyte.PHOSPHATE),
        ("6690-2", Analyte.WBC),
        ("8636-3", Analyte.QTC),
        ("29463-7", Analyte.WEIGHT),
        ("8302-2", Analyte.HEIGHT),
    ],
)
def test_a_match_code_names_its_analyte_and_is_not_refused(code: str, analyte: Analyte) -> None:
    lab = terms().labs[Coding(LOINC, code)]
    assert lab.analyte is analyte
    assert lab.refused is None


@pytest.mark.parametrize(
    ("code", "analyte", "reason"),
    [
        ("2600-5", Analyte.MAGNESIUM, Reason.NOT_APPLICABLE),  # ionized
        ("73572-0", Analyte.MAGNESIUM, Reason.NOT_APPLICABLE),
        ("55937-7", Analyte.MAGNESIUM, Reason.NOT_APPLICABLE),  # post dialysis
        ("19124-7", Analyte.MAGNESIUM, Reason.WRONG_SPECIMEN),  # urine
        ("2593-2", Analyte.MAGNESIUM, Reason.WRONG_SPECIMEN),  # whole blood
        ("29349-8", Analyte.POTASSIUM, Reason.NOT_APPLICABLE),
        ("2828-2", Analyte.POTASSIUM, Reason.WRONG_SPECIMEN),
        ("83064-6", Analyte.CALCIUM_IONIZED, Reason.WRONG_SPECIMEN),  # CRRT circuit
        ("18281-6", Analyte.CALCIUM_CORRECTED, Reason.NOT_APPLICABLE),
        ("8634-8", Analyte.QTC, Reason.NOT_APPLICABLE),  # uncorrected QT
        ("2161-8", Analyte.CREATININE, Reason.WRONG_SPECIMEN),
    ],
)
def test_a_must_not_match_code_is_set_aside_by_name(
    code: str, analyte: Analyte, reason: Reason
) -> None:
    lab = terms().labs[Coding(LOINC, code)]
    assert (lab.analyte, lab.refused) == (analyte, reason)


def test_pre_dialysis_codes_mark_a_dialysis_patient() -> None:
    marked = {coding.code for coding, lab in terms().labs.items() if lab.pre_dialysis}
    assert marked == {"51618-7", "11042-9"}


def test_an_ambiguous_property_leaves_the_decision_to_the_unit() -> None:
    assert terms().labs[Coding(LOINC, "35249-2")].property == ""
    assert terms().labs[Coding(LOINC, "35249-2")].flag
    assert terms().labs[Coding(LOINC, "2601-3")].property == "substance"
    assert terms().labs[Coding(LOINC, "19123-9")].property == "mass"


@pytest.mark.parametrize(
    ("code", "ingredient", "role"),
    [
        ("6585", "magnesium sulfate", "mg-replacement-iv"),
        ("829757", "magnesium sulfate", "mg-replacement-iv"),
        ("1053346", "magnesium sulfate", "mg-containing-laxative"),
        ("198741", "magnesium oxide", "mg-replacement-oral"),
        ("253017", "magnesium hydroxide", "mg-containing-antacid"),
        ("1052760", "magnesium citrate", "mg-containing-bowel-prep"),
        ("2465554", "magnesium sulfate", "mg-containing-bowel-prep"),
        ("1801294", "potassium chloride", "k-solid-oral"),
        ("204520", "potassium chloride", "k-concentrate"),
        ("977880", "amiloride", "amiloride"),
        ("10763", "triamterene", "triamterene"),
        ("9997", "spironolactone", "mra"),
        ("1656328", "sacubitril", "arni"),
        ("3407", "digoxin", "digoxin"),
        ("10154", "succinylcholine", "neuromuscular-blocker"),
        ("7994", "pentamidine", "mg-wasting"),
        ("1897", "calcium carbonate", "calcium-binder"),
    ],
)
def test_an_rxnorm_code_names_ingredient_and_role(code: str, ingredient: str, role: str) -> None:
    assert ingredient in drug(code).ingredients
    assert role in drug(code).roles


@pytest.mark.parametrize(
    ("code", "role"),
    [
        ("C03CA01", "loop-diuretic"),
        ("C03C", "loop-diuretic"),
        ("C03BA", "thiazide"),
        ("L01XC06", "anti-egfr"),
        ("L01FE01", "anti-egfr"),
        ("B01AB", "heparin"),
        ("C09DX04", "arni"),
        ("J02AA01", "amphotericin"),
        ("M01A", "nsaid"),
    ],
)
def test_an_atc_code_or_class_names_a_role(code: str, role: str) -> None:
    assert role in drug(code, ATC).roles


def test_a_combination_keeps_the_roles_of_each_ingredient_apart() -> None:
    both = drug("977883")  # amiloride with hydrochlorothiazide
    assert dict(both.parts) == {
        "amiloride": frozenset({"k-sparing", "amiloride"}),
        "hydrochlorothiazide": frozenset({"thiazide"}),
    }


@pytest.mark.parametrize("code", ["348719", "376884", "1945074", "801442"])
def test_a_form_that_is_not_systemic_says_so(code: str) -> None:
    assert not drug(code).systemic


def test_a_vitamin_with_a_trace_of_magnesium_is_known_and_no_magnesium_product() -> None:
    assert drug("1087399").ingredients == ("multivitamin",)
    assert drug("1087399").roles == frozenset()


def test_only_the_five_verified_products_may_be_suggested() -> None:
    suggestable = {code for code, product in terms().products.items() if product.suggestable}
    assert suggestable == {"829757", "1658221", "198741", "1801294", "1801298"}


@pytest.mark.parametrize("code", ["829734", "628953", "198116", "2693253", "1860132"])
def test_an_unverified_strength_is_no_product(code: str) -> None:
    assert Coding(RXNORM, code) in terms().drugs
    assert RxNorm(code) not in terms().products


@pytest.mark.parametrize("code", ["1658259", "1658262", "1658264", "1658265"])
def test_an_ambiguous_pair_has_only_the_concentration_both_share(code: str) -> None:
    product = terms().products[RxNorm(code)]
    assert (product.per_unit, product.unit) == (Decimal("0.04"), "mL")
    assert product.salt_mg is None
    assert not product.suggestable


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        (SNOMED, "31722008", "torsades-de-pointes"),
        (ICD10, "R29.0", "tetany"),
        (ICD10, "R56.9", "seizure"),
        (SNOMED, "420422005", "dka"),
        (SNOMED, "441509002", "pacemaker"),
        (ICD10, "Z94.0", "kidney-transplant"),
        (SNOMED, "270492004", "first-degree-av-block"),
        (SNOMED, "431857002", "ckd"),
        (SNOMED, "46177005", "esrd"),
        (ICD10, "Z33.1", "pregnancy"),
    ],
)
def test_a_problem_code_names_its_concept(system: str, code: str, concept: str) -> None:
    assert concept in terms().problems[Coding(system, code)]


def test_epilepsy_is_no_seizure_and_first_degree_block_no_stop() -> None:
    assert terms().problems[Coding(SNOMED, "84757009")] == frozenset({"epilepsy"})
    assert terms().problems[Coding(SNOMED, "270492004")] == frozenset({"first-degree-av-block"})


@pytest.mark.parametrize(
    ("code", "concepts"),
    [
        ("G70.01", {"myasthenia-gravis"}),
        ("N18.32", {"ckd", "ckd-3"}),
        ("N18.6", {"ckd"}),
        ("O14.90", {"pregnancy", "pre-eclampsia"}),
        ("O15.9", {"pregnancy", "eclampsia"}),
        ("E11.10", {"diabetes", "dka"}),
        ("E11.01", {"diabetes", "hhs"}),
        ("I44.0", set()),
        ("E10.9", {"diabetes"}),
        ("F10.21", set()),
        ("I25.2", set()),
    ],
)
def test_an_icd_family_covers_its_members_and_no_more(code: str, concepts: set[str]) -> None:
    families = terms().problem_prefixes
    assert {name for system, prefix, name in families if code.startswith(prefix)} == concepts


def test_any_dialysis_procedure_is_dialysis() -> None:
    found = {c.code for c, names in terms().procedures.items() if "dialysis" in names}
    assert found == {"302497006", "71192002", "714749008", "265764009", "108241001"}


def test_an_allergy_to_one_salt_is_an_allergy_to_magnesium() -> None:
    assert {"magnesium", "magnesium sulfate"} <= terms().allergens[Coding(RXNORM, "6585")]
