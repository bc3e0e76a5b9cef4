"""Code-set files as tables: one row per line, every row with its source, no code twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from cds.errors import RulebookError
from cds.facts.model import Reason
from cds.facts.terminology import LabCode
from cds.kernel.codes import ATC, ICD10, LOINC, RXNORM, SNOMED, Coding, RxNorm
from cds.kernel.units import Analyte
from cds.rulebook.codesets import load_terminology, read_concepts, read_labs, read_products
from cds.rulebook.codetables import Sheet
from cds.rulebook.drugcodes import Drugs, read_drugs, tokens
from cds.rulebook.reading import read_source

HEAD = "date: 2026-11-21\nsources: {pack: clinical pack, vsac: value sets}\n"


def sheet(directory: Path, body: str, head: str = HEAD) -> Sheet:
    path = directory / "x.yaml"
    path.write_text(head + body, encoding="utf-8")
    return Sheet(read_source(path, "code_sets/x.yaml"))


def said(found: Sheet) -> list[str]:
    return [str(problem) for problem in found.problems]


# --- tables in general ------------------------------------------------------------------------


def test_a_row_knows_its_line_and_a_dash_is_an_empty_cell(tmp_path: Path) -> None:
    found = sheet(tmp_path, "t: |\n  a | - | pack\n  b | c | pack vsac\n")
    rows = list(found.rows(3, "t"))
    assert [(row.line, row.cells) for row in rows] == [
        (4, ("a", "", "pack")),
        (5, ("b", "c", "pack vsac")),
    ]
    assert said(found) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("t: |\n  a | b\n", "code_sets/x.yaml:4: a row of 2 cells; 3 are expected. Separate"),
        ("t: |\n  a | b | rumour\n", ":4: source `rumour` is not declared. Declare it"),
        ("t: |\n  a | b | -\n", ":4: no source is named. Declare it under `sources`."),
        ("t: [a]\n", ":3: `t` must be a table: a block of text after `|`."),
    ],
)
def test_a_row_that_cannot_be_read_is_named_with_its_line(
    tmp_path: Path, body: str, problem: str
) -> None:
    found = sheet(tmp_path, body)
    list(found.rows(3, "t"))
    assert len(said(found)) == 1
    assert problem in said(found)[0]


def test_what_is_not_there_reads_as_nothing_and_what_has_another_shape_is_a_problem(
    tmp_path: Path,
) -> None:
    found = sheet(tmp_path, "a: {b: text}\nc: [x]\n")
    assert list(found.rows(2, "nothing")) == []
    assert found.words(None, "nothing") == ()
    assert found.words(None, "a", "b", "deeper") == ()
    assert said(found) == []
    assert found.words(None, "c") == ()
    assert found.sections("c") == {}
    assert [text.split(": ", 1)[1] for text in said(found)] == [
        "`c` must be one text.",
        "`c` must be a mapping of names.",
    ]


@pytest.mark.parametrize(
    ("head", "body", "problem"),
    [
        ("sources: {pack: x}\n", "", "`date` is missing. Every code set says where it comes from."),
        ("date: 2026-11-21\n", "", "`sources` is missing."),
        (HEAD, "colour: red\n", ":3: `colour` is not a member of this file."),
    ],
)
def test_every_code_set_says_its_date_and_its_sources(
    tmp_path: Path, head: str, body: str, problem: str
) -> None:
    found = sheet(tmp_path, body + "analytes: {}\n", head)
    found.check_head(frozenset({"analytes"}))
    assert len(said(found)) == 1
    assert problem in said(found)[0]


# --- laboratory codes -------------------------------------------------------------------------


def test_codes_are_matched_or_refused_by_name(tmp_path: Path) -> None:
    found = sheet(
        tmp_path,
        "analytes:\n  creatinine:\n    match: |\n"
        "      2160-0 | Creatinine | mass | - | - | pack\n"
        "      11041-1 | Creatinine before dialysis | - | pre-dialysis | a flag | pack\n"
        "    refuse: |\n      2161-8 | Creatinine in urine | wrong specimen | urine | pack\n",
    )
    codes = read_labs(found)
    assert said(found) == []
    assert codes[Coding(LOINC, "2160-0")] == LabCode(
        Analyte.CREATININE, "Creatinine", property="mass"
    )
    assert codes[Coding(LOINC, "11041-1")].pre_dialysis
    assert codes[Coding(LOINC, "2161-8")].refused is Reason.WRONG_SPECIMEN


def test_a_mark_that_nobody_reads_is_refused(tmp_path: Path) -> None:
    found = sheet(
        tmp_path,
        "analytes:\n  creatinine:\n    match: |\n      2160-0 | C | - | dialysis | - | pack\n",
    )
    read_labs(found)
    assert "`dialysis` is not a mark. Use pre-dialysis or -." in said(found)[0]


# --- concepts ---------------------------------------------------------------------------------

CONCEPTS = (
    "concepts:\n  shock: |\n    snomed 1 | Shock | pack\n    icd10 R57* | Shock | pack\n"
    "  sepsis: |\n    snomed 2 | Sepsis | pack\nimplies: {shock: [sepsis]}\n"
)


def test_a_concept_carries_what_it_implies_and_a_family_its_prefix(tmp_path: Path) -> None:
    found = sheet(tmp_path, CONCEPTS)
    codes, prefixes = read_concepts(found)
    assert said(found) == []
    assert codes == {
        Coding(SNOMED, "1"): frozenset({"shock", "sepsis"}),
        Coding(SNOMED, "2"): frozenset({"sepsis"}),
    }
    assert prefixes == ((ICD10, "R57", "sepsis"), (ICD10, "R57", "shock"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("snomed 2 | Sepsis", "snomed 1 | Sepsis", "`1` stands here twice. Keep one of the two."),
        ("snomed 2 |", "snomed |", "`snomed` is not a system and a code. Start with one of loinc,"),
        ("snomed 2 |", "omop 2 |", "`omop 2` is not a system and a code."),
        ("{shock: [sepsis]}", "{shoc: [sepsis]}", "`shoc` is not a concept of this file."),
    ],
)
def test_a_code_means_one_concept(tmp_path: Path, old: str, new: str, problem: str) -> None:
    found = sheet(tmp_path, CONCEPTS.replace(old, new))
    read_concepts(found)
    assert len(said(found)) == 1
    assert problem in said(found)[0]


# --- drugs ------------------------------------------------------------------------------------

DRUGS = (
    "roles: {thiazide: x, acei: x}\ndrugs:\n"
    "  lisinopril:\n    roles: acei\n    words: lisinopril; zestril\n    unless: eye drops\n"
    "    rxnorm: |\n      1 | Lisinopril | - | pack\n      9 | Zestoretic | oral | pack\n"
    "  hydrochlorothiazide:\n    roles: thiazide\n    atc: C03AA03\n"
    "    rxnorm: |\n      9 | Zestoretic | oral | pack\n"
    "  cream:\n    ingredients: a; b\n    rxnorm: |\n      5 | Cream | not-systemic | pack\n"
)


def drugs(directory: Path, text: str = DRUGS) -> tuple[Drugs, list[str]]:
    found = sheet(directory, text)
    return read_drugs(found), said(found)


def test_a_combination_product_has_the_roles_of_all_its_ingredients(tmp_path: Path) -> None:
    found, problems = drugs(tmp_path)
    assert problems == []
    both = found.codes[Coding(RXNORM, "9")]
    assert (both.ingredients, both.parenteral) == (("lisinopril", "hydrochlorothiazide"), False)
    assert both.roles == {"acei", "thiazide"}
    assert dict(both.parts) == {
        "lisinopril": frozenset({"acei"}),
        "hydrochlorothiazide": frozenset({"thiazide"}),
    }
    assert found.codes[Coding(ATC, "C03AA03")].ingredients == ("hydrochlorothiazide",)
    assert not found.codes[Coding(RXNORM, "5")].systemic
    assert found.codes[Coding(RXNORM, "5")].ingredients == ("a", "b")


def test_a_name_is_found_by_its_first_word_and_never_inside_another_word(tmp_path: Path) -> None:
    found, _ = drugs(tmp_path)
    (name,) = found.by_word["zestril"]
    assert found.by_word["lisinopril"] == (name,)
    assert name.pattern.search("ZESTRIL 10 mg")
    assert not name.pattern.search("xzestrily")
    assert name.unless is not None
    assert name.unless.search("lisinopril eye-drops")
    assert tokens("Mag-Ox 400") == ("mag", "ox", "400")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("      1 | Lisinopril | - | pack\n", "      9 | Zestoretic | oral | pack\n",
         "`9` stands here twice. Keep one of the two."),
        ("atc: C03AA03", "atc: C03AA03 C03AA03",
         "`C03AA03` stands here twice. An ATC code belongs to one drug."),
        ("9 | Zestoretic | oral | pack\n  h", "9 | Zestoretic | parenteral | pack\n  h",
         "`9` is described differently elsewhere in this file."),
        ("1 | Lisinopril | -", "RX1 | Lisinopril | -",
         "a row starts with an RxNorm code and names a form. Forms: -, oral, parenteral,"),
    ],
)  # fmt: skip
def test_a_drug_code_is_described_once(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in DRUGS
    _, problems = drugs(tmp_path, DRUGS.replace(old, new, 1))
    assert problem in problems[0]


# --- products ---------------------------------------------------------------------------------

PRODUCTS = (
    'products:\n  "1":\n    {display: bag, ingredient: mgso4, per_unit: 1 g, unit: "{bag}", '
    "suggestable: true, millilitres: 100}\n"
    'concentrations:\n  - {rxnorm: "2", per_millilitre: 0.5 g, ingredient: mgso4}\n'
)
MGSO4 = (
    "roles: {}\ndrugs:\n  mgso4:\n    rxnorm: |\n      1 | a | - | pack\n      2 | b | - | pack\n"
)


def products(directory: Path, text: str) -> tuple[dict[RxNorm, object], list[str]]:
    known, _ = drugs(directory, MGSO4)
    found = sheet(directory, text)
    return dict(read_products(found, known)), said(found)


def test_a_product_has_one_verified_strength(tmp_path: Path) -> None:
    known, _ = drugs(tmp_path, MGSO4)
    found = read_products(sheet(tmp_path, PRODUCTS), known)
    bag, solution = found[RxNorm("1")], found[RxNorm("2")]
    assert (bag.analyte, bag.per_unit, bag.suggestable) == (
        Analyte.MAGNESIUM_SULFATE_DOSE,
        Decimal(1),
        True,
    )
    assert (solution.unit, solution.per_unit, solution.suggestable) == ("mL", Decimal("0.5"), False)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("display: bag,", "display: bag, colour: red,", "`colour` is not a member of a product."),
        ('{rxnorm: "2"', '{rxnorm: "1"', "`1` stands here twice. Keep one of the two."),
        ("per_millilitre: 0.5 g", "per_millilitre: 0.5 mL",
         "`0.5 mL` is not an amount of a dose. Write `1 g`, `400 mg`, `20 meq`."),
        ("per_unit: 1 g", "per_unit: one g", "`one` is not a positive number."),
        ("millilitres: 100", "millilitres: 0", "`0` is not a positive number."),
        ("ingredient: mgso4, per_unit", "ingredient: mgo, per_unit",
         "`1` is not a code of `mgo` in drugs.yaml. Strength without identity is never used."),
        ('{rxnorm: "2"', '{rxnorm: "3"', "`3` is not a code of `mgso4` in drugs.yaml."),
    ],
)  # fmt: skip
def test_a_strength_without_doubt_or_none(tmp_path: Path, old: str, new: str, problem: str) -> None:
    assert old in PRODUCTS
    _, problems = products(tmp_path, PRODUCTS.replace(old, new, 1))
    assert any(problem in text for text in problems), problems


# --- the whole set ----------------------------------------------------------------------------


def test_an_allergen_class_is_an_allergy_and_a_procedure_has_no_families(tmp_path: Path) -> None:
    files = {
        "labs": "analytes: {}\n",
        "drugs": "roles: {}\ndrugs: {}\n",
        "products": "products: {}\n",
        "problems": CONCEPTS,
        "procedures": "concepts:\n  dialysis: |\n    snomed 7 | Dialysis | pack\n",
        "allergens": "concepts:\n  magnesium: |\n    atc A12CC* | Magnesium | pack\n"
        "    atc A12CC | Magnesium | pack\n  other: |\n    atc A12CC* | Other | pack\n",
    }
    for name, body in files.items():
        (tmp_path / f"{name}.yaml").write_text(HEAD + body, encoding="utf-8")
    terms = load_terminology(tmp_path)
    assert terms.allergens[Coding(ATC, "A12CC")] == {"magnesium", "other"}
    assert terms.procedures[Coding(SNOMED, "7")] == {"dialysis"}
    family = files["procedures"].replace("snomed 7", "icd10 Z99*")
    (tmp_path / "procedures.yaml").write_text(HEAD + family, encoding="utf-8")
    with pytest.raises(RulebookError, match="are not used for procedures"):
        load_terminology(tmp_path)
