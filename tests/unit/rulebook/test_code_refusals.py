"""A code set that contradicts its own `must_not_match` or `never_suggest` does not load."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds.rulebook.codesets import read_concepts, read_products
from cds.rulebook.codetables import Sheet
from cds.rulebook.drugcodes import read_drugs
from cds.rulebook.mustnotmatch import refuse_drugs
from cds.rulebook.reading import read_source

HEAD = "date: 2026-11-22\nsources: {pack: clinical pack}\n"
CONCEPTS = (
    "concepts:\n  shock: |\n    snomed 1 | Shock | pack\n    icd10 R57* | Shock | pack\n"
    "  sepsis: |\n    snomed 2 | Sepsis | pack\nimplies: {shock: [sepsis]}\n"
)
DRUGS = (
    "roles: {thiazide: x, acei: x}\ndrugs:\n"
    "  lisinopril:\n    roles: acei\n    atc: C09A\n    words: lisinopril; zestril\n"
    "    unless: eye drops\n"
    "    rxnorm: |\n      1 | Lisinopril | - | pack\n      9 | Zestoretic | oral | pack\n"
    "  hydrochlorothiazide:\n    roles: thiazide\n"
    "    rxnorm: |\n      9 | Zestoretic | oral | pack\n"
    "  cream:\n    roles: acei\n    rxnorm: |\n      5 | Cream | not-systemic | pack\n"
)
MGSO4 = (
    "roles: {}\ndrugs:\n  mgso4:\n    rxnorm: |\n      1 | a | - | pack\n      2 | b | - | pack\n"
)
PRODUCTS = (
    'products:\n  "1":\n    {display: bag, ingredient: mgso4, per_unit: 1 g, unit: "{bag}", '
    "suggestable: true, millilitres: 100}\n"
    'concentrations:\n  - {rxnorm: "2", per_millilitre: 0.5 g, ingredient: mgso4}\n'
)


def sheet(directory: Path, body: str) -> Sheet:
    path = directory / "x.yaml"
    path.write_text(HEAD + body, encoding="utf-8")
    return Sheet(read_source(path, "code_sets/x.yaml"))


def said(found: Sheet) -> list[str]:
    return [str(problem) for problem in found.problems]


FORBIDDEN = "must_not_match:\n  sepsis: |\n    snomed 3 | Bruise | no sepsis | pack\n"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (
            "snomed 2 |",
            "`2` must not mean `sepsis`, and this file says it does. Keep one of the two.",
        ),
        ("snomed 1 |", "`1` must not mean `sepsis`"),  # it implies sepsis
        ("icd10 R57.1 |", "`R57.1` must not mean `sepsis`"),  # inside a family
        ("icd10 R57.1* |", "`R57.1*` must not mean `sepsis`"),
        ("icd10 R5* |", "`R5*` must not mean `sepsis`"),  # around a family
        ("snomed 2* |", "`2*` must not mean `sepsis`"),  # around a code
        ("omop 3 |", "`omop 3` is not a system and a code. Start with one of atc, icd10, loinc,"),
        ("snomed * |", "`snomed *` is not a system and a code."),
        (
            "snomed 3 | Bruise | - | pack\n    snomed 4 |",
            "`3` has no reason. Say what it is instead.",
        ),
        ("snomed 3 | Bruise | no sepsis | pack\n    snomed 3 |", "`3` stands here twice."),
        ("snomed 3 | Bruise | no sepsis | rumour\n    snomed 4 |", "`rumour` is not declared."),
    ],
)
def test_a_code_that_must_not_match_is_refused_where_it_would(
    tmp_path: Path, row: str, problem: str
) -> None:
    found = sheet(tmp_path, CONCEPTS + FORBIDDEN.replace("snomed 3 |", row))
    read_concepts(found)
    assert len(said(found)) == 1
    assert problem in said(found)[0]


@pytest.mark.parametrize(
    "row", ["snomed 3 |", "snomed 20 |", "icd10 R58 |", "icd10 R58* |", "atc 2 |"]
)
def test_a_code_that_must_not_match_and_does_not_is_no_problem(tmp_path: Path, row: str) -> None:
    found = sheet(tmp_path, CONCEPTS + FORBIDDEN.replace("snomed 3 |", row))
    read_concepts(found)
    assert said(found) == []


def test_a_list_for_a_concept_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    found = sheet(tmp_path, CONCEPTS + FORBIDDEN.replace("sepsis: |", "sepsi: |"))
    read_concepts(found)
    assert "`sepsi` is not a name of this file. Nothing can be taken for it." in said(found)[0]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("rxnorm 1", "`1` must not mean `acei`, and this file says it does."),
        ("rxnorm 9", "`9` must not mean `acei`"),  # one ingredient of two
        ("rxnorm 5", ""),  # a cream
        ("rxnorm 2", ""),
        ("atc C09AA03", "`C09AA03` must not mean `acei`"),  # by its class
        ("atc C09CA03", ""),
        ("text Zestril 10 mg", "`Zestril 10 mg` must not mean `acei`"),
        ("text lisinopril eye drops", ""),  # a decoy
        ("snomed 1", "`snomed 1` is not a system and a code. Start with one of atc, rxnorm, text."),
    ],
)
def test_a_drug_that_must_not_have_a_role_is_refused_where_it_would(
    tmp_path: Path, row: str, problem: str
) -> None:
    table = f"must_not_match:\n  acei: |\n    {row} | it | because | pack\n"
    found = sheet(tmp_path, DRUGS + table)
    refuse_drugs(found, read_drugs(found))
    assert len(said(found)) == (1 if problem else 0)
    assert problem in "".join(said(found))


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("1", "`1` is suggestable, and `never_suggest` lists it. Write `suggestable: false`."),
        ("2", ""),  # a strength alone is never suggested
        ("7", ""),
    ],
)
def test_a_product_that_must_never_be_suggested_is_not_suggestable(
    tmp_path: Path, row: str, problem: str
) -> None:
    known = read_drugs(sheet(tmp_path, MGSO4))
    found = sheet(tmp_path, PRODUCTS + f"never_suggest: |\n  {row} | it | because | pack\n")
    read_products(found, known)
    assert len(said(found)) == (1 if problem else 0)
    assert problem in "".join(said(found))
